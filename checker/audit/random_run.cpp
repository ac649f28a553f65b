#include "checker/audit/random_run.hpp"

#include <algorithm>

#include "checker/audit/random_program.hpp"
#include "checker/audit/shrink.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

using programs::Program;
using programs::StepOutcome;

// A program is a machine of its own; longer ones would only be shrunk for longer.
constexpr std::size_t steps_a_program = 200;

bool ran(const programs::Execution& run) { return run.status == programs::Execution::Status::ran; }

// What differs, so that a shorter program shows the same and not another thing.
struct KindOfDifference {
    bool value, gp, exit, taken, eois, error;
    bool operator==(const KindOfDifference&) const = default;
};
KindOfDifference kind_of(const StepOutcome& a, const StepOutcome& b) {
    return {a.value != b.value, a.gp != b.gp,     a.mmio_exit != b.mmio_exit,
            a.taken != b.taken, a.eois != b.eois, ending_text(a) != ending_text(b)};
}

TargetComparison shown(TargetComparison compared, const Program& program) {
    programs::TwoExecutions runs = programs::run_both(compared.first, compared.second, program);
    TargetDifferences differences;
    differences.compare(program, runs.first.outcomes, runs.second.outcomes);
    compared.differences = differences.differences();
    compared.program = program;
    compared.first_run = std::move(runs.first);
    compared.second_run = std::move(runs.second);
    return compared;
}

Program shrunk_difference(const std::string& first, const std::string& second, Program program,
                          std::size_t at) {
    const programs::Step last = program.steps[at];
    program.steps.resize(at + 1);
    const programs::TwoExecutions whole = programs::run_both(first, second, program);
    const KindOfDifference kind = kind_of(whole.first.outcomes.back(), whole.second.outcomes.back());
    return shrink(program, [&](const Program& shorter) {
        if (shorter.steps.empty() || shorter.steps.back() != last) return false;
        const programs::TwoExecutions runs = programs::run_both(first, second, shorter);
        if (!ran(runs.first) || !ran(runs.second)) return false;
        const StepOutcome& a = runs.first.outcomes.back();
        const StepOutcome& b = runs.second.outcomes.back();
        return !same_outcome(a, b) && kind_of(a, b) == kind;
    });
}

bool is_same_kind(const Divergence& a, const Divergence& b) {
    return a.mismatch.rule == b.mismatch.rule && a.mismatch.fault == b.mismatch.fault &&
           a.mismatch.reg == b.mismatch.reg && a.mismatch.mode == b.mismatch.mode &&
           a.access.kind == b.access.kind && a.known == b.known;
}

void mark_known(StepVerdict& verdict, Profile profile) {
    if (profile != Profile::kvm) return;
    for (Divergence& divergence : verdict.divergences) divergence.known = divergence.mismatch.departure;
}

// The last step's verdict of a program, if it ran.
std::vector<Divergence> last_divergences(programs::Target& target, const Program& program, Profile profile,
                                         std::vector<StepOutcome>* outcomes = nullptr) {
    programs::Execution run = target.run(program);
    if (!ran(run)) return {};
    std::vector<StepVerdict> verdicts = judge_run(program, run);
    if (outcomes != nullptr) *outcomes = std::move(run.outcomes);
    mark_known(verdicts.back(), profile);
    return std::move(verdicts.back().divergences);
}

void shrink_finding(RandomFinding& finding, programs::Target& target, Profile profile) {
    const programs::Step last = finding.program.steps.back();
    finding.program = shrink(finding.program, [&](const Program& shorter) {
        if (shorter.steps.empty() || shorter.steps.back() != last) return false;
        return std::ranges::any_of(last_divergences(target, shorter, profile),
                                   [&](const Divergence& d) { return is_same_kind(d, finding.divergence); });
    });
    std::vector<StepOutcome> outcomes;
    for (Divergence& divergence : last_divergences(target, finding.program, profile, &outcomes))
        if (is_same_kind(divergence, finding.divergence)) finding.divergence = std::move(divergence);
    for (std::size_t i = 0; i < outcomes.size(); ++i)
        finding.program.notes[i].outcome = std::move(outcomes[i]);
}

void add_finding(RandomFindings& found, const Divergence& divergence, const Program& program,
                 std::size_t step) {
    for (RandomFinding& finding : found.findings)
        if (is_same_kind(finding.divergence, divergence)) return void(++finding.count);
    RandomFinding& finding = found.findings.emplace_back(RandomFinding{divergence, 1, program});
    finding.program.steps.resize(step + 1);
}

} // namespace

RandomComparison compare_random(const std::string& first, const std::string& second,
                                const RandomRequest& request) {
    RandomComparison result;
    TargetComparison& compared = result.compared;
    compared.first = first;
    compared.second = second;
    compared.seed = request.seed;
    compared.left_out = left_out_of_random_programs();
    RandomPrograms programs(request.seed);
    TargetDifferences differences;
    while (compared.steps < request.steps) {
        const Program program = programs.next(std::min(steps_a_program, request.steps - compared.steps));
        const programs::TwoExecutions runs = programs::run_both(first, second, program);
        for (const programs::Execution* run : {&runs.first, &runs.second})
            if (!ran(*run)) {
                result.refused = run->reason;
                return result;
            }
        differences.compare(program, runs.first.outcomes, runs.second.outcomes);
        compared.exclusions = differences.exclusions();
        compared.module = runs.module();
        if (!differences.differences().empty()) {
            const std::size_t at = differences.differences().front().step;
            compared.steps += at + 1;
            compared = shown(compared, shrunk_difference(first, second, program, at));
            return result;
        }
        compared.steps += program.steps.size();
        if (request.progress) request.progress(compared.steps);
    }
    return result;
}

RandomJudgement judge_random(const std::string& target, Profile profile, const RandomRequest& request) {
    RandomJudgement result;
    RandomFindings& found = result.findings;
    found.target = target;
    found.profile = profile;
    found.seed = request.seed;
    found.left_out = left_out_of_random_programs();
    const std::unique_ptr<programs::Target> party = programs::make_target(target).target;
    found.full_name = programs::full_name(*party);
    RandomPrograms programs(request.seed,
                            [&](const programs::Machine& machine) { return party->nearest(machine); });
    while (found.steps < request.steps) {
        const Program program = programs.next(std::min(steps_a_program, request.steps - found.steps));
        const programs::Execution run = party->run(program);
        if (!ran(run)) {
            result.refused = run.reason;
            return result;
        }
        std::vector<StepVerdict> verdicts = judge_run(program, run);
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
            mark_known(verdicts[i], profile);
            for (const Divergence& divergence : verdicts[i].divergences)
                add_finding(found, divergence, program, i);
        }
        const RunCount n = count(verdicts);
        found.count.ok += n.ok;
        found.count.diverging += n.diverging;
        found.count.known += n.known;
        found.count.not_judged += n.not_judged;
        found.steps += program.steps.size();
        if (request.progress) request.progress(found.steps);
    }
    for (RandomFinding& finding : found.findings) shrink_finding(finding, *party, profile);
    std::ranges::stable_sort(found.findings, [](const RandomFinding& a, const RandomFinding& b) {
        return (a.divergence.known == nullptr) > (b.divergence.known == nullptr);
    });
    return result;
}

} // namespace lapicheck::checker
