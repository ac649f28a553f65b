// What comes to an APIC from outside: interrupt messages (groups I, V), the expiry of its timer (T, L),
// INIT, RESET, and what hardware does by itself.
// SDM Vol. 3A 325384-059US, 10.4.7, 10.5.4, 10.6.2, 10.8.1, 10.12.10; AMD APM Vol. 2, 16.6, 16.14.
#pragma once

#include "model/delivery_mode.hpp"
#include "model/interrupts.hpp"
#include "model/reset.hpp"
#include "model/timer.hpp"

namespace lapicheck::model {

// I09 to I12: whether a message with this destination is for the APIC. The receiver's mode decides how the
// destination is read; what a wide one means to an APIC in xAPIC mode is not said (I08).
template <class P, class D>
constexpr bool is_addressed_logically(P& p, const State<D>& s, typename D::U32 destination) {
    using enum Rule;
    using U32 = typename D::U32;
    if (p(I12, has_extd(s))) {
        const U32 ldr = x2apic_ldr(s.x2apic_id);
        const auto same_cluster = equal(destination >> 16, ldr >> 16);
        return p(I12, both(same_cluster, has_any(destination & ldr, 0xffff)));
    }
    const U32 logical_id = s[Reg::ldr] >> 24;
    if (p(I10, equal(s[Reg::dfr] >> 28, U32{u32{0xf}})))
        return p(I10, negate(is_zero(destination & logical_id)));
    if (!p(I11, is_zero(s[Reg::dfr] >> 28))) return p.unspecified(I11, false);
    const auto same_cluster = equal(destination >> 4, logical_id >> 4);
    return p(I11, both(same_cluster, has_any(destination & logical_id, 0xf)));
}

template <class P, class D>
constexpr bool is_addressed(P& p, const State<D>& s, typename D::U32 destination, typename D::Bool logical) {
    using enum Rule;
    using U32 = typename D::U32;
    const U32 id = select(has_extd(s), s.x2apic_id, s[Reg::id] >> 24);
    const U32 everybody = select(has_extd(s), U32{~u32{0}}, U32{u32{0xff}});
    if (p(I08, equal(destination, everybody))) return true;
    if (p(I08, both(negate(has_extd(s)), less(U32{u32{0xff}}, destination))))
        return p.unspecified(I08, false);
    if (p(I10, logical)) return is_addressed_logically(p, s, destination);
    return p(I09, equal(destination, id));
}

// The message `a.value` (see Access) for `a.address` arrives.
template <class P, class D>
constexpr Outcome<D> receive(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a) {
    using enum Rule;
    using U32 = typename D::U32;
    const U32 command = low_half(a.value);
    const U32 mode = command & icr::delivery_mode;
    Outcome<D> ignored;
    ignored.rule = I17;
    if (p(I17, negate(is_enabled(s)))) return ignored;
    if (!is_addressed(p, s, low_half(a.address), has_any(command, icr::logical))) return ignored;
    if (p(I07, equal(mode, U32{delivery_mode::init}))) {
        const auto deassert =
            both(has_any(command, icr::trigger), negate(has_any(command, icr::assert_level)));
        // AMD does not say what a level de-assert does.
        const bool passes = p(I07, deassert) && !(p(I07, cpu.amd) && p.unspecified(I07, false));
        if (!passes) init(p, s);
        return done<D>(I07, Reg::none);
    }
    // I15, P11: no other but these two goes through IRR.
    const auto queues =
        either(equal(mode, U32{delivery_mode::fixed}), equal(mode, U32{delivery_mode::lowest_priority}));
    if (!p(I15, queues)) return done<D>(I15, Reg::none);
    ignored.rule = V09;
    if (p(V09, negate(is_software_enabled(s)))) return ignored;
    const auto illegal = is_zero(command & u32{0xf0});
    if (p(I04, both(illegal, has_any(a.value, by_device)))) s.esr_pending |= esr::receive_illegal_vector;
    const U32 may_log = select(illegal, U32{esr::receive_illegal_vector}, U32{u32{0}});
    s.esr_pending |= p.unspecified_value(I04, U32{u32{0}}) & may_log;
    accept(p, s, command & icr::vector, has_any(command, icr::trigger));
    return done<D>(P01, Reg::none);
}

// An entry of the local vector table gives its vector, fixed and edge-triggered.
template <class P, class D>
constexpr void fire(P& p, State<D>& s, Reg entry) {
    const auto vector = s[entry] & lvt::vector;
    if (p(Rule::L04b, is_zero(vector & u32{0xf0}))) s.esr_pending |= esr::receive_illegal_vector;
    accept(p, s, vector, typename D::Bool{false});
}

// The entry of the performance counters gives its interrupt, which masks it, on Intel (L07).
template <class P, class D>
constexpr void mask_delivering_pmc(P& p, State<D>& s, const Cpu<D>& cpu) {
    if (p(Rule::L07, negate(cpu.amd))) s[Reg::lvt_pmc] |= lvt::mask;
}

// E05: the first error since ESR was written fires the error entry; whether a later one does is not said.
// `pending_before`: what was collected before the step, `s`: the state after it.
template <class P, class D>
constexpr typename D::Bool raises_error(P& p, const State<D>& s, typename D::U32 pending_before) {
    using Bool = typename D::Bool;
    const Bool gained = both(negate(equal(s.esr_pending, pending_before)), negate(is_zero(s.esr_pending)));
    if (is_ruled_out(gained)) return false;
    const Bool unmasked =
        both(both(is_enabled(s), is_software_enabled(s)), negate(has_any(s[Reg::lvt_error], lvt::mask)));
    const Bool counts = either(is_zero(pending_before), p.unspecified_value(Rule::E05, Bool{false}));
    return both(both(gained, unmasked), counts);
}

// The local vector table's entry for the timer fires, or does not (T13a).
template <class P, class D>
constexpr Outcome<D> expire_timer(P& p, State<D>& s, const Cpu<D>& cpu) {
    using enum Rule;
    const auto entry = s[Reg::lvt_timer];
    const bool deadline = p(T16, in_deadline_mode(s, cpu));
    Outcome<D> nothing;
    nothing.rule = deadline ? T10 : T03;
    if (p(V09, negate(is_enabled(s)))) return nothing;
    if (p(T01, in_reserved_timer_mode(s, cpu))) { // whether anything comes of it is not said
        nothing.rule = T01;
        if (p.unspecified(T01, true)) return nothing;
    } else if (p(nothing.rule, deadline ? is_zero(s.tsc_deadline) : is_zero(s[Reg::initial_count]))) {
        return nothing;
    }
    const bool masked = p(T13a, has_any(entry, lvt::mask));
    if (deadline && !(masked && p.unspecified(T19, false))) s.tsc_deadline = u64{0};
    if (masked) return nothing;
    Outcome<D> out = done<D>(L04b, Reg::lvt_timer);
    if (p(V09, negate(is_software_enabled(s)))) return out;
    fire(p, s, Reg::lvt_timer);
    return out;
}

} // namespace lapicheck::model
