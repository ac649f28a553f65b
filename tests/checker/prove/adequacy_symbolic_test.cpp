// One semantics, three domains: what an implementation does on plain values is what its formulas say of these
// values, and is contained in what it does on partly known ones. The formulas are built once for each case
// from any state, and then evaluated; the answers left open are the same on all sides.
#include <algorithm>

#include <doctest/doctest.h>

#include "model/implementations/registry.hpp"
#include "model/step.hpp"
#include "tests/checker/prove/random_steps.hpp"
#include "tests/model/machine.hpp"

namespace lapicheck::prove {
namespace {

// Every path of a case, with what has to be evaluated to find the one that is taken.
struct Built {
    Start start;
    SymAccess access;
    std::vector<Path> paths;
    std::vector<z3::expr> conditions;
    std::vector<z3::expr> answers; // the variables of all choices
};

constexpr auto prefix = "c.";

Built build(const SymImplementation& implementation, const CaseKey& key) {
    Built built{{any_cpu(), any_state(key.mode, "s."), any_surroundings("s.")},
                any_access(key.kind, key.size, "a."),
                {},
                {},
                {}};
    built.paths = paths_of(implementation, built.start, built.access, prefix);
    Variables choices;
    for (const Path& path : built.paths) {
        built.conditions.push_back(path.condition());
        for (const Choice& choice : path.choices) choices.add(choice.variable);
    }
    built.answers = choices.all();
    return built;
}

void set_start(Values& values, const Start& start, const PlainStep& step) {
    const auto set = [&values](const auto& word, u64 value) { values.set(word, value); };
    set(start.cpu.amd, step.cpu.amd ? 1 : 0);
    set(start.cpu.has_x2apic, step.cpu.has_x2apic ? 1 : 0);
    set(start.cpu.has_tsc_deadline, step.cpu.has_tsc_deadline ? 1 : 0);
    set(start.cpu.locked_x2apic, step.cpu.locked_x2apic ? 1 : 0);
    set(start.cpu.address_mask, step.cpu.address_mask);
    set(start.cpu.hardware_id, step.cpu.hardware_id);
    // Its mode is known: the other bits are the variable's.
    values.set(context().bv_const("s.apic_base", 64), step.before.apic_base);
    set(start.state.tsc_deadline, step.before.tsc_deadline);
    set(start.state.x2apic_id, step.before.x2apic_id);
    set(start.state.esr_pending, step.before.esr_pending);
    set(start.state.private_icr_high, step.before.private_icr_high);
    set(start.state.private_boot_processor, step.before.private_boot_processor);
    set(start.state.cleared_by_software, step.before.cleared_by_software ? 1 : 0);
    set(start.state.ier_written, step.before.ier_written ? 1 : 0);
    for (std::size_t i = 0; i < step.before.regs.size(); ++i) set(start.state.regs[i], step.before.regs[i]);
    values.set(start.around.own, step.around.own, step.places);
    values.set(start.around.shared, step.around.shared, step.places);
}

// What a step led to, on plain values.
struct PlainEnd {
    PlainOutcome out;
    PlainState after;
    model::Surroundings<Concrete> around;
};

PlainEnd take(const PlainImplementation& implementation, const PlainStep& step, const ChoiceValues& choices) {
    PlainEnd end{{}, step.before, step.around};
    model::As<programs::ScriptedDriver> driver(implementation, end.around, step.cpu, choices);
    end.out = model::amended_step(driver, end.after, step.cpu, step.access);
    return end;
}

// Words of formulas with the plain values that they must have.
class Comparison {
  public:
    template <class Word>
    void add(const Word& word, u64 expected) {
        add(word.formula(), expected);
        require(word.known().admits(static_cast<decltype(word.known().value)>(expected)));
    }
    void add(const z3::expr& formula, u64 expected) {
        formulas_.push_back(formula);
        expected_.push_back(expected);
    }
    void require(bool holds) { all_hold_ = all_hold_ && holds; }
    // The first word that differs, by number; their count if none does.
    std::size_t first_wrong(const Values& values) const {
        const std::vector<u64> found = values.of(formulas_);
        return static_cast<std::size_t>(std::ranges::mismatch(found, expected_).in1 - found.begin());
    }
    std::size_t size() const { return expected_.size(); }
    // What is known of the words is right, and so is what needed no formula.
    bool all_hold() const { return all_hold_; }

