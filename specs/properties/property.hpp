// A property: what must be true of every step of an APIC, as a predicate over the state before, the access,
// its outcome and the state after. Written once over a value domain: on formulas it is what a proof shows,
// on plain values what a counterexample breaks, on partly known values a monitor of recordings.
//
// A property is a statement of its own, read from the manual; it calls no rule of the model. That is what
// makes a slip in the model visible.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "model/implementation.hpp"

namespace lapicheck::specs {

template <class D>
struct Transition {
    const model::Cpu<D>& cpu;
    const model::State<D>& before;
    const model::Access<D>& access;
    const model::Outcome<D>& out;
    const model::State<D>& after;
    const model::Surroundings<D>& around_before;
    const model::Surroundings<D>& around_after;
};

// `holds` is asked only where `premise` is true.
template <class D>
struct Claim {
    typename D::Bool premise;
    typename D::Bool holds;
};

// A claim that says nothing of this kind of access.
template <class D>
Claim<D> no_claim() {
    return {typename D::Bool{false}, typename D::Bool{true}};
}

enum class Scope : std::uint8_t {
    step,     // one step of one APIC
    two_runs, // two APICs of the same kind do the same access in different states: the same is seen
    vcpus,    // what another vCPU writes through its window changes nothing that this one reads
};

// What the manual says of the statement.
enum class Basis : std::uint8_t {
    manual, // it follows from the manual
    wish,   // the manual does not specify it; one would like to have it all the same
};

} // namespace lapicheck::specs
