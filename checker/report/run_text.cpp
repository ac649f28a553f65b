#include <ostream>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/report/check.hpp"
#include "checker/report/run.hpp"
#include "programs/text.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

std::string_view plural(std::size_t n) { return n == 1 ? "" : "s"; }

void write_step(std::ostream& out, std::size_t index, const traces::Step& step, std::string_view outcome) {
    fmt::print(out, "{:>6}  vCPU {}  {:<44} -> {}\n", index, step.vcpu, step_text(step), outcome);
}

void write_divergence(std::ostream& out, const Divergence& divergence) {
    const specs::Rule* rule = specs::find_rule(model::to_string(divergence.mismatch.rule));
    fmt::print(out, "            {} {} ({}): {}; allowed: {}\n", model::to_string(divergence.mismatch.rule),
               rule == nullptr ? "" : rule->slug, rule == nullptr ? 'M' : specs::letter(rule->level),
               observed_text(divergence), expected_text(divergence));
    for (const Because& because : divergence.because)
        fmt::print(out, "            because of step {}: {}\n", because.line - 1, because.what);
    if (divergence.known != nullptr) fmt::print(out, "            known: {}\n", divergence.known->id);
}

void write_count(std::ostream& out, const RunCount& n, Profile profile) {
    fmt::print(out, "\n{}: {} step{} conform{}, {} diverge{}", to_string(verdict_of(n)), n.ok, plural(n.ok),
               n.ok == 1 ? "s" : "", n.diverging, n.diverging == 1 ? "s" : "");
    if (n.known != 0) fmt::print(out, ", {} as KVM is known to", n.known);
    fmt::print(out, "; {} not judged (profile {})\n", n.not_judged, to_string(profile));
}

void write_left_out(std::ostream& out, const std::vector<std::string>& left_out) {
    if (!left_out.empty()) fmt::print(out, "\nRandom programs leave out:\n");
    for (const std::string& what : left_out) fmt::print(out, "  {}\n", what);
}

} // namespace

RunCount count(const std::vector<StepVerdict>& verdicts) {
    RunCount n;
    for (const StepVerdict& verdict : verdicts) {
        bool all_known = true;
        for (const Divergence& divergence : verdict.divergences)
            all_known = all_known && divergence.known != nullptr;
        if (verdict.kind == StepVerdict::Kind::ok) ++n.ok;
        else if (verdict.kind == StepVerdict::Kind::not_judged) ++n.not_judged;
        else ++(all_known ? n.known : n.diverging);
    }
    return n;
}

Verdict verdict_of(const RunCount& n) {
    if (n.diverging != 0) return Verdict::diverges;
    return n.ok + n.known == 0 ? Verdict::inconclusive : Verdict::conforms;
}

void write_run_text(std::ostream& out, const JudgedRun& judged) {
    const traces::Program& program = judged.program;
    fmt::print(out, "{}: {} step{} on {} vCPU{}\n\n", judged.full_name, program.steps.size(),
               plural(program.steps.size()), program.machine.apic_ids.size(),
               plural(program.machine.apic_ids.size()));
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        write_step(out, i, program.steps[i], outcome_text(program.steps[i], judged.run.outcomes[i]));
        for (const Divergence& divergence : judged.verdicts[i].divergences) write_divergence(out, divergence);
    }
    write_count(out, count(judged.verdicts), judged.profile);
}

void write_comparison_text(std::ostream& out, const PartyComparison& compared) {
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
            const std::string first = outcome_text(steps[i], compared.first_run.outcomes[i]);
            const bool differs = next < compared.differences.size() && compared.differences[next].step == i;
            // Of a long program only what differs is shown.
            constexpr std::size_t whole = 40;
            if (!differs && steps.size() > whole) continue;
            write_step(out, i, steps[i], differs ? fmt::format("{}: {}", compared.first, first) : first);
            if (!differs) continue;
            ++next;
            fmt::print(out, "{:>63}{}: {}\n", "-> ", compared.second,
                       outcome_text(steps[i], compared.second_run.outcomes[i]));
        }
        fmt::print(out, "\n{} step{} differ{}\n", compared.differences.size(),
                   plural(compared.differences.size()), compared.differences.size() == 1 ? "s" : "");
    }
    if (!compared.exclusions.empty())
        fmt::print(out, "\nValues not compared, because one of them leaves them open:\n");
    for (const Exclusion& exclusion : compared.exclusions)
        fmt::print(out, "{:>8}x {}\n", exclusion.count, exclusion.what);
    write_left_out(out, compared.left_out);
    if (compared.module)
        fmt::print(out, "\nKVM's vendor module is {}; a model of KVM does as with that one.\n",
                   to_string(*compared.module));
}

void write_findings_text(std::ostream& out, const RandomFindings& found) {
    fmt::print(out, "{}: seed {}, {} step{}\n", found.full_name, found.seed, found.steps,
               plural(found.steps));
    for (const RandomFinding& finding : found.findings) {
        fmt::print(out, "\n{} time{}, shown by:\n", finding.count, plural(finding.count));
        const auto& steps = finding.program.steps;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const auto notes = finding.program.notes.find(i);
            const bool has = notes != finding.program.notes.end() && notes->second.outcome;
            write_step(out, i, steps[i], has ? outcome_text(steps[i], *notes->second.outcome) : "");
        }
        write_divergence(out, finding.divergence);
    }
    write_count(out, found.count, found.profile);
    write_left_out(out, found.left_out);
}

} // namespace lapicheck::checker
