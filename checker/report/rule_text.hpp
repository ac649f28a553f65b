// Rules, properties and CPUs as reports name them.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "checker/judge/profile.hpp"
#include "model/registers.hpp"
#include "model/rule.hpp"
#include "specs/catalogue.hpp"
#include "specs/properties/registry.hpp"

namespace lapicheck::checker {

std::string_view slug_of(model::Rule rule);
std::string level_of(model::Rule rule); // "M", "I", "U"
// "Intel SDM Vol. 3A, 10.12.2 x2APIC Register Availability (325384-059US)".
std::string citation_text(const specs::Citation& citation);
// "    rule      statement", and the citations below.
void write_rule(std::ostream& out, model::Rule rule);
// What a rule's id and "(M)" mean, for the end of a report that shows `rule`.
void write_rule_legend(std::ostream& out, model::Rule rule);

// Whether no read can show what the register holds: EOI, SELF IPI.
bool holds_nothing(const model::RegisterRow& row);
// "00010000H", "as assigned by hardware".
std::string reset_text(const model::RegisterRow& row);

// KVM's vendor module with which a departure is seen: "kvm_amd"; empty: either.
std::string_view module_of(const specs::Departure& departure);

std::string_view cpu_name(GuestCpu cpu); // "AMD"
std::string_view cpu_key(GuestCpu cpu);  // "amd"; empty: either

std::string_view basis_key(specs::Basis basis);
std::string_view scope_key(specs::Scope scope);
std::vector<std::string_view> rule_ids(const specs::PropertyEntry& property);

} // namespace lapicheck::checker
