// The spurious interrupt vector register and the local vector table that it masks (groups V, L).
#pragma once

#include "specs/properties/lvt_vocabulary.hpp"

namespace lapicheck::specs {

template <class D>
typename D::Bool asks_software_enable(const Transition<D>& t) {
    return has_any(written_word(t), facts::svr_enable);
}
// Fixed bits as the figure has them: the masks of the table in a state.
template <class D>
typename D::Bool all_masked(const State<D>& s) {
    typename D::Bool all = true;
    for (const Reg entry : lvt_registers) all = both(all, is_masked(s, entry));
    return all;
}

struct SoftwareDisableMasksLvt : StepProperty {
    static constexpr std::string_view id = "software-disable-masks-lvt";
    static constexpr std::string_view statement =
        "A write that clears SVR[8] sets the mask bit of every LVT entry.";
    static constexpr std::array rules = {Rule::V06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto clears = both(either(was_software_enabled(t), t.before.cleared_by_software),
                                 negate(asks_software_enable(t)));
        return {both(writes(t, Reg::svr), clears), all_masked(t.after)};
    }
};

struct SoftwareDisableKeepsTheRest : StepProperty {
    static constexpr std::string_view id = "software-disable-only-masks";
    static constexpr std::string_view statement =
        "A write to SVR changes nothing in an LVT entry except that it may set the mask bit.";
    static constexpr std::array rules = {Rule::V06, Rule::V10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        typename D::Bool holds = true;
        for (const Reg entry : lvt_registers)
            holds = both(holds,
                         either(is_kept(t, entry), equal(t.before[entry] | facts::lvt_mask, t.after[entry])));
        return {writes(t, Reg::svr), holds};
    }
};

struct SoftwareDisableIsRemembered : StepProperty {
    static constexpr std::string_view id = "software-disable-is-remembered";
    static constexpr std::string_view statement =
        "After a write that clears SVR[8], the APIC counts as disabled by software until a write sets "
        "SVR[8], RESET or INIT.";
    static constexpr std::array rules = {Rule::V07, Rule::V13};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto writes_svr = writes(t, Reg::svr);
        const auto clears = both(was_software_enabled(t), negate(asks_software_enable(t)));
        const bool restarts = t.access.kind >= AccessKind::message; // INIT may come as a message
        const auto other = both(negate(writes_svr), negate(leaves_registers_unspecified(t)));
        return {
            restarts ? typename D::Bool{false} : either(writes_svr, other),
            all_of<D>(
                {implies<D>(both(writes_svr, clears), t.after.cleared_by_software),
                 implies<D>(both(writes_svr, asks_software_enable(t)), negate(t.after.cleared_by_software)),
                 implies<D>(
                     all_of<D>({writes_svr, negate(asks_software_enable(t)), t.before.cleared_by_software}),
                     t.after.cleared_by_software),
                 implies<D>(other, equal(t.before.cleared_by_software, t.after.cleared_by_software))})};
    }
};

struct LvtStaysMaskedWhileDisabled : StepProperty {
    static constexpr std::string_view id = "lvt-stays-masked-while-disabled";
    static constexpr std::string_view statement =
        "While SVR[8] is 0 because software cleared it, a write to an LVT entry, including LVT CMCI, "
        "leaves its mask bit set.";
    static constexpr std::array rules = {Rule::V07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto disabled = both(negate(was_software_enabled(t)), t.before.cleared_by_software);
        return each_register<D>(
            [&](const RegisterFact& fact) {
                return is_lvt_register(fact.reg) ? both(disabled, writes(t, fact)) : typename D::Bool{false};
            },
            [&t](const RegisterFact& fact) { return is_masked(t.after, fact.reg); });
    }
};

struct SoftwareEnableUnmasksNothing : StepProperty {
    static constexpr std::string_view id = "software-enable-unmasks-nothing";
    static constexpr std::string_view statement = "A write that sets SVR[8] changes no LVT entry.";
    static constexpr std::array rules = {Rule::V08, Rule::L10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        typename D::Bool kept = true;
        for (const Reg entry : lvt_registers) kept = both(kept, is_kept(t, entry));
        return {both(writes(t, Reg::svr), asks_software_enable(t)), kept};
    }
};

struct OnlySoftwareClearsMask : StepProperty {
    static constexpr std::string_view id = "only-software-clears-mask";
    static constexpr std::string_view statement =
        "Only a write to an LVT entry clears the mask bit of that entry.";
    static constexpr std::array rules = {Rule::L10, Rule::V08, Rule::R04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        typename D::Bool holds = true;
        for (const Reg entry : lvt_registers) {
            const auto cleared = both(is_masked(t.before, entry), negate(is_masked(t.after, entry)));
            holds = both(holds, implies<D>(cleared, writes(t, entry)));
        }
        return {negate(leaves_registers_unspecified(t)), holds};
    }
};

