#include "checker/report/audit_place.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "checker/judge/divergence_text.hpp"
#include "checker/report/rule_text.hpp"

namespace lapicheck::checker {

std::vector<std::string_view> register_names(const std::set<Reg>& registers) {
    std::vector<std::string_view> names;
    for (const Reg reg : registers)
        if (const std::string_view name = model::register_name(reg);
            !name.empty() && std::ranges::find(names, name) == names.end())
            names.push_back(name);
    return names;
}

std::string place_text(const AuditDeparture& departure) {
    const auto names = register_names(departure.registers);
    return fmt::format("{}{}{}", fmt::join(names, ", "), names.empty() ? "" : ", ",
                       mode_text(departure.key.mode));
}

std::string level_text(const AuditDeparture& departure, GuestCpu cpu) {
    const std::string level = level_of(departure.key.rule);
    return departure.by_one_vendor ? fmt::format("{}, {} only", level, cpu_name(cpu)) : level;
}

std::string_view known_id(const AuditDeparture& departure) {
    return departure.key.departure == nullptr ? std::string_view{}
                                              : std::string_view{departure.key.departure->id};
}

} // namespace lapicheck::checker
