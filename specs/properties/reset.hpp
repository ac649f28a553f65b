// RESET, INIT and start-up (groups R, B10, B11, B17, L01, V04).
#pragma once

#include "specs/properties/destination_vocabulary.hpp"

namespace lapicheck::specs {

// The registers that keep something; the others read what they compute, or nothing.
constexpr bool holds_a_value(Reg reg) {
    return reg != Reg::version && reg != Reg::ppr && reg != Reg::eoi && reg != Reg::current_count &&
           reg != Reg::self_ipi;
}
// Each register has its value of after RESET, but for the ones named.
template <class D>
typename D::Bool has_reset_values(const Transition<D>& t, std::initializer_list<Reg> but = {}) {
    typename D::Bool all = both(is_zero(t.after.tsc_deadline), is_zero(t.after.esr_pending));
    for (const RegisterFact& fact : register_facts) {
        bool asked = holds_a_value(fact.reg);
        for (const Reg reg : but) asked = asked && reg != fact.reg;
        if (asked) all = both(all, equal(t.after[fact.reg], typename D::U32{fact.reset}));
    }
    return all;
}
// INIT, by the signal or as a message that is for this APIC.
template <class D>
typename D::Bool is_init(const Transition<D>& t) {
    if (t.access.kind == AccessKind::init) return typename D::Bool{true};
    return both(is_message_of(t, 5), both(is_addressed(t), negate(is_level_deassert(t))));
}

struct ResetValues : StepProperty {
    static constexpr std::string_view id = "reset-values";
    static constexpr std::string_view statement =
        "After RESET every register has the value that the manual lists: LVT entries 00010000H, SVR "
        "000000FFH, DFR FFFFFFFFH, ID as assigned by hardware, all others 0.";
    static constexpr std::array rules = {Rule::R01, Rule::L01, Rule::V04, Rule::D03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::reset) return no_claim<D>();
        const auto id = equal(t.after[Reg::id], (t.cpu.hardware_id & u32{0xff}) << 24);
        return {typename D::Bool{true},
                all_of<D>({has_reset_values(t, {Reg::id}), id, equal(t.after.x2apic_id, t.cpu.hardware_id),
                           negate(t.after.cleared_by_software), negate(t.after.ier_written)})};
    }
};

struct ResetApicBase : StepProperty {
    static constexpr std::string_view id = "reset-apic-base";
    static constexpr std::string_view statement =
        "After RESET the base is FEE00000H and the APIC is not in x2APIC mode unless the platform locks "
        "that mode; on Intel EN is 1.";
    static constexpr std::array rules = {Rule::B10, Rule::B17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::reset) return no_claim<D>();
        constexpr u64 mode_and_bsp = facts::base_enable | facts::base_extd | facts::base_bsp;
        const auto base = equal(t.after.apic_base & ~mode_and_bsp,
                                typename D::U64{facts::base_after_reset & ~mode_and_bsp});
        return {typename D::Bool{true},
                all_of<D>({base, either(t.cpu.locked_x2apic, negate(has_x2apic_bit(t.after))),
                           either(t.cpu.amd, has_enable(t.after))})};
    }
};

struct InitValues : StepProperty {
    static constexpr std::string_view id = "init-values";
    static constexpr std::string_view statement =
        "After INIT of an enabled APIC every register has its RESET value, except IA32_APIC_BASE, the ID "
        "register and, in x2APIC mode, LDR.";
    static constexpr std::array rules = {Rule::R02, Rule::R04, Rule::L01, Rule::V04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto ldr = equal(t.after[Reg::ldr], typename D::U32{u32{0}});
        return {both(is_init(t), has_enable(t.before)),
                all_of<D>({has_reset_values(t, {Reg::id, Reg::ldr}), either(was_x2apic(t), ldr),
                           negate(t.after.cleared_by_software), negate(t.after.ier_written)})};
    }
};

struct InitKeepsMode : StepProperty {
    static constexpr std::string_view id = "init-keeps-mode";
    static constexpr std::string_view statement =
        "INIT changes neither IA32_APIC_BASE, and therefore not the mode, nor any of the 32 bits of the "
        "ID.";
    static constexpr std::array rules = {Rule::B11, Rule::B17, Rule::R02, Rule::R03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {is_init(t), both(identity_kept(t), is_kept(t, Reg::id))};
    }
};

struct InitForAnotherApic : StepProperty {
    static constexpr std::string_view id = "init-for-another-apic-changes-nothing";
    static constexpr std::string_view statement =
        "An INIT message that does not address this APIC changes nothing in it.";
    static constexpr std::array rules = {Rule::I17, Rule::I09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(is_message_of(t, 5), is_for_others(t)), nothing_changed(t)};
    }
};

struct InitLeavesDisabledApicAlone : StepWish {
    static constexpr std::string_view id = "init-leaves-a-disabled-apic-alone";
    static constexpr std::string_view statement = "INIT changes nothing in a disabled APIC.";
    static constexpr std::array rules = {Rule::R03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::init) return no_claim<D>();
        return {was_disabled(t), nothing_changed(t)};
    }
};

struct InitDeassertIgnored : StepProperty {
    static constexpr std::string_view id = "init-level-deassert-ignored";
    static constexpr std::string_view statement = "An INIT level de-assert changes nothing.";
    static constexpr std::array rules = {Rule::I07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {all_of<D>({is_message_of(t, 5), is_level_deassert(t), negate(t.cpu.amd)}),
                nothing_changed(t)};
    }
};

struct StartUpChangesNothing : StepProperty {
    static constexpr std::string_view id = "start-up-changes-nothing";
    static constexpr std::string_view statement = "A start-up IPI (SIPI) changes no register of the APIC.";
    static constexpr std::array rules = {Rule::R06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {is_message_of(t, 6), nothing_changed(t)};
    }
};

} // namespace lapicheck::specs
