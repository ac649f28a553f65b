#include <memory>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/live.hpp"
#include "checker/report/whole_file.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(COMMAND keeps its standard streams. The recording ends when COMMAND ends, or with Ctrl-C, which COMMAND gets
too; without COMMAND, Ctrl-C ends it. Every KVM guest on this machine is recorded, whoever runs it; 'check' then judges those that
COMMAND and what it started run, and counts the others. Needs root.

Examples:
  lapicheck record -o trace.txt -- qemu-system-x86_64 -accel kvm -kernel apic.flat
  lapicheck record -o trace.txt                   record guests that run already, until Ctrl-C
  lapicheck check trace.txt                       check the recording

Exit status: 0 recorded (how COMMAND ended is printed), 2 wrong usage, or COMMAND cannot be run or the file
cannot be written, 4 tracing is not possible here (the reason is printed).)";

int record(const LiveOptions& options) {
    const std::string path = options.output.empty() ? "lapicheck.trace.txt" : options.output;
    WholeFile file;
    if (const std::string error = file.open(path); !error.empty())
        return complain("record", exit_code::bad_input, error);
    ProgressLine line;
    const traces::RecorderResult result =
        record_live(options, line, [&file](std::string_view text) { return file.write(text); });
    tell("record", result);
    if (const int code = exit_code_of(result); code != 0) return complain("record", code, result.error);
    if (const std::string error = file.keep(); !error.empty())
        return complain("record", exit_code::bad_input, error);
    complain("record", 0, fmt::format("{}: {}", path, events_text(result)));
    if (result.events != 0) fmt::print(stderr, "next: lapicheck check {}\n", path);
    return 0;
}

} // namespace

void add_record(CLI::App& app, Action& action) {
    const auto options = std::make_shared<LiveOptions>();
    CLI::App* command = app.add_subcommand(
        "record", "record KVM's events while a command runs: record [OPTIONS] -- COMMAND...");
    command
        ->add_option("-o,--output", options->output,
                     "where to write the recording; default: lapicheck.trace.txt")
        ->option_text("FILE");
    add_live(*command, *options);
    command->footer(footer);
    command->callback([options, &action] {
        action = [options] {
            if (const int code = take_command("record", *options); code != 0) return code;
            return record(*options);
        };
    });
}

} // namespace lapicheck::checker
