#include "checker/report/rule_text.hpp"

#include <ostream>

#include <fmt/format.h>
#include <fmt/ostream.h>

namespace lapicheck::checker {

std::string_view slug_of(model::Rule rule) {
    const specs::RuleEntry* entry = specs::find_rule(model::to_string(rule));
    return entry == nullptr ? std::string_view{} : std::string_view{entry->slug};
}

std::string level_of(model::Rule rule) {
    const specs::RuleEntry* entry = specs::find_rule(model::to_string(rule));
    return {entry == nullptr ? 'M' : specs::letter(entry->level)};
}

std::string citation_text(const specs::Citation& c) {
    return fmt::format("{}, {}{}{} ({})", c.manual, c.number, c.number.empty() ? "" : " ", c.title,
                       c.revision);
}

void write_rule(std::ostream& out, model::Rule rule) {
    const specs::RuleEntry* entry = specs::find_rule(model::to_string(rule));
    if (entry == nullptr) return;
    fmt::print(out, "    rule      {}\n", entry->statement);
    for (const specs::Citation& citation : entry->citations)
        fmt::print(out, "              {}\n", citation_text(citation));
}

void write_rule_legend(std::ostream& out, model::Rule rule) {
    fmt::print(out,
               "Rule ids and levels (M must, I implementation-defined, U undefined): lapicheck explain {}\n",
               model::to_string(rule));
}

bool holds_nothing(const model::RegisterRow& row) {
    using enum model::RegAccess;
    return row.xapic == write_only || row.x2apic == write_only;
}

std::string reset_text(const model::RegisterRow& row) {
    if (row.reg == model::Reg::id) return "as assigned by hardware";
    if (row.reg == model::Reg::version) return "fixed";
    return fmt::format("{:08X}H", row.reset);
}

std::string_view module_of(const specs::Departure& departure) {
    if (departure.cpu == "svm") return "kvm_amd";
    if (departure.cpu == "vmx") return "kvm_intel";
    return departure.cpu == "pvm" ? "kvm_pvm" : "";
}

std::string_view cpu_name(GuestCpu cpu) {
    return cpu == GuestCpu::amd ? "AMD" : cpu == GuestCpu::intel ? "Intel" : "either";
}

std::string_view cpu_key(GuestCpu cpu) {
    return cpu == GuestCpu::amd ? "amd" : cpu == GuestCpu::intel ? "intel" : "";
}

std::string_view basis_key(specs::Basis basis) { return basis == specs::Basis::manual ? "manual" : "wish"; }

std::string_view scope_key(specs::Scope scope) {
    switch (scope) {
    case specs::Scope::step: return "one-step";
    case specs::Scope::two_runs: return "two-runs";
    case specs::Scope::vcpus: break;
    }
    return "vcpus";
}

std::vector<std::string_view> rule_ids(const specs::PropertyEntry& property) {
    std::vector<std::string_view> ids;
    for (const model::Rule rule : property.rules) ids.push_back(model::to_string(rule));
    return ids;
}

} // namespace lapicheck::checker
