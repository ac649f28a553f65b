#include "checker/emit/expectation.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "checker/audit/program_judge.hpp"
#include "checker/judge/divergence_text.hpp"
#include "model/implementations/registry.hpp"
#include "model/registers.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/sim/target.hpp"
#include "programs/step_access.hpp"

namespace lapicheck::checker {
namespace {

using programs::Do;
using programs::Ending;
using programs::Program;
using programs::Step;
using programs::StepOutcome;
using What = Assertion::What;

constexpr unsigned vectors = 256;

u64 value_mask(const Step& step) {
    return step.what == Do::mmio_read && step.size < 8 ? (u64{1} << (8 * step.size)) - 1 : ~u64{0};
}

bool may_fault(Do what) { return what == Do::rdmsr || what == Do::wrmsr || what == Do::cr8_write; }

// Asks the judge of one step, in the state that the steps before it have left.
class Question {
  public:
    Question(const ProgramJudge& judge, const Step& step) : judge_(judge), step_(step) {}

    std::vector<Divergence> against(const StepOutcome& outcome) const {
        ProgramJudge asked = judge_;
        return asked.judge(step_, outcome).divergences;
    }
    bool accepts(const StepOutcome& outcome) const { return against(outcome).empty(); }

  private:
    const ProgramJudge& judge_;
    const Step& step_;
};

// One step: `right` is what the manual's APIC does.
class StepExpectation {
  public:
    StepExpectation(const ProgramJudge& judge, const Step& step, const StepOutcome& right,
                    const std::vector<bool>& takes_interrupts, const programs::PlainState& state)
        : question_(judge, step), step_(step), right_(right), takes_(takes_interrupts), state_(state) {}

    Expectation find() {
        if (!question_.accepts(right_)) { // it knows of more than one right answer, or of none
            is_decided_ = false;
            return {};
        }
        if (programs::is_access(step_.what)) find_gp();
        if (programs::is_read(step_.what) && !right_.gp) find_value();
        if (!programs::is_read(step_.what)) {
            find_taken();
            find_restarted();
        }
        return std::move(found_);
    }
    // Whether the outcome is `right` in all that later steps may depend on.
    bool is_decided() const { return is_decided_; }

  private:
    void add(What what, const Divergence& wrong, const std::function<void(Assertion&)>& fill = {}) {
        Assertion& made = found_.assertions.emplace_back();
        made.what = what;
        made.rule = wrong.mismatch.rule;
        made.allowed = expected_text(wrong);
        made.vcpu = step_.vcpu;
        if (fill) fill(made);
    }

    void find_gp() {
        if (!may_fault(step_.what)) return;
        StepOutcome other = right_;
        other.gp = !right_.gp;
        if (other.gp) other.value.reset();
        else if (programs::is_read(step_.what)) other.value = 0;
        const auto wrong = question_.against(other);
        if (wrong.empty()) is_decided_ = false;
        else add(right_.gp ? What::gp : What::no_gp, wrong.front());
    }

    // Bits of which the judge accepts no other value; by rule.
    void find_value() {
        const u64 mask = value_mask(step_);
        const u64 value = *right_.value & mask;
        const auto reading = [&](u64 read) {
            StepOutcome outcome = right_;
            outcome.value = read;
            return outcome;
        };
        u64 decided = 0;
        for (u64 bit = 1; bit != 0; bit <<= 1)
            if ((mask & bit) != 0 && !question_.accepts(reading(value ^ bit))) decided |= bit;
        // Where no register is, later steps learn nothing from the value.
        const bool is_register =
            model::register_addressed(programs::access_kind(step_.what), step_.address) != Reg::none;
        if (decided != mask && is_register) is_decided_ = false;
        if (decided == 0) return find_wrong_value(reading);
        if (const auto wrong = question_.against(reading(mask & ~u32{0}));
            !wrong.empty() && wrong.front().mismatch.bounded)
            return add(What::at_most, wrong.front(),
                       [&](Assertion& made) { made.value = wrong.front().mismatch.expected.value; });
        // Bits that are right only together say nothing one by one.
        for (const u64 other : {u64{0}, mask, value ^ decided, (value + 1) & mask, (value - 1) & mask})
            if ((other & decided) != (value & decided) && question_.accepts(reading(other))) return;
        u64 left = decided;
        for (const Divergence& wrong : question_.against(reading(value ^ decided))) {
            const u64 bits = wrong.mismatch.bits & left;
            if (bits == 0) continue;
            left &= ~bits;
            add(What::value, wrong, [&](Assertion& made) { made.mask = bits, made.value = value & bits; });
        }
        if (left == 0) return;
        if (const auto wrong = question_.against(reading(value ^ left)); !wrong.empty())
            add(What::value, wrong.front(),
                [&](Assertion& made) { made.mask = left, made.value = value & left; });
    }

