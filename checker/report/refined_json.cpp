#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checker/judge/evidence.hpp"
#include "checker/prove/counterexample.hpp"
#include "checker/prove/refined.hpp"
#include "checker/report/audit.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/execution_text.hpp"
#include "programs/sim/scenario_json.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

json tool_json() { return {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}}; }

json departure_json(const Refined& refined, const RefinedDeparture& departure) {
    const proof::DepartureKey& key = departure.found.key;
    json out;
    out["rule"] = model::to_string(key.rule);
    out["name"] = slug_of(key.rule);
    out["level"] = level_of(key.rule);
    out["register"] = register_name(key.reg);
    out["mode"] = model::to_string(key.mode);
    out["access"] = model::to_string(key.kind);
    out["difference"] = proof::to_string(key.difference);
    out["known"] = json::array();
    for (const specs::Departure* known : departure.known) out["known"].push_back(known->id);
    out["machine"] = machine_words(departure.found.run.run.machine);
    out["steps"] = json::array();
    for (const proof::RunStep& step : departure.found.run.run.steps) out["steps"].push_back(step_words(step));
    out["did"] = outcome_words(departure.found.did);
    out["allowed"] = allowed_by_manual(departure.found.did).text;
    out["program"] = json::parse(refined_program_text(refined, departure));
    return out;
}

json result_json(const Refined& refined) {
    json out;
    out["impl"] = refined.implementation->name;
    out["refines"] = "sdm";
    out["complete"] = refined.complete;
    out["departures"] = json::array();
    for (const RefinedDeparture& departure : refined.departures)
        out["departures"].push_back(departure_json(refined, departure));
    out["known_missing"] = json::array();
    for (const specs::Departure* entry : refined.missing) out["known_missing"].push_back(entry->id);
    out["known_not_shown"] = json::array();
    for (const specs::Departure* entry : refined.not_shown)
        out["known_not_shown"].push_back({{"id", entry->id}, {"reason", entry->not_in_model}});
    return out;
}

} // namespace

std::string refined_program_text(const Refined& refined, const RefinedDeparture& departure) {
    const proof::Run& run = departure.found.run.run;
    traces::Program program = program_of(run, execute(*refined.implementation->concrete(), run));
    program.others = {
        {"kind", json(to_string(Shows::departure)).dump()},
        {"tool", tool_json().dump()},
        {"impl", json(refined.implementation->name).dump()},
        {"rules", json::array({model::to_string(departure.found.key.rule)}).dump()},
        {"summary",
         json(fmt::format("{}: {}; allowed: {}", step_words(run.steps.back()),
                          outcome_words(departure.found.did), allowed_by_manual(departure.found.did).text))
             .dump()},
        {"apic", apic_text(run.machine)},
    };
    return traces::write_program(program);
}

void write_refined_json(std::ostream& out, const std::vector<Refined>& all) {
    json root;
    root["schema_version"] = 1;
    root["tool"] = tool_json();
    root["results"] = json::array();
    for (const Refined& refined : all) root["results"].push_back(result_json(refined));
    out << root.dump(2) << '\n';
}

} // namespace lapicheck::checker
