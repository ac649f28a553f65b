#include <algorithm>

#include "checker/judge/divergence_text.hpp"
#include "checker/report/audit_place.hpp"
#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "programs/text.hpp"

namespace lapicheck::checker {
namespace {

void write_program(std::ostream& out, const AuditDeparture& departure) {
    const auto& program = departure.program;
    if (departure.machine != "one vCPU") fmt::print(out, "    machine   {}\n", departure.machine);
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        const programs::Step& step = program.steps[i];
        const std::string vcpu =
            program.machine.apic_ids.size() > 1 ? fmt::format("vCPU {}  ", step.vcpu) : std::string{};
        fmt::print(out, "    step {:<4} {}{}\n", i, vcpu, programs::step_text(step));
    }
}

void write_departure(std::ostream& out, const AuditDeparture& departure, GuestCpu cpu, const Ink& ink) {
    fmt::print(out, "\n  {}{} {} ({}): {}{}\n", ink.bold(), model::to_string(departure.key.rule),
               slug_of(departure.key.rule), level_text(departure, cpu), headline(departure.divergence),
               ink.off());
    fmt::print(out, "    where     {}: {} time{}\n", place_text(departure), departure.count,
               plural(departure.count));
    write_program(out, departure);
    fmt::print(out, "    observed  {}\n", observed_text(departure.divergence));
    fmt::print(out, "    allowed   {}\n", expected_text(departure.divergence));
    if (const auto* known = departure.key.departure; known != nullptr)
        fmt::print(out, "    known     {}: {}\n", known->id, known->summary);
    for (const AuditKey& key : departure.consequences)
        fmt::print(out, "    also      {} {}, {} mode\n", model::to_string(key.rule), slug_of(key.rule),
                   model::to_string(key.mode));
}

} // namespace

void write_audit_text(std::ostream& out, const Audit& audit, const Presentation& presentation) {
    const auto known = static_cast<std::size_t>(std::ranges::count_if(
        audit.departures, [](const AuditDeparture& d) { return d.key.departure != nullptr; }));
    const std::size_t all = audit.departures.size();
    const std::string share = audit.known.empty() ? known_share_text(known, all)
                              : all == 0          ? std::string{}
                                                  : fmt::format(", {} of them known", known);
    fmt::print(out, "{}: {} departure{} from the manual{} (profile {})\n", audit.full_name, all, plural(all),
               share, to_string(audit.profile));
    for (const AuditDeparture& departure : audit.departures)
        write_departure(out, departure, audit.cpu, Ink{presentation.colour});
    fmt::print(out, "\n  {} programs; {} accesses checked, {} not checked.\n", audit.programs, audit.accesses,
               audit.not_judged);
    fmt::print(out, "  Machines: {}.\n", fmt::join(audit.machines, ", "));
    if (audit.cpu == GuestCpu::either)
        fmt::print(out, "  Behaviour that either vendor's manual allows is accepted (--cpu).\n");
    else
        fmt::print(out, "  The guest's CPU is from {0}: where the manuals differ, {0}'s decides (--cpu).\n",
                   cpu_name(audit.cpu));
    for (const std::string& refused : audit.refused) fmt::print(out, "  Not examined: {}\n", refused);
    if (audit.departures.empty()) return;
    fmt::print(out, "\n");
    write_rule_legend(out, audit.departures[0].key.rule);
}

} // namespace lapicheck::checker
