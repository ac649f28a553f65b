#include <utility>

#include "checker/report/counterexample_text.hpp"
#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "model/text.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_text.hpp"

namespace lapicheck::checker {
namespace {

void write_head(std::ostream& out, const prove::Refined& refined) {
    const std::size_t all = refined.departures.size();
    fmt::print(out, "{}: {} departure{} from the manual{}; {}\n", refined.implementation->name, all,
               plural(all), known_share_text(all - refined.count_unknown(), all),
               refined.complete
                   ? "the manual allows everything else that it does"
                   : "it was not decided whether the manual allows everything else that it does");
}

// What the last step sends that the manual does not let it send, or the other way round.
std::string sent_text(const prove::FoundDeparture& found) {
    const programs::PlainOutcome& did = found.did.out;
    const programs::PlainOutcome& allowed = found.allowed;
    if (did.sends_ipi != allowed.sends_ipi) return did.sends_ipi ? "sends an IPI" : "sends no IPI";
    if (did.sends_msi != allowed.sends_msi)
        return did.sends_msi ? "becomes an MSI" : "does not become an MSI";
    if (did.broadcasts_eoi != allowed.broadcasts_eoi)
        return did.broadcasts_eoi ? "broadcasts the EOI" : "does not broadcast the EOI";
    return did.raises_error ? "raises the error interrupt" : "does not raise the error interrupt";
}

std::string difference_text(const prove::FoundDeparture& found) {
    using enum prove::Difference;
    switch (found.key.difference) {
    case gp_missing: return "raises no #GP";
    case gp_raised: return "raises #GP";
    case answered:
        return found.did.out.answer == model::Answer::apic ? "is answered by the APIC"
                                                           : "is not answered by the APIC";
    case sent: return sent_text(found);
    case value: return fmt::format("returns {}", programs::outcome_words(found.did));
    case state: break;
    }
    const std::string_view reg = model::register_name(found.key.reg);
    return fmt::format("leaves {} in a state that the manual does not allow", reg.empty() ? "the APIC" : reg);
}

void write_departure(std::ostream& out, const prove::RefinedDeparture& departure) {
    const prove::FoundDeparture& found = departure.found;
    const prove::DepartureKey& key = found.key;
    const programs::Scenario& run = found.run.run;
    fmt::print(out, "\n  {} {} ({}): {} {}\n", model::to_string(key.rule), slug_of(key.rule),
               level_of(key.rule), programs::step_words(run.steps.back()), difference_text(found));
    const std::string_view reg = model::register_name(key.reg);
    fmt::print(out, "    where     {}{}{}\n", reg, reg.empty() ? "" : ", ", model::mode_text(key.mode));
    if (const std::string machine = programs::machine_words(run.machine); !machine.empty())
        fmt::print(out, "    machine   {}\n", machine);
    std::size_t number = 0;
    for (const programs::ScenarioStep& step : run.steps) {
        fmt::print(out, "    step {:<3}  {}\n", ++number, programs::step_words(step));
        write_choices(out, step.choices);
    }
    fmt::print(out, "    observed  {}\n", programs::outcome_words(found.did));
    fmt::print(out, "    allowed   {}\n", programs::allowed_by_manual(found.did).text);
    for (const specs::Departure* known : departure.known)
        fmt::print(out, "    known     {}: {}\n", known->id, known->summary);
}

void write_refined(std::ostream& out, const prove::Refined& refined) {
    write_head(out, refined);
    if (!refined.missing.empty()) {
        fmt::print(out, "\n  Known departures of KVM that it should show but does not:\n");
        for (const specs::Departure* entry : refined.missing)
            fmt::print(out, "    {}: {}\n", entry->id, entry->summary);
    }
    for (const prove::RefinedDeparture& departure : refined.departures) write_departure(out, departure);
    if (!refined.not_shown.empty()) {
        fmt::print(out, "\n  Known departures of KVM that it does not show, and why:\n");
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
    for (const prove::Refined& refined : report.results)
        if (!refined.departures.empty()) {
            fmt::print(out, "\n");
            return write_rule_legend(out, refined.departures[0].found.key.rule);
        }
}

} // namespace lapicheck::checker
