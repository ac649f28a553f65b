#include "checker/judge/divergence_text.hpp"
#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "programs/text.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

void write_step(std::ostream& out, std::size_t index, const programs::Step& step, std::string_view outcome) {
    fmt::print(out, "{:>6}  vCPU {}  {:<44} -> {}\n", index, step.vcpu, programs::step_text(step), outcome);
}

// Others than KVM have files of their own (--known), whose ids do not begin with its name.
std::string_view whose(const specs::Departure& known) { return known.id.starts_with("kvm") ? " of KVM" : ""; }

void write_divergence(std::ostream& out, const Divergence& divergence) {
    fmt::print(out, "            {}\n", titled_sentence(divergence));
    for (const Because& because : divergence.because)
        fmt::print(out, "            because of step {}: {}\n", because.line - 1, because.what);
    if (divergence.known != nullptr)
        fmt::print(out, "            known departure{}: {}\n", whose(*divergence.known),
                   divergence.known->id);
}

// Of the first one that is known, if there is one.
std::string_view whose(const std::vector<StepVerdict>& verdicts) {
    for (const StepVerdict& verdict : verdicts)
        for (const Divergence& divergence : verdict.divergences)
            if (divergence.known != nullptr) return whose(*divergence.known);
    return " of KVM";
}

void write_count(std::ostream& out, const RunCount& n, Profile profile,
                 std::string_view known_of = " of KVM") {
    fmt::print(out, "\n{}: {} step{} conform{}, {} diverge{}", to_string(verdict_of(n)), n.ok, plural(n.ok),
               n.ok == 1 ? "s" : "", n.diverging, n.diverging == 1 ? "s" : "");
    if (n.known != 0)
        fmt::print(out, ", {} show{} known departures{} only", n.known, n.known == 1 ? "s" : "", known_of);
    fmt::print(out, "; {} not checked (profile {})\n", n.not_judged, to_string(profile));
}

void write_left_out(std::ostream& out, const std::vector<std::string>& left_out) {
    if (!left_out.empty()) fmt::print(out, "\nNot in random programs:\n");
    for (const std::string& what : left_out) fmt::print(out, "  {}\n", what);
}

} // namespace

void write_run_text(std::ostream& out, const JudgedRun& judged, const Presentation&) {
    const programs::Program& program = judged.program;
    fmt::print(out, "{}: {} step{} on {} vCPU{}\n\n", judged.full_name, program.steps.size(),
               plural(program.steps.size()), program.machine.apic_ids.size(),
               plural(program.machine.apic_ids.size()));
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        write_step(out, i, program.steps[i],
                   programs::outcome_text(program.steps[i], judged.run.outcomes[i]));
        const StepVerdict& verdict = judged.verdicts[i];
        for (const Divergence& divergence : verdict.divergences) write_divergence(out, divergence);
        if (verdict.kind == StepVerdict::Kind::not_judged)
            fmt::print(out, "            not checked: {}\n", verdict.why);
    }
    write_count(out, count(judged.verdicts), judged.profile, whose(judged.verdicts));
    for (const StepVerdict& verdict : judged.verdicts)
        if (!verdict.divergences.empty()) return write_rule_legend(out, verdict.divergences[0].mismatch.rule);
}

void write_compare_text(std::ostream& out, const TargetComparison& compared, const Presentation&) {
    const auto& steps = compared.program.steps;
    const auto head = [&] {
        return compared.seed ? fmt::format("seed {}, ", *compared.seed) : std::string{};
    };
    if (compared.differences.empty()) {
        fmt::print(out, "{} and {} agree: {}{} step{}\n", compared.first, compared.second, head(),
                   compared.steps, plural(compared.steps));
    } else {
        fmt::print(out, "{} and {} differ: {}{} step{} compared\n\n", compared.first, compared.second, head(),
                   compared.steps, plural(compared.steps));
        std::size_t next = 0;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const std::string first = programs::outcome_text(steps[i], compared.first_run.outcomes[i]);
            const bool differs = next < compared.differences.size() && compared.differences[next].step == i;
            // Of a long program only what differs is shown.
            constexpr std::size_t whole = 40;
            if (!differs && steps.size() > whole) continue;
            write_step(out, i, steps[i], differs ? fmt::format("{}: {}", compared.first, first) : first);
            if (!differs) continue;
            ++next;
            fmt::print(out, "{:>63}{}: {}\n", "-> ", compared.second,
                       programs::outcome_text(steps[i], compared.second_run.outcomes[i]));
        }
        fmt::print(out, "\n{} step{} differ{}\n", compared.differences.size(),
                   plural(compared.differences.size()), compared.differences.size() == 1 ? "s" : "");
    }
    if (!compared.exclusions.empty())
        fmt::print(out, "\nValues not compared, because one of the targets does not specify them:\n");
    for (const Exclusion& exclusion : compared.exclusions)
        fmt::print(out, "{:>8} {:<5}  {}\n", exclusion.count, exclusion.count == 1 ? "time" : "times",
                   exclusion.what);
    write_left_out(out, compared.left_out);
    if (compared.module)
        fmt::print(out, "\nKVM's vendor module is {}; a model of KVM behaves as with that module.\n",
                   to_string(*compared.module));
}

void write_random_text(std::ostream& out, const RandomFindings& found, const Presentation&) {
    fmt::print(out, "{}: seed {}, {} step{}\n", found.full_name, found.seed, found.steps,
               plural(found.steps));
    for (const RandomFinding& finding : found.findings) {
        fmt::print(out, "\n{} time{}, shown by:\n", finding.count, plural(finding.count));
        const auto& steps = finding.program.steps;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const auto notes = finding.program.notes.find(i);
            const bool has = notes != finding.program.notes.end() && notes->second.outcome;
            write_step(out, i, steps[i], has ? programs::outcome_text(steps[i], *notes->second.outcome) : "");
        }
        write_divergence(out, finding.divergence);
    }
    write_count(out, found.count, found.profile);
    write_left_out(out, found.left_out);
    if (found.findings.empty()) return;
    fmt::print(out, "\n");
    write_rule_legend(out, found.findings[0].divergence.mismatch.rule);
}

} // namespace lapicheck::checker
