// Properties in the words of reports.
#pragma once

#include <string>
#include <vector>

#include "checker/prove/property_table.hpp"

namespace lapicheck::checker {

constexpr std::string_view to_word(specs::Basis basis) {
    return basis == specs::Basis::manual ? "manual" : "wish";
}
constexpr std::string_view to_word(specs::Scope scope) {
    return scope == specs::Scope::step ? "one-step" : scope == specs::Scope::two_runs ? "two-runs" : "vcpus";
}
inline std::vector<std::string> rule_ids(const proof::PropertyEntry& property) {
    std::vector<std::string> ids;
    for (const model::Rule rule : property.rules) ids.emplace_back(model::to_string(rule));
    return ids;
}

} // namespace lapicheck::checker
