// The words in which properties are said.
#pragma once

#include "model/messages.hpp"
#include "specs/property.hpp"

namespace lapicheck::specs {

// Of plain values they are found by name only.
using model::both;
using model::either;
using model::equal;
using model::has_any;
using model::high_half;
using model::highest_bit;
using model::is_zero;
using model::less;
using model::low_half;
using model::negate;
using model::power_of_two;
using model::select;
using model::widen;
using model::without_highest_bit;

using model::AccessKind;
using model::Answer;
using model::is_mmio;
using model::is_msr;
using model::is_write;
using model::Reg;
using model::Rule;
using model::State;
using model::u32;
using model::u64;

// What a property has unless it says otherwise.
struct StepProperty {
    static constexpr Scope scope = Scope::step;
    static constexpr Basis basis = Basis::manual;
};

template <class D>
typename D::Bool all_of(std::initializer_list<typename D::Bool> conditions) {
    typename D::Bool all = true;
    for (const auto& condition : conditions) all = both(all, condition);
    return all;
}
template <class D>
typename D::Bool implies(const typename D::Bool& if_so, const typename D::Bool& then) {
    return either(negate(if_so), then);
}

// The state before: its mode.
template <class D>
typename D::Bool was_x2apic(const Transition<D>& t) {
    return model::in_x2apic(t.before);
}
template <class D>
typename D::Bool was_xapic(const Transition<D>& t) {
    return model::in_xapic(t.before);
}
template <class D>
typename D::Bool was_disabled(const Transition<D>& t) {
    return negate(model::is_enabled(t.before));
}

// An access to the window at the base that holds before it.
template <class D>
typename D::Bool in_window(const Transition<D>& t) {
    if (!is_mmio(t.access.kind)) return typename D::Bool{false};
    return equal(t.access.address & model::apic_base::page, t.before.apic_base & model::apic_base::page);
}

// The two are one state, in every word.
template <class D>
typename D::Bool same_state(const State<D>& a, const State<D>& b) {
    typename D::Bool same = all_of<D>({equal(a.apic_base, b.apic_base), equal(a.tsc_deadline, b.tsc_deadline),
                                       equal(a.x2apic_id, b.x2apic_id), equal(a.esr_pending, b.esr_pending),
                                       equal(a.cleared_by_software, b.cleared_by_software)});
    for (std::size_t i = 0; i < a.regs.size(); ++i) same = both(same, equal(a.regs[i], b.regs[i]));
    return same;
}
template <class D>
typename D::Bool nothing_changed(const Transition<D>& t) {
    return same_state<D>(t.before, t.after);
}
// Nothing leaves the APIC, and nobody sends anything on behalf of the access.
template <class D>
bool nothing_sent(const Transition<D>& t) {
    return !t.out.sends_ipi && !t.out.sends_msi && !t.out.ends_interrupt;
}

} // namespace lapicheck::specs
