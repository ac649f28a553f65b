// The APIC timer (group T). Time is not part of a step: the counter is bounded, not predicted.
#pragma once

#include "specs/properties/lvt_vocabulary.hpp"

namespace lapicheck::specs {

template <class D>
typename D::Bool was_deadline(const Transition<D>& t) {
    return in_deadline_mode(t, t.before);
}
template <class D>
typename D::Bool was_reserved_mode(const Transition<D>& t) {
    return in_reserved_timer_mode(t, t.before);
}
template <class D>
typename D::Bool at_deadline_msr(const Transition<D>& t) {
    return at_msr(t, facts::tsc_deadline_msr);
}
// The timer expires while it counts, or with its deadline set.
template <class D>
typename D::Bool expires_armed(const Transition<D>& t) {
    if (t.access.kind != AccessKind::timer_expires) return typename D::Bool{false};
    const auto armed = either(both(was_deadline(t), negate(is_zero(t.before.tsc_deadline))),
                              both(negate(was_deadline(t)), negate(is_zero(t.before[Reg::initial_count]))));
    return all_of<D>({has_enable(t.before), armed, negate(was_reserved_mode(t))});
}
// It fires: the entry is not masked, and the APIC takes interrupts.
template <class D>
typename D::Bool fires(const Transition<D>& t) {
    return all_of<D>(
        {expires_armed(t), was_software_enabled(t), negate(is_masked(t.before, Reg::lvt_timer))});
}
template <class D>
typename D::U32 timer_vector(const Transition<D>& t) {
    return t.before[Reg::lvt_timer] & u32{0xff};
}
template <class D>
typename D::Bool is_legal_vector(const typename D::U32& vector) {
    return negate(less(vector, typename D::U32{facts::first_legal_vector}));
}

struct InitialCountReadsBack : StepProperty {
    static constexpr std::string_view id = "initial-count-reads-back";
    static constexpr std::string_view statement =
        "In one-shot and periodic mode the initial count holds what was written last.";
    static constexpr std::array rules = {Rule::T20, Rule::M07, Rule::X14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(writes(t, Reg::initial_count), negate(either(was_deadline(t), was_reserved_mode(t)))),
                equal(t.after[Reg::initial_count], written_word(t))};
    }
};

struct InitialCountKept : StepProperty {
    static constexpr std::string_view id = "countdown-keeps-the-initial-count";
    static constexpr std::string_view statement = "The initial count changes by a write to it, a change to "
                                                  "or from TSC-deadline or the reserved mode, RESET "
                                                  "and INIT only.";
    static constexpr std::array rules = {Rule::T20};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind == AccessKind::reset || t.access.kind == AccessKind::init ||
            t.access.kind == AccessKind::message)
            return no_claim<D>();
        const auto switches =
            both(writes(t, Reg::lvt_timer), negate(equal(was_deadline(t), in_deadline_mode(t, t.after))));
        const auto may = any_of<D>({writes(t, Reg::initial_count), switches, touches_reserved_timer_mode(t),
                                    leaves_registers_unspecified(t)});
        return {negate(may), is_kept(t, Reg::initial_count)};
    }
};

struct DeadlineModeIgnoresInitialCount : StepProperty {
    static constexpr std::string_view id = "deadline-mode-ignores-initial-count";
    static constexpr std::string_view statement =
        "In TSC-deadline mode a write to the initial-count register changes nothing.";
    static constexpr std::array rules = {Rule::T09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(writes(t, Reg::initial_count), was_deadline(t)), nothing_changed(t)};
    }
};

struct DeadlineModeCountsNothing : StepProperty {
    static constexpr std::string_view id = "deadline-mode-current-count-reads-zero";
    static constexpr std::string_view statement = "In TSC-deadline mode the current-count register reads 0.";
    static constexpr std::array rules = {Rule::T09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(reads(t, fact_of(Reg::current_count)), was_deadline(t)),
                both(typename D::Bool{!t.out.bounded}, is_zero(t.out.value))};
    }
};

