// The properties by name, each in the three domains.
#pragma once

#include <span>
#include <vector>

#include "checker/prove/symbolic/symbolic.hpp"
#include "specs/properties/property.hpp"

namespace lapicheck::proof {

using specs::Claim;
using specs::Transition;

template <class D>
using StepCheck = Claim<D> (*)(const Transition<D>&);
template <class D>
using PairCheck = Claim<D> (*)(const Transition<D>&, const Transition<D>&);

// The check in the three domains. For a property of another scope than one step, `pair` is set instead.
template <template <class> class Check>
struct Checks {
    Check<model::Concrete> concrete = nullptr;
    Check<model::KnownBits> known_bits = nullptr;
    Check<Symbolic> symbolic = nullptr;
};

struct PropertyEntry {
    std::string_view id;
    std::string_view statement;
    std::span<const model::Rule> rules;
    specs::Scope scope = specs::Scope::step;
    specs::Basis basis = specs::Basis::manual;
    Checks<StepCheck> step;
    Checks<PairCheck> pair;
};

std::span<const PropertyEntry> properties();
const PropertyEntry* find_property(std::string_view id);

// The conditions of specs/properties/invariants.hpp.
struct InvariantEntry {
    std::string_view id;
    SymBool (*holds)(const model::Cpu<Symbolic>&, const model::State<Symbolic>&);
};
std::span<const InvariantEntry> invariants();
SymBool valid_cpu(const model::Cpu<Symbolic>& cpu, const model::State<Symbolic>& state);

} // namespace lapicheck::proof
