// Runs from RESET: what the merged formulas of a frame say of a run is what happens when it is carried out on
// plain values, step by step.
#include "checker/prove/engine/unrolling.hpp"

#include <algorithm>
#include <map>

#include <doctest/doctest.h>

#include "model/implementations/registry.hpp"
#include "programs/sim/scenario.hpp"
#include "tests/checker/prove/random_steps.hpp"
#include "tests/model/machine.hpp"

namespace lapicheck::prove {
namespace {

constexpr std::array kinds = {AccessKind::wrmsr,      AccessKind::wrmsr,          AccessKind::wrmsr,
                              AccessKind::mmio_write, AccessKind::mmio_write,     AccessKind::mmio_read,
                              AccessKind::message,    AccessKind::take_interrupt, AccessKind::timer_expires,
                              AccessKind::cr8_write,  AccessKind::hardware,       AccessKind::init};

// Everything that a frame says, as formulas. Of a page the bytes at a place to be chosen.
SymU64 probe_at(std::size_t depth) { return SymU64::variable(fmt::format("probe{}", depth)); }

std::vector<z3::expr> formulas_of(const Frame& frame, std::size_t depth) {
    std::vector<z3::expr> all;
    for (const ReachableMode& reached : frame.modes_reached) {
        const SymState& s = reached.start.state;
        all.push_back(reached.guard);
        all.push_back(s.apic_base.formula());
        all.push_back(s.tsc_deadline.formula());
        all.push_back(s.x2apic_id.formula());
        all.push_back(s.esr_pending.formula());
        all.push_back(s.cleared_by_software.formula());
        all.push_back(s.ier_written.formula());
        for (const SymU32& word : s.regs) all.push_back(word.formula());
        for (const SymPage* page : {&reached.start.around.own, &reached.start.around.shared})
            all.push_back(page->read(probe_at(depth), 8).formula());
    }
    return all;
}

// The same of a plain state that is in the world's mode.
std::vector<u64> numbers_of(const PlainState& s, const model::Surroundings<Concrete>& around, u64 probe) {
    std::vector<u64> all = {1,
                            s.apic_base,
                            s.tsc_deadline,
                            s.x2apic_id,
                            s.esr_pending,
                            s.cleared_by_software ? u64{1} : u64{0},
                            s.ier_written ? u64{1} : u64{0}};
    all.insert(all.end(), s.regs.begin(), s.regs.end());
    for (const PlainPage* page : {&around.own, &around.shared}) all.push_back(page->read(probe, 8));
    return all;
}

Mode mode_of(const PlainState& s) {
    if (!model::is_enabled(s)) return Mode::disabled;
    return model::has_extd(s) ? Mode::x2apic : Mode::xapic;
}

// An unrolling with its formulas and the variables of the answers in them, frame by frame.
class Unrolled {
  public:
    Unrolled(const SymImplementation& implementation, std::size_t max_steps)
        : unrolling_(implementation, "r", true) {
        Variables answers;
        const SymAccess reset = any_access(AccessKind::reset, 4, "r");
        add_answers(answers, implementation, {any_cpu(), {}, {}}, reset, 0);
        for (std::size_t depth = 0; depth <= max_steps; ++depth) {
            formulas_.push_back(formulas_of(unrolling_.frame(depth), depth));
            if (depth == 0) continue;
            const StepVariables& step = *unrolling_.frame(depth).step;
            for (const ReachableMode& reached : unrolling_.frame(depth - 1).modes_reached)
                for (const AccessKind kind : std::set(kinds.begin(), kinds.end()))
                    add_answers(answers, implementation, reached.start, {kind, step.address, 4, step.value},
                                depth);
        }
        answers_ = answers.all();
    }
    Unrolling& unrolling() { return unrolling_; }
    std::size_t max_steps() const { return formulas_.size() - 1; }
    const std::vector<z3::expr>& answers() const { return answers_; }
    const std::vector<z3::expr>& formulas(std::size_t depth) const { return formulas_[depth]; }