struct CurrentCountBelowInitial : StepProperty {
    static constexpr std::string_view id = "current-count-at-most-initial";
    static constexpr std::string_view statement = "In one-shot and periodic mode a running timer's count "
                                                  "is never above the initial count; on AMD a "
                                                  "stopped one reads 0.";
    static constexpr std::array rules = {Rule::T03, Rule::T04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto initial = t.before[Reg::initial_count];
        const auto bound = t.out.bounded ? equal(t.out.limit, initial) : negate(less(initial, read_word(t)));
        const auto counts = negate(either(was_deadline(t), was_reserved_mode(t)));
        const auto said = both(counts, either(t.cpu.amd, negate(is_zero(initial))));
        return {both(reads(t, fact_of(Reg::current_count)), said), both(typename D::Bool{!t.out.gp}, bound)};
    }
};

struct DeadlineWriteArms : StepProperty {
    static constexpr std::string_view id = "deadline-write-arms";
    static constexpr std::string_view statement =
        "In TSC-deadline mode a WRMSR to IA32_TSC_DEADLINE stores the value, 0 included, and changes "
        "nothing else.";
    static constexpr std::array rules = {Rule::T10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::wrmsr) return no_claim<D>();
        return {both(at_deadline_msr(t), was_deadline(t)),
                all_of<D>({typename D::Bool{!t.out.gp}, equal(t.after.tsc_deadline, t.access.value),
                           registers_kept(t), identity_kept(t), errors_gained_only(t, 0),
                           equal(t.before.cleared_by_software, t.after.cleared_by_software)})};
    }
};

struct DeadlineReadsBack : StepProperty {
    static constexpr std::string_view id = "deadline-reads-back";
    static constexpr std::string_view statement =
        "In TSC-deadline mode IA32_TSC_DEADLINE reads the deadline, or 0 after it has passed.";
    static constexpr std::array rules = {Rule::T10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr) return no_claim<D>();
        return {both(at_deadline_msr(t), was_deadline(t)),
                both(typename D::Bool{!t.out.gp},
                     either(is_zero(t.out.value), equal(t.out.value, t.before.tsc_deadline)))};
    }
};

struct DeadlineMsrIdleOutside : StepProperty {
    static constexpr std::string_view id = "deadline-msr-idle-outside";
    static constexpr std::string_view statement = "In one-shot and periodic mode IA32_TSC_DEADLINE reads 0 "
                                                  "and writes to it change nothing, and raise no #GP.";
    static constexpr std::array rules = {Rule::T11};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto outside =
            both(t.cpu.has_tsc_deadline, negate(either(was_deadline(t), was_reserved_mode(t))));
        const auto reads_zero = is_write(t.access.kind) ? typename D::Bool{true} : is_zero(t.out.value);
        return {both(at_deadline_msr(t), outside),
                all_of<D>({typename D::Bool{!t.out.gp}, reads_zero, nothing_changed(t)})};
    }
};

struct DeadlineMsrFaultsWithoutCpuid : StepProperty {
    static constexpr std::string_view id = "deadline-msr-faults-without-cpuid";
    static constexpr std::string_view statement =
        "If CPUID.1:ECX[24] is 0, RDMSR and WRMSR of IA32_TSC_DEADLINE raise #GP.";
    static constexpr std::array rules = {Rule::T14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(at_deadline_msr(t), negate(t.cpu.has_tsc_deadline)), is_refused(t)};
    }
};

struct ModeSwitchDisarms : StepProperty {
    static constexpr std::string_view id = "timer-mode-switch-disarms";
    static constexpr std::string_view statement = "A write to LVT Timer that changes to or from TSC-deadline "
                                                  "mode clears IA32_TSC_DEADLINE; any other keeps it, "
                                                  "the reserved mode excepted.";
    static constexpr std::array rules = {Rule::T12};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto same_mode = equal(was_deadline(t), in_deadline_mode(t, t.after));
        return {both(writes(t, Reg::lvt_timer), negate(touches_reserved_timer_mode(t))),
                both(either(same_mode, is_zero(t.after.tsc_deadline)),
                     implies<D>(same_mode, equal(t.before.tsc_deadline, t.after.tsc_deadline)))};
    }
};

