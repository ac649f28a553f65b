#include <utility>

#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

void list_rules(std::ostream& out) {
    fmt::print(out, "{:<5} level  {:<12} {:<44} vendor\n", "id", "model", "name");
    for (const specs::RuleEntry& rule : specs::catalogue().rules)
        fmt::print(out, "{:<5} {:<5}  {:<12} {:<44} {}\n", rule.id, specs::letter(rule.level),
                   rule.decided_by.empty() ? "not checked" : "checked", rule.slug,
                   rule.vendor == specs::Vendor::both ? "both" : specs::to_string(rule.vendor));
}

void list_registers(std::ostream& out) {
    const auto line = [&](std::string_view name, std::string_view mmio, std::string_view msr,
                          std::string_view reset, std::string_view title) {
        fmt::print(out, "{:<20}  {:<9}  {:<9}  {:<23}  {}\n", name, mmio, msr, reset, title);
    };
    line("name", "MMIO", "MSR", "after RESET", "title");
    std::string_view above;
    for (const model::RegisterRow& row : model::sdm_registers) {
        if (std::exchange(above, row.name) == row.name) continue; // a bitmap's words are one line
        constexpr u32 words = 8;
        const bool is_bitmap = model::is_bitmap(row.reg);
        const auto range = [&](u32 first, u32 last) {
            return is_bitmap ? fmt::format("{:03X}H-{:03X}H", first, last) : fmt::format("{:03X}H", first);
        };
        line(row.name,
             row.xapic == model::RegAccess::absent ? "-" : range(row.offset, row.offset + 16 * (words - 1)),
             row.x2apic == model::RegAccess::absent ? "-" : range(row.msr(), row.msr() + words - 1),
             holds_nothing(row) ? "-" : reset_text(row), row.title);
    }
    for (const model::OutsideRegister& reg : model::outside_registers())
        line(reg.name, "-", reg.msr == 0 ? "-" : fmt::format("{:X}H", reg.msr),
             fmt::format("{:08X}H", reg.reset), reg.title);
}

void list_properties(std::ostream& out) {
    fmt::print(out, "{:<47} {:<6}  {:<9} rules\n", "property", "basis", "scope");
    for (const specs::PropertyEntry& entry : specs::properties())
        fmt::print(out, "{:<47} {:<6}  {:<9} {}\n", entry.id, basis_key(entry.basis), scope_key(entry.scope),
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

void list_targets(std::ostream& out) {
    for (const programs::TargetKind& kind : programs::target_kinds())
        fmt::print(out, "{:<24} {:<8} {}\n", kind.name, kind.is_here ? "here" : "not here",
                   kind.is_here ? kind.what : fmt::format("{}; to get it: {}", kind.what, kind.how));
}

} // namespace

void write_list_text(std::ostream& out, const Listing& what, const Presentation&) {
    switch (what) {
    case Listing::rules: return list_rules(out);
    case Listing::registers: return list_registers(out);
    case Listing::properties: return list_properties(out);
    case Listing::departures: return list_departures(out);
    case Listing::targets: return list_targets(out);
    case Listing::implementations: break;
    }
    list_implementations(out);
}

} // namespace lapicheck::checker
