// Priority, the end of an interrupt, CR8, and what the command registers send (groups P, I).
#pragma once

#include "specs/properties/vocabulary.hpp"

namespace lapicheck::specs {

// Priority. The class of the interrupt in service, of the task, and of the highest request.
template <class D>
typename D::U32 service_class(const Transition<D>& t) {
    return highest_of(t.before, Reg::isr0) & u32{0xf0};
}
template <class D>
typename D::U32 task_class(const Transition<D>& t) {
    return t.before[Reg::tpr] & u32{0xf0};
}
template <class D>
typename D::Bool request_is_above_ppr(const Transition<D>& t) {
    const auto request = highest_of(t.before, Reg::irr0) & u32{0xf0};
    return both(less(task_class(t), request), less(service_class(t), request));
}

struct HighestRequestIsTaken : StepProperty {
    static constexpr std::string_view id = "highest-request-above-ppr-is-taken";
    static constexpr std::string_view statement =
        "The highest vector in IRR is dispatched to the processor if its priority class is above "
        "PPR[7:4], whatever TPR[3:0] and PPR[3:0] are.";
    static constexpr std::array rules = {Rule::P02, Rule::P14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::take_interrupt) return no_claim<D>();
        return {all_of<D>({has_enable(t.before), was_software_enabled(t), request_is_above_ppr(t),
                           negate(t.before.ier_written)}),
                both(typename D::Bool{t.out.answer == Answer::apic},
                     equal(read_word(t), highest_of(t.before, Reg::irr0)))};
    }
};

struct NothingBelowPprIsTaken : StepProperty {
    static constexpr std::string_view id = "nothing-below-ppr-is-taken";
    static constexpr std::string_view statement =
        "An interrupt whose priority class is not above PPR[7:4] is not dispatched to the processor.";
    static constexpr std::array rules = {Rule::P02, Rule::P09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::take_interrupt) return no_claim<D>();
        return {negate(either(request_is_above_ppr(t), t.before.ier_written)),
                both(typename D::Bool{t.out.answer != Answer::apic}, nothing_changed(t))};
    }
};

struct TakenInterruptMovesToIsr : StepProperty {
    static constexpr std::string_view id = "taken-interrupt-moves-from-irr-to-isr";
    static constexpr std::string_view statement =
        "Dispatching an interrupt to the processor clears the vector's IRR bit, sets its ISR bit and "
        "changes nothing else.";
    static constexpr std::array rules = {Rule::P02};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::take_interrupt || t.out.answer != Answer::apic) return no_claim<D>();
        const auto vector = highest_of(t.before, Reg::irr0);
        typename D::Bool rest = both(rest_kept(t), errors_gained_only(t, 0));
        for (const RegisterFact& fact : register_facts)
            if (!model::is_bitmap(fact.reg)) rest = both(rest, is_kept(t, fact.reg));
        return {typename D::Bool{true},
                all_of<D>({only_vector_becomes<D>(t, Reg::irr0, vector, typename D::Bool{false}),
                           only_vector_becomes<D>(t, Reg::isr0, vector, typename D::Bool{true}),
                           are_kept(t, Reg::tmr0), rest, equal(read_word(t), vector)})};
    }
};

// What an EOI does to ISR, word by word from above: where a higher word has a bit, nothing.
template <class D>
struct EndedInterrupt {
    explicit EndedInterrupt(const Transition<D>& t) {
        typename D::Bool ended_above = false;
        for (u32 word = 8; word-- > 0;) {
            const auto& bits = t.before[model::offset_by(Reg::isr0, word)];
            const auto none_here = is_zero(bits);
            const auto left = select(either(ended_above, none_here), bits, without_highest_bit(bits));
            only_highest_cleared =
                both(only_highest_cleared, equal(t.after[model::offset_by(Reg::isr0, word)], left));
            const auto level = (bits ^ left) & t.before[model::offset_by(Reg::tmr0, word)];
            is_level = either(is_level, negate(is_zero(level)));
            ended_above = either(ended_above, negate(none_here));
        }
    }
    typename D::Bool only_highest_cleared = true;
    typename D::Bool is_level = false; // there is one, and its TMR bit is set
};