struct DeadlineKept : StepProperty {
    static constexpr std::string_view id = "deadline-is-kept";
    static constexpr std::string_view statement =
        "Only a write to IA32_TSC_DEADLINE, a change of the timer mode, the timer's expiry, RESET and "
        "INIT change the deadline.";
    static constexpr std::array rules = {Rule::T10, Rule::T17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind == AccessKind::reset || t.access.kind == AccessKind::init ||
            t.access.kind == AccessKind::message)
            return no_claim<D>();
        const auto writes_it =
            t.access.kind == AccessKind::wrmsr ? at_deadline_msr(t) : typename D::Bool{false};
        const auto expires = both(expires_armed(t), was_deadline(t));
        const auto may =
            any_of<D>({writes_it, expires, writes(t, Reg::lvt_timer), leaves_registers_unspecified(t)});
        return {negate(may), equal(t.before.tsc_deadline, t.after.tsc_deadline)};
    }
};

struct MaskedTimerDoesNotInterrupt : StepProperty {
    static constexpr std::string_view id = "masked-timer-does-not-interrupt";
    static constexpr std::string_view statement =
        "While LVT Timer is masked, the expiry of the timer sets no bit in IRR, TMR or ISR and records no "
        "error.";
    static constexpr std::array rules = {Rule::T13a};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto deadline = either(equal(t.before.tsc_deadline, t.after.tsc_deadline),
                                     both(was_deadline(t), is_zero(t.after.tsc_deadline)));
        return {both(expires_armed(t), is_masked(t.before, Reg::lvt_timer)),
                all_of<D>({registers_kept(t), identity_kept(t), deadline, errors_gained_only(t, 0),
                           typename D::Bool{t.out.answer != Answer::apic && nothing_sent(t)}})};
    }
};

struct StoppedTimerDoesNotExpire : StepProperty {
    static constexpr std::string_view id = "stopped-timer-does-not-expire";
    static constexpr std::string_view statement =
        "A timer whose initial count is 0, or in TSC-deadline mode whose deadline is 0, generates no "
        "interrupt.";
    static constexpr std::array rules = {Rule::T03, Rule::T10, Rule::T17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::timer_expires) return no_claim<D>();
        return {negate(either(expires_armed(t), was_reserved_mode(t))), nothing_changed(t)};
    }
};

struct TimerFiresItsVector : StepProperty {
    static constexpr std::string_view id = "timer-fires-its-vector";
    static constexpr std::string_view statement =
        "If LVT Timer is not masked, the expiry of the timer requests its vector as an edge-triggered "
        "interrupt and changes nothing else but the deadline.";
    static constexpr std::array rules = {Rule::L11, Rule::P01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto vector = timer_vector(t);
        typename D::Bool rest = true;
        for (const RegisterFact& fact : register_facts)
            if (!model::is_bitmap(fact.reg)) rest = both(rest, is_kept(t, fact.reg));
        return {both(fires(t), is_legal_vector<D>(vector)),
                all_of<D>({only_vector_becomes<D>(t, Reg::irr0, vector, typename D::Bool{true}),
                           only_vector_becomes<D>(t, Reg::tmr0, vector, typename D::Bool{false}),
                           are_kept(t, Reg::isr0), rest, identity_kept(t), errors_gained_only(t, 0)})};
    }
};

struct TimerWithIllegalVector : StepProperty {
    static constexpr std::string_view id = "timer-with-illegal-vector-is-an-error";
    static constexpr std::string_view statement =
        "If LVT Timer is not masked and its vector is below 16, the expiry of the timer sets no IRR bit "
        "and records the receive-illegal-vector error.";
    static constexpr std::array rules = {Rule::L04b, Rule::P06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(fires(t), negate(is_legal_vector<D>(timer_vector(t)))),
                all_of<D>({registers_kept(t), errors_gained_only(t, facts::receive_illegal_vector),
                           has_any(t.after.esr_pending, facts::receive_illegal_vector)})};
    }
};

struct DeadlineFiresOnce : StepProperty {
    static constexpr std::string_view id = "deadline-fires-once";
    static constexpr std::string_view statement =
        "When the timer generates its interrupt in TSC-deadline mode, IA32_TSC_DEADLINE becomes 0.";
    static constexpr std::array rules = {Rule::T10, Rule::T17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(fires(t), was_deadline(t)), is_zero(t.after.tsc_deadline)};
    }
};

} // namespace lapicheck::specs
