#include "checker/counterexample/divergence_scenario.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "checker/judge/abstract_state.hpp"
#include "model/messages.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;
using traces::GuestAccess;

// More lines than these never matter to one divergence.
constexpr std::size_t most_candidates = 10;

CpuFacts facts_of(const DivergenceScenario& run, unsigned vcpu) {
    CpuFacts facts; // what the recording does not say is left free
    if (run.cpu != GuestCpu::either) facts.amd = run.cpu == GuestCpu::amd;
    facts.locked_x2apic = run.run.machine.locked_x2apic;
    constexpr u64 always = (u64{1} << 36) - 1;
    facts.address_mask = {always, always | ~((u64{1} << 52) - 1)};
    facts.has_x2apic = run.run.machine.x2apic;
    facts.hardware_id = vcpu;
    return facts;
}

GuestAccess plain_access(const programs::ScenarioStep& step) {
    GuestAccess access;
    access.kind = step.kind;
    access.address = step.address;
    access.size = step.size;
    access.value = step.value;
    return access;
}

constexpr Visibility everything_seen{.ipis = true, .accepts = true, .injections = true};

// The states that a run leads to, by the rules.
class Course {
  public:
    Course(const CpuFacts& cpu, u32 version) : cpu_(cpu), state_(AbstractState::after_reset(cpu)) {
        // Here nothing came between RESET and the first step.
        see(Reg::version, version);
        see(Reg::lvt_lint0, model::sdm_registers[model::index_of(Reg::lvt_lint0)].reset);
        for (u32 word = 0; word < 24; ++word) see(model::offset_by(Reg::isr0, word), 0);
    }

    // False if the rules do not let the step happen so.
    bool take(const programs::ScenarioStep& step) {
        switch (step.kind) {
        case AccessKind::mmio_read:
        case AccessKind::mmio_write:
        case AccessKind::rdmsr:
        case AccessKind::wrmsr: return state_.judge({plain_access(step), cpu_, {}, false}).explained;
        case AccessKind::message:
            waiting_ = model::low_half(step.value) & model::icr::vector;
            state_.on_accept(waiting_, true, (step.value & model::icr::trigger) != 0);
            return true;
        case AccessKind::take_interrupt: return !state_.on_inject(waiting_);
        case AccessKind::init: state_.apply_init(); return true;
        default: return false;
        }
    }
    Judgement judge(const GuestAccess& access) { return state_.judge({access, cpu_, everything_seen, true}); }

  private:
    void see(Reg reg, u32 value) {
        GuestAccess read;
        read.address = model::apic_base::reset_page + model::offset_of(reg);
        read.size = 4;
        read.value = value;
        state_.judge({read, cpu_, {}, true});
    }

    CpuFacts cpu_;
    AbstractState state_;
    u32 waiting_ = 0;
};

programs::ScenarioStep write(unsigned vcpu, AccessKind kind, u64 address, u64 value) {
    programs::ScenarioStep step;
    step.vcpu = vcpu;
    step.kind = kind;
    step.address = address;
    step.value = value;
    return step;
}

// IA32_APIC_BASE in a mode, the base where RESET puts it.
u64 base_in(Mode mode, bool bsp) {
    u64 base = model::apic_base::reset_page | (bsp ? model::apic_base::bsp : 0);
    if (mode != Mode::disabled) base |= model::apic_base::enable;
    return mode == Mode::x2apic ? base | model::apic_base::extd : base;
}

class Candidates {
  public:
    explicit Candidates(const Divergence& divergence) : divergence_(divergence), vcpu_(is_bsp() ? 0 : 1) {
        if (!writes_base()) // the recording began in that mode
            steps_.push_back(write(vcpu_, AccessKind::wrmsr, model::apic_base::msr,
                                   base_in(divergence.mismatch.mode, vcpu_ == 0)));
        for (const Because& because : divergence.because) {
            add(because.repeatable);
            // No line tells that the APIC was once enabled by software.
            if (steps_.size() == 1) steps_.push_back(enable_by_software());
        }
        if (steps_.size() > most_candidates) steps_.resize(most_candidates);
    }

    std::size_t count() const { return steps_.size(); }
    // Those in `chosen`, then the access.
    programs::Scenario run(u32 chosen) const {
        programs::Scenario run;
        run.machine.vcpus = vcpu_ + 1;
        for (std::size_t i = 0; i < steps_.size(); ++i)
            if ((chosen >> i & 1) != 0) run.steps.push_back(steps_[i]);
        programs::ScenarioStep last =
            write(vcpu_, divergence_.access.kind, divergence_.access.address,
                  model::is_write(divergence_.access.kind) ? divergence_.access.value : 0);
        if (model::is_mmio(last.kind)) last.size = divergence_.access.size;
        run.steps.push_back(last);
        return run;
    }

  private:
    // Whether the recording speaks of the bootstrap processor, by what was written to IA32_APIC_BASE.
    bool is_bsp() const {
        const auto* base = write_of_base();
        return base == nullptr || (base->value & model::apic_base::bsp) != 0;
    }
    bool writes_base() const { return write_of_base() != nullptr; }
    const Repeatable* write_of_base() const {
        for (const Because& because : divergence_.because)
            if (because.repeatable.what == Repeatable::What::access &&
                because.repeatable.address == model::apic_base::msr)
                return &because.repeatable;
        return nullptr;
    }

