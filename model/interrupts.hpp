// Acceptance, priority and the end of an interrupt (group P) on the words of IRR, ISR and TMR.
// SDM Vol. 3A 325384-059US, 10.8.3 to 10.8.5.
#pragma once

#include "model/apic_base.hpp"

namespace lapicheck::model {

constexpr Reg word_of(Reg first, u32 vector) { return offset_by(first, (vector >> 5) & 7); }
constexpr u32 bit_of(u32 vector) { return u32{1} << (vector & 31); }

// The class (bits 7:4) of the highest vector in service, 0 for none.
template <class D>
constexpr typename D::U32 in_service_class(const State<D>& s) {
    using U32 = typename D::U32;
    U32 highest{u32{0}};
    for (u32 word = 0; word < 8; ++word) {
        const U32 bits = s[offset_by(Reg::isr0, word)];
        const U32 vector = highest_bit(bits) | (word << 5);
        highest = select(is_zero(bits), highest, vector);
    }
    return highest & tpr::task_class;
}

// P03. Where both classes are equal the manuals differ on bits 3:0.
template <class P, class D>
constexpr Outcome<D> read_ppr(P& p, const State<D>& s) {
    Outcome<D> out = done<D>(Rule::P03, Reg::ppr);
    const auto task = s[Reg::tpr] & tpr::task_class;
    const auto service = in_service_class(s);
    if (p(Rule::P03, less(task, service))) {
        out.value = widen(service);
    } else if (p(Rule::P03, less(service, task))) {
        out.value = widen(s[Reg::tpr]);
        out.exceeds = true;
        out.limit = service | tpr::subclass;
    } else {
        const auto subclass = s[Reg::tpr] & tpr::subclass;
        out.value = widen(p.open(Rule::P03, true) ? service | subclass : service);
    }
    return out;
}

// P04: the highest bit of ISR is cleared; without one nothing happens.
template <class P, class D>
constexpr void end_of_interrupt(P&, State<D>& s) {
    typename D::Bool ended = false;
    for (u32 word = 8; word-- > 0;) {
        auto& bits = s[offset_by(Reg::isr0, word)];
        const auto empty = is_zero(bits);
        bits = select(either(ended, empty), bits, without_highest_bit(bits));
        ended = either(ended, negate(empty));
    }
}

// P01: the APIC has accepted a fixed interrupt.
template <class D>
constexpr void accept(State<D>& s, u32 vector, bool level_triggered) {
    if (vector < first_legal_vector) return; // P06, I04: no bit is set
    auto& tmr = s[word_of(Reg::tmr0, vector)];
    s[word_of(Reg::irr0, vector)] |= bit_of(vector);
    tmr = level_triggered ? tmr | bit_of(vector) : tmr & ~bit_of(vector);
}

// P02: the processor has taken an interrupt.
template <class D>
constexpr void dispense(State<D>& s, u32 vector) {
    auto& irr = s[word_of(Reg::irr0, vector)];
    irr &= ~bit_of(vector);
    s[word_of(Reg::isr0, vector)] |= bit_of(vector);
}

} // namespace lapicheck::model
