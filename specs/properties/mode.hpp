// IA32_APIC_BASE: the modes, the ways between them and what survives them (group B).
#pragma once

#include "specs/properties/vocabulary.hpp"

namespace lapicheck::specs {

template <class D>
typename D::Bool sets_reserved_base_bits(const Transition<D>& t) {
    return either(has_any(t.access.value, facts::base_reserved),
                  negate(is_zero(t.access.value & ~t.cpu.address_mask)));
}
// Of those the ones of which AMD's manual says nothing: what comes of them there, and what is kept.
template <class D>
typename D::U64 doubtful_base_bits(const Transition<D>& t) {
    using U64 = typename D::U64;
    const U64 bits = (~t.cpu.address_mask | facts::base_reserved) & ~facts::base_beyond;
    return select(t.cpu.amd, bits, U64{u64{0}});
}
template <class D>
typename D::Bool asks_enable(const Transition<D>& t) {
    return has_any(t.access.value, facts::base_enable);
}
template <class D>
typename D::Bool asks_x2apic_bit(const Transition<D>& t) {
    return has_any(t.access.value, facts::base_extd);
}
// With the platform's lock x2APIC mode cannot be left.
template <class D>
typename D::Bool leaves_locked_x2apic(const Transition<D>& t) {
    return all_of<D>({t.cpu.locked_x2apic, was_x2apic(t), negate(asks_x2apic_bit(t))});
}
template <class D>
typename D::Bool accepts_apic_base(const Transition<D>& t) {
    return t.out.gp ? typename D::Bool{false} : writes_apic_base(t);
}
// The accepted write leads from xAPIC mode to x2APIC mode.
template <class D>
typename D::Bool enters_x2apic(const Transition<D>& t) {
    return all_of<D>({accepts_apic_base(t), was_xapic(t), asks_enable(t), asks_x2apic_bit(t)});
}
// The accepted write leads to the disabled mode, after which little is said of the registers.
template <class D>
typename D::Bool leaves_for_disabled(const Transition<D>& t) {
    return all_of<D>({accepts_apic_base(t), has_enable(t.before), negate(asks_enable(t))});
}

struct ModeTransitions : StepProperty {
    static constexpr std::string_view id = "mode-transitions";
    static constexpr std::string_view statement =
        "A WRMSR to IA32_APIC_BASE that requests an illegal mode transition raises #GP and changes "
        "nothing; one that requests a legal transition enters the requested mode.";
    static constexpr std::array rules = {Rule::B02, Rule::B03, Rule::B04, Rule::B05, Rule::B06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto enable = asks_enable(t);
        const auto extd = asks_x2apic_bit(t);
        const auto illegal =
            any_of<D>({both(extd, negate(t.cpu.has_x2apic)), both(extd, negate(enable)),
                       all_of<D>({was_x2apic(t), enable, negate(extd)}), both(was_disabled(t), extd)});
        // A base that moves and a BSP flag that changes may be refused for themselves.
        const auto elsewhere = facts::base_page | facts::base_bsp;
        const auto plain = all_of<D>({is_zero((t.access.value ^ t.before.apic_base) & elsewhere),
                                      negate(sets_reserved_base_bits(t)), negate(leaves_locked_x2apic(t))});
        const auto granted = both(typename D::Bool{!t.out.gp}, equal(t.after.apic_base, t.access.value));
        return {both(writes_apic_base(t), either(illegal, plain)),
                both(implies<D>(illegal, is_refused(t)), either(illegal, granted))};
    }
};

struct LockedX2apicStays : StepProperty {
    static constexpr std::string_view id = "locked-x2apic-stays";
    static constexpr std::string_view statement =
        "If IA32_XAPIC_DISABLE_STATUS[0] is 1, a WRMSR that would leave x2APIC mode raises #GP and "
        "changes nothing.";
    static constexpr std::array rules = {Rule::B16};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(writes_apic_base(t), leaves_locked_x2apic(t)), is_refused(t)};
    }
};