  private:
    std::vector<z3::expr> formulas_;
    std::vector<u64> expected_;
    bool all_hold_ = true;
};

// A word that is still the one of the start needs no evaluation.
template <class Word, class T>
void add_word(Comparison& words, const Word& after, const Word& before, T plain, T plain_before) {
    if (!after.is_same(before)) words.add(after, plain);
    else words.require(plain == plain_before);
}

void add_state(Comparison& words, const SymState& s, const SymState& before, const PlainState& plain,
               const PlainState& plain_before) {
    words.add(s.apic_base, plain.apic_base);
    add_word(words, s.tsc_deadline, before.tsc_deadline, plain.tsc_deadline, plain_before.tsc_deadline);
    add_word(words, s.x2apic_id, before.x2apic_id, plain.x2apic_id, plain_before.x2apic_id);
    add_word(words, s.esr_pending, before.esr_pending, plain.esr_pending, plain_before.esr_pending);
    add_word(words, s.private_icr_high, before.private_icr_high, plain.private_icr_high,
             plain_before.private_icr_high);
    add_word(words, s.private_boot_processor, before.private_boot_processor, plain.private_boot_processor,
             plain_before.private_boot_processor);
    words.add(s.cleared_by_software, plain.cleared_by_software ? 1 : 0);
    words.add(s.ier_written, plain.ier_written ? 1 : 0);
    for (std::size_t i = 0; i < s.regs.size(); ++i)
        add_word(words, s.regs[i], before.regs[i], plain.regs[i], plain_before.regs[i]);
}

void add_page(Comparison& words, const SymPage& page, const PlainPage& plain,
              const std::vector<u64>& places) {
    for (const u64 place : places)
        words.add(z3::select(page.bytes(), context().bv_val(static_cast<std::uint64_t>(place), 12)),
                  plain.read(place, 1));
}

template <class D>
bool same_but_words(const model::Outcome<D>& a, const PlainOutcome& b) {
    return a.rule == b.rule && a.answer == b.answer && a.gp == b.gp && a.sends_ipi == b.sends_ipi &&
           a.ends_interrupt == b.ends_interrupt && a.exits_to_userspace == b.exits_to_userspace &&
           a.sends_msi == b.sends_msi && a.bounded == b.bounded && a.exceeds == b.exceeds && a.reg == b.reg;
}

// The path that is taken, by number: there must be one, and one only.
std::size_t path_taken(const Built& built, const Values& values) {
    const std::vector<u64> taken = values.of(built.conditions);
    REQUIRE(std::ranges::count(taken, u64{1}) == 1);
    return static_cast<std::size_t>(std::ranges::find(taken, u64{1}) - taken.begin());
}

void check_formulas(const Built& built, const Path& path, const Values& values, const PlainStep& step,
                    const PlainEnd& end) {
    REQUIRE(path.out.rule == end.out.rule);
    REQUIRE(same_but_words(path.out, end.out));
    Comparison words;
    words.require(path.address_bits.admits(step.access.address));
    words.require(path.taken(built.access).address.known().admits(step.access.address));
    words.add(path.taken(built.access).address.formula(), step.access.address);
    words.add(path.out.value, end.out.value);
    words.add(path.out.limit, end.out.limit);
    words.add(path.out.broadcasts_eoi, end.out.broadcasts_eoi ? 1 : 0);
    words.add(path.out.raises_error, end.out.raises_error ? 1 : 0);
    add_state(words, path.after, built.start.state, end.after, step.before);
    if (path.around.own.is_same(built.start.around.own)) words.require(end.around.own == step.around.own);
    else add_page(words, path.around.own, end.around.own, step.places);
    if (path.around.shared.is_same(built.start.around.shared))
        words.require(end.around.shared == step.around.shared);
    else add_page(words, path.around.shared, end.around.shared, step.places);
    REQUIRE(words.first_wrong(values) == words.size());
    REQUIRE(words.all_hold());
    REQUIRE(path.invalid_mode == (model::has_extd(end.after) && !model::is_enabled(end.after)));
    if (!path.invalid_mode) REQUIRE(path.after.apic_base.known().admits(end.after.apic_base));
}

using KnownPage = model::BytePage<Known<u8>>;

// Some bytes of the page forgotten.
KnownPage partly(RandomApic& random, const PlainPage& page, const std::vector<u64>& places) {
    KnownPage known;
    for (const u64 place : places)
        known.write(u64{place}, 1, random.chance(80) ? Known<u64>{page.read(place, 1)} : Known<u64>{});
    return known;
}

bool admits(const KnownPage& known, const PlainPage& page, const std::vector<u64>& places) {
    return std::ranges::all_of(
        places, [&](u64 place) { return known.read(u64{place}, 1).admits(page.read(place, 1)); });
}

bool admits(const model::State<KnownBits>& known, const PlainState& s) {
    for (std::size_t i = 0; i < s.regs.size(); ++i)
        if (!known.regs[i].admits(s.regs[i])) return false;
    return known.apic_base.admits(s.apic_base) && known.tsc_deadline.admits(s.tsc_deadline) &&
           known.x2apic_id.admits(s.x2apic_id) && known.esr_pending.admits(s.esr_pending) &&
           known.cleared_by_software.admits(s.cleared_by_software) && known.ier_written.admits(s.ier_written);
}

bool admits(const model::Outcome<KnownBits>& known, const PlainOutcome& out) {
    return same_but_words(known, out) && known.value.admits(out.value) && known.limit.admits(out.limit) &&
           known.broadcasts_eoi.admits(out.broadcasts_eoi) && known.raises_error.admits(out.raises_error);
}

// Whether some path on partly known values contains the plain one.
bool contains(const model::Implementation<KnownBits>& implementation, RandomApic& random,
              const PlainStep& step, const PlainEnd& end) {
    const model::State<KnownBits> before = random.partly(step.before);
    const model::Cpu<KnownBits> cpu = random.partly(step.cpu);
    const model::Surroundings<KnownBits> around = {partly(random, step.around.own, step.places),
                                                   partly(random, step.around.shared, step.places)};
    const model::Access<KnownBits> access{step.access.kind, step.access.address, step.access.size,
                                          random.chance(80) ? Known<u64>{step.access.value}
                                                            : random.partly(step.access.value)};
    model::Surroundings<KnownBits> around_now;
    model::As<model::ForkingDriver> driver(implementation, around_now, cpu);
    bool found = false;
    do {
        around_now = around;
        model::State<KnownBits> after = before;
        const model::Outcome<KnownBits> out = model::amended_step(driver, after, cpu, access);
        found = found || (admits(out, end.out) && admits(after, end.after) &&
                          admits(around_now.own, end.around.own, step.places) &&
                          admits(around_now.shared, end.around.shared, step.places));
    } while (driver.next_path());
    return found;
}

// What a path needs to be taken, put into a step that was drawn: what its condition speaks of comes from an
// answer of the solver, the rest stays as drawn.
class Fitting {
  public:
    Fitting(z3::solver& solver, const z3::expr& condition) {
        solver.push();
        solver.add(condition);
        if (solver.check() == z3::sat) model_ = solver.get_model();
        solver.pop();
    }
    bool exists() const { return model_.has_value(); }