    programs::ScenarioStep enable_by_software() const {
        constexpr u32 value = model::svr::enable | model::svr::vector;
        if (divergence_.mismatch.mode == Mode::x2apic) return write(vcpu_, AccessKind::wrmsr, 0x80f, value);
        return write(vcpu_, AccessKind::mmio_write, model::apic_base::reset_page + 0xf0, value);
    }

    void add(const Repeatable& line) {
        switch (line.what) {
        case Repeatable::What::nothing: return;
        case Repeatable::What::access:
            steps_.push_back(write(vcpu_, line.kind, line.address, line.value));
            return;
        case Repeatable::What::init: steps_.push_back(write(vcpu_, AccessKind::init, 0, 0)); return;
        case Repeatable::What::given:
            steps_.push_back(write(vcpu_, AccessKind::message, vcpu_, line.value));
            steps_.push_back(write(vcpu_, AccessKind::take_interrupt, 0, 0));
            return;
        case Repeatable::What::eoi:
            if (divergence_.mismatch.mode == Mode::x2apic)
                steps_.push_back(write(vcpu_, AccessKind::wrmsr, 0x80b, 0));
            else
                steps_.push_back(write(vcpu_, AccessKind::mmio_write,
                                       model::apic_base::reset_page + model::offset_of(Reg::eoi), 0));
            return;
        }
    }

    const Divergence& divergence_;
    unsigned vcpu_;
    std::vector<programs::ScenarioStep> steps_;
};

// All choices of `count` lines, the smallest first.
std::vector<u32> smallest_first(std::size_t count) {
    std::vector<u32> all(std::size_t{1} << count);
    for (u32 i = 0; i < all.size(); ++i) all[i] = i;
    std::ranges::stable_sort(all, {}, [](u32 chosen) { return std::popcount(chosen); });
    return all;
}

// What is wrong with the observation, after the run's earlier steps.
std::optional<Mismatch> judged(const DivergenceScenario& run) {
    const programs::ScenarioStep& last = run.run.steps.back();
    Course course(facts_of(run, last.vcpu), run.run.machine.version);
    for (std::size_t i = 0; i + 1 < run.run.steps.size(); ++i)
        if (run.run.steps[i].vcpu == last.vcpu && !course.take(run.run.steps[i])) return std::nullopt;
    const Judgement judgement = course.judge(run.observed);
    return judgement.explained ? std::nullopt : std::optional{judgement.mismatch};
}

// Of a wrong value replay may name the rule that put it where it should be, in place of the general ones.
bool is_of_rule(const Mismatch& found, Rule rule) {
    const bool general = found.rule == Rule::M06 || found.rule == Rule::X14 || found.rule == Rule::P04;
    return found.rule == rule || (found.fault == Fault::value && general);
}

// Whether it is what the recording shows: the same rule in the same way, in the same bits.
bool is_same(const Mismatch& found, const Mismatch& recorded) {
    return is_of_rule(found, recorded.rule) && found.fault == recorded.fault && found.bits == recorded.bits &&
           to_string(found.detail) == to_string(recorded.detail);
}

} // namespace

bool breaks_rule(const DivergenceScenario& run) {
    const auto mismatch = judged(run);
    return mismatch && is_of_rule(*mismatch, run.rule);
}

std::optional<DivergenceScenario> shortest_run(const Divergence& divergence, GuestCpu cpu) {
    if (is_of_no_access(divergence.mismatch.fault)) return std::nullopt; // no access to end with
    const Candidates candidates(divergence);
    for (const u32 chosen : smallest_first(candidates.count())) {
        DivergenceScenario run{candidates.run(chosen), divergence.access, divergence.mismatch.rule, cpu};
        run.run.machine.amd = cpu == GuestCpu::amd;
        const auto mismatch = judged(run);
        if (mismatch && is_same(*mismatch, divergence.mismatch)) return run;
    }
    return std::nullopt;
}

GuestAccess as_observed(const programs::ExecutedStep& step) {
    GuestAccess access;
    access.kind = step.access.kind;
    access.address = step.access.address;
    access.size = step.access.size;
    access.begins_late = true; // what it sends is unknown
    access.gp = step.out.gp;
    access.value = model::is_write(step.access.kind) ? step.access.value : step.out.value;
    access.reached_apic = model::is_mmio(access.kind) && step.out.answer == model::Answer::apic;
    access.apic_value = access.value;
    access.apic_offset = static_cast<u32>(step.access.address & (model::window_bytes - 1));
    access.ended_interrupt = step.out.ends_interrupt;
    access.eoi_vector = ~u64{0};
    for (u32 vector = 0; vector < 256; ++vector) {
        const Reg word = model::word_of(Reg::isr0, vector);
        const u32 left = step.before[word] & ~step.after[word];
        if ((left & model::bit_of(vector)) != 0) access.eoi_vector = vector;
    }
    return access;
}

std::string recorded_text(const traces::GuestAccess& access) {
    if (access.gp) return "#GP, as recorded";
    std::string words = model::is_write(access.kind) ? "accepted" : fmt::format("{:#x}", access.value);
    if (access.ended_interrupt)
        words += access.eoi_vector > 0xff ? ", no interrupt ended"
                                          : fmt::format(", vector {:02X}H ended", access.eoi_vector);
    if (access.ipis != 0) words += ", an IPI sent";
    if (access.reached_apic && model::is_mmio(access.kind))
        words += ", KVM's kvm_apic event shows that the register was accessed";
    return words + ", as recorded";
}

} // namespace lapicheck::checker
