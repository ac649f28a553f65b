// What is true of every state that can be reached from RESET, and what is assumed of a CPU. Proofs use it: a
// property of one step holds in all reachable states only if nonsense is kept out of the state before.
//
// Each invariant is true after RESET and kept by every step; the proof of that is the prover's.
#pragma once

#include <tuple>
#include <utility>

#include "specs/properties/lvt_words.hpp"

namespace lapicheck::specs {

// The CPU's facts make sense: MAXPHYADDR is 36 to 52, and the version register is one of an integrated APIC
// (10H-1FH) with six or seven LVT entries and no reserved bit. It never changes (version-constant).
template <class D>
typename D::Bool valid_cpu(const model::Cpu<D>& cpu, const State<D>& s) {
    typename D::Bool some_width = false;
    for (u32 width = 36; width <= 52; ++width)
        some_width = either(some_width, equal(cpu.address_mask, (u64{1} << width) - 1));
    const auto version = s[Reg::version];
    const auto entries = is_between<D>((version >> 16) & u32{0xff}, 5, 6);
    const auto number = is_between<D>(version & u32{0xff}, 0x10, 0x1f);
    const auto reserved = either(has_any(version, facts::version_reserved),
                                 both(negate(cpu.amd), has_any(version, u32{0x8000'0000})));
    return all_of<D>({some_width, entries, number, negate(reserved)});
}

struct BaseHasNoReservedBits {
    static constexpr std::string_view id = "base-has-no-reserved-bits";
    static constexpr std::string_view statement =
        "IA32_APIC_BASE has no reserved bit, and no address bit that the CPU does not have.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>& cpu, const State<D>& s) {
        return both(negate(has_any(s.apic_base, facts::base_reserved)),
                    is_zero(s.apic_base & ~cpu.address_mask));
    }
};

struct ModeIsValid {
    static constexpr std::string_view id = "mode-is-valid";
    static constexpr std::string_view statement =
        "EXTD is set only with EN, and only where CPUID has x2APIC.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>& cpu, const State<D>& s) {
        return implies<D>(has_x2apic_bit(s), both(has_enable(s), cpu.has_x2apic));
    }
};

struct IdIsTheHardwares {
    static constexpr std::string_view id = "x2apic-id-is-the-hardwares-on-intel";
    static constexpr std::string_view statement = "On Intel the x2APIC ID is the one that hardware assigned.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>& cpu, const State<D>& s) {
        return either(cpu.amd, equal(s.x2apic_id, cpu.hardware_id));
    }
};

struct LowVectorsAreClear {
    static constexpr std::string_view id = "low-vectors-are-clear";
    static constexpr std::string_view statement = "Bits 15:0 of ISR, TMR and IRR are 0.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        typename D::Bool all = true;
        for (const BitmapFact& map : bitmaps) all = both(all, negate(has_any(s[map.first], 0xffff)));
        return all;
    }
};

// Each register apart, for an implementation may keep one of these and not another. The ID is left out: an
// access whose effect is undefined may leave anything in it.
struct BoundedRegister {
    Reg reg;
    std::string_view id;
};
inline constexpr std::array bounded_registers = {
    BoundedRegister{Reg::tpr, "tpr-has-defined-bits-only"},
    BoundedRegister{Reg::apr, "apr-has-defined-bits-only"},
    BoundedRegister{Reg::svr, "svr-has-defined-bits-only"},
    BoundedRegister{Reg::esr, "esr-has-defined-bits-only"},
    BoundedRegister{Reg::icr, "icr-has-defined-bits-only"},
    BoundedRegister{Reg::lvt_cmci, "lvt-cmci-has-defined-bits-only"},
    BoundedRegister{Reg::lvt_timer, "lvt-timer-has-defined-bits-only"},
    BoundedRegister{Reg::lvt_thermal, "lvt-thermal-has-defined-bits-only"},
    BoundedRegister{Reg::lvt_pmc, "lvt-pmc-has-defined-bits-only"},
    BoundedRegister{Reg::lvt_lint0, "lvt-lint0-has-defined-bits-only"},
    BoundedRegister{Reg::lvt_lint1, "lvt-lint1-has-defined-bits-only"},
    BoundedRegister{Reg::lvt_error, "lvt-error-has-defined-bits-only"},
    BoundedRegister{Reg::dcr, "dcr-has-defined-bits-only"},
};
template <std::size_t Index>
struct HasDefinedBits {
    static constexpr Reg reg = bounded_registers[Index].reg;
    static constexpr std::string_view id = bounded_registers[Index].id;
    static constexpr std::string_view statement = "The register has no bit that it has on no CPU.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return negate(has_any(s[reg], ~bits_of_any_cpu(fact_of(reg))));
    }
};

struct DfrHasItsOnes {
    static constexpr std::string_view id = "dfr-has-its-ones";
    static constexpr std::string_view statement = "Bits 27:0 of DFR are ones.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return is_zero(~s[Reg::dfr] & u32{0x0fff'ffff});
    }
};

// What is 32 bits wide in x2APIC mode has 8 bits outside of it.
template <class D>
typename D::Bool is_narrow_outside_x2apic(const State<D>& s, Reg reg) {
    return either(both(has_enable(s), has_x2apic_bit(s)), negate(has_any(s[reg], 0x00ff'ffff)));
}

struct LdrIsNarrow {
    static constexpr std::string_view id = "ldr-has-defined-bits-only";
    static constexpr std::string_view statement = "Outside x2APIC mode bits 23:0 of LDR are 0.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return is_narrow_outside_x2apic(s, Reg::ldr);
    }
};

struct IcrHighIsNarrow {
    static constexpr std::string_view id = "icr-high-has-defined-bits-only";
    static constexpr std::string_view statement = "Outside x2APIC mode bits 55:32 of the ICR are 0.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return is_narrow_outside_x2apic(s, Reg::icr_high);
    }
};

struct RecordedErrorsAreDefined {
    static constexpr std::string_view id = "recorded-errors-are-defined";
    static constexpr std::string_view statement =
        "No error is recorded beyond the eight that ESR has bits for.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return negate(has_any(s.esr_pending, 0xffff'ff00));
    }
};

template <std::size_t... Index>
auto with_defined_bits(std::index_sequence<Index...>)
    -> std::tuple<BaseHasNoReservedBits, ModeIsValid, IdIsTheHardwares, LowVectorsAreClear, DfrHasItsOnes,
                  LdrIsNarrow, IcrHighIsNarrow, RecordedErrorsAreDefined, HasDefinedBits<Index>...>;

using Invariants = decltype(with_defined_bits(std::make_index_sequence<bounded_registers.size()>{}));

template <class D>
typename D::Bool all_invariants(const model::Cpu<D>& cpu, const State<D>& s) {
    return std::apply(
        [&]<class... I>(I...) {
            typename D::Bool all = true;
            ((all = both(all, I::template holds<D>(cpu, s))), ...);
            return all;
        },
        Invariants{});
}

} // namespace lapicheck::specs
