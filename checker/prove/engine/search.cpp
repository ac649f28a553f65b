#include "checker/prove/engine/search.hpp"

#include <list>
#include <memory>

#include "checker/prove/engine/example.hpp"

namespace lapicheck::prove {

// Something wanted: when, from which states, and on which paths of the last steps.
struct Search::Find {
    z3::expr condition;
    z3::expr guard;
    std::vector<std::shared_ptr<const Path>> paths;
};

namespace {

// The names that variables of the last steps begin with.
constexpr auto last_access = "f.";
constexpr auto last_choices = "g.";
constexpr auto others_access = "h.";
constexpr auto others_choices = "i.";

// Offsets that say something to a reader: version, tpr, svr, icr, lvt_lint0, eoi.
constexpr std::array telling_offsets = {0x030U, 0x080U, 0x0f0U, 0x300U, 0x350U, 0x0b0U};

z3::expr number(u64 value) { return context().bv_val(static_cast<std::uint64_t>(value), 64); }

// Whether a path cannot be taken when the word is `value`, as far as simplifying tells.
bool is_shut(const Path& path, const z3::expr& word, u64 value) {
    z3::expr_vector from(context());
    z3::expr_vector to(context());
    from.push_back(word);
    to.push_back(number(value));
    return path.condition().substitute(from, to).simplify().is_false();
}

SymAccess access_of(const CaseKey& key, const char* prefix) { return any_access(key.kind, key.size, prefix); }

} // namespace

Search::Search(const SymImplementation& implementation, Solver& solver, SearchBounds bounds)
    : implementation_(implementation), solver_(solver), bounds_(bounds), first_(implementation, "r", true),
      second_(implementation, "q", true), other_vcpu_(implementation, "v", false),
      valid_cpu_(valid_cpu(any_cpu(), first_.frame(0).modes_reached.front().start.state).formula()) {}

std::pair<const Search::Find*, Conditions> Search::most_telling(const std::vector<Find>& finds,
                                                                const std::vector<SymAccess>& accesses) {
    // No unusual answer where the manual does not specify, if it goes without.
    const auto plain = [](const Find& find) {
        Conditions conditions;
        for (const auto& path : find.paths)
            for (const Choice& choice : path->choices)
                conditions.push_back(choice.variable == choice.proposal);
        return conditions;
    };
    const auto is_possible = [this](const Find& find, const Conditions& more) {
        Conditions all = {find.guard, find.condition};
        all.insert(all.end(), more.begin(), more.end());
        return solver_.ask({valid_cpu_}, all) == SolverResult::sat;
    };
    if (model::is_mmio(accesses.back().kind))
        for (const u32 offset : telling_offsets) {
            const u64 place = model::apic_base::reset_page + offset;
            for (const Find& find : finds) {
                bool shut = false;
                Conditions there = plain(find);
                for (std::size_t i = 0; i < accesses.size(); ++i) {
                    const z3::expr address = accesses[i].address.formula();
                    shut = shut || is_shut(*find.paths[i], address, place);
                    there.push_back(address == number(place));
                }
                if (!shut && is_possible(find, there)) return {&find, there};
            }
        }
    for (const Find& find : finds)
        if (is_possible(find, plain(find))) return {&find, plain(find)};
    for (const Find& find : finds)
        if (is_possible(find, {})) return {&find, {}};
    return {nullptr, {}};
}

bool Search::has_any_of(const std::vector<Find>& finds) {
    if (finds.empty()) return false;
    Conditions any;
    for (const Find& find : finds) any.push_back(find.guard && find.condition);
    const SolverResult answer = solver_.ask({valid_cpu_}, {disjunction(any)});
    gave_up_ = gave_up_ || answer == SolverResult::unknown;
    return answer == SolverResult::sat;
}

std::optional<Scenario> Search::any_step(const WantedStep& wanted, std::set<CaseKey> cases,
                                         const std::function<bool(const CaseKey&)>& may_ever) {
    gave_up_ = false;
    constexpr std::size_t longer_than_most = 2;
    const z3::expr first_id = any_cpu().hardware_id.formula() == context().bv_val(0, 32);
    for (std::size_t depth = 0; depth <= bounds_.max_depth; ++depth) {
        if (depth == longer_than_most)
            std::erase_if(cases, [&](const CaseKey& key) { return !may_ever(key); });
        for (const CaseKey& key : cases)
            for (const Find& find : finds_of_step(wanted, key, depth)) {
                const Conditions question = {valid_cpu_, first_id, find.guard, find.condition};
                const SolverResult answer = solver_.ask({valid_cpu_}, {first_id, find.guard, find.condition});
                gave_up_ = gave_up_ || answer == SolverResult::unknown;
                if (answer != SolverResult::sat) continue;
                Example example(question, bounds_.budget);
                gave_up_ = gave_up_ || !example.exists();
                if (!example.exists()) continue;
                const SymAccess access = access_of(key, last_access);
                const ExampleRun run(example, {{&first_, depth, 0}},
                                     {{access, last_choices, find.paths[0].get(), 0}}, Taste::any);
                Scenario found{run.machine(), run.segment(0)};
                found.steps.push_back(run.final_step(0));
                return found;
            }
    }
    return std::nullopt;
}

std::optional<Search::Chosen> Search::choose(const std::vector<Find>& finds,
                                             const std::vector<SymAccess>& accesses) {
    if (!has_any_of(finds)) return std::nullopt;
    auto [find, more] = most_telling(finds, accesses);
    if (find == nullptr) {
        gave_up_ = true;
        return std::nullopt;
    }
    more.push_back(valid_cpu_);
    more.push_back(find->guard);
    more.push_back(find->condition);
    Chosen chosen{Example(more, bounds_.budget), find};
    if (chosen.example.exists()) return chosen;
    gave_up_ = true;
    return std::nullopt;
}

std::vector<Search::Find> Search::finds_of_step(const WantedStep& wanted, const CaseKey& key,
                                                std::size_t depth) {
    const SymAccess access = access_of(key, last_access);
    const Frame& frame = first_.frame(depth);
    std::vector<Find> finds;
    for (std::size_t w = 0; w < frame.modes_reached.size(); ++w) {
        const ReachableMode& reached = frame.modes_reached[w];
        if (reached.mode != key.mode) continue;
        for (const Path& path : first_.paths(depth, w, access, last_choices)) {
            const SymBool meets = wanted(reached.start, access, path);
            if (meets.is_false() || path.excludes(meets.formula())) continue;
            finds.push_back(
                {path.condition() && meets.formula(), reached.guard, {std::make_shared<Path>(path)}});
        }
    }
    return finds;
}

std::optional<Counterexample> Search::step(const WantedStep& wanted, const std::set<CaseKey>& cases) {
    gave_up_ = false;
    for (std::size_t depth = 0; depth <= bounds_.max_depth; ++depth)
        for (const CaseKey& key : cases) {
            const std::vector<Find> finds = finds_of_step(wanted, key, depth);
            const SymAccess access = access_of(key, last_access);
            std::optional<Chosen> chosen = choose(finds, {access});
            if (!chosen) continue;
            const auto& paths = chosen->find->paths;
            const ExampleRun run(chosen->example, {{&first_, depth, 0}},
                                 {{access, last_choices, paths[0].get(), 0}});
            Counterexample found;
            found.run = {run.machine(), run.segment(0)};
            found.run.steps.push_back(run.final_step(0));
            return found;
        }
    return std::nullopt;
}

std::vector<Search::Find> Search::finds_of_pair(const WantedPair& wanted,
                                                const std::pair<CaseKey, CaseKey>& keys, std::size_t depth,
                                                std::size_t other_depth) {
    const SymAccess access = access_of(keys.first, last_access);
    const Frame& frame = first_.frame(depth);
    const Frame& other_frame = second_.frame(other_depth);
    std::vector<Find> finds;
    const auto add = [&](std::size_t w, std::size_t v) {
        const ReachableMode& a = frame.modes_reached[w];
        const ReachableMode& b = other_frame.modes_reached[v];
        if (a.mode != keys.first.mode || b.mode != keys.second.mode) return;
        for (const Path& x : first_.paths(depth, w, access, last_choices))
            for (const Path& y : second_.paths(other_depth, v, access, last_choices)) {
                if (exclude_each_other(x, y)) continue;
                const SymBool meets =
                    wanted(PathTransition(x, a.start, access), PathTransition(y, b.start, access));
                if (meets.is_false()) continue;
                finds.push_back({x.condition() && y.condition() && meets.formula(),
                                 a.guard && b.guard,
                                 {std::make_shared<Path>(x), std::make_shared<Path>(y)}});
            }
    };
    for (std::size_t w = 0; w < frame.modes_reached.size(); ++w)
        for (std::size_t v = 0; v < other_frame.modes_reached.size(); ++v) add(w, v);
    return finds;
}

std::optional<Counterexample> Search::pair(const WantedPair& wanted,
                                           const std::set<std::pair<CaseKey, CaseKey>>& cases) {
    gave_up_ = false;
    // By the sum of both lengths; which of the two runs is the longer one makes no difference.
    for (std::size_t total = 0; total <= 2 * bounds_.max_depth; ++total)
        for (std::size_t depth = 0; 2 * depth <= total; ++depth) {
            const std::size_t other_depth = total - depth;
            if (other_depth > bounds_.max_depth) continue;
            for (const auto& keys : cases) {
                const std::vector<Find> finds = finds_of_pair(wanted, keys, depth, other_depth);
                const SymAccess access = access_of(keys.first, last_access);
                std::optional<Chosen> chosen = choose(finds, {access, access});
                if (!chosen) continue;
                const auto& paths = chosen->find->paths;
                const ExampleRun run(
                    chosen->example, {{&first_, depth, 0}, {&second_, other_depth, 0}},
                    {{access, last_choices, paths[0].get(), 0}, {access, last_choices, paths[1].get(), 0}});
                Counterexample found;
                found.run = {run.machine(), run.segment(0)};
                found.run.steps.push_back(run.final_step(0));
                found.other_run = {run.machine(), run.segment(1)};
                found.other_run->steps.push_back(run.final_step(1));
                return found;
            }
        }
    return std::nullopt;
}

std::vector<Search::Find> Search::finds_of_vcpus(const WantedPair& wanted,
                                                 const std::pair<CaseKey, CaseKey>& keys, std::size_t depth,
                                                 std::size_t other_depth) {
    const SymAccess written = access_of(keys.first, others_access);
    const SymAccess access = access_of(keys.second, last_access);
    const Frame& frame = first_.frame(depth);
    std::vector<Find> finds;
    const auto add = [&](std::size_t own_world, const ReachableMode& other) {
        const ReachableMode& own = frame.modes_reached[own_world];
        if (own.mode != keys.second.mode || other.mode != keys.first.mode) return;
        Start writing = other.start;
        writing.around.shared = own.start.around.shared;
        for (const Path& w : paths_of(implementation_, writing, written, others_choices)) {
            if (w.around.shared.is_same(writing.around.shared)) continue;
            Start after = own.start;
            after.around.shared = w.around.shared;
            for (const Path& x : paths_of(implementation_, after, access, last_choices))
                for (const Path& y : first_.paths(depth, own_world, access, last_choices)) {
                    if (exclude_each_other(x, y)) continue;
                    const SymBool meets =
                        wanted(PathTransition(x, after, access), PathTransition(y, own.start, access));
                    if (meets.is_false()) continue;
                    finds.push_back({w.condition() && x.condition() && y.condition() && meets.formula(),
                                     own.guard && other.guard,
                                     {std::make_shared<Path>(w), std::make_shared<Path>(x)}});
                }
        }
    };
    for (std::size_t w = 0; w < frame.modes_reached.size(); ++w)
        for (const ReachableMode& other : other_vcpu_.frame(other_depth).modes_reached) add(w, other);
    return finds;
}

std::optional<Counterexample> Search::vcpus(const WantedPair& wanted,
                                            const std::set<std::pair<CaseKey, CaseKey>>& cases) {
    gave_up_ = false;
    for (std::size_t total = 0; total <= 2 * bounds_.max_depth; ++total)
        for (std::size_t depth = 0; depth <= std::min(total, bounds_.max_depth); ++depth) {
            const std::size_t other_depth = total - depth;
            if (other_depth > bounds_.max_depth) continue;
            for (const auto& keys : cases) {
                const std::vector<Find> finds = finds_of_vcpus(wanted, keys, depth, other_depth);
                const SymAccess written = access_of(keys.first, others_access);
                const SymAccess access = access_of(keys.second, last_access);
                std::optional<Chosen> chosen = choose(finds, {written, access});
                if (!chosen) continue;
                const auto& paths = chosen->find->paths;
                const ExampleRun run(chosen->example, {{&other_vcpu_, other_depth, 1}, {&first_, depth, 0}},
                                     {{written, others_choices, paths[0].get(), 1},
                                      {access, last_choices, paths[1].get(), 0}});
                Counterexample found;
                found.run.machine = run.machine();
                for (const std::size_t part : {std::size_t{0}, std::size_t{1}})
                    for (ScenarioStep& step : run.segment(part)) found.run.steps.push_back(std::move(step));
                found.other_run = found.run;
                found.run.steps.push_back(run.final_step(0));
                found.run.steps.push_back(run.final_step(1));
                found.other_run->steps.push_back(run.final_step(1));
                return found;
            }
        }
    return std::nullopt;
}

} // namespace lapicheck::prove