    // At the closed window anything may answer but the APIC.
    void find_wrong_value(const std::function<StepOutcome(u64)>& reading) {
        const Reg reg = model::register_addressed(programs::access_kind(step_.what), step_.address);
        if (step_.what != Do::mmio_read || step_.size != 4 || reg == Reg::none) return;
        const u64 held = state_[reg];
        if (const auto wrong = question_.against(reading(held)); !wrong.empty())
            add(What::not_value, wrong.front(), [&](Assertion& made) { made.value = held; });
    }

    std::vector<std::uint8_t> taken_by(std::uint32_t vcpu) const {
        std::vector<std::uint8_t> all;
        for (const programs::Taken& taken : right_.taken)
            if (taken.vcpu == vcpu) all.push_back(taken.vector);
        return all;
    }

    void find_taken() {
        for (std::size_t i = 0; i < right_.taken.size(); ++i) {
            const programs::Taken& taken = right_.taken[i];
            if (std::ranges::find(right_.taken, taken) - right_.taken.begin() != std::ptrdiff_t(i)) continue;
            StepOutcome missed = right_;
            missed.taken.erase(missed.taken.begin() + std::ptrdiff_t(i));
            const auto wrong = question_.against(missed);
            if (wrong.empty()) is_decided_ = false;
            else
                add(What::taken, wrong.front(), [&](Assertion& made) {
                    made.vcpu = taken.vcpu;
                    made.vector = taken.vector;
                    made.times = static_cast<unsigned>(std::ranges::count(right_.taken, taken));
                });
        }
        for (std::uint32_t vcpu = 0; vcpu < takes_.size(); ++vcpu)
            if (takes_[vcpu]) find_nothing_else(vcpu);
    }

    void find_nothing_else(std::uint32_t vcpu) {
        std::vector<std::uint8_t> may = taken_by(vcpu);
        std::optional<Divergence> refused;
        for (unsigned vector = 0; vector < vectors; ++vector) {
            StepOutcome more = right_;
            more.taken.push_back({vcpu, static_cast<std::uint8_t>(vector)});
            auto wrong = question_.against(more);
            if (wrong.empty()) may.push_back(static_cast<std::uint8_t>(vector));
            else if (!refused) refused = std::move(wrong.front());
        }
        std::ranges::sort(may);
        may.erase(std::unique(may.begin(), may.end()), may.end());
        constexpr std::size_t few = 8; // more: nearly all are
        if (!refused || may.size() > few) return;
        add(What::nothing, *refused, [&](Assertion& made) {
            made.vcpu = vcpu;
            made.may = std::move(may);
            made.allowed = "no other interrupt";
        });
    }

    void find_restarted() {
        for (std::size_t i = 0; i < right_.restarted.size(); ++i) {
            StepOutcome missed = right_;
            missed.restarted.erase(missed.restarted.begin() + std::ptrdiff_t(i));
            const auto wrong = question_.against(missed);
            const programs::Restarted& restarted = right_.restarted[i];
            if (wrong.empty()) {
                is_decided_ = false;
                continue;
            }
            add(restarted.sipi_vector ? What::startup : What::init, wrong.front(), [&](Assertion& made) {
                made.vcpu = restarted.vcpu;
                made.vector = restarted.sipi_vector.value_or(0);
            });
        }
    }

    Question question_;
    const Step& step_;
    const StepOutcome& right_;
    const std::vector<bool>& takes_;
    const programs::PlainState& state_; // of the step's vCPU
    Expectation found_;
    bool is_decided_ = true;
};

programs::Found found_on(const Program& program) {
    programs::Found found;
    found.may_be_kvm = false;
    found.versions.assign(program.machine.apic_ids.size(), programs::facts_of(program).version);
    return found;
}

class Expecting {
  public:
    Expecting(const Program& program, Start start)
        : program_(program), manual_(model::find_implementation("sdm")->concrete()),
          machine_(*manual_, program.machine, programs::facts_of(program), found_on(program)),
          judge_(program.machine, found_on(program)), takes_interrupts_(program.machine.apic_ids.size()) {
        if (start == Start::restored) begin_restored();
    }

    Expectations find() {
        Expectations all;
        for (std::size_t i = 0; i < program_.steps.size(); ++i) {
            all.steps.push_back(take(i, all.refused));
            if (!all.refused.empty()) break;
        }
        return all;
    }