struct EoiClearsHighestIsr : StepProperty {
    static constexpr std::string_view id = "eoi-clears-the-highest-isr-bit";
    static constexpr std::string_view statement =
        "A write to EOI clears the highest bit that is set in ISR, whatever SVR[12] is, and changes no "
        "other register.";
    static constexpr std::array rules = {Rule::P04, Rule::P13, Rule::M07, Rule::X14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto written = writes(t, Reg::eoi);
        if (!t.out.ends_interrupt) return {written, typename D::Bool{false}};
        return {written, all_of<D>({EndedInterrupt<D>(t).only_highest_cleared, are_kept(t, Reg::irr0),
                                    are_kept(t, Reg::tmr0), rest_kept(t), errors_gained_only(t, 0)})};
    }
};

struct EoiBroadcast : StepProperty {
    static constexpr std::string_view id = "eoi-broadcast-follows-tmr";
    static constexpr std::string_view statement =
        "An EOI is broadcast if and only if the TMR bit of the vector that it ends is 1 and SVR[12] is 0.";
    static constexpr std::array rules = {Rule::P05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!t.out.ends_interrupt) return no_claim<D>(); // see eoi-clears-the-highest-isr-bit
        const auto suppressed = has_any(t.before[Reg::svr], facts::svr_suppression);
        const auto as_due = equal(t.out.broadcasts_eoi, EndedInterrupt<D>(t).is_level);
        return {writes(t, Reg::eoi),
                both(either(suppressed, as_due), implies<D>(suppressed, negate(t.out.broadcasts_eoi)))};
    }
};

struct OnlyEoiEndsInterrupts : StepProperty {
    static constexpr std::string_view id = "only-eoi-ends-interrupts";
    static constexpr std::string_view statement =
        "Only a write to EOI ends an interrupt or broadcasts an EOI.";
    static constexpr std::array rules = {Rule::P04, Rule::P05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {negate(writes(t, Reg::eoi)),
                both(typename D::Bool{!t.out.ends_interrupt}, negate(t.out.broadcasts_eoi))};
    }
};

struct PprValue : StepProperty {
    static constexpr std::string_view id = "ppr-value";
    static constexpr std::string_view statement =
        "PPR reads TPR if TPR[7:4] is above the priority class of the highest vector in ISR, and that "
        "class with PPR[3:0] = 0 if that class is above TPR[7:4]; if both are equal, PPR[7:4] is that "
        "class and PPR[3:0] is TPR[3:0] or 0.";
    static constexpr std::array rules = {Rule::P03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto task = task_class(t);
        const auto service = service_class(t);
        const auto tpr = t.before[Reg::tpr] & u32{0xff};
        const auto is = [&t](const typename D::U32& value) { return equal(t.out.value, zero_extend(value)); };
        const auto by_task = implies<D>(less(service, task), is(tpr));
        const auto by_service = implies<D>(less(task, service), is(service));
        const auto by_both = implies<D>(equal(task, service), either(is(tpr), is(service)));
        return {reads(t, fact_of(Reg::ppr)),
                all_of<D>({typename D::Bool{!t.out.gp}, is_zero(high_half(t.out.value)), by_task, by_service,
                           by_both})};
    }
};

struct Cr8IsTpr : StepProperty {
    static constexpr std::string_view id = "cr8-is-tpr";
    static constexpr std::string_view statement =
        "While the APIC is enabled, a read of CR8 returns TPR[7:4] and changes nothing.";
    static constexpr std::array rules = {Rule::P08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::cr8_read) return no_claim<D>();
        const auto priority = zero_extend((t.before[Reg::tpr] >> 4) & u32{0xf});
        return {has_enable(t.before), both(equal(t.out.value, priority), nothing_changed(t))};
    }
};