  private:
    // Also of those answers on which a step forks although both ways lead to the same state.
    void add_answers(Variables& answers, const SymImplementation& implementation, const Start& start,
                     const SymAccess& access, std::size_t depth) const {
        for (const Path& path : paths_of(implementation, start, access, unrolling_.choice_prefix(depth)))
            for (const Choice& choice : path.choices) answers.add(choice.variable);
    }

    Unrolling unrolling_;
    std::vector<std::vector<z3::expr>> formulas_;
    std::vector<z3::expr> answers_;
};

// A random run, drawn step by step, as a run and as values of the unrolling's variables.
class RandomRun {
  public:
    RandomRun(Unrolled& unrolled, const PlainImplementation& implementation, RandomSteps& steps)
        : unrolled_(unrolled), implementation_(implementation), steps_(steps) {
        draw_machine();
        draw_answers();
        values_.set(probe_at(0), probe_);
    }

    void add_step() {
        const std::size_t depth = run_.steps.size() + 1;
        const PlainState before = end().after;
        ScenarioStep step = draw_step(before);
        step.choices = answers_[depth];
        const StepVariables& variables = *unrolled_.unrolling().frame(depth).step;
        values_.set(variables.kind, static_cast<u64>(step.kind));
        values_.set(variables.address, step.address);
        values_.set(variables.value, step.value);
        run_.steps.push_back(step);
        if (step.kind == AccessKind::mmio_write) probe_ = step.address - random().bits() % 4;
        values_.set(probe_at(depth), probe_);
    }
    // Where the pages are looked at: at what was written last.
    u64 probe() const { return probe_; }
    // What the run has led to; a step that changes nothing but shows it.
    ExecutedStep end() const { return end_of(run_); }
    const Scenario& run() const { return run_; }
    const Values& values() const { return values_; }

    // The same run with those answers only that the unrolling says were given.
    Scenario with_answers_taken() {
        Scenario run = run_;
        run.machine.reset_choices = taken(0);
        for (std::size_t i = 0; i < run.steps.size(); ++i) run.steps[i].choices = taken(i + 1);
        return run;
    }
    ExecutedStep end_of(Scenario run) const {
        run.steps.push_back({0, AccessKind::rdmsr, model::apic_base::msr, 4, 0, {}});
        return execute(implementation_, run).back();
    }

  private:
    RandomApic& random() { return steps_.random(); }
    ChoiceValues taken(std::size_t depth) {
        const std::string prefix = unrolled_.unrolling().choice_prefix(depth);
        ChoiceValues values;
        const auto choices = unrolled_.unrolling().choices_taken(
            depth, [this](const z3::expr& condition) { return values_.of(condition) == 1; });
        for (const Choice& choice : choices) {
            REQUIRE(name_of(choice.variable).starts_with(prefix));
            values[name_of(choice.variable).substr(prefix.size())] = values_.of(choice.variable);
        }
        return values;
    }

