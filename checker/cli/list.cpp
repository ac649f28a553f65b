#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checker/cli/commands.hpp"
#include "checker/prove/implementations.hpp"
#include "checker/report/property_text.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

int list_rules(Format format) {
    json out = json::array();
    for (const specs::Rule& rule : specs::catalogue().rules) {
        const bool decided = !rule.decided_by.empty();
        if (format == Format::text)
            fmt::print("{:<5} {}  {:<8} {:<44} {}\n", rule.id, specs::letter(rule.level),
                       decided ? "decided" : "not yet", rule.slug,
                       rule.vendor == specs::Vendor::both ? "" : specs::to_string(rule.vendor));
        else
            out.push_back({{"id", rule.id},
                           {"slug", rule.slug},
                           {"level", std::string(1, specs::letter(rule.level))},
                           {"vendor", specs::to_string(rule.vendor)},
                           {"statement", rule.statement},
                           {"decided_by", decided ? json(rule.decided_by) : json(nullptr)}});
    }
    if (format == Format::json) std::cout << out.dump(2) << '\n';
    return 0;
}

int list_registers(Format format) {
    json out = json::array();
    if (format == Format::text)
        fmt::print("{:<14} {:>5} {:>5}  {:>8}  {}\n", "name", "MMIO", "MSR", "RESET", "title");
    for (const model::RegisterRow& row : model::sdm_registers) {
        if (format == Format::text)
            fmt::print("{:<14} {:>4X}H {:>4X}H {:08X}H  {}\n", row.name, row.offset, row.msr(), row.reset,
                       row.title);
        else
            out.push_back({{"name", row.name},
                           {"offset", row.offset},
                           {"msr", row.msr()},
                           {"reset", row.reset},
                           {"writable", row.writable},
                           {"reserved", row.reserved()},
                           {"title", row.title}});
    }
    if (format == Format::json) std::cout << out.dump(2) << '\n';
    return 0;
}

int list_implementations(Format format) {
    json out = json::array();
    for (const proof::ImplementationEntry& entry : proof::implementations()) {
        if (format == Format::text) fmt::print("{:<16}  {}\n", entry.name, entry.summary);
        else out.push_back({{"name", entry.name}, {"summary", entry.summary}, {"source", entry.source}});
    }
    if (format == Format::json) std::cout << out.dump(2) << '\n';
    return 0;
}

int list_properties(Format format) {
    json out = json::array();
    for (const proof::PropertyEntry& entry : proof::properties()) {
        const std::vector<std::string> rules = rule_ids(entry);
        if (format == Format::text)
            fmt::print("{:<36} {:<6}  {:<9} {}\n", entry.id, to_word(entry.basis), to_word(entry.scope),
                       fmt::join(rules, " "));
        else
            out.push_back({{"id", entry.id},
                           {"basis", to_word(entry.basis)},
                           {"scope", to_word(entry.scope)},
                           {"rules", rules},
                           {"statement", entry.statement}});
    }
    if (format == Format::json) std::cout << out.dump(2) << '\n';
    return 0;
}

} // namespace

int run_list(const std::string& what, Format format) {
    if (what == "rules") return list_rules(format);
    if (what == "registers") return list_registers(format);
    return what == "implementations" ? list_implementations(format) : list_properties(format);
}

} // namespace lapicheck::checker
