#include <cstdio>
#include <iostream>

#include <fmt/format.h>

#include "checker/audit/random_run.hpp"
#include "checker/cli/commands.hpp"
#include "checker/cli/progress.hpp"
#include "checker/report/run.hpp"
#include "programs/file.hpp"
#include "programs/json_place.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

constexpr int conforms = 0;
constexpr int diverges = 1;
constexpr int bad_input = 2;
constexpr int not_to_be_had = 4;

int complain(int status, std::string_view what) {
    fmt::print(stderr, "lapicheck: {}\n", what);
    return status;
}

int finish(int status) {
    std::cout.flush();
    return std::cout ? status : complain(bad_input, "cannot write the report");
}

traces::ProgramText read_file(const std::string& path) {
    const FileText file = read_text_file(path);
    if (!file.error.empty()) return {{}, file.error};
    return traces::read_program(file.text, file.name);
}

int exit_status(Verdict verdict) {
    return verdict == Verdict::conforms ? conforms : verdict == Verdict::diverges ? diverges : not_to_be_had;
}

int judge_on(const RunOptions& options, traces::Program program, Format format) {
    const NamedParty named = make_party(options.on);
    JudgedRun judged;
    judged.party = named.party->name();
    judged.full_name = full_name(*named.party);
    if (!is_model(options.on)) judged.kernel = kernel_release();
    judged.profile = options.profile;
    judged.run = named.party->run(program);
    if (judged.run.status != traces::Run::Status::ran)
        return complain(not_to_be_had, fmt::format("run: {}", judged.run.reason));
    judged.verdicts = judge_run(program, judged.run);
    if (options.profile == Profile::kvm)
        for (StepVerdict& verdict : judged.verdicts)
            for (Divergence& divergence : verdict.divergences)
                divergence.known = divergence.mismatch.departure;
    judged.program = std::move(program);
    if (format == Format::json) write_run_json(std::cout, judged);
    else write_run_text(std::cout, judged);
    return finish(exit_status(verdict_of(count(judged.verdicts))));
}

int compare_two(const RunOptions& options, traces::Program program, Format format) {
    PartyComparison compared;
    compared.first = options.compare[0];
    compared.second = options.compare[1];
    TwoRuns runs = run_both(compared.first, compared.second, program);
    for (const traces::Run* run : {&runs.first, &runs.second})
        if (run->status != traces::Run::Status::ran)
            return complain(not_to_be_had, fmt::format("run: {}", run->reason));
    PartyDifferences differences;
    differences.compare(program, runs.first.outcomes, runs.second.outcomes);
    compared.differences = differences.differences();
    compared.exclusions = differences.exclusions();
    compared.steps = program.steps.size();
    compared.module = runs.module();
    compared.program = std::move(program);
    compared.first_run = std::move(runs.first);
    compared.second_run = std::move(runs.second);
    if (format == Format::json) write_comparison_json(std::cout, compared);
    else write_comparison_text(std::cout, compared);
    return finish(compared.differences.empty() ? conforms : diverges);
}

int run_random(const RunOptions& options, Format format) {
    std::optional<ProgressLine> line;
    if (shows_progress()) line.emplace();
    RandomRequest request{*options.seed, options.steps, {}};
    if (line)
        request.progress = [&](std::size_t done) {
            line->tell([&] { return fmt::format("{} of {} steps", done, options.steps); });
        };
    if (options.compare.empty()) {
        const RandomJudgement judged = judge_random(options.on, options.profile, request);
        line.reset();
        if (!judged.refused.empty()) return complain(not_to_be_had, fmt::format("run: {}", judged.refused));
        if (format == Format::json) write_findings_json(std::cout, judged.findings);
        else write_findings_text(std::cout, judged.findings);
        return finish(exit_status(verdict_of(judged.findings.count)));
    }
    const RandomComparison compared = compare_random(options.compare[0], options.compare[1], request);
    line.reset();
    if (!compared.refused.empty()) return complain(not_to_be_had, fmt::format("run: {}", compared.refused));
    if (format == Format::json) write_comparison_json(std::cout, compared.compared);
    else write_comparison_text(std::cout, compared.compared);
    return finish(compared.compared.differences.empty() ? conforms : diverges);
}

} // namespace

int run_run(const RunOptions& options, Format format) {
    if (options.on.empty() && options.compare.empty())
        return complain(bad_input, "run: say who runs it: --on PARTY, or --compare PARTY PARTY");
    std::vector<std::string> names = options.compare;
    if (!options.on.empty()) names.push_back(options.on);
    for (const std::string& name : names)
        if (const NamedParty named = make_party(name); named.party == nullptr)
            return complain(bad_input, fmt::format("run: {}", named.error));
    if (options.seed) return run_random(options, format);
    if (options.path.empty()) return complain(bad_input, "run: PROGRAM is required, or --random SEED");
    traces::ProgramText text = read_file(options.path);
    if (!text.error.empty()) return complain(bad_input, text.error);
    try {
        if (options.compare.empty()) return judge_on(options, std::move(text.program), format);
        return compare_two(options, std::move(text.program), format);
    } catch (const traces::Refusal& refusal) { // of what only a model looks at
        return complain(bad_input, fmt::format("{}: {}", options.path, refusal.what()));
    }
}

} // namespace lapicheck::checker