struct LvtWriteSetsItsMask : StepProperty {
    static constexpr std::string_view id = "lvt-write-sets-its-mask";
    static constexpr std::string_view statement =
        "A write to an LVT entry sets the mask bit as written; while SVR[8] is 0, this is checked only "
        "for a write that sets the mask bit.";
    static constexpr std::array rules = {Rule::M07, Rule::X14, Rule::V07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto wants_mask = has_any(written_word(t), facts::lvt_mask);
        return each_register<D>(
            [&](const RegisterFact& fact) {
                if (!is_lvt_register(fact.reg)) return typename D::Bool{false};
                return both(writes(t, fact), either(was_software_enabled(t), wants_mask));
            },
            [&](const RegisterFact& fact) { return equal(is_masked(t.after, fact.reg), wants_mask); });
    }
};

struct LvtReadOnlyBits : StepProperty {
    static constexpr std::string_view id = "lvt-read-only-bits";
    static constexpr std::string_view statement =
        "A write to an LVT entry that is masked before and after it changes neither delivery status nor "
        "remote IRR.";
    static constexpr std::array rules = {Rule::L02};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return each_register<D>(
            [&](const RegisterFact& fact) {
                if (!is_lvt_register(fact.reg)) return typename D::Bool{false};
                return all_of<D>(
                    {writes(t, fact), is_masked(t.before, fact.reg), is_masked(t.after, fact.reg)});
            },
            [&](const RegisterFact& fact) {
                return agree<D>(t.before[fact.reg], t.after[fact.reg], fact.hardware);
            });
    }
};

struct AbsentCmciIsUntouched : StepProperty {
    static constexpr std::string_view id = "absent-cmci-is-untouched";
    static constexpr std::string_view statement =
        "If LVT CMCI is not present, an access to 2F0H changes no register and sends nothing.";
    static constexpr std::array rules = {Rule::L09, Rule::V03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto at_cmci =
            all_of<D>({is_regular(t), at_offset(t, Gap{0x2f0, 0x2ff}), negate(has_cmci_entry(t))});
        return {at_cmci, all_of<D>({typename D::Bool{nothing_sent(t)}, registers_kept(t), rest_kept(t),
                                    errors_gained_only(t, facts::illegal_register)})};
    }
};

struct CmciIsThereByVersion : StepProperty {
    static constexpr std::string_view id = "cmci-is-there-by-version";
    static constexpr std::string_view statement =
        "If the version register reports more than six LVT entries, the APIC answers accesses to 2F0H as "
        "accesses to a register.";
    static constexpr std::array rules = {Rule::V03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {accesses(t, fact_of(Reg::lvt_cmci)), typename D::Bool{t.out.answer == Answer::apic}};
    }
};

// The bit of the timer's mode that CPUID has to announce.
struct NoDeadlineModeWithoutCpuid : StepProperty {
    static constexpr std::string_view id = "no-deadline-mode-without-cpuid";
    static constexpr std::string_view statement =
        "If CPUID.1:ECX[24] is 0, a write to LVT Timer leaves bit 18 at 0.";
    static constexpr std::array rules = {Rule::T01, Rule::L03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(writes(t, Reg::lvt_timer), negate(t.cpu.has_tsc_deadline)),
                negate(has_any(t.after[Reg::lvt_timer], facts::timer_deadline))};
    }
};

// Of an LVT entry that is not masked delivery status and remote IRR may change at any time; a performance
// counter that overflows masks its entry, on Intel.
template <class D>
typename D::Bool changes_by_itself(const Transition<D>& t, const RegisterFact& fact) {
    const auto kept = is_kept(t, fact.reg);
    if (!is_lvt_register(fact.reg)) return kept;
    using U32 = typename D::U32;
    const u32 by_overflow = fact.reg == Reg::lvt_pmc ? facts::lvt_mask : 0;
    const U32 may = select(t.cpu.amd, U32{u32{0}}, U32{by_overflow}) | fact.hardware;
    const auto of_hardware = is_zero((t.before[fact.reg] ^ t.after[fact.reg]) & ~may);
    return either(kept, both(negate(is_masked(t.before, fact.reg)), of_hardware));
}

struct HardwareMasksOnlyPmc : StepProperty {
    static constexpr std::string_view id = "hardware-masks-only-pmc";
    static constexpr std::string_view statement = "What hardware does by itself sets the mask of LVT PMC, on "
                                                  "Intel, changes the read-only bits of entries that are "
                                                  "not masked, records errors from outside, and no more.";
    static constexpr std::array rules = {Rule::L07, Rule::L10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::hardware) return no_claim<D>();
        typename D::Bool kept = true;
        for (const RegisterFact& fact : register_facts) kept = both(kept, changes_by_itself(t, fact));
        constexpr u32 from_outside = facts::p6_errors | facts::receive_illegal_vector;
        return {typename D::Bool{true}, all_of<D>({kept, rest_kept(t), errors_gained_only(t, from_outside)})};
    }
};

} // namespace lapicheck::specs
