#include <algorithm>
#include <utility>

#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "model/field_text.hpp"

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
    case intel_only: return "read-only on Intel, reserved on AMD";
    case amd_only: return "writable on AMD, reserved on Intel";
    case intel_sure: return "writable on Intel, implementation-defined on AMD";
    case amd_sure: return "writable on AMD, implementation-defined on Intel";
    case ones: break;
    }
    return "reads 1";
}

std::string_view level_meaning(specs::Level level) {
    switch (level) {
    case specs::Level::must: return "must; there is one right answer";
    case specs::Level::implementation: return "implementation-defined; processors may differ";
    case specs::Level::undefined: break;
    }
    return "undefined; any behaviour is accepted";
}

void write_sources(std::ostream& out, std::string_view indent, const specs::Departure& departure) {
    for (const specs::SourceLocation& source : departure.sources)
        fmt::print(out, "{}{} {} (Linux {})\n", indent, source.file, source.function, source.version);
}

// The rules that name the register.
void write_rules_of(std::ostream& out, std::string_view name) {
    fmt::print(out, "\n  rules:");
    for (const specs::RuleEntry& rule : specs::catalogue().rules)
        if (std::ranges::find(rule.registers, name) != rule.registers.end()) fmt::print(out, " {}", rule.id);
    fmt::print(out, "\n");
}

void explain(std::ostream& out, const specs::RuleEntry& rule) {
    fmt::print(out, "{} {}\n\n  {}\n\n", rule.id, rule.slug, rule.statement);
    fmt::print(out, "  level      {}: {}\n", specs::letter(rule.level), level_meaning(rule.level));
    if (rule.vendor != specs::Vendor::both)
        fmt::print(out, "  vendor     {}\n", specs::to_string(rule.vendor));
    for (const specs::Citation& citation : rule.citations)
        fmt::print(out, "  source     {}\n", citation_text(citation));
    fmt::print(out, "  registers  {}\n", fmt::join(rule.registers, ", "));
    fmt::print(out, "  checked by {}\n", rule.decided_by.empty() ? "no part of the model" : rule.decided_by);
    if (!rule.notes.empty()) fmt::print(out, "  note       {}\n", rule.notes);
    const std::vector<std::string_view> checked = properties_of(rule);
    if (!checked.empty()) fmt::print(out, "  properties {}\n", fmt::join(checked, ", "));
    for (const specs::Departure& departure : specs::catalogue().departures) {
        if (std::find(departure.rules.begin(), departure.rules.end(), rule.id) == departure.rules.end())
            continue;
        fmt::print(out, "\n  KVM departs: {}\n    {}\n    kernels: {}\n", departure.id, departure.summary,
                   departure.kernels);
        write_sources(out, "    source: ", departure);
    }
}

// Registers whose fields stand elsewhere in x2APIC mode than the table says, which is of xAPIC mode.
void write_x2apic_layout(std::ostream& out, Reg reg) {
    if (reg == Reg::id)
        fmt::print(out, "  in xAPIC mode the APIC ID is in bits 31:24; in x2APIC mode it is 32 bits wide\n");
    if (reg == Reg::icr)
        fmt::print(out,
                   "  bits 63:32   destination in x2APIC mode; in xAPIC mode it is in icr_high (310H)\n");
    if (reg == Reg::ldr)
        fmt::print(out, "  in x2APIC mode bits 31:16 are the cluster and bits 15:0 the logical ID in it\n");
}