    u64 word(const z3::expr& variable, u64 drawn) const {
        const z3::expr value = model_->eval(variable, false);
        return z3::eq(value, variable) ? drawn : number_of(value);
    }
    template <class T>
    void put(const z3::expr& variable, T& value) const {
        value = static_cast<T>(word(variable, value));
    }
    void put(const Built& built, PlainStep& step) const {
        const Start& start = built.start;
        put(start.cpu.amd.formula(), step.cpu.amd);
        put(start.cpu.has_x2apic.formula(), step.cpu.has_x2apic);
        put(start.cpu.has_tsc_deadline.formula(), step.cpu.has_tsc_deadline);
        put(start.cpu.locked_x2apic.formula(), step.cpu.locked_x2apic);
        put(start.cpu.address_mask.formula(), step.cpu.address_mask);
        put(start.cpu.hardware_id.formula(), step.cpu.hardware_id);
        const Known<u64> base = start.state.apic_base.known(); // the mode
        put(context().bv_const("s.apic_base", 64), step.before.apic_base);
        step.before.apic_base = (step.before.apic_base & ~base.known) | base.value;
        put(start.state.tsc_deadline.formula(), step.before.tsc_deadline);
        put(start.state.x2apic_id.formula(), step.before.x2apic_id);
        put(start.state.esr_pending.formula(), step.before.esr_pending);
        put(start.state.private_icr_high.formula(), step.before.private_icr_high);
        put(start.state.private_boot_processor.formula(), step.before.private_boot_processor);
        put(start.state.cleared_by_software.formula(), step.before.cleared_by_software);
        put(start.state.ier_written.formula(), step.before.ier_written);
        for (std::size_t i = 0; i < step.before.regs.size(); ++i)
            put(start.state.regs[i].formula(), step.before.regs[i]);
        put(built.access.address.formula(), step.access.address);
        put(built.access.value.formula(), step.access.value);
    }

