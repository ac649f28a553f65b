// The driver over formulas: that its paths are all there are and exclude each other, that what was decided
// stays decided, and that the answers left open have the same names as in the plain run.
#include "checker/prove/symbolic/driver.hpp"

#include <algorithm>
#include <map>
#include <random>

#include <doctest/doctest.h>

#include "checker/prove/engine/cases.hpp"
#include "model/implementations/registry.hpp"
#include "tests/checker/prove/values.hpp"
#include "tests/model/print.hpp"

namespace lapicheck::prove {
namespace {

SymBool condition(const char* name) { return SymBool{context().bool_const(name)}; }

bool is_valid(const z3::expr& formula) {
    z3::solver solver(context());
    solver.add(!formula);
    return solver.check() == z3::unsat;
}

z3::expr disjunction_of(const std::vector<Path>& paths) {
    Conditions conditions;
    for (const Path& path : paths) conditions.push_back(path.condition());
    return disjunction(conditions);
}

// Where two paths part: the decision that both met with the same alternatives, and took different ways.
const Decision* parting(const Path& a, const Path& b) {
    for (std::size_t i = 0; i < std::min(a.decisions.size(), b.decisions.size()); ++i) {
        const Decision& x = a.decisions[i];
        const Decision& y = b.decisions[i];
        if (!std::ranges::equal(x.alternatives, y.alternatives, z3::eq)) return nullptr;
        if (x.chosen != y.chosen) return &x;
    }
    return nullptr;
}

// The decisions whose alternatives have been shown to exclude each other and to be complete.
class SoundDecisions {
  public:
    bool contain(const Decision& decision) {
        const std::vector<z3::expr>& all = decision.alternatives;
        const z3::expr key = disjunction(all);
        if (const auto found = shown_.find(key); found != shown_.end()) return found->second;
        kept_.push_back(key);
        Conditions exactly_one = {key};
        for (std::size_t i = 0; i < all.size(); ++i)
            for (std::size_t j = 0; j < i; ++j) exactly_one.push_back(!(all[i] && all[j]));
        return shown_[key] = is_valid(conjunction(exactly_one));
    }

