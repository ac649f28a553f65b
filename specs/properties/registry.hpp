// The properties by name, on plain and on partly known values.
#pragma once

#include <span>
#include <string_view>

#include "specs/properties/property.hpp"

namespace lapicheck::specs {

template <class D>
using StepCheck = Claim<D> (*)(const Transition<D>&);
template <class D>
using PairCheck = Claim<D> (*)(const Transition<D>&, const Transition<D>&);

struct PropertyEntry {
    std::string_view id;
    std::string_view statement;
    std::span<const model::Rule> rules;
    Scope scope = Scope::step;
    Basis basis = Basis::manual;
    // Of a property of one step.
    StepCheck<model::Concrete> concrete = nullptr;
    StepCheck<model::KnownBits> known_bits = nullptr;
    // Of another one: of two transitions.
    PairCheck<model::Concrete> concrete_pair = nullptr;
};

// In the order of `Properties` (all.hpp).
std::span<const PropertyEntry> properties();
const PropertyEntry* find_property(std::string_view id);

} // namespace lapicheck::specs
