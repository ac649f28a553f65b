// The names of implementations and properties as a user types them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/implementations/registry.hpp"
#include "specs/properties/registry.hpp"

namespace lapicheck::specs {

// Why a name is not known, with those that are near: "there is no implementation 'kvm-2017'; near: kvm-2018".
std::string unknown_implementation(std::string_view name);
std::string unknown_property(std::string_view id);

// Those that are named, in the order of reports; "all" names each.
struct Chosen {
    std::vector<const model::ImplementationEntry*> implementations;
    std::vector<const PropertyEntry*> properties;
    std::string error; // a name that is not known
};
Chosen choose(const std::vector<std::string>& implementations, const std::vector<std::string>& properties);

} // namespace lapicheck::specs