  private:
    std::map<Z3_ast, bool> shown_;
    std::vector<z3::expr> kept_;
};

// Of every implementation, every case: this goes over some 6,600 paths.
template <class Visit>
void each_case(Visit visit) {
    for (const ImplementationEntry& entry : model::implementations()) {
        const auto implementation = symbolic(entry).make();
        for (const CaseKey& key : all_cases()) {
            CAPTURE(std::string(entry.name));
            CAPTURE(std::string(to_string(key.kind)));
            CAPTURE(key.mode);
            CAPTURE(key.size);
            const Start start{any_cpu(), any_state(key.mode, "s."), any_surroundings("s.")};
            visit(paths_of(*implementation, start, any_access(key.kind, key.size, "a."), "c."));
        }
    }
}

TEST_CASE("whatever the state and the access, some path is taken") {
    std::set<Z3_ast> shown; // most cases are the same for all implementations
    std::vector<z3::expr> kept;
    each_case([&](const std::vector<Path>& paths) {
        REQUIRE_FALSE(paths.empty());
        kept.push_back(disjunction_of(paths));
        if (shown.insert(kept.back()).second) REQUIRE(is_valid(kept.back()));
    });
    CHECK(shown.size() > 30);
}

TEST_CASE("whatever the state and the access, no two paths are taken") {
    SoundDecisions sound;
    each_case([&](const std::vector<Path>& paths) {
        for (std::size_t i = 0; i < paths.size(); ++i)
            for (std::size_t j = 0; j < i; ++j) {
                const Decision* decision = parting(paths[i], paths[j]);
                REQUIRE(decision != nullptr);
                REQUIRE(exclude_each_other(paths[i], paths[j]));
            }
        for (const Path& path : paths)
            for (const Decision& decision : path.decisions) {
                REQUIRE(decision.chosen < decision.alternatives.size());
                REQUIRE(sound.contain(decision));
            }
    });
}

// What merged() relies on: the paths that share their first decisions lie together, in the order of the
// alternatives, and none is missing.
TEST_CASE("paths come in the order of their decisions, and each alternative is there") {
    each_case([](const std::vector<Path>& paths) {
        const auto depth_of_parting = [](const Path& a, const Path& b) {
            std::size_t depth = 0;
            while (a.decisions[depth].chosen == b.decisions[depth].chosen) ++depth;
            return depth;
        };
        for (const Decision& decision : paths.front().decisions) REQUIRE(decision.chosen == 0);
        for (const Decision& decision : paths.back().decisions)
            REQUIRE(decision.chosen + 1 == decision.alternatives.size());
        for (std::size_t i = 1; i < paths.size(); ++i) {
            const Path& a = paths[i - 1];
            const Path& b = paths[i];
            const std::size_t depth = depth_of_parting(a, b);
            REQUIRE(b.decisions[depth].chosen == a.decisions[depth].chosen + 1);
            for (std::size_t d = depth + 1; d < a.decisions.size(); ++d)
                REQUIRE(a.decisions[d].chosen + 1 == a.decisions[d].alternatives.size());
            for (std::size_t d = depth + 1; d < b.decisions.size(); ++d) REQUIRE(b.decisions[d].chosen == 0);
        }
    });
}

TEST_CASE("what a path excludes is never true on it") {
    const z3::expr other = context().bool_const("other");
    each_case([&](const std::vector<Path>& paths) {
        for (std::size_t i = 0; i < paths.size(); i += 7)
            for (const Decision& decision : paths[i].decisions)
                for (const z3::expr& alternative : decision.alternatives) {
                    const bool is_chosen = z3::eq(alternative, decision.condition());
                    if (is_chosen || !alternative.is_and()) // of a conjunction only the parts are looked at
                        REQUIRE(paths[i].excludes(alternative) == !is_chosen);
                    REQUIRE(paths[i].excludes(other && alternative) == paths[i].excludes(alternative));
                    REQUIRE_FALSE(paths[i].excludes(other || alternative));
                }
    });
}

using Ways = std::vector<std::vector<bool>>;

// What `ask(driver)` is told on each path.
template <class Ask>
Ways ways_of(Ask ask) {
    Ways ways;
    SymbolicDriver driver;
    do ways.push_back(ask(driver));
    while (driver.next_path());
    return ways;
}

TEST_CASE("a condition is decided once on a path, \"yes\" first") {
    const SymBool p = condition("p");
    const SymBool q = condition("q");
    CHECK(ways_of([&](SymbolicDriver& d) {
              return std::vector{d.decide(p), d.decide(q), d.decide(p)};
          }) == Ways{{true, true, true}, {true, false, true}, {false, true, false}, {false, false, false}});
}

TEST_CASE("its opposite is decided with a condition, and the other way round") {
    const SymBool p = condition("p");
    CHECK(ways_of([&](SymbolicDriver& d) {
              return std::vector{d.decide(p), d.decide(negate(p))};
          }) == Ways{{true, false}, {false, true}});
    CHECK(ways_of([&](SymbolicDriver& d) {
              return std::vector{d.decide(negate(p)), d.decide(p)};
          }) == Ways{{true, false}, {false, true}});
}

TEST_CASE("where both conditions hold each of them does, and where neither does none") {
    const SymBool p = condition("p");
    const SymBool q = condition("q");
    CHECK(ways_of([&](SymbolicDriver& d) {
              return std::vector{d.decide(both(p, negate(q))), d.decide(p), d.decide(q)};
          }) == Ways{{true, true, false},
                     {false, true, true},
                     {false, true, false},
                     {false, false, true},
                     {false, false, false}});
    CHECK(ways_of([&](SymbolicDriver& d) {
              return std::vector{d.decide(either(p, negate(q))), d.decide(p), d.decide(q)};
          }) == Ways{{true, true, true},
                     {true, true, false},
                     {true, false, true},
                     {true, false, false},
                     {false, false, true}});
}

TEST_CASE("a condition that is known is no decision") {
    CHECK(ways_of([](SymbolicDriver& d) {
              return std::vector{d.decide(SymBool{true}), d.decide(SymBool{false})};
          }) == Ways{{true, false}});
}

TEST_CASE("what was decided on formulas that are gone decides no other formula") {
    SymbolicDriver driver;
    const SymU64 x = SymU64::variable("x");
    std::size_t decided = 0;
    // Each condition is made, decided and dropped; each is another one.
    for (u64 i = 0; i < 2000; ++i) {
        driver.decide(equal(x, SymU64{0x1234'5678'9000 + i}));
        REQUIRE(driver.decisions().size() == ++decided);
    }
}

TEST_CASE("a register is found where the window's table has it") {
    const SymU32 offset = SymU32::variable("offset");
    SymbolicDriver driver;
    std::vector<std::pair<z3::expr, const model::RegisterRow*>> found;
    do {
        const model::RegisterRow* row = driver.row_at(offset);
        REQUIRE(driver.decisions().size() == 1);
        found.emplace_back(driver.decisions().front().condition(), row);
    } while (driver.next_path());
    std::vector<z3::expr> conditions;
    conditions.reserve(found.size());
    for (const auto& [here, row] : found) conditions.push_back(here);
    const auto check = [&](u32 place) {
        Values values;
        values.set(offset, place);
        const std::vector<u64> taken = values.of(conditions);
        CAPTURE(place);
        REQUIRE(std::ranges::count(taken, u64{1}) == 1);
        const auto way = std::ranges::find(taken, u64{1}) - taken.begin();
        REQUIRE(found[static_cast<std::size_t>(way)].second == model::find_row(model::sdm_registers, place));
    };
    for (u32 place = 0; place < 0x1000; place += 4) check(place);
    for (const u32 place : {0x3ffU, 0x1020U, 0x8000'0080U, 0xffff'ffffU, 0xfee0'0030U}) check(place);
}

TEST_CASE("of a place that is partly known only the registers that may be there are asked for") {
    // The offset of an MSR: its index in the lowest byte, shifted.
    const SymU32 index = SymU32::variable("index");
    const SymU32 offset = (index & u32{0x0f}) << 4U;
    SymbolicDriver driver;
    unsigned rows = 0;
    do {
        const model::RegisterRow* row = driver.row_at(offset);
        if (row == nullptr) continue;
        CHECK(row->offset < 0x100);
        ++rows;
    } while (driver.next_path());
    CHECK(rows == 10); // from id to svr
}

TEST_CASE("a place within a register's 16 bytes is the register's, also where its lowest bits are known") {
    const SymU32 offset = (SymU32::variable("index") & u32{0x3f0}) | u32{0x00c};
    SymbolicDriver driver;
    std::size_t rows = 0;
    do rows += driver.row_at(offset) == nullptr ? 0U : 1U;
    while (driver.next_path());
    CHECK(rows == model::sdm_registers.size());
}

// A shadow page; that the mode is not known lets two paths write to it and others not.
TEST_CASE("what one path writes to a page is not there on the next") {
    const auto implementation = symbolic(*model::find_implementation("shadow-page-vm")).make();
    Start start{any_cpu(), any_state(Mode::disabled, "s."), any_surroundings("s.")};
    start.state.apic_base = SymU64::variable("s.apic_base");
    const SymAccess access = any_access(AccessKind::mmio_write, 4, "a.");
    SymPage written = start.around.shared;
    written.write(access.address, 4, access.value);
    unsigned writing = 0;
    for (const Path& path : paths_of(*implementation, start, access, "c.")) {
        CHECK(path.around.own.is_same(start.around.own));
        if (path.around.shared.is_same(start.around.shared)) continue;
        CHECK(path.around.shared.is_same(written));
        CHECK(path.out.answer == model::Answer::elsewhere);
        ++writing;
    }
    CHECK(writing > 1);
}

TEST_CASE("the register at a known place is no decision") {
    SymbolicDriver driver;
    for (u32 place = 0; place < 0x1000; place += 0x8) {
        REQUIRE(driver.row_at(SymU32{place}) == model::find_row(model::sdm_registers, place));
        REQUIRE(driver.decisions().empty());
    }
}

// Asks a driver whatever can be asked, several times, and passes on what it is told.
template <class Driver, class Told>
void ask_everything(Driver& d, Told&& told) {
    using U32 = typename Driver::D::U32;
    using U64 = typename Driver::D::U64;
    using Bool = typename Driver::D::Bool;
    for (unsigned repeat = 0; repeat < 3; ++repeat)
        for (const Rule rule : {Rule::B14, Rule::M06}) {
            told(d.unspecified(rule, repeat % 2 == 0));
            told(d.unspecified_value(rule, Bool{repeat % 2 == 0}));
            told(d.unspecified_value(rule, U32{u32{5} + repeat}));
            told(d.unspecified_value(rule, U64{u64{7} + repeat}));
        }
}

// Notes answers in the order in which they are given.
class Answers {
  public:
    void operator()(bool answer) { formulas.push_back(context().bool_val(answer)); }
    template <class T>
    void operator()(const Sym<T>& answer) {
        formulas.push_back(answer.formula());
    }
    void operator()(const SymBool& answer) { formulas.push_back(answer.formula()); }
    std::vector<z3::expr> formulas;
};

// What the variables of a path's choices are, so that the path is taken; also by their names without prefix.
ChoiceValues choose(const SymbolicDriver& driver, const Answers& answers, std::size_t prefix,
                    Values& values) {
    static std::mt19937_64 random(1);
    ChoiceValues by_name;
    for (std::size_t i = 0; i < driver.choices().size(); ++i) {
        const z3::expr& variable = driver.choices()[i].variable;
        const std::string name = name_of(variable).substr(prefix);
        const bool is_way = name.find(".way.") != std::string::npos;
        const u64 drawn = variable.is_bool()                    ? random() & 1
                          : variable.get_sort().bv_size() == 32 ? random() & 0xffff'ffff
                                                                : random();
        by_name[name] = is_way ? number_of(answers.formulas[i]) : drawn;
        values.set(variable, by_name[name]);
    }
    return by_name;
}

TEST_CASE("answers left open have one name on formulas and on plain values, on every path") {
    SymbolicDriver driver("r3.");
    unsigned paths = 0;
    do {
        Answers answers;
        ask_everything(driver, answers);
        REQUIRE(driver.choices().size() == answers.formulas.size());
        Values values;
        const ChoiceValues chosen = choose(driver, answers, std::string("r3.").size(), values);
        REQUIRE(chosen.size() == answers.formulas.size());
        for (const Decision& decision : driver.decisions()) REQUIRE(values.of(decision.condition()) == 1);
        programs::ScriptedDriver scripted(chosen);
        std::vector<u64> plain;
        ask_everything(scripted, [&](u64 answer) { plain.push_back(answer); });
        REQUIRE(values.of(answers.formulas) == plain);
        ++paths;
    } while (driver.next_path());
    CHECK(paths == 64);
}

TEST_CASE("where nothing else is chosen the plain run does as the rules propose") {
    const ChoiceValues none;
    programs::ScriptedDriver scripted(none);
    std::vector<u64> plain;
    ask_everything(scripted, [&](u64 answer) { plain.push_back(answer); });
    CHECK(plain == std::vector<u64>{1, 1, 5, 7, 1, 1, 5, 7, 0, 0, 6, 8, 0, 0, 6, 8, 1, 1, 7, 9, 1, 1, 7, 9});
    // On formulas it is what the first path takes, and what its choices name as the proposal.
    SymbolicDriver driver;
    Answers answers;
    ask_everything(driver, answers);
    std::vector<z3::expr> proposals;
    for (const Choice& choice : driver.choices()) proposals.push_back(choice.proposal);
    CHECK(Values{}.of(proposals) == plain);
    for (std::size_t i = 0; i < plain.size(); i += 4) CHECK(number_of(answers.formulas[i]) == plain[i]);
}

TEST_CASE("steps of different prefixes share no answer, steps of one prefix share all") {
    const auto names = [](const std::string& prefix) {
        SymbolicDriver driver(prefix);
        Answers answers;
        ask_everything(driver, answers);
        std::set<std::string> all;
        for (const Choice& choice : driver.choices()) all.insert(name_of(choice.variable));
        return all;
    };
    const std::set<std::string> first = names("r1.");
    CHECK(first.size() == 24);
    CHECK(first == names("r1."));
    for (const std::string& name : names("r2.")) CHECK_FALSE(first.contains(name));
}

} // namespace
} // namespace lapicheck::prove
