// What is known of a rule, a register, a property or an implementation, for `explain`.
#pragma once

#include <nlohmann/json.hpp>

#include "checker/prove/implementations.hpp"
#include "checker/prove/property_table.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {

void explain_text(const specs::Rule& rule);
void explain_text(const model::RegisterRow& row);
void explain_text(const proof::PropertyEntry& property);
void explain_text(const proof::ImplementationEntry& implementation);

nlohmann::ordered_json explain_json(const specs::Rule& rule);
nlohmann::ordered_json explain_json(const model::RegisterRow& row);
nlohmann::ordered_json explain_json(const proof::PropertyEntry& property);
nlohmann::ordered_json explain_json(const proof::ImplementationEntry& implementation);

} // namespace lapicheck::checker
