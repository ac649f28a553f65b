#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"

namespace lapicheck::checker {
namespace {

void list_rules(std::ostream& out) {
    fmt::print(out, "{:<5} level  {:<12} {:<44} vendor\n", "id", "model", "name");
    for (const specs::RuleEntry& rule : specs::catalogue().rules)
        fmt::print(out, "{:<5} {:<5}  {:<12} {:<44} {}\n", rule.id, specs::letter(rule.level),
                   rule.decided_by.empty() ? "not decided" : "decided", rule.slug,
                   rule.vendor == specs::Vendor::both ? "both" : specs::to_string(rule.vendor));
}

void list_registers(std::ostream& out) {
    fmt::print(out, "{:<14} {:>5} {:>5}  {:>8}  {}\n", "name", "MMIO", "MSR", "RESET", "title");
    for (const model::RegisterRow& row : model::sdm_registers)
        fmt::print(out, "{:<14} {:>4X}H {:>4X}H {:08X}H  {}\n", row.name, row.offset, row.msr(), row.reset,
                   row.title);
}

void list_properties(std::ostream& out) {
    fmt::print(out, "{:<36} {:<6}  {:<9} rules\n", "property", "basis", "scope");
    for (const specs::PropertyEntry& entry : specs::properties())
        fmt::print(out, "{:<36} {:<6}  {:<9} {}\n", entry.id, basis_key(entry.basis), scope_key(entry.scope),
                   fmt::join(rule_ids(entry), " "));
}

void list_implementations(std::ostream& out) {
    for (const model::ImplementationEntry& entry : model::implementations())
        fmt::print(out, "{:<16}  {}\n", entry.name, entry.summary);
}

void list_departures(std::ostream& out) {
    fmt::print(out, "{:<52} {:<10} {}\n", "departure of KVM", "module", "rules");
    for (const specs::Departure& entry : specs::catalogue().departures)
        fmt::print(out, "{:<52} {:<10} {}\n", entry.id, entry.cpu.empty() ? "any" : module_of(entry),
                   fmt::join(entry.rules, " "));
}

} // namespace

void write_list_text(std::ostream& out, const Listing& what, const Presentation&) {
    switch (what) {
    case Listing::rules: return list_rules(out);
    case Listing::registers: return list_registers(out);
    case Listing::properties: return list_properties(out);
    case Listing::departures: return list_departures(out);
    case Listing::implementations: break;
    }
    list_implementations(out);
}

} // namespace lapicheck::checker
