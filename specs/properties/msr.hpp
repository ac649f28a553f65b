// The MSR space 800H-8FFH: who may be read, written, and with which bits (group X).
#pragma once

#include "specs/properties/lvt_vocabulary.hpp"

namespace lapicheck::specs {

template <class D>
typename D::Bool in_msr_space(const Transition<D>& t) {
    return at_msr(t, Gap{0x800, 0x8ff});
}
// An access in x2APIC mode to one of these MSRs is refused.
template <class D>
Claim<D> faults_in_x2apic(const Transition<D>& t, const typename D::Bool& access) {
    return {both(was_x2apic(t), access), is_refused(t)};
}
// A WRMSR in x2APIC mode of a value with one of these bits is refused.
template <class D>
Claim<D> faults_with(const Transition<D>& t, u64 index, u64 bits) {
    if (t.access.kind != AccessKind::wrmsr) return no_claim<D>();
    return faults_in_x2apic(t, both(at_msr(t, index), has_any(t.access.value, bits)));
}

struct MsrSpaceFaultsOutsideX2apic : StepProperty {
    static constexpr std::string_view id = "msr-space-faults-outside-x2apic";
    static constexpr std::string_view statement =
        "Outside x2APIC mode RDMSR and WRMSR of MSRs 800H to 8FFH raise #GP and change nothing.";
    static constexpr std::array rules = {Rule::X01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(in_msr_space(t), negate(was_x2apic(t))), is_refused(t)};
    }
};

struct ReservedMsrsFault : StepProperty {
    static constexpr std::string_view id = "reserved-msrs-fault";
    static constexpr std::string_view statement =
        "In x2APIC mode RDMSR and WRMSR of an MSR address that SDM Table 10-6 reserves, which includes "
        "DFR (80EH), raise #GP.";
    static constexpr std::array rules = {Rule::X04, Rule::D08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_msr(t.access.kind)) return no_claim<D>();
        return faults_in_x2apic(t, at_one_of(t, reserved_msrs));
    }
};

struct CmciMsrFaultsWhereAbsent : StepProperty {
    static constexpr std::string_view id = "cmci-msr-faults-where-absent";
    static constexpr std::string_view statement =
        "In x2APIC mode RDMSR and WRMSR of 82FH raise #GP if LVT CMCI is not present.";
    static constexpr std::array rules = {Rule::X18, Rule::L09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return faults_in_x2apic(t, both(at_msr(t, 0x82f), negate(has_cmci_entry(t))));
    }
};

struct ReadOnlyMsrsFaultOnWrite : StepProperty {
    static constexpr std::string_view id = "read-only-msrs-fault-on-write";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR to ID, version, PPR, LDR, ISR, TMR, IRR or current count raises #GP.";
    static constexpr std::array rules = {Rule::X02, Rule::D02, Rule::D05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::wrmsr) return no_claim<D>();
        return faults_in_x2apic(t, at_one_of(t, read_only_msrs));
    }
};

struct WriteOnlyMsrsFaultOnRead : StepProperty {
    static constexpr std::string_view id = "write-only-msrs-fault-on-read";
    static constexpr std::string_view statement = "In x2APIC mode an RDMSR of EOI or SELF IPI raises #GP.";
    static constexpr std::array rules = {Rule::X03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr) return no_claim<D>();
        return faults_in_x2apic(t, at_one_of(t, write_only_msrs));
    }
};

struct HighBitsFault : StepProperty {
    static constexpr std::string_view id = "high-bits-fault";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR that sets any of bits 63:32 raises #GP, except a WRMSR to ICR.";
    static constexpr std::array rules = {Rule::X05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::wrmsr) return no_claim<D>();
        const auto high = negate(is_zero(high_half(t.access.value)));
        // From 840H on AMD may have registers of its own.
        const auto judged = both(in_msr_space(t), negate(both(t.cpu.amd, at_msr(t, Gap{0x840, 0x8ff}))));
        return faults_in_x2apic(t, all_of<D>({judged, negate(at_msr(t, 0x830)), high}));
    }
};

// Bits 31:0 that the register has on no CPU, or not on this one, and that are not unspecified.
template <class D>
typename D::U32 reserved_bits(const Transition<D>& t, const RegisterFact& fact) {
    return ~(software_bits(t, fact) | fact.hardware | unspecified_bits(fact));
}

struct ReservedLowBitsFault : StepProperty {
    static constexpr std::string_view id = "reserved-low-bits-fault";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR that sets a reserved bit among bits 31:0 of TPR, SVR, an LVT entry or the "
        "divide configuration register raises #GP.";
    static constexpr std::array rules = {Rule::X06, Rule::L03, Rule::V05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::wrmsr) return no_claim<D>();
        const auto sets_reserved = [&t](const RegisterFact& fact) -> typename D::Bool {
            const bool asked = fact.msr == Use::both && fact.reg != Reg::esr;
            if (!asked) return typename D::Bool{false};
            return both(accesses_by_msr(t, fact), negate(is_zero(written_word(t) & reserved_bits(t, fact))));
        };
        return each_register<D>(sets_reserved, [&t](const RegisterFact&) { return is_refused(t); });
    }
};

