#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checker/report/audit.hpp"
#include "checker/report/check.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

json departure_json(const Audit& audit, const AuditDeparture& departure) {
    const std::string_view known = known_id(departure);
    json out;
    out["rule"] = model::to_string(departure.key.rule);
    out["name"] = slug_of(departure.key.rule);
    out["level"] = level_of(departure.key.rule);
    out["known"] = known.empty() ? json(nullptr) : json(known);
    out["mode"] = model::to_string(departure.key.mode);
    out["registers"] = register_names(departure.registers);
    out["count"] = departure.count;
    out["machine"] = departure.machine;
    out["by_one_vendor"] = departure.by_one_vendor;
    out["observed"] = observed_text(departure.divergence);
    out["expected"] = expected_text(departure.divergence);
    out["program"] = json::parse(audit_program_text(audit, departure));
    return out;
}

json cpu_key(GuestCpu cpu) {
    return cpu == GuestCpu::either ? json(nullptr) : json(cpu == GuestCpu::amd ? "amd" : "intel");
}

} // namespace

std::string audit_program_text(const Audit& audit, const AuditDeparture& departure) {
    traces::Program program = departure.program;
    const auto add = [&program](std::string key, const json& value) {
        program.others.emplace_back(std::move(key), value.dump());
    };
    add("tool", {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}});
    add("party", audit.party);
    add("host", {{"kernel", audit.kernel.empty() ? json(nullptr) : json(audit.kernel)}});
    add("rules", json::array({model::to_string(departure.key.rule)}));
    add("summary", fmt::format("{}; allowed: {}", observed_text(departure.divergence),
                               expected_text(departure.divergence)));
    return traces::write_program(program);
}

void write_audit_json(std::ostream& out, const Audit& audit) {
    json root;
    root["schema_version"] = 1;
    root["tool"] = {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}};
    root["party"] = audit.party;
    root["profile"] = to_string(audit.profile);
    root["cpu"] = cpu_key(audit.cpu);
    root["host"] = {{"kernel", audit.kernel.empty() ? json(nullptr) : json(audit.kernel)},
                    {"modules", audit.modules}};
    root["machines"] = audit.machines;
    root["not_examined"] = audit.refused;
    root["programs"] = audit.programs;
    root["accesses"] = audit.accesses;
    root["not_judged"] = audit.not_judged;
    root["departures"] = json::array();
    for (const AuditDeparture& departure : audit.departures)
        root["departures"].push_back(departure_json(audit, departure));
    out << root.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace lapicheck::checker
