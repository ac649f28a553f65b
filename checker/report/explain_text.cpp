#include <algorithm>
#include <utility>

#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"

namespace lapicheck::checker {
namespace {

using model::RegAccess;
using model::RegisterRow;

// The properties that name the rule.
std::vector<std::string_view> properties_of(const specs::RuleEntry& rule) {
    std::vector<std::string_view> ids;
    for (const specs::PropertyEntry& property : specs::properties())
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
    case unspecified: return "implementation-defined";
    case ones: break;
    }
    return "reads 1";
}

void explain(std::ostream& out, const specs::RuleEntry& rule) {
    fmt::print(out, "{} {}\n\n  {}\n\n", rule.id, rule.slug, rule.statement);
    fmt::print(out, "  level      {}\n", specs::to_string(rule.level));
    if (rule.vendor != specs::Vendor::both)
        fmt::print(out, "  holds for  {}\n", specs::to_string(rule.vendor));
    for (const specs::Citation& citation : rule.citations)
        fmt::print(out, "  source     {}\n", citation_text(citation));
    fmt::print(out, "  registers  {}\n", fmt::join(rule.registers, ", "));
    fmt::print(out, "  decided    {}\n", rule.decided_by.empty() ? "not yet" : rule.decided_by);
    if (!rule.notes.empty()) fmt::print(out, "  note       {}\n", rule.notes);
    const std::vector<std::string_view> checked = properties_of(rule);
    if (!checked.empty()) fmt::print(out, "  properties {}\n", fmt::join(checked, ", "));
    for (const specs::Departure& departure : specs::catalogue().departures) {
        if (std::find(departure.rules.begin(), departure.rules.end(), rule.id) == departure.rules.end())
            continue;
        fmt::print(out, "\n  KVM departs: {}\n    {}\n    kernels: {}\n", departure.id, departure.summary,
                   departure.kernels);
        for (const specs::SourceLocation& source : departure.sources)
            fmt::print(out, "    source: {} {} (Linux {})\n", source.file, source.function, source.version);
    }
}

void explain(std::ostream& out, const RegisterRow& row) {
    fmt::print(out, "{}  {}\n\n", row.name, row.title);
    fmt::print(out, "  MMIO offset  {:03X}H in xAPIC mode: {}\n", row.offset, access_text(row.xapic));
    fmt::print(out, "  MSR          {:X}H in x2APIC mode: {}\n", row.msr(), access_text(row.x2apic));
    fmt::print(out, "  after RESET  {:08X}H\n", row.reset);
    for (const model::Field& field : row.fields)
        fmt::print(out, "  {:08X}      {}: {}\n", field.mask, field.name, kind_text(field.kind));
    if (row.reserved() != 0) fmt::print(out, "  {:08X}      reserved\n", row.reserved());
    fmt::print(out, "\n  rules:");
    for (const specs::RuleEntry& rule : specs::catalogue().rules)
        if (std::find(rule.registers.begin(), rule.registers.end(), row.name) != rule.registers.end())
            fmt::print(out, " {}", rule.id);
    fmt::print(out, "\n");
}

void explain(std::ostream& out, const specs::PropertyEntry& property) {
    fmt::print(out, "property {}\n\n  {}\n\n", property.id, property.statement);
    fmt::print(out, "  basis      {}\n",
               property.basis == specs::Basis::manual ? "it follows from the manual"
                                                      : "a wish: the manual leaves it open");
    fmt::print(out, "  scope      {}\n", scope_key(property.scope));
    for (const std::string_view id : rule_ids(property)) {
        const specs::RuleEntry* rule = specs::find_rule(id);
        if (rule == nullptr) continue;
        fmt::print(out, "\n  rule       {} {}: {}\n", rule->id, rule->slug, rule->statement);
        for (const specs::Citation& citation : rule->citations)
            fmt::print(out, "  source     {}\n", citation_text(citation));
    }
}

void explain(std::ostream& out, const model::ImplementationEntry& implementation) {
    fmt::print(out, "implementation {}\n\n  {}\n\n  source     {}\n", implementation.name,
               implementation.summary, implementation.source);
}

} // namespace

void write_explanation_text(std::ostream& out, const Explanation& explanation, const Presentation&) {
    bool first = true;
    const auto put = [&](const auto* thing) {
        if (thing == nullptr) return;
        if (!std::exchange(first, false)) fmt::print(out, "\n");
        explain(out, *thing);
    };
    put(explanation.rule);
    put(explanation.reg);
    put(explanation.property);
    put(explanation.implementation);
}

} // namespace lapicheck::checker
