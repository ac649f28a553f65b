// The registers: what reads return, where writes land, and what an access leaves alone (groups M, D, V).
#pragma once

#include "specs/properties/lvt_vocabulary.hpp"
#include "specs/properties/mode.hpp"

namespace lapicheck::specs {

// ID[19:4] is the cluster, ID[3:0] the number of the one bit that is set.
template <class D>
typename D::U32 logical_x2apic_id(const typename D::U32& id) {
    return ((id & u32{0x000f'fff0}) << 12) | power_of_two(id & u32{0xf});
}

// The registers whose value a read gives as it stands: neither computed nor left open.
constexpr bool is_plainly_read(Reg reg) {
    return reg != Reg::apr && reg != Reg::ppr && reg != Reg::remote_read && reg != Reg::icr &&
           reg != Reg::current_count;
}
// The bits that read as they are held: those that the CPU has. What hardware has of an LVT entry that is not
// masked changes at any time.
template <class D>
typename D::U32 bits_that_read_back(const Transition<D>& t, const RegisterFact& fact) {
    using U32 = typename D::U32;
    const U32 hardware{fact.hardware};
    if (fact.reg == Reg::esr) return select(t.cpu.amd, hardware & ~facts::esr_reserved_amd, hardware);
    if (!is_lvt_register(fact.reg)) return software_bits(t, fact) | hardware;
    return software_bits(t, fact) | select(is_masked(t.before, fact.reg), hardware, U32{u32{0}});
}
// Reserved ones are unspecified on a read by MMIO, but where a rule fixes them.
template <class D>
typename D::U32 bits_read_by_window(const Transition<D>& t, const RegisterFact& fact) {
    const bool all = fact.reg == Reg::version || model::is_bitmap(fact.reg);
    const auto bits = bits_that_read_back(t, fact);
    if (fact.reg == Reg::esr) return bits | u32{0xffff'ff00};
    return all ? typename D::U32{u32{0xffff'ffff}} : bits;
}

struct MmioReadReturnsRegister : StepProperty {
    static constexpr std::string_view id = "mmio-read-returns-register";
    static constexpr std::string_view statement =
        "In xAPIC mode an aligned 32-bit read returns the value of the register.";
    static constexpr std::array rules = {Rule::M06, Rule::D01, Rule::E02, Rule::T20, Rule::X14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::mmio_read) return no_claim<D>();
        const auto which = [&t](const RegisterFact& fact) {
            if (!is_plainly_read(fact.reg)) return typename D::Bool{false};
            const bool is_count = fact.reg == Reg::initial_count;
            const auto is_said =
                is_count ? negate(in_reserved_timer_mode(t, t.before)) : typename D::Bool{true};
            return both(accesses_by_window(t, fact), is_said);
        };
        return each_register<D>(which, [&t](const RegisterFact& fact) {
            const auto bits = bits_read_by_window(t, fact);
            const bool answered = t.out.answer == Answer::apic && !t.out.gp && !t.out.exits_to_userspace;
            return both(typename D::Bool{answered}, agree<D>(read_word(t), t.before[fact.reg], bits));
        });
    }
};

struct RdmsrReturnsRegister : StepProperty {
    static constexpr std::string_view id = "rdmsr-returns-register";
    static constexpr std::string_view statement =
        "In x2APIC mode an RDMSR returns the value of the register, the same as an MMIO read in xAPIC "
        "mode.";
    static constexpr std::array rules = {Rule::X14, Rule::E02, Rule::T20, Rule::V01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr) return no_claim<D>();
        const auto which = [&t](const RegisterFact& fact) {
            const bool plain = is_plainly_read(fact.reg) && fact.reg != Reg::id && fact.reg != Reg::ldr;
            if (!plain) return typename D::Bool{false};
            const bool is_count = fact.reg == Reg::initial_count;
            const auto is_said =
                is_count ? negate(in_reserved_timer_mode(t, t.before)) : typename D::Bool{true};
            return both(accesses_by_msr(t, fact), is_said);
        };
        return each_register<D>(which, [&t](const RegisterFact& fact) {
            return both(typename D::Bool{!t.out.gp},
                        agree<D>(read_word(t), t.before[fact.reg], bits_that_read_back(t, fact)));
        });
    }
};

struct BoundsAreTrue : StepProperty {
    static constexpr std::string_view id = "bounds-of-a-value-are-true";
    static constexpr std::string_view statement =
        "If the manual only bounds a value that is read (PPR or current count), the value is within the "
        "bounds.";
    static constexpr std::array rules = {Rule::P03, Rule::T04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto at_most = t.out.bounded ? negate(less(t.out.limit, read_word(t))) : typename D::Bool{true};
        const auto above = t.out.exceeds ? less(t.out.limit, read_word(t)) : typename D::Bool{true};
        return {typename D::Bool{t.out.bounded || t.out.exceeds}, both(at_most, above)};
    }
};

struct X2apicIdIsRead : StepProperty {
    static constexpr std::string_view id = "x2apic-id-is-read";
    static constexpr std::string_view statement =
        "In x2APIC mode an RDMSR of 802H returns the 32-bit x2APIC ID.";
    static constexpr std::array rules = {Rule::D02};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {reads(t, fact_of(Reg::id)),
                implies<D>(was_x2apic(t), equal(t.out.value, zero_extend(t.before.x2apic_id)))};
    }
};

struct X2apicLdrFormula : StepProperty {
    static constexpr std::string_view id = "x2apic-ldr-formula";
    static constexpr std::string_view statement =
        "In x2APIC mode LDR reads (ID[19:4] << 16) | (1 << ID[3:0]).";
    static constexpr std::array rules = {Rule::D04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto logical = logical_x2apic_id<D>(t.before.x2apic_id);
        return {both(reads(t, fact_of(Reg::ldr)), was_x2apic(t)), equal(t.out.value, zero_extend(logical))};
    }
};

struct VersionReservedBitsReadZero : StepProperty {
    static constexpr std::string_view id = "version-reserved-bits-read-zero";
    static constexpr std::string_view statement = "Bits 15:8 and 30:25 of the version register read as 0.";
    static constexpr std::array rules = {Rule::V02};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {reads(t, fact_of(Reg::version)), negate(has_any(read_word(t), facts::version_reserved))};
    }
};

struct VersionConstant : StepProperty {
    static constexpr std::string_view id = "version-constant";
    static constexpr std::string_view statement = "The version register never changes.";
    static constexpr std::array rules = {Rule::V01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {typename D::Bool{true}, is_kept(t, Reg::version)};
    }
};

struct DfrLowBitsReadOnes : StepProperty {
    static constexpr std::string_view id = "dfr-low-bits-read-ones";
    static constexpr std::string_view statement = "Bits 27:0 of DFR read as 1, whatever was written.";
    static constexpr std::array rules = {Rule::D07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {reads(t, fact_of(Reg::dfr)), is_zero(~read_word(t) & u32{0x0fff'ffff})};
    }
};

struct EsrHighBitsReadZero : StepProperty {
    static constexpr std::string_view id = "esr-high-bits-read-zero";
    static constexpr std::string_view statement = "Bits 31:8 of ESR read as 0.";
    static constexpr std::array rules = {Rule::E03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {reads(t, fact_of(Reg::esr)), negate(has_any(read_word(t), 0xffff'ff00))};
    }
};

struct EsrReservedBitsReadZeroOnAmd : StepProperty {
    static constexpr std::string_view id = "esr-reserved-bits-read-zero-on-amd";
    static constexpr std::string_view statement =
        "On AMD an RDMSR of ESR in x2APIC mode gives 0 in bits 4, 1 and 0.";
    static constexpr std::array rules = {Rule::X11};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::rdmsr) return no_claim<D>();
        return {both(reads(t, fact_of(Reg::esr)), t.cpu.amd),
                negate(has_any(read_word(t), facts::esr_reserved_amd))};
    }
};

// The registers that keep what software writes. The LVT's masks and the initial count have rules besides.
constexpr bool keeps_what_is_written(Reg reg) {
    return is_lvt_register(reg) || reg == Reg::tpr || reg == Reg::ldr || reg == Reg::dfr || reg == Reg::svr ||
           reg == Reg::icr || reg == Reg::icr_high || reg == Reg::dcr;
}
// The register has what was written in the bits of software, 0 where it has no bit, and 1 where bits are
// fixed.
template <class D>
typename D::Bool has_landed(const Transition<D>& t, const RegisterFact& fact) {
    const u32 ruled_apart = is_lvt_register(fact.reg) ? facts::lvt_mask : 0;
    const auto taken = software_bits(t, fact) & ~ruled_apart;
    const auto absent = ~(software_bits(t, fact) | fact.hardware | unspecified_bits(fact));
    const u32 ones = fact.reg == Reg::dfr ? fact.hardware : 0;
    return all_of<D>({agree<D>(t.after[fact.reg], written_word(t), taken),
                      is_zero(t.after[fact.reg] & absent), is_zero(~t.after[fact.reg] & ones)});
}

struct MmioWriteLands : StepProperty {
    static constexpr std::string_view id = "mmio-write-lands";
    static constexpr std::string_view statement = "In xAPIC mode an aligned 32-bit write sets the register's "
                                                  "bits that are software's, and no reserved one.";
    static constexpr std::array rules = {Rule::M07, Rule::D07, Rule::V05, Rule::L03, Rule::T01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::mmio_write) return no_claim<D>();
        return each_register<D>(
            [&t](const RegisterFact& fact) {
                return keeps_what_is_written(fact.reg) ? accesses_by_window(t, fact)
                                                       : typename D::Bool{false};
            },
            [&t](const RegisterFact& fact) {
                const bool answered = t.out.answer == Answer::apic && !t.out.gp && !t.out.exits_to_userspace;
                return both(typename D::Bool{answered}, has_landed(t, fact));
            });
    }
};

struct WrmsrLands : StepProperty {
    static constexpr std::string_view id = "wrmsr-lands";
    static constexpr std::string_view statement =
        "In x2APIC mode a WRMSR that raises no #GP sets the register as written, all 64 bits of ICR "
        "included.";
    static constexpr std::array rules = {Rule::X14, Rule::I02, Rule::V05, Rule::L03, Rule::T01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::wrmsr || t.out.gp) return no_claim<D>();
        return each_register<D>(
            [&t](const RegisterFact& fact) {
                return keeps_what_is_written(fact.reg) ? accesses_by_msr(t, fact) : typename D::Bool{false};
            },
            [&t](const RegisterFact& fact) {
                const bool is_icr = fact.reg == Reg::icr;
                const auto high = equal(t.after[Reg::icr_high], high_half(t.access.value));
                return both(has_landed(t, fact), is_icr ? high : typename D::Bool{true});
            });
    }
};

struct XapicIdWrite : StepProperty {
    static constexpr std::string_view id = "xapic-id-write";
    static constexpr std::string_view statement =
        "In xAPIC mode a write to the ID register sets bits 31:24 as written, or changes nothing if the "
        "ID is read-only on the CPU.";
    static constexpr std::array rules = {Rule::D01, Rule::M07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto written = agree<D>(t.after[Reg::id], written_word(t), 0xff00'0000);
        return {writes(t, Reg::id), either(is_kept(t, Reg::id), written)};
    }
};

struct MmioReadsChangeNothing : StepProperty {
    static constexpr std::string_view id = "mmio-reads-change-nothing";
    static constexpr std::string_view statement =
        "A read of the MMIO window changes no register and sends nothing; it can only record an illegal "
        "register address.";
    static constexpr std::array rules = {Rule::M16};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::mmio_read) return no_claim<D>();
        return {in_window(t), all_of<D>({typename D::Bool{nothing_sent(t)}, registers_kept(t), rest_kept(t),
                                         errors_gained_only(t, facts::illegal_register)})};
    }
};

// Nothing happens but that an illegal address may be recorded.
template <class D>
typename D::Bool nothing_but_an_error(const Transition<D>& t) {
    return all_of<D>({typename D::Bool{nothing_sent(t)}, registers_kept(t), rest_kept(t),
                      errors_gained_only(t, facts::illegal_register)});
}

struct ReservedOffsetTouchesNoRegister : StepProperty {
    static constexpr std::string_view id = "reserved-offset-touches-no-register";
    static constexpr std::string_view statement =
        "In xAPIC mode an access to a reserved offset changes no register and sends nothing.";
    static constexpr std::array rules = {Rule::M10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        return {both(is_regular(t), at_one_of(t, reserved_offsets)), nothing_but_an_error(t)};
    }
};

struct ReadOnlyRegistersKeepTheirValue : StepProperty {
    static constexpr std::string_view id = "read-only-registers-keep-their-value";
    static constexpr std::string_view statement =
        "In xAPIC mode a write to a read-only register changes no register and sends nothing.";
    static constexpr std::array rules = {Rule::M12};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::mmio_write) return no_claim<D>();
        return {both(is_regular(t), at_one_of(t, read_only_offsets)), nothing_but_an_error(t)};
    }
};

// Whether a guest's access may change the register: it writes it, or one on which it hangs.
template <class D>
typename D::Bool may_change(const Transition<D>& t, Reg reg) {
    typename D::Bool may = writes(t, reg);
    if (is_lvt_register(reg)) may = either(may, writes(t, Reg::svr));
    if (reg >= Reg::isr0 && reg <= Reg::isr7)
        may = any_of<D>({may, writes(t, Reg::eoi), may_write_amd_priority(t)});
    if (reg >= Reg::irr0 && reg <= Reg::irr7) may = either(may, may_write_amd_priority(t));
    if (reg == Reg::initial_count) may = either(may, writes(t, Reg::lvt_timer));
    if (reg == Reg::icr_high) may = either(may, both(was_x2apic(t), writes(t, Reg::icr)));
    if (reg == Reg::tpr && t.access.kind == AccessKind::cr8_write) return typename D::Bool{true};
    return may;
}

struct AccessTouchesOnlyItsRegister : StepProperty {
    static constexpr std::string_view id = "access-touches-only-its-register";
    static constexpr std::string_view statement =
        "A guest's access changes no register but the one that it writes, the LVT by SVR, ISR by EOI, on AMD "
        "ISR and IRR by SEOI and IER, the initial count by LVT Timer, and bits 63:32 of the ICR with it in "
        "x2APIC mode.";
    static constexpr std::array rules = {Rule::M07, Rule::M12, Rule::M16, Rule::X14, Rule::I22, Rule::V10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind > AccessKind::cr8_write) return no_claim<D>();
        typename D::Bool holds = true;
        for (const RegisterFact& fact : register_facts)
            holds = both(holds, either(is_kept(t, fact.reg), may_change(t, fact.reg)));
        return {negate(either(is_odd(t), writes_apic_base(t))), holds};
    }
};

struct OddAccessStaysInItsSlots : StepWish {
    static constexpr std::string_view id = "odd-access-stays-in-its-slots";
    static constexpr std::string_view statement =
        "Even an access whose effect is undefined changes only the registers whose 16-byte slots it "
        "touches and what depends on them, sends nothing and does not change the mode.";
    static constexpr std::array rules = {Rule::M08, Rule::M09, Rule::M15};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        const auto offset = low_half(t.access.address) & u32{0xfff};
        const u32 size = t.access.size < 16 ? t.access.size : 16;
        const auto touches = [&](Reg reg) {
            const u32 first = fact_of(reg).offset;
            return is_between<D>(offset, first < size - 1 ? 0 : first - (size - 1), first + 15);
        };
        const auto may = [&](Reg reg) {
            typename D::Bool touched = both(touches(reg), typename D::Bool{fact_of(reg).window != Use::read});
            if (is_lvt_register(reg)) touched = either(touched, touches(Reg::svr));
            if (reg >= Reg::isr0 && reg <= Reg::isr7) touched = touches(Reg::eoi);
            if (reg == Reg::initial_count) touched = either(touched, touches(Reg::lvt_timer));
            return is_write(t.access.kind) ? touched : typename D::Bool{false};
        };
        typename D::Bool holds = both(typename D::Bool{nothing_sent(t)}, identity_kept(t));
        for (const RegisterFact& fact : register_facts)
            holds = both(holds, either(is_kept(t, fact.reg), may(fact.reg)));
        return {is_odd(t), holds};
    }
};

} // namespace lapicheck::specs