void explain(std::ostream& out, const RegisterRow& row) {
    fmt::print(out, "{}  {}\n\n", row.name, row.title);
    constexpr u32 words = 8; // of a bitmap, one for each 32 vectors
    const bool is_bitmap = model::is_bitmap(row.reg);
    const auto range = [&](const std::string& first, const std::string& last) {
        return is_bitmap ? fmt::format("{} to {}", first, last) : first;
    };
    fmt::print(
        out, "  MMIO offset  {} in xAPIC mode: {}\n",
        range(fmt::format("{:03X}H", row.offset), fmt::format("{:03X}H", row.offset + 16 * (words - 1))),
        access_text(row.xapic));
    fmt::print(out, "  MSR          {} in x2APIC mode: {}\n",
               range(fmt::format("{:X}H", row.msr()), fmt::format("{:X}H", row.msr() + words - 1)),
               access_text(row.x2apic));
    if (!holds_nothing(row)) fmt::print(out, "  after RESET  {}\n", reset_text(row));
    if (is_bitmap) fmt::print(out, "  bit N of word W  vector 32 * W + N\n");
    for (const model::Field& field : row.fields)
        if (field.mask != 0 && !is_bitmap)
            fmt::print(out, "  {:<12} {}: {}\n", model::bits_text(field.mask), field.name,
                       kind_text(field.kind));
    write_x2apic_layout(out, row.reg);
    if (row.reserved() != 0) fmt::print(out, "  {}: reserved\n", model::bits_text(row.reserved()));
    write_rules_of(out, row.name);
}

void explain(std::ostream& out, const model::OutsideRegister& reg) {
    fmt::print(out, "{}  {}: {}\n\n", reg.name, reg.sdm_name, reg.title);
    if (reg.msr != 0) fmt::print(out, "  MSR          {:X}H: {}\n", reg.msr, reg.access);
    else fmt::print(out, "  access       {}\n", reg.access);
    fmt::print(out, "  after RESET  {:08X}H{}{}\n", reg.reset, reg.reset_note.empty() ? "" : "; ",
               reg.reset_note);
    for (const model::OutsideField& field : reg.fields)
        fmt::print(out, "  {:<12} {}: {}\n", model::bits_text(field.mask), field.name, field.kind);
    if (reg.reserved() != 0) fmt::print(out, "  {}: reserved\n", model::bits_text(reg.reserved()));
    write_rules_of(out, reg.name);
}

std::string_view scope_meaning(specs::Scope scope) {
    switch (scope) {
    case specs::Scope::step: return "one-step: every single step from every reachable state";
    case specs::Scope::two_runs: return "two-runs: the same step in two runs, compared";
    case specs::Scope::vcpus: break;
    }
    return "vcpus: one vCPU's step, with and without an earlier write of another vCPU";
}

void explain(std::ostream& out, const specs::PropertyEntry& property) {
    fmt::print(out, "property {}\n\n  {}\n\n", property.id, property.statement);
    fmt::print(out, "  basis      {}\n",
               property.basis == specs::Basis::manual ? "manual: it follows from the rules below"
                                                      : "wish: desirable, but not required by the manual");
    fmt::print(out, "  scope      {}\n", scope_meaning(property.scope));
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

void explain(std::ostream& out, const specs::Departure& departure) {
    fmt::print(out, "departure {}\n\n  {}\n\n", departure.id, departure.summary);
    for (const std::string& id : departure.rules)
        if (const specs::RuleEntry* const rule = specs::find_rule(id); rule != nullptr)
            fmt::print(out, "  rule       {} {} ({}): {}\n", rule->id, rule->slug, specs::letter(rule->level),
                       rule->statement);
    fmt::print(out, "  registers  {}\n", fmt::join(departure.registers, ", "));
    fmt::print(out, "  access     {}\n", fmt::join(departure.access, ", "));
    fmt::print(out, "  modes      {}\n", fmt::join(departure.modes, ", "));
    if (departure.vendor != specs::Vendor::both)
        fmt::print(out, "  guest CPU  {}\n", specs::to_string(departure.vendor));
    fmt::print(out, "  kernels    {}\n", departure.kernels);
    fmt::print(out, "  module     {}\n", departure.cpu.empty() ? "any" : module_of(departure));
    fmt::print(out, "  reason     {}\n", departure.reason);
    write_sources(out, "  source     ", departure);
    if (!departure.in_trace)
        fmt::print(
            out,
            "  trace      'lapicheck check' never recognizes it; 'lapicheck audit' and 'lapicheck run' do\n");
    if (!departure.not_in_model.empty())
        fmt::print(out, "  model      kvm-6.18 does not show it: {}\n", departure.not_in_model);
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
    put(explanation.outside_reg);
    put(explanation.property);
    put(explanation.implementation);
    put(explanation.departure);
}

} // namespace lapicheck::checker