    void draw_machine() {
        MachineFacts& m = run_.machine;
        m.amd = random().chance(50);
        m.x2apic = random().chance(85);
        m.tsc_deadline = random().chance(80);
        m.locked_x2apic = random().chance(20);
        m.address_bits = 36 + static_cast<unsigned>(random().bits() % 17);
        m.version = random().chance(50) ? 0x50014 : 0x0106'0015;
        const SymCpu cpu = any_cpu();
        values_.set(cpu.amd, m.amd ? 1 : 0);
        values_.set(cpu.has_x2apic, m.x2apic ? 1 : 0);
        values_.set(cpu.has_tsc_deadline, m.tsc_deadline ? 1 : 0);
        values_.set(cpu.locked_x2apic, m.locked_x2apic ? 1 : 0);
        values_.set(cpu.address_mask, cpu_of(m, 0).address_mask);
        values_.set(cpu.hardware_id, 0);
        values_.set(context().bv_const("cpu.version", 32), m.version);
    }
    void draw_answers() {
        answers_.resize(unrolled_.max_steps() + 1);
        for (const z3::expr& variable : unrolled_.answers()) {
            const std::string name = name_of(variable);
            u64 answer = steps_.answer(variable);
            // Runs begin enabled, in xAPIC mode.
            if (name.ends_with("R08.way.0") || name.ends_with("B17.way.0")) answer = 0;
            values_.set(variable, answer);
            const auto depth = static_cast<std::size_t>(name[1] - '0');
            REQUIRE(name.starts_with(unrolled_.unrolling().choice_prefix(depth)));
            answers_[depth][name.substr(unrolled_.unrolling().choice_prefix(depth).size())] = answer;
        }
        run_.machine.reset_choices = answers_[0];
    }
    ScenarioStep draw_step(const PlainState& before) {
        const bool writes_closed_window = mode_of(before) != Mode::xapic && random().chance(40);
        const AccessKind kind =
            writes_closed_window ? AccessKind::mmio_write : kinds[random().bits() % kinds.size()];
        const std::vector<u64> places = places_of(kind, 4);
        PlainStep drawn = steps_.step({mode_of(before), kind, 4}, places[random().bits() % places.size()]);
        ScenarioStep step{0, kind, drawn.access.address, 4, drawn.access.value, {}};
        if (model::is_mmio(kind) && random().chance(80))
            step.address = (before.apic_base & model::apic_base::page) | (step.address & 0xfff);
        if (kind == AccessKind::wrmsr && random().chance(60)) {
            constexpr std::array bits = {u64{0}, model::apic_base::enable,
                                         model::apic_base::enable | model::apic_base::extd};
            step.address = model::apic_base::msr;
            step.value = (before.apic_base & (model::apic_base::page | model::apic_base::bsp)) |
                         bits[random().bits() % bits.size()];
        }
        return step;
    }

