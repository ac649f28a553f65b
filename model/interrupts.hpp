// Acceptance, priority and the end of an interrupt (group P) on the words of IRR, ISR and TMR.
// SDM Vol. 3A 325384-059US, 10.8.3 to 10.8.5.
#pragma once

#include "model/apic_base.hpp"

namespace lapicheck::model {

constexpr Reg word_of(Reg first, u32 vector) { return offset_by(first, (vector >> 5) & 7); }
constexpr u32 bit_of(u32 vector) { return u32{1} << (vector & 31); }

// The highest vector in the eight words from `first` on, 0 for none.
template <class D>
constexpr typename D::U32 highest_vector(const State<D>& s, Reg first) {
    using U32 = typename D::U32;
    U32 highest{u32{0}};
    for (u32 word = 0; word < 8; ++word) {
        const U32 bits = s[offset_by(first, word)];
        highest = select(is_zero(bits), highest, highest_bit(bits) | (word << 5));
    }
    return highest;
}

// The class (bits 7:4) of the highest vector in service, 0 for none.
template <class D>
constexpr typename D::U32 in_service_class(const State<D>& s) {
    return highest_vector(s, Reg::isr0) & tpr::task_class;
}

// P03. Where both classes are equal the manuals differ on bits 3:0.
template <class P, class D>
constexpr Outcome<D> read_ppr(P& p, const State<D>& s) {
    Outcome<D> out = done<D>(Rule::P03, Reg::ppr);
    const auto task = s[Reg::tpr] & tpr::task_class;
    const auto service = in_service_class(s);
    if (p(Rule::P03, less(task, service))) {
        out.value = zero_extend(service);
    } else if (p(Rule::P03, less(service, task))) {
        out.value = zero_extend(s[Reg::tpr]);
        out.exceeds = true;
        out.limit = service | tpr::subclass;
    } else {
        const auto subclass = s[Reg::tpr] & tpr::subclass;
        out.value = zero_extend(p.unspecified(Rule::P03, true) ? service | subclass : service);
    }
    return out;
}

// P04: the highest bit of ISR is cleared; without one nothing happens. P05: the EOI of a level-triggered
// interrupt is broadcast unless SVR says otherwise, which is the answer; P13: that keeps nothing in ISR.
template <class P, class D>
constexpr typename D::Bool end_of_interrupt(P& p, State<D>& s) {
    typename D::Bool ended = false;
    typename D::Bool level = false;
    for (u32 word = 8; word-- > 0;) {
        auto& bits = s[offset_by(Reg::isr0, word)];
        const auto empty = is_zero(bits);
        const auto left = select(either(ended, empty), bits, without_highest_bit(bits));
        level = either(level, negate(is_zero((bits ^ left) & s[offset_by(Reg::tmr0, word)])));
        ended = either(ended, negate(empty));
        bits = left;
    }
    return p(Rule::P05, has_any(s[Reg::svr], svr::eoi_suppression)) ? typename D::Bool{false} : level;
}

// The bit of `vector` in the eight words from `first` on becomes `set`.
template <class D>
constexpr void put_vector(State<D>& s, Reg first, typename D::U32 vector, typename D::Bool set) {
    using U32 = typename D::U32;
    const U32 bit = power_of_two(vector & u32{31});
    for (u32 word = 0; word < 8; ++word) {
        auto& bits = s[offset_by(first, word)];
        const auto here = equal((vector >> 5) & u32{7}, U32{word});
        bits = select(here, select(set, bits | bit, bits & ~bit), bits);
    }
}

// P01: the APIC has accepted a fixed interrupt. P12: one that is pending already adds nothing.
template <class P, class D>
constexpr void accept(P& p, State<D>& s, typename D::U32 vector, typename D::Bool level_triggered) {
    using U32 = typename D::U32;
    if (p(Rule::P06, less(vector, U32{first_legal_vector}))) return; // I04: no bit is set
    put_vector(s, Reg::irr0, vector, typename D::Bool{true});
    put_vector(s, Reg::tmr0, vector, level_triggered);
}

// P02: the processor has taken an interrupt.
template <class D>
constexpr void dispatch(State<D>& s, typename D::U32 vector) {
    put_vector(s, Reg::irr0, vector, typename D::Bool{false});
    put_vector(s, Reg::isr0, vector, typename D::Bool{true});
}

// P02, P14: the processor asks which interrupt to run. Its class must be above that of PPR (P03, P09).
// Whether an APIC that software has disabled gives out what it holds is not said (V12).
template <class P, class D>
constexpr Outcome<D> take_interrupt(P& p, State<D>& s) {
    using enum Rule;
    const auto task = s[Reg::tpr] & tpr::task_class;
    const auto service = in_service_class(s);
    const auto vector = highest_vector(s, Reg::irr0);
    const auto threshold = select(less(task, service), service, task);
    Outcome<D> nothing;
    nothing.rule = P02;
    if (p(V09, negate(is_enabled(s)))) return nothing;
    if (p(P02, s.ier_written) && p.unspecified(P02, false)) {
        for (u32 word = 0; word < 8; ++word)
            for (const Reg first : {Reg::isr0, Reg::irr0})
                leave_unspecified(p, P02, s, p.row(offset_by(first, word)));
        return unspecified_outcome<D>(P02, Reg::none);
    }
    if (p(P02, negate(less(threshold, vector & tpr::task_class)))) return nothing;
    if (p(V12, negate(is_software_enabled(s))) && p.unspecified(V12, true)) return nothing;
    dispatch(s, vector);
    Outcome<D> out = done<D>(P02, Reg::none);
    out.value = zero_extend(vector);
    return out;
}

// P08, P15: CR8 is TPR[7:4]. While the APIC is disabled it is not said what the two have in common.
template <class P, class D>
constexpr Outcome<D> read_cr8(P& p, const State<D>& s) {
    Outcome<D> out = done<D>(Rule::P08, Reg::tpr);
    const auto priority = s[Reg::tpr] >> 4;
    out.value = zero_extend(
        p(Rule::P08, is_enabled(s)) ? priority : p.unspecified_value(Rule::P08, priority) & u32{0xf});
    return out;
}

template <class P, class D>
constexpr Outcome<D> write_cr8(P& p, State<D>& s, typename D::U64 v) {
    if (p(Rule::P15, negate(is_zero(v & ~u64{0xf})))) return gp<D>(Rule::P15, Reg::tpr);
    const auto written = low_half(v) << 4;
    s[Reg::tpr] = p(Rule::P08, is_enabled(s)) ? written : p.unspecified_value(Rule::P08, written) & u32{0xff};
    return done<D>(Rule::P15, Reg::tpr);
}

} // namespace lapicheck::model
