// Vocabulary of interrupt messages: their layout, and for whom they are (10.6.2, 10.12.10).
#pragma once

#include "specs/properties/vocabulary.hpp"

namespace lapicheck::specs {

// A message has the layout of ICR[31:0]; its destination is the access's address.
template <class D>
typename D::U32 destination(const Transition<D>& t) {
    return low_half(t.access.address);
}
template <class D>
typename D::U32 message_vector(const Transition<D>& t) {
    return low_half(t.access.value) & u32{0xff};
}
template <class D>
typename D::Bool is_level_message(const Transition<D>& t) {
    return has_any(low_half(t.access.value), u32{0x8000});
}
template <class D>
typename D::Bool is_level_deassert(const Transition<D>& t) {
    return both(is_level_message(t), negate(has_any(low_half(t.access.value), u32{0x4000})));
}
template <class D>
typename D::Bool is_logical(const Transition<D>& t) {
    return has_any(low_half(t.access.value), u32{0x800});
}
// By the number of its delivery mode: 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 6 start-up, 7 ExtINT.
template <class D>
typename D::Bool is_message_of(const Transition<D>& t, u32 mode) {
    if (t.access.kind != AccessKind::message) return typename D::Bool{false};
    return equal(low_half(t.access.value) & u32{0x700}, typename D::U32{mode << 8});
}
// It asks for a vector of IRR.
template <class D>
typename D::Bool asks_for_vector(const Transition<D>& t) {
    return either(is_message_of(t, 0), is_message_of(t, 1));
}

template <class D>
typename D::Bool is_flat(const Transition<D>& t) {
    return equal(t.before[Reg::dfr] >> 28, typename D::U32{u32{0xf}});
}
template <class D>
typename D::Bool is_cluster(const Transition<D>& t) {
    return is_zero(t.before[Reg::dfr] >> 28);
}
template <class D>
typename D::Bool matches_flat(const Transition<D>& t) {
    return negate(is_zero(destination(t) & (t.before[Reg::ldr] >> 24)));
}
template <class D>
typename D::Bool matches_cluster(const Transition<D>& t) {
    const auto logical_id = t.before[Reg::ldr] >> 24;
    return both(is_zero((destination(t) ^ logical_id) & u32{0xf0}),
                has_any(destination(t) & logical_id, 0x0f));
}
template <class D>
typename D::Bool matches_x2apic_logical(const Transition<D>& t) {
    const auto cluster = (t.before.x2apic_id >> 4) & u32{0xffff};
    const auto member = power_of_two(t.before.x2apic_id & u32{0xf});
    return both(equal(destination(t) >> 16, cluster), negate(is_zero(destination(t) & member)));
}
template <class D>
typename D::Bool matches_physical(const Transition<D>& t) {
    const auto id = select(has_x2apic_bit(t.before), t.before.x2apic_id, t.before[Reg::id] >> 24);
    return equal(destination(t), id);
}
template <class D>
typename D::Bool is_broadcast(const Transition<D>& t) {
    using U32 = typename D::U32;
    return equal(destination(t), select(has_x2apic_bit(t.before), U32{u32{0xffff'ffff}}, U32{u32{0xff}}));
}

// The message is for this APIC, beyond doubt. What a destination of more than 8 bits means in xAPIC mode, and
// a DFR that is neither flat nor cluster, the manual leaves open.
template <class D>
typename D::Bool is_addressed(const Transition<D>& t) {
    if (t.access.kind != AccessKind::message) return typename D::Bool{false};
    const auto narrow = less(destination(t), typename D::U32{u32{0x100}});
    const auto by_xapic_logic =
        all_of<D>({narrow, negate(has_x2apic_bit(t.before)),
                   either(both(is_flat(t), matches_flat(t)), both(is_cluster(t), matches_cluster(t)))});
    const auto by_x2apic_logic = both(has_x2apic_bit(t.before), matches_x2apic_logical(t));
    const auto logically = both(is_logical(t), either(by_xapic_logic, by_x2apic_logic));
    const auto physically = both(negate(is_logical(t)), matches_physical(t));
    return both(has_enable(t.before), any_of<D>({is_broadcast(t), logically, physically}));
}

// The message is for other APICs, beyond doubt.
template <class D>
typename D::Bool is_for_others(const Transition<D>& t) {
    if (t.access.kind != AccessKind::message) return typename D::Bool{false};
    const auto narrow = less(destination(t), typename D::U32{u32{0x100}});
    const auto model_is_known = any_of<D>({negate(is_logical(t)), is_flat(t), is_cluster(t)});
    const auto is_clear = either(has_x2apic_bit(t.before), both(narrow, model_is_known));
    return both(is_clear, negate(is_addressed(t)));
}

} // namespace lapicheck::specs