struct ApicBaseReservedBitsFault : StepProperty {
    static constexpr std::string_view id = "apic-base-reserved-bits-fault";
    static constexpr std::string_view statement = "A WRMSR to IA32_APIC_BASE that sets one of bits 63:52, on "
                                                  "Intel also bits 7:0, bit 9 or a bit from MAXPHYADDR on, "
                                                  "raises #GP and changes nothing.";
    static constexpr std::array rules = {Rule::B01, Rule::B07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto sets = either(has_any(t.access.value, facts::base_beyond),
                                 both(negate(t.cpu.amd), sets_reserved_base_bits(t)));
        return {both(writes_apic_base(t), sets), is_refused(t)};
    }
};

struct ApicBaseReadsBack : StepProperty {
    static constexpr std::string_view id = "apic-base-reads-back";
    static constexpr std::string_view statement =
        "RDMSR of IA32_APIC_BASE returns the contents of the register (bit 8 is not checked), raises no "
        "#GP and changes nothing.";
    static constexpr std::array rules = {Rule::B08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr) return no_claim<D>();
        const auto same =
            is_zero((t.out.value ^ t.before.apic_base) & ~facts::base_bsp & ~doubtful_base_bits(t));
        return {at_msr(t, facts::apic_base_msr),
                all_of<D>({typename D::Bool{!t.out.gp && nothing_sent(t)}, same, nothing_changed(t)})};
    }
};

struct AcceptedApicBaseIsKept : StepProperty {
    static constexpr std::string_view id = "accepted-apic-base-is-kept";
    static constexpr std::string_view statement = "A WRMSR to IA32_APIC_BASE that raises no #GP stores its "
                                                  "value; the BSP flag, and on AMD reserved "
                                                  "bits, may keep their old value.";
    static constexpr std::array rules = {Rule::B06, Rule::B08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto bsp = t.after.apic_base & facts::base_bsp;
        const auto judged = ~(doubtful_base_bits(t) | facts::base_bsp);
        const auto base = is_zero((t.after.apic_base ^ t.access.value) & judged);
        const auto flag = either(equal(bsp, t.access.value & facts::base_bsp),
                                 equal(bsp, t.before.apic_base & facts::base_bsp));
        return {accepts_apic_base(t), both(base, flag)};
    }
};

struct ApicBaseChangesByWrmsrAndReset : StepProperty {
    static constexpr std::string_view id = "apic-base-changes-by-wrmsr-and-reset-only";
    static constexpr std::string_view statement =
        "Only a WRMSR to IA32_APIC_BASE and RESET change the base, the mode and the BSP flag.";
    static constexpr std::array rules = {Rule::B08, Rule::B11, Rule::B17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind == AccessKind::reset) return no_claim<D>();
        return {negate(writes_apic_base(t)), equal(t.before.apic_base, t.after.apic_base)};
    }
};

struct InvalidModeUnreachable : StepProperty {
    static constexpr std::string_view id = "invalid-mode-unreachable";
    static constexpr std::string_view statement =
        "No step leads from a valid mode to EXTD=1 with EN=0, or to EXTD=1 if CPUID.1:ECX[21] is 0.";
    static constexpr std::array rules = {Rule::B09, Rule::B02};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto valid = [&t](const State<D>& s) {
            return implies<D>(has_x2apic_bit(s), both(has_enable(s), t.cpu.has_x2apic));
        };
        return {valid(t.before), valid(t.after)};
    }
};

struct GpChangesNothing : StepProperty {
    static constexpr std::string_view id = "gp-changes-nothing";
    static constexpr std::string_view statement =
        "An access that raises #GP changes no register, records no error and sends nothing.";
    static constexpr std::array rules = {Rule::B07, Rule::E09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {typename D::Bool{t.out.gp}, is_refused(t)};
    }
};