    Unrolled& unrolled_;
    const PlainImplementation& implementation_;
    RandomSteps& steps_;
    Scenario run_;
    Values values_;
    u64 probe_ = 0;
    std::vector<ChoiceValues> answers_;
};

// The world of the run's mode is where the run leads, and no run leads to two worlds.
void check_frame(Unrolled& unrolled, const RandomRun& run, const ExecutedStep& end) {
    const std::size_t depth = run.run().steps.size();
    const Frame& frame = unrolled.unrolling().frame(depth);
    const std::vector<u64> found = run.values().of(unrolled.formulas(depth));
    const std::vector<u64> expected = numbers_of(end.before, end.around_before, run.probe());
    bool has_world = false;
    for (std::size_t w = 0; w < frame.modes_reached.size(); ++w) {
        const bool here = frame.modes_reached[w].mode == mode_of(end.before);
        const auto first = found.begin() + static_cast<std::ptrdiff_t>(w * expected.size());
        CAPTURE(frame.modes_reached[w].mode);
        REQUIRE((*first == 1) == here);
        if (here) REQUIRE(std::equal(expected.begin(), expected.end(), first));
        has_world = has_world || here;
    }
    REQUIRE(has_world);
}

using ModesReached = std::map<Mode, unsigned>;

void try_run(Unrolled& unrolled, RandomRun& run, ModesReached& modes_reached) {
    for (std::size_t depth = 0; depth <= unrolled.max_steps(); ++depth) {
        if (depth > 0) run.add_step();
        CAPTURE(depth);
        const ExecutedStep end = run.end();
        ++modes_reached[mode_of(end.before)];
        check_frame(unrolled, run, end);
    }
}

// Of the implementations those that differ in more than what the closed window answers; the more steps the
// larger the formulas.
TEST_CASE("a run from RESET on plain values is what the merged formulas say of it") {
    RandomSteps steps(42);
    ModesReached modes_reached;
    constexpr std::array chosen = {std::pair{"sdm", 3U}, std::pair{"kvm-6.18", 3U}, std::pair{"kvm-2018", 2U},
                                   std::pair{"shadow-page-vm", 2U}, std::pair{"shadow-page-vcpu", 2U}};
    for (const auto& [chosen_name, max_steps] : chosen) {
        const std::string name = chosen_name;
        const ImplementationEntry& entry = *model::find_implementation(name);
        const auto implementation = symbolic(entry).make();
        const auto plain = entry.concrete();
        Unrolled unrolled(*implementation, max_steps);
        for (unsigned repeat = 0; repeat < 60; ++repeat) {
            RandomRun run(unrolled, *plain, steps);
            CAPTURE(name);
            CAPTURE(repeat);
            try_run(unrolled, run, modes_reached);
            if (repeat % 10 != 0) continue; // this takes long
            const ExecutedStep again = run.end_of(run.with_answers_taken());
            REQUIRE(model::is_same(again.before, run.end().before));
        }
    }
    for (const Mode mode : modes) CHECK(modes_reached[mode] > 30);
}

TEST_CASE("after RESET one mode is reached: xAPIC mode") {
    for (const ImplementationEntry& entry : model::implementations()) {
        const auto implementation = symbolic(entry).make();
        for (const bool bsp : {false, true}) {
            Unrolling unrolling(*implementation, "r", bsp);
            const Frame& frame = unrolling.frame(0);
            REQUIRE(frame.modes_reached.size() == 1);
            CHECK(frame.modes_reached.front().mode == Mode::xapic);
            CHECK_FALSE(frame.step.has_value());
        }
    }
}

TEST_CASE("the modes that are reached in a frame exclude each other") {
    const auto implementation = symbolic(model::implementations().front()).make();
    Unrolling unrolling(*implementation, "r", true);
    for (std::size_t depth = 1; depth <= 2; ++depth) {
        const Frame& frame = unrolling.frame(depth);
        for (const ReachableMode& a : frame.modes_reached)
            for (const ReachableMode& b : frame.modes_reached) {
                if (a.mode == b.mode) continue;
                z3::solver solver(context(), z3::solver::simple());
                solver.add(a.guard && b.guard);
                CHECK(solver.check() == z3::unsat);
            }
    }
}

// Three ways, so that the order of alternatives counts, and ways of their own below each.
TEST_CASE("paths are merged in whichever way they part") {
    const SymU32 x = SymU32::variable("x");
    const SymBool p{context().bool_const("p")};
    SymbolicDriver driver;
    std::vector<Path> paths;
    std::vector<u64> names;
    do {
        const model::RegisterRow* row = driver.row_at(x & u32{0x0000'00f0});
        const bool is_tpr = row != nullptr && row->reg == model::Reg::tpr;
        u64 name = row == nullptr ? 0 : row->offset;
        if (is_tpr) name += driver.decide(p) ? 1U : 2U;
        if (row == nullptr) name += driver.unspecified(Rule::M10, true) ? 3U : 4U;
        Path path;
        path.decisions = driver.decisions();
        path.choices = driver.choices();
        paths.push_back(path);
        names.push_back(name);
    } while (driver.next_path());
    const auto merged_name = merged<z3::expr>(
        paths,
        [&](const Path& path) {
            return number(names[static_cast<std::size_t>(&path - paths.data())], context().bv_sort(32));
        },
        [](const z3::expr& condition, const z3::expr& yes, const z3::expr& no) {
            return z3::ite(condition, yes, no);
        });
    for (u32 value = 0; value < 0x200; value += 0x10)
        for (const u64 p_value : {0U, 1U})
            for (const u64 way : {0U, 1U}) {
                Values values;
                values.set(x, value);
                values.set(p, p_value);
                values.set(context().bool_const("M10.way.0"), way);
                const model::RegisterRow* row = model::find_row(model::sdm_registers, value & 0xf0);
                u64 expected = row == nullptr ? 0 : row->offset;
                if (row == nullptr) expected += way == 1 ? 3U : 4U;
                else if (row->reg == model::Reg::tpr) expected += p_value == 1 ? 1U : 2U;
                CAPTURE(value);
                CHECK(values.of(merged_name) == expected);
            }
}

} // namespace
} // namespace lapicheck::prove
