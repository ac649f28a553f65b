#include <fmt/format.h>

#include "checker/report/explain.hpp"
#include "checker/report/property_text.hpp"

namespace lapicheck::checker {
namespace {

using model::RegAccess;
using model::RegisterRow;

// The properties that name the rule.
std::vector<std::string_view> properties_of(const specs::Rule& rule) {
    std::vector<std::string_view> ids;
    for (const proof::PropertyEntry& property : proof::properties())
        for (const model::Rule named : property.rules)
            if (model::to_string(named) == rule.id) ids.push_back(property.id);
    return ids;
}

std::string_view access_text(RegAccess access) {
    switch (access) {
    case RegAccess::absent: return "absent";
    case RegAccess::read_only: return "read-only";
    case RegAccess::write_only: return "write-only";
    case RegAccess::read_write: return "read/write";
    case RegAccess::amd_read_only: break;
    }
    return "read-only on AMD, absent on Intel";
}

std::string_view kind_text(model::FieldKind kind) {
    using enum model::FieldKind;
    switch (kind) {
    case writable: return "writable";
    case read_only: return "read-only";
    case optional: return "writable if the CPU has it, else reserved";
    case intel_only: return "writable on Intel, reserved on AMD";
    case amd_only: return "writable on AMD, reserved on Intel";
    case open: return "implementation-defined";
    case ones: break;
    }
    return "reads 1";
}

} // namespace

void explain_text(const specs::Rule& rule) {
    fmt::print("{} {}\n\n  {}\n\n", rule.id, rule.slug, rule.statement);
    fmt::print("  level      {}\n", specs::to_string(rule.level));
    if (rule.vendor != specs::Vendor::both) fmt::print("  holds for  {}\n", specs::to_string(rule.vendor));
    for (const specs::Citation& c : rule.citations)
        fmt::print("  source     {}, {}{}{} ({})\n", c.manual, c.number, c.number.empty() ? "" : " ", c.title,
                   c.revision);
    fmt::print("  registers  {}\n", fmt::join(rule.registers, ", "));
    fmt::print("  decided    {}\n", rule.decided_by.empty() ? "not yet" : rule.decided_by);
    if (!rule.notes.empty()) fmt::print("  note       {}\n", rule.notes);
    const std::vector<std::string_view> checked = properties_of(rule);
    if (!checked.empty()) fmt::print("  properties {}\n", fmt::join(checked, ", "));
    for (const specs::Departure& departure : specs::catalogue().departures) {
        if (std::find(departure.rules.begin(), departure.rules.end(), rule.id) == departure.rules.end())
            continue;
        fmt::print("\n  KVM departs: {}\n    {}\n    kernels: {}\n", departure.id, departure.summary,
                   departure.kernels);
        for (const specs::SourceLocation& source : departure.sources)
            fmt::print("    source: {} {} (Linux {})\n", source.file, source.function, source.version);
    }
}

void explain_text(const RegisterRow& row) {
    fmt::print("{}  {}\n\n", row.name, row.title);
    fmt::print("  MMIO offset  {:03X}H in xAPIC mode: {}\n", row.offset, access_text(row.xapic));
    fmt::print("  MSR          {:X}H in x2APIC mode: {}\n", row.msr(), access_text(row.x2apic));
    fmt::print("  after RESET  {:08X}H\n", row.reset);
    for (const model::Field& field : row.fields)
        fmt::print("  {:08X}      {}: {}\n", field.mask, field.name, kind_text(field.kind));
    if (row.reserved() != 0) fmt::print("  {:08X}      reserved\n", row.reserved());
    fmt::print("\n  rules:");
    for (const specs::Rule& rule : specs::catalogue().rules)
        if (std::find(rule.registers.begin(), rule.registers.end(), row.name) != rule.registers.end())
            fmt::print(" {}", rule.id);
    fmt::print("\n");
}

void explain_text(const proof::PropertyEntry& property) {
    fmt::print("property {}\n\n  {}\n\n", property.id, property.statement);
    fmt::print("  basis      {}\n", property.basis == specs::Basis::manual
                                        ? "it follows from the manual"
                                        : "a wish: the manual leaves it open");
    fmt::print("  scope      {}\n", to_word(property.scope));
    for (const std::string& id : rule_ids(property)) {
        const specs::Rule* rule = specs::find_rule(id);
        if (rule == nullptr) continue;
        fmt::print("\n  rule       {} {}: {}\n", rule->id, rule->slug, rule->statement);
        for (const specs::Citation& c : rule->citations)
            fmt::print("  source     {}, {}{}{} ({})\n", c.manual, c.number, c.number.empty() ? "" : " ",
                       c.title, c.revision);
    }
}

void explain_text(const proof::ImplementationEntry& implementation) {
    fmt::print("implementation {}\n\n  {}\n\n  source     {}\n", implementation.name, implementation.summary,
               implementation.source);
}

} // namespace lapicheck::checker
