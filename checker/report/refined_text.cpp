#include <ostream>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/judge/evidence.hpp"
#include "checker/prove/refined.hpp"
#include "checker/report/audit.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/execution_text.hpp"

namespace lapicheck::checker {
namespace {

void write_head(std::ostream& out, const Refined& refined) {
    const std::size_t all = refined.departures.size();
    fmt::print(out, "{}: {} departure{} from the manual", refined.implementation->name, all,
               all == 1 ? "" : "s");
    if (all != 0) fmt::print(out, ", {} of them known of KVM", all - refined.count_unknown());
    fmt::print(out, "; {}\n",
               refined.complete ? "all else that it does is allowed"
                                : "whether all else is allowed was not decided");
}

void write_departure(std::ostream& out, const RefinedDeparture& departure) {
    const proof::FoundDeparture& found = departure.found;
    const proof::DepartureKey& key = found.key;
    fmt::print(out, "\n  {} {} ({})  {}  {} mode, {}: {}\n", model::to_string(key.rule), slug_of(key.rule),
               level_of(key.rule), register_name(key.reg), model::to_string(key.mode),
               model::to_string(key.kind), proof::to_string(key.difference));
    const proof::Run& run = found.run.run;
    if (const std::string machine = machine_words(run.machine); !machine.empty())
        fmt::print(out, "    machine   {}\n", machine);
    std::size_t number = 0;
    for (const proof::RunStep& step : run.steps) {
        fmt::print(out, "    step {:<3}  {}\n", ++number, step_words(step));
        if (!step.choices.empty())
            fmt::print(out, "              where the manual leaves it open: {}\n",
                       choice_words(step.choices));
    }
    fmt::print(out, "    did       {}\n", outcome_words(found.did));
    fmt::print(out, "    allowed   {}\n", allowed_by_manual(found.did).text);
    for (const specs::Departure* known : departure.known)
        fmt::print(out, "    known     {}: {}\n", known->id, known->summary);
}

} // namespace

void write_refined_text(std::ostream& out, const Refined& refined) {
    write_head(out, refined);
    if (!refined.missing.empty()) {
        fmt::print(out, "\n  Known of KVM, but it does none of these, and no reason is given:\n");
        for (const specs::Departure* entry : refined.missing)
            fmt::print(out, "    {}: {}\n", entry->id, entry->summary);
    }
    for (const RefinedDeparture& departure : refined.departures) write_departure(out, departure);
    if (!refined.not_shown.empty()) {
        fmt::print(out, "\n  Known departures of KVM that it does not show:\n");
        for (const specs::Departure* entry : refined.not_shown)
            fmt::print(out, "    {}: {}\n", entry->id, entry->not_in_model);
    }
}

} // namespace lapicheck::checker
