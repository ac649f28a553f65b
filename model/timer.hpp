// The APIC timer's registers (group T). Time itself is not modelled: what the counter reads is
// bounded, not predicted. SDM Vol. 3A 325384-059US, 10.5.4, 10.5.4.1.
#pragma once

#include "model/lvt.hpp"

namespace lapicheck::model {

template <class D>
constexpr typename D::Bool in_deadline_mode(const State<D>& s, const Cpu<D>& cpu) {
    const auto mode = s[Reg::lvt_timer] & lvt::timer_mode;
    return both(cpu.has_tsc_deadline, equal(mode, typename D::U32{lvt::timer_deadline}));
}

// T01: what the timer does in the reserved mode 11b is not said, nor what is left of its registers
// afterwards.
template <class D>
constexpr typename D::Bool in_reserved_timer_mode(const State<D>& s, const Cpu<D>& cpu) {
    const auto mode = s[Reg::lvt_timer] & lvt::timer_mode;
    return both(cpu.has_tsc_deadline, equal(mode, typename D::U32{lvt::timer_mode}));
}

template <class P, class D>
constexpr void write_lvt_timer(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                               typename D::U32 v) {
    const bool was_deadline = p(Rule::T12, in_deadline_mode(s, cpu));
    const auto was_reserved = in_reserved_timer_mode(s, cpu);
    write_lvt(p, s, cpu, row, v);
    const bool is_deadline = p(Rule::T12, in_deadline_mode(s, cpu));
    if (was_deadline != is_deadline) {
        s.tsc_deadline = u64{0};
        // The switch disarms the timer; whether the initial count stays readable is not said.
        s[Reg::initial_count] = p.unspecified_value(Rule::T12, s[Reg::initial_count]);
    }
    if (!p(Rule::T01, either(was_reserved, in_reserved_timer_mode(s, cpu)))) return;
    s.tsc_deadline = p.unspecified_value(Rule::T01, s.tsc_deadline);
    s[Reg::initial_count] = p.unspecified_value(Rule::T01, s[Reg::initial_count]);
}

template <class P, class D>
constexpr void write_initial_count(P& p, State<D>& s, const Cpu<D>& cpu, typename D::U32 v) {
    if (p(Rule::T09, in_deadline_mode(s, cpu))) return;
    s[Reg::initial_count] =
        p(Rule::T01, in_reserved_timer_mode(s, cpu)) ? p.unspecified_value(Rule::T01, v) : v;
}

template <class P, class D>
constexpr typename D::U32 read_initial_count(P& p, const State<D>& s, const Cpu<D>& cpu) {
    const auto count = s[Reg::initial_count];
    return p(Rule::T01, in_reserved_timer_mode(s, cpu)) ? p.unspecified_value(Rule::T01, count) : count;
}

template <class P, class D>
constexpr Outcome<D> read_current_count(P& p, const State<D>& s, const Cpu<D>& cpu) {
    using U32 = typename D::U32;
    Outcome<D> out = done<D>(Rule::T04, Reg::current_count);
    const U32 initial = s[Reg::initial_count];
    if (p(Rule::T01, in_reserved_timer_mode(s, cpu))) {
        out.rule = Rule::T01;
        out.value = zero_extend(p.unspecified_value(Rule::T01, initial));
    } else if (p(Rule::T09, in_deadline_mode(s, cpu))) {
        out.rule = Rule::T09;
        out.value = u64{0};
    } else if (p(Rule::T03, is_zero(initial))) {
        out.rule = Rule::T03;
        // AMD: a stopped counter reads 0. Intel does not say.
        out.value = zero_extend(select(cpu.amd, U32{u32{0}}, p.unspecified_value(Rule::T03, U32{u32{0}})));
    } else {
        const U32 count = p.unspecified_value(Rule::T04, initial);
        out.value = zero_extend(select(less(initial, count), initial, count));
        out.bounded = true;
        out.limit = initial;
    }
    return out;
}

template <class P, class D>
constexpr Outcome<D> read_tsc_deadline(P& p, const State<D>& s, const Cpu<D>& cpu) {
    using enum Rule;
    if (p(T14, negate(cpu.has_tsc_deadline))) return gp<D>(T14, Reg::tsc_deadline);
    Outcome<D> out = done<D>(T10, Reg::tsc_deadline);
    if (p(T01, in_reserved_timer_mode(s, cpu))) {
        out.rule = T01;
        out.value = p.unspecified_value(T01, typename D::U64{u64{0}});
    } else if (p(T11, negate(in_deadline_mode(s, cpu)))) {
        out.rule = T11;
        out.value = u64{0};
    } else {
        // Once the deadline has passed it reads 0; whether it has, the APIC alone does not know.
        out.value = p.unspecified(T10, false) ? typename D::U64{u64{0}} : s.tsc_deadline;
    }
    return out;
}

template <class P, class D>
constexpr Outcome<D> write_tsc_deadline(P& p, State<D>& s, const Cpu<D>& cpu, typename D::U64 v) {
    using enum Rule;
    if (p(T14, negate(cpu.has_tsc_deadline))) return gp<D>(T14, Reg::tsc_deadline);
    if (p(T01, in_reserved_timer_mode(s, cpu))) {
        s.tsc_deadline = p.unspecified_value(T01, s.tsc_deadline);
        return done<D>(T01, Reg::tsc_deadline);
    }
    if (p(T11, negate(in_deadline_mode(s, cpu)))) return done<D>(T11, Reg::tsc_deadline);
    s.tsc_deadline = v;
    return done<D>(T10, Reg::tsc_deadline);
}

} // namespace lapicheck::model
