#include <memory>

#include <fmt/format.h>

#include "checker/audit/audit.hpp"
#include "checker/audit/recorded_target.hpp"
#include "checker/cli/command.hpp"
#include "checker/cli/image_programs.hpp"
#include "checker/emit/form.hpp"
#include "programs/file.hpp"
#include "programs/image/output.hpp"

namespace lapicheck::checker {
namespace {

namespace image = programs::image;

constexpr auto footer = R"(Examples:
  lapicheck judge serial.log --audit                       the output of an image that 'emit --audit' wrote
  lapicheck judge output.txt program.json --format json    of one program
  lapicheck judge - program.json                           from standard input

OUTPUT is what the image printed to COM1 or port E9H, whatever else is in it.

Exit status: 0 every checked step conforms (audit: no departure), 1 a divergence, 2 wrong usage, or an output of
another program, 4 nothing could be checked.)";

struct Options {
    std::string output;
    ImageOptions what;
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either;
    std::string known; // a file; empty: none
    const ReportFormat* format = nullptr;
};

std::string name_of(const image::Output& output) {
    return output.hypervisor.empty() ? "image" : fmt::format("image on '{}'", output.hypervisor);
}

// What of the output was not whole; empty: all was.
std::string loss_text(const image::Output& output) {
    std::string text;
    const auto add = [&text](std::size_t count, std::string_view what) {
        if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
    };
    add(output.frames.damaged, "damaged");
    add(output.frames.missing, "missing");
    add(output.frames.foreign, "of another program");
    if (!text.empty()) text = "lines of the image: " + text;
    if (!output.has_ended)
        text += fmt::format("{}the image did not come to its end", text.empty() ? "" : "; ");
    return text;
}

int judge_program(const Options& options, const image::Output& output, programs::Program program) {
    JudgedRun judged;
    judged.target = "image";
    judged.full_name = name_of(output);
    judged.profile = options.profile;
    judged.run = output.executions.front();
    const KnownList known = read_known(options.known);
    if (judged.run.status != programs::Execution::Status::ran)
        return complain("judge", exit_code::undecided, judged.run.reason);
    // On whatever machine it was run.
    program.machine.x2apic = judged.run.found.x2apic.value_or(program.machine.x2apic);
    program.machine.tsc_deadline = judged.run.found.tsc_deadline.value_or(program.machine.tsc_deadline);
    judged.verdicts = judge_run(program, judged.run);
    mark_known(judged.verdicts, options.profile, known);
    judged.program = std::move(program);
    return print(options.format->run, judged, exit_code_of(verdict_of(count(judged.verdicts))));
}

int judge_audit(const Options& options, const image::Output& output,
                std::vector<programs::Program> programs) {
    std::vector<RecordedRun> runs;
    for (std::size_t i = 0; i < programs.size(); ++i)
        runs.push_back({std::move(programs[i]), output.executions[i]});
    RecordedTarget target(name_of(output), std::move(runs));
    const Audit result = audit(target, {options.profile, options.cpu, read_known(options.known), {}, {}});
    const int code = result.accesses == 0          ? exit_code::undecided
                     : result.count_unknown() != 0 ? exit_code::diverges
                                                   : exit_code::conforms;
    return print(options.format->audit, result, code);
}

int judge(const Options& options) {
    const programs::FileText file = programs::read_text_file(options.output);
    if (!file.error.empty()) return complain("judge", exit_code::bad_input, file.error);
    ImagePrograms made = image_programs(options.what);
    if (!made.error.empty()) return complain("judge", exit_code::bad_input, made.error);
    if (const std::string why = image_refusal(made.programs); !why.empty())
        return complain("judge", exit_code::bad_input, options.what.path + ": " + why);
    const image::Output output = image::read_output(file.text, sections_of(made.programs));
    if (!output.error.empty())
        return complain("judge", exit_code::bad_input, fmt::format("{}: {}", file.name, output.error));
    if (const std::string loss = loss_text(output); !loss.empty())
        complain("judge", 0, fmt::format("{}: {}; what was lost is not judged", file.name, loss));
    if (options.what.audit) return judge_audit(options, output, std::move(made.programs));
    return judge_program(options, output, std::move(made.programs.front()));
}

} // namespace

void add_judge(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("judge", "judge what a bootable image printed on a machine");
    command->add_option("OUTPUT", options->output, "what it printed; - is standard input")->required();
    add_image_programs(*command, options->what);
    add_profile(*command, options->profile);
    add_known(*command, options->known);
    add_cpu(*command, options->cpu, "the CPU's vendor; default: as its CPUID says");
    add_format(*command, options->format, &ReportFormat::run, &ReportFormat::audit);
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return judge(*options); }; });
}

} // namespace lapicheck::checker
