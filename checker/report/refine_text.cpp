#include <utility>

#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_text.hpp"

namespace lapicheck::checker {
namespace {

void write_head(std::ostream& out, const prove::Refined& refined) {
    const std::size_t all = refined.departures.size();
    fmt::print(out, "{}: {} departure{} from the manual", refined.implementation->name, all,
               all == 1 ? "" : "s");
    if (all != 0) fmt::print(out, ", {} of them known of KVM", all - refined.count_unknown());
    fmt::print(out, "; {}\n",
               refined.complete ? "all else that it does is allowed"
                                : "whether all else is allowed was not decided");
}

void write_departure(std::ostream& out, const prove::RefinedDeparture& departure) {
    const prove::FoundDeparture& found = departure.found;
    const prove::DepartureKey& key = found.key;
    fmt::print(out, "\n  {} {} ({})  {}  {} mode, {}: {}\n", model::to_string(key.rule), slug_of(key.rule),
               level_of(key.rule), model::register_name(key.reg), model::to_string(key.mode),
               model::to_string(key.kind), prove::to_string(key.difference));
    const programs::Scenario& run = found.run.run;
    if (const std::string machine = programs::machine_words(run.machine); !machine.empty())
        fmt::print(out, "    machine   {}\n", machine);
    std::size_t number = 0;
    for (const programs::ScenarioStep& step : run.steps) {
        fmt::print(out, "    step {:<3}  {}\n", ++number, programs::step_words(step));
        if (!step.choices.empty())
            fmt::print(out, "              where the manual leaves it open: {}\n",
                       programs::choice_words(step.choices));
    }
    fmt::print(out, "    did       {}\n", programs::outcome_words(found.did));
    fmt::print(out, "    allowed   {}\n", programs::allowed_by_manual(found.did).text);
    for (const specs::Departure* known : departure.known)
        fmt::print(out, "    known     {}: {}\n", known->id, known->summary);
}

void write_refined(std::ostream& out, const prove::Refined& refined) {
    write_head(out, refined);
    if (!refined.missing.empty()) {
        fmt::print(out, "\n  Known of KVM, but it does none of these, and no reason is given:\n");
        for (const specs::Departure* entry : refined.missing)
            fmt::print(out, "    {}: {}\n", entry->id, entry->summary);
    }
    for (const prove::RefinedDeparture& departure : refined.departures) write_departure(out, departure);
    if (!refined.not_shown.empty()) {
        fmt::print(out, "\n  Known departures of KVM that it does not show:\n");
        for (const specs::Departure* entry : refined.not_shown)
            fmt::print(out, "    {}: {}\n", entry->id, entry->not_in_model);
    }
}

} // namespace

void write_refine_text(std::ostream& out, const RefineReport& report, const Presentation&) {
    bool first = true;
    for (const prove::Refined& refined : report.results) {
        if (!std::exchange(first, false)) fmt::print(out, "\n");
        write_refined(out, refined);
    }
}

} // namespace lapicheck::checker
