// The implementations, properties and invariants on formulas: made from the same lists as the registries of
// model/implementations and specs/properties, and found by name there.
#pragma once

#include <memory>
#include <span>

#include "checker/prove/symbolic/symbolic.hpp"
#include "model/implementations/registry.hpp"
#include "specs/properties/registry.hpp"

namespace lapicheck::prove {

using model::ImplementationEntry;
using specs::Claim;
using specs::PropertyEntry;
using specs::Transition;

// An implementation that can be run on formulas too.
struct SymbolicImplementation {
    const ImplementationEntry* entry = nullptr;
    std::unique_ptr<model::Implementation<Symbolic>> (*make)() = nullptr;
};
// `entry` must be of model::implementations().
SymbolicImplementation symbolic(const ImplementationEntry& entry);

// A property with its check on formulas: `step` of one step, `pair` of two transitions.
struct SymbolicProperty {
    const PropertyEntry* entry = nullptr;
    specs::StepCheck<Symbolic> step = nullptr;
    specs::PairCheck<Symbolic> pair = nullptr;
};
// `entry` must be of specs::properties().
SymbolicProperty symbolic(const PropertyEntry& entry);

// The conditions of specs/properties/invariants.hpp.
struct InvariantEntry {
    std::string_view id;
    SymBool (*holds)(const model::Cpu<Symbolic>&, const model::State<Symbolic>&);
};
std::span<const InvariantEntry> invariants();
SymBool valid_cpu(const model::Cpu<Symbolic>& cpu, const model::State<Symbolic>& state);

} // namespace lapicheck::prove
