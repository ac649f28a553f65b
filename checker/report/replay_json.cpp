#include <ostream>

#include <nlohmann/json.hpp>

#include "checker/report/replay.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/execution_text.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

json steps_json(const proof::Run& run, const std::vector<proof::Executed>& executed) {
    json steps = json::array();
    for (std::size_t i = 0; i < run.steps.size(); ++i)
        steps.push_back({{"vcpu", run.steps[i].vcpu},
                         {"step", step_words(run.steps[i])},
                         {"outcome", outcome_words(executed[i])},
                         {"allowed", allowed_by_manual(executed[i]).text}});
    return steps;
}

json replayed_json(const ReplayedRun& replayed) {
    const bool recorded = replayed.implementation == nullptr;
    const auto implementation =
        recorded ? proof::implementations().front().concrete() : replayed.implementation->concrete();
    const proof::Counterexample& runs = replayed.file.runs;
    json out;
    out["path"] = replayed.path;
    out["kind"] = to_string(replayed.file.shows);
    out["impl"] = recorded ? json(nullptr) : json(replayed.implementation->name);
    out["property"] = replayed.file.property == nullptr ? json(nullptr) : json(replayed.file.property->id);
    out["shows"] = replayed.broken;
    out["steps"] = steps_json(runs.run, execute(*implementation, runs.run));
    if (recorded) out["steps"].back()["outcome"] = recorded_words(replayed.file.divergence->observed);
    out["other_run"] = runs.other_run ? steps_json(*runs.other_run, execute(*implementation, *runs.other_run))
                                      : json(nullptr);
    return out;
}

} // namespace

void write_replay_json(std::ostream& out, const std::vector<ReplayedRun>& replayed) {
    json root;
    root["schema_version"] = 1;
    root["tool"] = {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}};
    root["replays"] = json::array();
    for (const ReplayedRun& r : replayed) root["replays"].push_back(replayed_json(r));
    // A path need not be UTF-8.
    out << root.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace lapicheck::checker
