#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/sim/scenario_text.hpp"

namespace lapicheck::checker {
namespace {

json departure_json(const prove::Refined& refined, const prove::RefinedDeparture& departure) {
    const prove::DepartureKey& key = departure.found.key;
    json out;
    out["rule"] = model::to_string(key.rule);
    out["name"] = slug_of(key.rule);
    out["level"] = level_of(key.rule);
    out["register"] = model::register_name(key.reg);
    out["mode"] = model::to_string(key.mode);
    out["access"] = model::to_string(key.kind);
    out["difference"] = prove::to_string(key.difference);
    out["known"] = json::array();
    for (const specs::Departure* known : departure.known) out["known"].push_back(known->id);
    out["machine"] = programs::machine_words(departure.found.run.run.machine);
    out["steps"] = json::array();
    for (const programs::ScenarioStep& step : departure.found.run.run.steps)
        out["steps"].push_back(programs::step_words(step));
    out["did"] = programs::outcome_words(departure.found.did);
    out["allowed"] = programs::allowed_by_manual(departure.found.did).text;
    out["program"] = json::parse(prove::program_text(refined, departure));
    return out;
}

json result_json(const prove::Refined& refined) {
    json out;
    out["impl"] = refined.implementation->name;
    out["refines"] = "sdm";
    out["complete"] = refined.complete;
    out["departures"] = json::array();
    for (const prove::RefinedDeparture& departure : refined.departures)
        out["departures"].push_back(departure_json(refined, departure));
    out["known_missing"] = json::array();
    for (const specs::Departure* entry : refined.missing) out["known_missing"].push_back(entry->id);
    out["known_not_shown"] = json::array();
    for (const specs::Departure* entry : refined.not_shown)
        out["known_not_shown"].push_back({{"id", entry->id}, {"reason", entry->not_in_model}});
    return out;
}

} // namespace

void write_refine_json(std::ostream& out, const RefineReport& report, const Presentation&) {
    json root = report_head();
    root["results"] = json::array();
    for (const prove::Refined& refined : report.results) root["results"].push_back(result_json(refined));
    print(out, root);
}

} // namespace lapicheck::checker
