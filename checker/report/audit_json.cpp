#include "checker/judge/divergence_text.hpp"
#include "checker/report/audit_place.hpp"
#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"

namespace lapicheck::checker {
namespace {

json departure_json(const Audit& audit, const AuditDeparture& departure) {
    const std::string_view known = known_id(departure);
    json out;
    out["rule"] = model::to_string(departure.key.rule);
    out["name"] = slug_of(departure.key.rule);
    out["level"] = level_of(departure.key.rule);
    out["known"] = text_or_null(known);
    out["mode"] = model::to_string(departure.key.mode);
    out["registers"] = register_names(departure.registers);
    out["count"] = departure.count;
    out["machine"] = departure.machine;
    out["by_one_vendor"] = departure.by_one_vendor;
    for (const AuditKey& key : departure.consequences)
        out["also"].push_back({{"rule", model::to_string(key.rule)}, {"mode", model::to_string(key.mode)}});
    out["observed"] = observed_text(departure.divergence);
    out["expected"] = expected_text(departure.divergence);
    out["program"] = json::parse(audit_program_text(audit, departure));
    return out;
}

} // namespace

void write_audit_json(std::ostream& out, const Audit& audit, const Presentation&) {
    json root = report_head();
    root["party"] = audit.target;
    root["profile"] = to_string(audit.profile);
    root["cpu"] = text_or_null(cpu_key(audit.cpu));
    root["host"] = {{"kernel", text_or_null(audit.kernel)}, {"modules", audit.modules}};
    root["machines"] = audit.machines;
    root["not_examined"] = audit.refused;
    root["programs"] = audit.programs;
    root["accesses"] = audit.accesses;
    root["not_judged"] = audit.not_judged;
    root["departures"] = json::array();
    for (const AuditDeparture& departure : audit.departures)
        root["departures"].push_back(departure_json(audit, departure));
    print(out, root);
}

} // namespace lapicheck::checker