  private:
    // As the test does it: what software wrote and then read.
    void begin_restored() {
        judge_.begin_anew({});
        for (std::uint32_t vcpu = 0; vcpu < program_.machine.apic_ids.size(); ++vcpu) {
            const u64 enabled = machine_.state(vcpu).apic_base | model::apic_base::enable;
            const auto window = [&](Do what, const RestoredRegister& reg) {
                restore({.what = what,
                         .size = 4,
                         .vcpu = vcpu,
                         .address = model::apic_base::reset_page + model::offset_of(reg.reg),
                         .value = what == Do::mmio_write ? reg.value : 0},
                        reg.value);
            };
            for (const u64 base : {enabled & ~model::apic_base::enable, enabled})
                restore({.what = Do::wrmsr, .vcpu = vcpu, .address = model::apic_base::msr, .value = base},
                        {});
            restore({.what = Do::rdmsr, .vcpu = vcpu, .address = model::apic_base::msr}, enabled);
            const auto registers = restored_registers(program_.machine, vcpu);
            for (const RestoredRegister& reg : registers)
                if (reg.is_written) window(Do::mmio_write, reg);
            for (const RestoredRegister& reg : registers) window(Do::mmio_read, reg);
            window(Do::mmio_read, {Reg::version, machine_.state(vcpu)[Reg::version], false});
        }
    }

    void restore(const Step& step, u64 read) {
        machine_.take(step);
        StepOutcome outcome;
        if (programs::is_read(step.what)) outcome.value = read;
        judge_.judge(step, outcome);
    }

    Expectation take(std::size_t at, std::string& refused) {
        const Step& step = program_.steps[at];
        StepOutcome right = machine_.take(step, programs::choices_of(program_, at));
        if (!right.is_done()) {
            refused = fmt::format("step {}: {}", at, programs::ending_text(right));
            return {};
        }
        // What goes to the I/O APIC is not the processor's to see.
        right.eois.clear();
        if (programs::enables_interrupts(step.what)) takes_interrupts_[step.vcpu] = true;
        if (step.what == Do::disable_interrupts) takes_interrupts_[step.vcpu] = false;
        for (const programs::Restarted& restarted : right.restarted)
            takes_interrupts_[restarted.vcpu] = false;
        StepExpectation of_step(judge_, step, right, takes_interrupts_, machine_.state(step.vcpu));
        Expectation found = of_step.find();
        found.restarted = right.restarted;
        if (!of_step.is_decided()) right.ending = Ending::stopped_after; // it was done, or was not
        judge_.judge(step, right);
        return found;
    }

    const Program& program_;
    std::unique_ptr<programs::PlainImplementation> manual_;
    programs::ModelMachine machine_;
    ProgramJudge judge_;
    std::vector<bool> takes_interrupts_;
};

} // namespace

bool Expectations::asserts_anything() const {
    return std::ranges::any_of(steps, [](const Expectation& step) { return !step.assertions.empty(); });
}

Expectations expectations(const Program& program, Start start) { return Expecting(program, start).find(); }

std::vector<RestoredRegister> restored_registers(const programs::Machine& machine, std::size_t vcpu) {
    using enum Reg;
    constexpr std::array written = {initial_count, lvt_timer, lvt_thermal, lvt_pmc, lvt_lint0,
                                    lvt_lint1,     lvt_error, dcr,         tpr,     ldr,
                                    dfr,           icr_high,  esr,         svr};
    constexpr u32 id_position = 24;
    std::vector<RestoredRegister> all;
    constexpr std::size_t bitmaps = 3;
    all.reserve(written.size() + 1 + bitmaps * (vectors / 32));
    for (const Reg reg : written)
        all.push_back({reg, model::sdm_registers[model::index_of(reg)].reset, true});
    all.push_back({id, machine.apic_ids[vcpu] << id_position, false});
    for (const Reg first : {isr0, tmr0, irr0})
        for (u32 word = 0; word < vectors / 32; ++word)
            all.push_back({model::offset_by(first, word), 0, false});
    return all;
}

bool contradicts(const Assertion& assertion, const StepOutcome& outcome) {
    const auto count = [&](std::uint8_t vector) {
        return std::ranges::count(outcome.taken, programs::Taken{assertion.vcpu, vector});
    };
    const auto restarted = [&](bool by_startup) {
        return std::ranges::any_of(outcome.restarted, [&](const programs::Restarted& r) {
            return r.vcpu == assertion.vcpu && r.sipi_vector.has_value() == by_startup;
        });
    };
    switch (assertion.what) {
    case What::gp: return !outcome.gp;
    case What::no_gp: return outcome.gp;
    case What::value: return outcome.value && (*outcome.value & assertion.mask) != assertion.value;
    case What::at_most: return outcome.value && *outcome.value > assertion.value;
    case What::not_value: return outcome.value == assertion.value;
    case What::taken: return std::cmp_less(count(assertion.vector), assertion.times);
    case What::nothing:
        return std::ranges::any_of(outcome.taken, [&](const programs::Taken& taken) {
            return taken.vcpu == assertion.vcpu &&
                   std::ranges::find(assertion.may, taken.vector) == assertion.may.end();
        });
    case What::init: return !restarted(false);
    case What::startup: return !restarted(true);
    }
    return false;
}

} // namespace lapicheck::checker