struct OnlyMsrsAndCr8Fault : StepProperty {
    static constexpr std::string_view id = "only-msrs-and-cr8-fault";
    static constexpr std::string_view statement =
        "Only RDMSR, WRMSR and a write to CR8 raise #GP; MMIO accesses and interrupts never do.";
    static constexpr std::array rules = {Rule::M06, Rule::M07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (is_msr(t.access.kind) || t.access.kind == AccessKind::cr8_write) return no_claim<D>();
        return {typename D::Bool{true}, typename D::Bool{!t.out.gp}};
    }
};

struct SameModeWriteKeepsRegisters : StepProperty {
    static constexpr std::string_view id = "same-mode-write-keeps-the-registers";
    static constexpr std::string_view statement =
        "A WRMSR to IA32_APIC_BASE that keeps the mode changes no other register of the APIC.";
    static constexpr std::array rules = {Rule::B06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto same = both(equal(asks_enable(t), has_enable(t.before)),
                               equal(asks_x2apic_bit(t), has_x2apic_bit(t.before)));
        const auto rest = both(equal(t.before.x2apic_id, t.after.x2apic_id),
                               equal(t.before.tsc_deadline, t.after.tsc_deadline));
        return {both(accepts_apic_base(t), same),
                all_of<D>({registers_kept(t), rest, errors_gained_only(t, 0)})};
    }
};

struct IdAfterLeavingX2apic : StepProperty {
    static constexpr std::string_view id = "id-after-leaving-x2apic";
    static constexpr std::string_view statement = "Leaving x2APIC mode makes the low byte of the x2APIC ID "
                                                  "the xAPIC ID, on Intel, and entering xAPIC mode keeps it.";
    static constexpr std::array rules = {Rule::B13a};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto leaves = all_of<D>({leaves_for_disabled(t), was_x2apic(t), negate(t.cpu.amd)});
        const auto enters = all_of<D>({accepts_apic_base(t), was_disabled(t), asks_enable(t)});
        const auto low_byte = equal(t.after[Reg::id] >> 24, t.before.x2apic_id & u32{0xff});
        return {either(leaves, enters),
                both(implies<D>(leaves, low_byte), implies<D>(enters, is_kept(t, Reg::id)))};
    }
};

struct X2apicEntryKeepsTheRest : StepProperty {
    static constexpr std::string_view id = "x2apic-entry-keeps-the-rest";
    static constexpr std::string_view statement =
        "The transition from xAPIC mode to x2APIC mode preserves every register except ID, LDR, DFR and "
        "ICR[63:32].";
    static constexpr std::array rules = {Rule::D12};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {enters_x2apic(t),
                all_of<D>({registers_kept(t, {Reg::id, Reg::ldr, Reg::dfr, Reg::icr_high}),
                           errors_gained_only(t, 0), equal(t.before.tsc_deadline, t.after.tsc_deadline),
                           equal(t.before.cleared_by_software, t.after.cleared_by_software)})};
    }
};

struct X2apicEntrySetsTheId : StepProperty {
    static constexpr std::string_view id = "x2apic-entry-sets-the-id";
    static constexpr std::string_view statement =
        "On entry to x2APIC mode the ID is the one that hardware assigned; on AMD it may instead be an ID "
        "that software wrote before.";
    static constexpr std::array rules = {Rule::D11};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto rewritten = negate(equal(t.before[Reg::id] >> 24, t.cpu.hardware_id & u32{0xff}));
        const auto first_time = equal(t.before.x2apic_id, t.cpu.hardware_id);
        return {both(enters_x2apic(t), either(negate(t.cpu.amd), both(first_time, negate(rewritten)))),
                equal(t.after.x2apic_id, t.cpu.hardware_id)};
    }
};

struct X2apicIdStays : StepProperty {
    static constexpr std::string_view id = "x2apic-id-stays";
    static constexpr std::string_view statement =
        "Only RESET and the entry to x2APIC mode change the x2APIC ID; leaving x2APIC mode does not.";
    static constexpr std::array rules = {Rule::D02, Rule::B13a};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind == AccessKind::reset) return no_claim<D>();
        return {negate(enters_x2apic(t)), equal(t.before.x2apic_id, t.after.x2apic_id)};
    }
};

} // namespace lapicheck::specs
