// What is true of every state that can be reached from RESET, and what is assumed of a CPU. Proofs use it: a
// property of one step holds in all reachable states only if nonsense is kept out of the state before.
//
// Each invariant is true after RESET and kept by every step; the proof of that is the prover's.
#pragma once

#include <tuple>

#include "specs/properties/lvt_vocabulary.hpp"

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

// Of one of ISR, TMR and IRR, so that an implementation that breaks it for one keeps it for the others.
template <std::size_t Map>
struct LowVectorsAreClear {
    static constexpr std::string_view id = "low-vectors-are-clear";
    static constexpr std::string_view statement = "Bits 15:0 of ISR, TMR and IRR are 0.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return negate(has_any(s[bitmaps[Map].first], 0xffff));
    }
};

// A register, by its place among the facts, with the bits that it has on some CPU. The ICR's upper half has
// all in x2APIC mode; ID and LDR are left out, for what is not specified may leave anything in them.
template <std::size_t Fact>
struct RegisterHasDefinedBits {
    static constexpr std::string_view id = "registers-have-defined-bits-only";
    static constexpr std::string_view statement =
        "No register has a bit that it has on no CPU; DFR's low bits are 1.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        const RegisterFact& fact = register_facts[Fact];
        if (fact.reg == Reg::id || fact.reg == Reg::ldr || fact.reg == Reg::icr_high ||
            fact.reg == Reg::version)
            return typename D::Bool{true};
        const auto within = negate(has_any(s[fact.reg], ~bits_of_any_cpu(fact)));
        return fact.reg == Reg::dfr ? both(within, is_zero(~s[Reg::dfr] & u32{0x0fff'ffff})) : within;
    }
};

template <template <std::size_t> class Invariant, std::size_t... I>
std::tuple<Invariant<I>...> one_each(std::index_sequence<I...>);
template <template <std::size_t> class Invariant, std::size_t Count>
using OneEach = decltype(one_each<Invariant>(std::make_index_sequence<Count>{}));

struct IcrHighHasDestinationOnly {
    static constexpr std::string_view id = "icr-high-has-the-destination-only";
    static constexpr std::string_view statement = "Outside x2APIC mode bits 55:32 of the ICR are 0.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return either(both(has_enable(s), has_x2apic_bit(s)), negate(has_any(s[Reg::icr_high], 0x00ff'ffff)));
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

using Invariants = decltype(std::tuple_cat(std::tuple<BaseHasNoReservedBits, ModeIsValid, IdIsTheHardwares,
                                                      IcrHighHasDestinationOnly, RecordedErrorsAreDefined>{},
                                           OneEach<LowVectorsAreClear, bitmaps.size()>{},
                                           OneEach<RegisterHasDefinedBits, register_facts.size()>{}));

// What the manual's APIC does not keep, but some implementation may: proofs try it like an invariant.
struct NoErrorIsRecorded {
    static constexpr std::string_view id = "no-error-is-recorded";
    static constexpr std::string_view statement = "No error is recorded.";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const State<D>& s) {
        return is_zero(s.esr_pending);
    }
};
using OwnInvariants = std::tuple<NoErrorIsRecorded>;

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