struct EoiNonzeroFaults : StepProperty {
    static constexpr std::string_view id = "eoi-nonzero-faults";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR of a non-zero value to EOI raises #GP.";
    static constexpr std::array rules = {Rule::X07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return faults_with(t, 0x80b, 0xffff'ffff'ffff'ffff);
    }
};
struct EsrNonzeroFaults : StepProperty {
    static constexpr std::string_view id = "esr-nonzero-faults";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR of a non-zero value to ESR raises #GP.";
    static constexpr std::array rules = {Rule::X08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return faults_with(t, 0x828, 0xffff'ffff'ffff'ffff);
    }
};
struct SelfIpiReservedBitsFault : StepProperty {
    static constexpr std::string_view id = "self-ipi-reserved-bits-fault";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR to SELF IPI that sets any bit above bit 7 raises #GP.";
    static constexpr std::array rules = {Rule::X09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return faults_with(t, 0x83f, 0xffff'ffff'ffff'ff00);
    }
};
struct IcrReservedBitsFault : StepProperty {
    static constexpr std::string_view id = "icr-reserved-bits-fault";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR to the ICR that sets one of bits 31:20, 17:16 and 13, on AMD also bit 12, "
        "raises #GP.";
    static constexpr std::array rules = {Rule::X10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::wrmsr) return no_claim<D>();
        const auto sets = either(has_any(written_word(t), facts::icr_reserved),
                                 both(t.cpu.amd, has_any(written_word(t), facts::icr_status)));
        return faults_in_x2apic(t, both(at_msr(t, 0x830), sets));
    }
};

struct ValidWrmsrSucceeds : StepProperty {
    static constexpr std::string_view id = "valid-wrmsr-succeeds";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR to a writable register that sets only writable bits to defined encodings "
        "raises no #GP; neither does a WRMSR to SELF IPI with a vector below 16.";
    static constexpr std::array rules = {Rule::X06, Rule::E08, Rule::X14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::wrmsr) return no_claim<D>();
        const auto is_valid = [&t](const RegisterFact& fact) -> typename D::Bool {
            const auto no_high =
                fact.reg == Reg::icr ? typename D::Bool{true} : is_zero(high_half(t.access.value));
            const auto no_other_bits = is_zero(written_word(t) & ~software_bits(t, fact));
            return all_of<D>(
                {accesses_by_msr(t, fact), no_high, no_other_bits, has_defined_encoding(t, fact)});
        };
        return each_register<D>(is_valid, [&t](const RegisterFact&) {
            return typename D::Bool{!t.out.gp && t.out.answer == Answer::apic};
        });
    }
};

struct RdmsrSucceeds : StepProperty {
    static constexpr std::string_view id = "rdmsr-of-a-readable-register-succeeds";
    static constexpr std::string_view statement =
        "In x2APIC mode an RDMSR of a readable register raises no #GP, and the APIC answers it.";
    static constexpr std::array rules = {Rule::X14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr) return no_claim<D>();
        return each_register<D>([&t](const RegisterFact& fact) { return accesses_by_msr(t, fact); },
                                [&t](const RegisterFact&) {
                                    return typename D::Bool{!t.out.gp && t.out.answer == Answer::apic};
                                });
    }
};

struct X2apicReadsHaveZeroReservedBits : StepProperty {
    static constexpr std::string_view id = "x2apic-reads-have-zero-reserved-bits";
    static constexpr std::string_view statement =
        "In x2APIC mode an RDMSR returns 0 in the register's reserved bits and, except for ICR, in bits "
        "63:32.";
    static constexpr std::array rules = {Rule::X11, Rule::E03, Rule::V02, Rule::L03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr || t.out.gp) return no_claim<D>();
        const auto no_reserved = [&t](const RegisterFact& fact) {
            const auto high = fact.reg == Reg::icr ? typename D::Bool{true} : is_zero(high_half(t.out.value));
            // The IDs are 32 bits wide here.
            if (fact.reg == Reg::id || fact.reg == Reg::ldr) return high;
            // SVR[12] stays what it was where the register's contents are not said (B13b).
            const u32 spared = fact.reg == Reg::svr ? facts::svr_suppression : 0;
            return both(high, is_zero(read_word(t) & reserved_bits(t, fact) & ~spared));
        };
        return each_register<D>([&t](const RegisterFact& fact) { return accesses_by_msr(t, fact); },
                                no_reserved);
    }
};

struct RdmsrHasNoSideEffect : StepProperty {
    static constexpr std::string_view id = "rdmsr-has-no-side-effect";
    static constexpr std::string_view statement = "An RDMSR changes nothing in the APIC and sends nothing.";
    static constexpr std::array rules = {Rule::X12};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr) return no_claim<D>();
        return {typename D::Bool{true}, both(typename D::Bool{nothing_sent(t)}, nothing_changed(t))};
    }
};

struct OtherMsrsAreNotTheApics : StepProperty {
    static constexpr std::string_view id = "other-msrs-are-not-the-apics";
    static constexpr std::string_view statement =
        "An access to an MSR that is not one of the APIC's, 900H to BFFH included, neither reads nor "
        "changes the APIC.";
    static constexpr std::array rules = {Rule::X16};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_msr(t.access.kind)) return no_claim<D>();
        const auto is_the_apics =
            any_of<D>({in_msr_space(t), at_msr(t, facts::apic_base_msr), at_msr(t, facts::tsc_deadline_msr)});
        const bool apart = t.out.answer == Answer::elsewhere && !t.out.gp && nothing_sent(t);
        return {negate(is_the_apics), both(typename D::Bool{apart}, nothing_changed(t))};
    }
};

} // namespace lapicheck::specs
