#include <optional>
#include <utility>

#include "checker/report/counterexample_text.hpp"
#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "traces/printable.hpp"

namespace lapicheck::checker {

namespace {

void write_proof(std::ostream& out, const ReplayedScenario& r) {
    fmt::print(out, "{}: {} {} {}\n", traces::visible(r.path), r.implementation->name,
               r.shows ? "violates" : "does not violate", r.file.property->id);
    write_property(out, *r.file.property);
    write_runs(out, *r.file.property, *r.implementation->concrete(), r.file.runs);
}

void write_divergence(std::ostream& out, const ReplayedScenario& r) {
    const bool recorded = r.implementation == nullptr;
    fmt::print(out, "{}: {} {} {}\n", traces::visible(r.path),
               recorded ? "the recorded access" : r.implementation->name,
               r.shows ? "violates" : "does not violate", model::to_string(r.file.divergence->rule));
    const auto implementation = recorded ? nullptr : r.implementation->concrete();
    write_rule_run(out, *r.file.divergence, implementation.get());
}

void write_departure(std::ostream& out, const ReplayedScenario& r) {
    fmt::print(out, "{}: {} {} the manual\n", traces::visible(r.path), r.implementation->name,
               r.shows ? "departs from" : "conforms to");
    write_departing_run(out, r.file.rule, r.file.runs.run, *r.implementation->concrete());
}

// The first that its report shows.
std::optional<Rule> rule_of(const ReplayedScenario& r) {
    switch (r.file.shows) {
    case Shows::divergence: return r.file.divergence->rule;
    case Shows::departure: return r.file.rule;
    default: break;
    }
    const auto& rules = r.file.property->rules;
    return rules.empty() ? std::nullopt : std::optional{rules.front()};
}

} // namespace

void write_replay_text(std::ostream& out, const ReplayReport& report, const Presentation&) {
    bool first = true;
    std::optional<Rule> shown;
    for (const ReplayedScenario& r : report.replayed) {
        if (!std::exchange(first, false)) fmt::print(out, "\n");
        if (!shown) shown = rule_of(r);
        switch (r.file.shows) {
        case Shows::divergence: write_divergence(out, r); break;
        case Shows::departure: write_departure(out, r); break;
        default: write_proof(out, r); break;
        }
    }
    if (!shown) return;
    fmt::print(out, "\n");
    write_rule_legend(out, *shown);
}

} // namespace lapicheck::checker
