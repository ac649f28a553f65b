// The one semantics: what an access does to the state of a local APIC and what it answers.
#pragma once

#include "model/messages.hpp"
#include "model/msr.hpp"

namespace lapicheck::model {

// The step, but for the error interrupt that it may raise.
template <class P, class D = typename P::D>
constexpr Outcome<D> quiet_step(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& access) {
    switch (access.kind) {
    case AccessKind::mmio_read:
    case AccessKind::mmio_write: return mmio(p, s, cpu, access);
    case AccessKind::rdmsr:
    case AccessKind::wrmsr: return msr(p, s, cpu, access);
    case AccessKind::cr8_read: return read_cr8(p, s);
    case AccessKind::cr8_write: return write_cr8(p, s, access.value);
    case AccessKind::message: return receive(p, s, cpu, access);
    case AccessKind::take_interrupt: return take_interrupt(p, s);
    case AccessKind::timer_expires: return expire_timer(p, s, cpu);
    case AccessKind::hardware: break;
    case AccessKind::init: init(p, s); return done<D>(Rule::R02, Reg::none);
    case AccessKind::reset: reset(p, s, cpu); return done<D>(Rule::R01, Reg::none);
    }
    act_by_itself(p, s, cpu);
    return done<D>(Rule::E01, Reg::none);
}

// One access of one vCPU on one path of the driver. Changes `s` as far as the path says; what comes of an
// error that the outcome raises (fire) is left to the caller.
template <class P, class D = typename P::D>
constexpr Outcome<D> step(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& access) {
    const auto pending_before = s.esr_pending;
    Outcome<D> out = quiet_step(p, s, cpu, access);
    out.raises_error = raises_error(p, s, pending_before);
    return out;
}

// The same as an implementation does it, with what it does besides the rules.
template <class P, class D = typename P::D>
constexpr Outcome<D> amended_step(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& access) {
    const State<D> before = s;
    p.begins(access);
    Outcome<D> out = step(p, s, cpu, access);
    p.amend(before, access, out, s);
    return out;
}

} // namespace lapicheck::model
