#include <memory>
#include <optional>

#include <fmt/format.h>

#include "checker/audit/random_run.hpp"
#include "checker/cli/command.hpp"
#include "checker/cli/progress.hpp"
#include "programs/file.hpp"
#include "programs/json_place.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer = R"(Examples:
  lapicheck run program.json --on kvm                       run it on this machine's KVM and check it
  lapicheck run program.json --on model:kvm-2018 --format json
  lapicheck run program.json --on image:qemu-tcg            in QEMU, carried by a bootable image
  lapicheck run program.json --compare kvm model:sdm        show the steps on which two targets differ
  lapicheck run --random 1 --steps 100000 --compare kvm model:kvm-6.18
  lapicheck run --random 7 --steps 500 --on kvm --profile kvm

TARGET is kvm (/dev/kvm), model:NAME, with a NAME of 'lapicheck list implementations', image:NAME, with one of
'lapicheck list targets', or image:COMMAND (docs/any-hypervisor.md). The JSON form of access programs is specs/schema/program.schema.json (docs/access-programs.md).

Exit status: 0 every checked step conforms (the targets agree), 1 a divergence (a difference), 2 wrong usage
or a damaged program, 4 the target cannot run here, or nothing could be checked.)";

struct Options {
    std::string path;                 // an access program (JSON; - is standard input)
    std::string on;                   // a target: "kvm", "model:NAME"
    std::vector<std::string> compare; // two targets
    Profile profile = Profile::sdm;
    std::optional<std::uint64_t> seed; // of random programs, in place of `path`
    std::size_t steps = 10'000;        // of those, in all
    std::string known;                 // a file; empty: none
    const ReportFormat* format = nullptr;
};

programs::ProgramText read_file(const std::string& path) {
    const programs::FileText file = programs::read_text_file(path);
    if (!file.error.empty()) return {{}, file.error};
    return programs::read_program(file.text, file.name);
}

int code_of(const TargetComparison& compared) {
    return compared.differences.empty() ? exit_code::conforms : exit_code::diverges;
}

int judge_on(const Options& options, programs::Program program) {
    const KnownList known = read_known(options.known);
    const programs::NamedTarget named = programs::make_target(options.on);
    JudgedRun judged;
    judged.target = named.target->name();
    judged.full_name = programs::full_name(*named.target);
    if (programs::is_kvm(options.on)) judged.kernel = programs::kernel_release();
    judged.profile = options.profile;
    program.machine = named.target->nearest(program.machine);
    judged.run = named.target->run(program);
    if (judged.run.status != programs::Execution::Status::ran)
        return complain("run", exit_code::undecided, judged.run.reason);
    judged.verdicts = judge_run(program, judged.run);
    mark_known(judged.verdicts, options.profile, known);
    judged.program = std::move(program);
    return print(options.format->run, judged, exit_code_of(verdict_of(count(judged.verdicts))));
}

int compare_two(const Options& options, programs::Program program) {
    TargetComparison compared;
    compared.first = options.compare[0];
    compared.second = options.compare[1];
    programs::TwoExecutions runs = programs::run_both(compared.first, compared.second, program);
    for (const programs::Execution* run : {&runs.first, &runs.second})
        if (run->status != programs::Execution::Status::ran)
            return complain("run", exit_code::undecided, run->reason);
    TargetDifferences differences;
    differences.compare(program, runs.first.outcomes, runs.second.outcomes);
    compared.differences = differences.differences();
    compared.exclusions = differences.exclusions();
    compared.steps = program.steps.size();
    compared.module = runs.module();
    compared.program = std::move(program);
    compared.first_run = std::move(runs.first);
    compared.second_run = std::move(runs.second);
    return print(options.format->compare, compared, code_of(compared));
}

int run_random(const Options& options) {
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
        if (!judged.refused.empty()) return complain("run", exit_code::undecided, judged.refused);
        return print(options.format->random, judged.findings,
                     exit_code_of(verdict_of(judged.findings.count)));
    }
    const RandomComparison compared = compare_random(options.compare[0], options.compare[1], request);
    line.reset();
    if (!compared.refused.empty()) return complain("run", exit_code::undecided, compared.refused);
    return print(options.format->compare, compared.compared, code_of(compared.compared));
}

int run(const Options& options) {
    if (options.on.empty() && options.compare.empty())
        return complain("run", exit_code::bad_input,
                        "no target: add --on TARGET, or --compare TARGET TARGET; targets: " +
                            std::string(programs::target_forms));
    std::vector<std::string> names = options.compare;
    if (!options.on.empty()) names.push_back(options.on);
    for (const std::string& name : names)
        if (const programs::NamedTarget named = programs::make_target(name); named.target == nullptr)
            return complain("run", exit_code::bad_input, named.error);
    if (options.seed) return run_random(options);
    if (options.path.empty())
        return complain("run", exit_code::bad_input, "no program: name a PROGRAM, or add --random SEED");
    programs::ProgramText text = read_file(options.path);
    if (!text.error.empty()) return complain("run", exit_code::bad_input, text.error);
    try {
        if (options.compare.empty()) return judge_on(options, std::move(text.program));
        return compare_two(options, std::move(text.program));
    } catch (const programs::Refusal& refusal) { // of what only a model looks at
        return complain("run", exit_code::bad_input, fmt::format("{}: {}", options.path, refusal.what()));
    }
}

} // namespace

void add_run(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("run", "run an access program (JSON) on a target and check the outcome");
    CLI::Option* program =
        command->add_option("PROGRAM", options->path, "an access program (JSON); - is standard input");
    CLI::Option* on =
        command->add_option("--on", options->on, "where to run it: kvm (/dev/kvm), model:NAME or image:NAME");
    on->option_text("TARGET");
    command
        ->add_option("--compare", options->compare,
                     "show the steps on which two targets differ; nothing is checked against the manuals")
        ->expected(2)
        ->option_text("TARGET TARGET")
        ->excludes(on);
    CLI::Option* random =
        command->add_option("--random", options->seed, "run random programs generated from this seed");
    random->option_text("SEED")->excludes(program);
    command->add_option("--steps", options->steps, "with --random: the total number of steps; default: 10000")
        ->option_text("N")
        ->needs(random)
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000'000}));
    add_profile(*command, options->profile);
    add_known(*command, options->known);
    add_format(*command, options->format, &ReportFormat::run, &ReportFormat::random, &ReportFormat::compare);
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return run(*options); }; });
}

} // namespace lapicheck::checker
