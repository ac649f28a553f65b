#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_text.hpp"

namespace lapicheck::checker {
namespace {

json steps_json(const programs::Scenario& run, const std::vector<programs::ExecutedStep>& executed) {
    json steps = json::array();
    for (std::size_t i = 0; i < run.steps.size(); ++i)
        steps.push_back({{"vcpu", run.steps[i].vcpu},
                         {"step", programs::step_words(run.steps[i])},
                         {"outcome", programs::outcome_words(executed[i])},
                         {"allowed", programs::allowed_by_manual(executed[i]).text}});
    return steps;
}

json replayed_json(const ReplayedScenario& replayed) {
    const bool recorded = replayed.implementation == nullptr;
    const auto implementation =
        recorded ? model::implementations().front().concrete() : replayed.implementation->concrete();
    const Counterexample& runs = replayed.file.runs;
    json out;
    out["path"] = replayed.path;
    out["kind"] = to_string(replayed.file.shows);
    out["impl"] = recorded ? json(nullptr) : json(replayed.implementation->name);
    out["property"] = replayed.file.property == nullptr ? json(nullptr) : json(replayed.file.property->id);
    out["shows"] = replayed.shows;
    out["steps"] = steps_json(runs.run, execute(*implementation, runs.run));
    if (recorded) out["steps"].back()["outcome"] = recorded_text(replayed.file.divergence->observed);
    out["other_run"] = runs.other_run ? steps_json(*runs.other_run, execute(*implementation, *runs.other_run))
                                      : json(nullptr);
    return out;
}

} // namespace

void write_replay_json(std::ostream& out, const ReplayReport& report, const Presentation&) {
    json root = report_head();
    root["replays"] = json::array();
    for (const ReplayedScenario& replayed : report.replayed)
        root["replays"].push_back(replayed_json(replayed));
    print(out, root);
}

} // namespace lapicheck::checker