struct Cr8ReadsFourBits : StepProperty {
    static constexpr std::string_view id = "cr8-reads-four-bits";
    static constexpr std::string_view statement = "Bits 63:4 of CR8 read as 0 in every mode.";
    static constexpr std::array rules = {Rule::P08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::cr8_read) return no_claim<D>();
        return {typename D::Bool{true}, is_zero(t.out.value & ~u64{0xf})};
    }
};

struct Cr8WriteSetsTpr : StepProperty {
    static constexpr std::string_view id = "cr8-write-sets-tpr";
    static constexpr std::string_view statement =
        "While the APIC is enabled, a write of a value v from 0 to 15 to CR8 sets TPR to v << 4 and "
        "changes nothing else.";
    static constexpr std::array rules = {Rule::P15, Rule::P08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::cr8_write) return no_claim<D>();
        const auto small = is_zero(t.access.value & ~u64{0xf});
        return {both(has_enable(t.before), small),
                all_of<D>({typename D::Bool{!t.out.gp && nothing_sent(t)},
                           equal(t.after[Reg::tpr], written_word(t) << 4), registers_kept(t, {Reg::tpr}),
                           rest_kept(t), errors_gained_only(t, 0)})};
    }
};

struct Cr8HighBitsFault : StepProperty {
    static constexpr std::string_view id = "cr8-high-bits-fault";
    static constexpr std::string_view statement = "A write to CR8 that sets any of bits 63:4 raises #GP.";
    static constexpr std::array rules = {Rule::P15};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::cr8_write) return no_claim<D>();
        return {negate(is_zero(t.access.value & ~u64{0xf})), is_refused(t)};
    }
};

struct LowVectorsNeverSet : StepProperty {
    static constexpr std::string_view id = "low-vectors-never-set";
    static constexpr std::string_view statement = "Bits 15:0 of IRR, ISR and TMR are never set.";
    static constexpr std::array rules = {Rule::P06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto clear = [](const State<D>& s) {
            typename D::Bool all = true;
            for (const BitmapFact& map : bitmaps) all = both(all, negate(has_any(s[map.first], 0xffff)));
            return all;
        };
        return {clear(t.before), clear(t.after)};
    }
};

// What software sends.
struct CommandWriteSends : StepProperty {
    static constexpr std::string_view id = "command-write-sends";
    static constexpr std::string_view statement =
        "A write to ICR[31:0] (300H) in xAPIC mode, to MSR 830H or to SELF IPI sends an IPI, whether the "
        "APIC is software-disabled or not.";
    static constexpr std::array rules = {Rule::I01, Rule::I02, Rule::V11};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {either(writes(t, Reg::icr), writes(t, Reg::self_ipi)), typename D::Bool{t.out.sends_ipi}};
    }
};

struct OnlyCommandRegistersSend : StepProperty {
    static constexpr std::string_view id = "only-command-registers-send";
    static constexpr std::string_view statement =
        "Only a write to ICR[31:0] or SELF IPI sends an IPI; a write to ICR[63:32] (310H) does not.";
    static constexpr std::array rules = {Rule::I22, Rule::I01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto sends = either(writes(t, Reg::icr), writes(t, Reg::self_ipi));
        return {negate(either(sends, is_odd(t))), typename D::Bool{!t.out.sends_ipi}};
    }
};

struct DeliveryStatusIsReadOnly : StepProperty {
    static constexpr std::string_view id = "icr-delivery-status-is-read-only";
    static constexpr std::string_view statement =
        "A write to ICR does not set the delivery status (ICR[12]).";
    static constexpr std::array rules = {Rule::I03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {writes(t, Reg::icr), agree<D>(t.before[Reg::icr], t.after[Reg::icr], facts::icr_status)};
    }
};

} // namespace lapicheck::specs
