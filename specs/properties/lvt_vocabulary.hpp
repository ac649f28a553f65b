// Words on the local vector table and the timer that several properties share.
#pragma once

#include "specs/properties/vocabulary.hpp"

namespace lapicheck::specs {

template <class D>
typename D::Bool is_masked(const State<D>& s, Reg entry) {
    return has_any(s[entry], facts::lvt_mask);
}
template <class D>
typename D::Bool in_deadline_mode(const Transition<D>& t, const State<D>& s) {
    const auto mode = s[Reg::lvt_timer] & facts::timer_mode;
    return both(t.cpu.has_tsc_deadline, equal(mode, typename D::U32{facts::timer_deadline}));
}

template <class D>
typename D::Bool in_reserved_timer_mode(const Transition<D>& t, const State<D>& s) {
    const auto mode = s[Reg::lvt_timer] & facts::timer_mode;
    return both(t.cpu.has_tsc_deadline, equal(mode, typename D::U32{facts::timer_mode}));
}
// A write that leads to the reserved mode of the timer or away from it, after which nothing is known of it.
template <class D>
typename D::Bool touches_reserved_timer_mode(const Transition<D>& t) {
    return both(writes(t, Reg::lvt_timer),
                either(in_reserved_timer_mode(t, t.before), in_reserved_timer_mode(t, t.after)));
}

// Delivery modes and timer modes that the manual defines for the entry: fixed, SMI, NMI; of the pins also
// ExtINT and, not among AMD's, INIT. Registers without such a field have no other encodings.
template <class D>
typename D::Bool has_defined_encoding(const Transition<D>& t, const RegisterFact& fact) {
    using U32 = typename D::U32;
    if (!is_lvt_register(fact.reg)) return typename D::Bool{true};
    const U32 value = written_word(t);
    if (fact.reg == Reg::lvt_timer) return negate(equal(value & facts::timer_mode, U32{facts::timer_mode}));
    const auto is = [&value](u32 mode) { return equal(value & facts::lvt_mode, U32{mode << 8}); };
    const auto of_all = any_of<D>({is(0), is(2), is(4)});
    const bool is_pin = fact.reg == Reg::lvt_lint0 || fact.reg == Reg::lvt_lint1;
    return is_pin ? any_of<D>({of_all, is(7), both(is(5), negate(t.cpu.amd))}) : of_all;
}

// A step after which hardly anything is said of the registers: the APIC has been disabled, or an odd access
// has hit the window.
template <class D>
typename D::Bool leaves_registers_unspecified(const Transition<D>& t) {
    typename D::Bool disables = false;
    if (t.access.kind == AccessKind::wrmsr && !t.out.gp)
        disables = all_of<D>(
            {writes_apic_base(t), has_enable(t.before), negate(has_any(t.access.value, facts::base_enable))});
    return either(disables, is_write(t.access.kind) ? is_odd(t) : typename D::Bool{false});
}

} // namespace lapicheck::specs