  private:
    std::optional<z3::model> model_;
};

// What became of the steps that were tried.
struct Tally {
    unsigned steps = 0;
    unsigned paths = 0;      // that there are
    unsigned taken = 0;      // by a step that was drawn
    unsigned fitted = 0;     // by a step that was made to take it
    unsigned impassable = 0; // whose conditions contradict each other
};

class Trial {
  public:
    explicit Trial(const ImplementationEntry& entry)
        : plain_(entry.concrete()), known_bits_(entry.known_bits()), symbolic_(symbolic(entry).make()) {}

    void try_case(const CaseKey& key, unsigned repeats) {
        const Built built = build(*symbolic_, key);
        std::vector<bool> taken(built.paths.size());
        std::vector<u64> places(10, 0); // what has no place is drawn as often as ten places
        if (model::is_mmio(key.kind) || model::is_msr(key.kind)) places = places_of(key.kind, key.size);
        for (const u64 place : places)
            for (unsigned repeat = 0; repeat < repeats; ++repeat)
                taken[try_step(built, steps_.step(key, place), nullptr)] = true;
        tally_.paths += static_cast<unsigned>(built.paths.size());
        tally_.taken += static_cast<unsigned>(std::ranges::count(taken, true));
        for (std::size_t i = 0; i < built.paths.size(); ++i)
            if (!taken[i]) take_path(built, key, i);
    }
    const Tally& tally() const { return tally_; }

  private:
    void take_path(const Built& built, const CaseKey& key, std::size_t path) {
        const Fitting fitting(solver_, built.conditions[path]);
        if (!fitting.exists()) {
            ++tally_.impassable;
            return;
        }
        ++tally_.fitted;
        PlainStep step = steps_.step(key, 0);
        fitting.put(built, step);
        steps_.fill_pages(step);
        CAPTURE(path);
        REQUIRE(try_step(built, step, &fitting) == path);
    }
    // The number of the path that is taken.
    std::size_t try_step(const Built& built, const PlainStep& step, const Fitting* fitting) {
        Values values;
        set_start(values, built.start, step);
        values.set(built.access.address, step.access.address);
        values.set(built.access.value, step.access.value);
        ChoiceValues choices;
        for (const z3::expr& variable : built.answers) {
            u64 answer = steps_.answer(variable);
            if (fitting != nullptr) answer = fitting->word(variable, answer);
            values.set(variable, answer);
            choices[name_of(variable).substr(std::string_view(prefix).size())] = answer;
        }
        const PlainEnd end = take(*plain_, step, choices);
        CAPTURE(step.access.address);
        CAPTURE(step.access.value);
        CAPTURE(tally_.steps);
        const std::size_t path = path_taken(built, values);
        check_formulas(built, built.paths[path], values, step, end);
        REQUIRE(contains(*known_bits_, steps_.random(), step, end));
        ++tally_.steps;
        return path;
    }

    std::unique_ptr<PlainImplementation> plain_;
    std::unique_ptr<model::Implementation<KnownBits>> known_bits_;
    std::unique_ptr<SymImplementation> symbolic_;
    RandomSteps steps_{20180727};
    z3::solver solver_{context(), z3::solver::simple()};
    Tally tally_;
};

TEST_CASE(
    "each implementation does on plain values what its formulas say, and partly known values contain it") {
    for (const ImplementationEntry& entry : model::implementations()) {
        CAPTURE(std::string(entry.name));
        Trial trial(entry);
        for (const CaseKey& key : all_cases()) {
            CAPTURE(std::string(to_string(key.kind)));
            CAPTURE(key.mode);
            CAPTURE(key.size);
            // Where registers answer, more is tried.
            const bool has_registers = key.mode == Mode::xapic || !model::is_mmio(key.kind);
            trial.try_case(key, has_registers ? 2 : 1);
        }
        const Tally& tally = trial.tally();
        CHECK(tally.steps > 3'500);
        CHECK(tally.taken + tally.fitted + tally.impassable == tally.paths);
        // AMD's SEOI and IER, and what was written to them, are rare and stand beside the register table,
        // which excludes them.
        CHECK(tally.taken > tally.paths / 3);
        CHECK(tally.impassable < tally.paths / 5);
    }
}

} // namespace
} // namespace lapicheck::prove
