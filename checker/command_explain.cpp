#include <cstdio>

#include <fmt/format.h>

#include "checker/commands.hpp"

namespace lapicheck::checker {
namespace {

using model::RegAccess;
using model::RegisterRow;

void explain_rule(const specs::Rule& rule) {
    fmt::print("{} {}\n\n  {}\n\n", rule.id, rule.slug, rule.statement);
    fmt::print("  level      {}\n", specs::to_string(rule.level));
    if (rule.vendor != specs::Vendor::both) fmt::print("  holds for  {}\n", specs::to_string(rule.vendor));
    for (const specs::Citation& c : rule.citations)
        fmt::print("  source     {}, {}{}{} ({})\n", c.manual, c.number, c.number.empty() ? "" : " ", c.title,
                   c.revision);
    fmt::print("  registers  {}\n", fmt::join(rule.registers, ", "));
    fmt::print("  decided    {}\n", rule.decided_by.empty() ? "not yet" : rule.decided_by);
    if (!rule.notes.empty()) fmt::print("  note       {}\n", rule.notes);
    for (const specs::Departure& departure : specs::catalogue().departures) {
        if (std::find(departure.rules.begin(), departure.rules.end(), rule.id) == departure.rules.end())
            continue;
        fmt::print("\n  KVM departs: {}\n    {}\n    kernels: {}\n", departure.id, departure.summary,
                   departure.kernels);
        for (const specs::SourceLocation& source : departure.sources)
            fmt::print("    source: {} {} (Linux {})\n", source.file, source.function, source.version);
    }
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

void explain_register(const RegisterRow& row) {
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

} // namespace

int run_explain(const std::string& name) {
    if (const specs::Rule* rule = specs::find_rule(name)) {
        explain_rule(*rule);
        return 0;
    }
    if (const RegisterRow* row = model::find_register(name)) {
        explain_register(*row);
        return 0;
    }
    const auto near = specs::near_rules(name);
    fmt::print(stderr,
               "lapicheck: explain: no rule or register is called '{}'{}{}; see 'lapicheck list rules'\n",
               name, near.empty() ? "" : "; near: ", fmt::join(near, ", "));
    return 2;
}

} // namespace lapicheck::checker
