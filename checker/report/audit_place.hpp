// What the reports of an audit say of a departure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checker/audit/audit.hpp"

namespace lapicheck::checker {

// "tpr", "svr", ...: each name once, in the table's order.
std::vector<std::string_view> register_names(const std::set<Reg>& registers);
// "tpr, svr, x2APIC mode".
std::string place_text(const AuditDeparture& departure);
// "M", "M, AMD only": whose manual says so.
std::string level_text(const AuditDeparture& departure, GuestCpu cpu);
std::string_view known_id(const AuditDeparture& departure); // empty: not known

} // namespace lapicheck::checker
