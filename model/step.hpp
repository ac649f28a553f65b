// The one semantics: what an access does to the state of a local APIC and what it answers.
#pragma once

#include "model/msr.hpp"

namespace lapicheck::model {

// One access of one vCPU on one path of the driver. Changes `s` as far as the path says.
template <class P, class D = typename P::D>
constexpr Outcome<D> step(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& access) {
    return is_mmio(access.kind) ? mmio(p, s, cpu, access) : msr(p, s, cpu, access);
}

} // namespace lapicheck::model
