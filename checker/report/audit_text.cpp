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
    fmt::print(out, "\n  {}{} {}{} ({})  {}  ({} time{})\n", ink.bold(), model::to_string(departure.key.rule),
               slug_of(departure.key.rule), ink.off(), level_text(departure, cpu), place_text(departure),
               departure.count, plural(departure.count));
    write_program(out, departure);
    fmt::print(out, "    observed  {}\n", observed_text(departure.divergence));
    fmt::print(out, "    allowed   {}\n", expected_text(departure.divergence));
    if (const auto* known = departure.key.departure; known != nullptr)
        fmt::print(out, "    known     {}: {}\n", known->id, known->summary);
}

} // namespace

void write_audit_text(std::ostream& out, const Audit& audit, const Presentation& presentation) {
    const auto known = static_cast<std::size_t>(std::ranges::count_if(
        audit.departures, [](const AuditDeparture& d) { return d.key.departure != nullptr; }));
    fmt::print(out, "{}: {} departure{} from the manual, {} of them known of KVM (profile {})\n",
               audit.full_name, audit.departures.size(), plural(audit.departures.size()), known,
               to_string(audit.profile));
    for (const AuditDeparture& departure : audit.departures)
        write_departure(out, departure, audit.cpu, Ink{presentation.colour});
    fmt::print(out, "\n  {} programs, {} accesses judged, {} not judged.\n", audit.programs, audit.accesses,
               audit.not_judged);
    fmt::print(out, "  machines: {}.\n", fmt::join(audit.machines, ", "));
    if (audit.cpu == GuestCpu::either) fmt::print(out, "  What either vendor's manual allows is allowed.\n");
    else
        fmt::print(out,
                   "  The guest's CPU is {0}'s, and {0}'s manual decides where the two differ (--cpu).\n",
                   cpu_name(audit.cpu));
    for (const std::string& refused : audit.refused) fmt::print(out, "  not examined: {}\n", refused);
}

} // namespace lapicheck::checker
