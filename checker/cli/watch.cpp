#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/live.hpp"
#include "checker/report/text.hpp"
#include "checker/report/whole_file.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(Prints a line for each kind of divergence when it is first seen, and the report of 'check' at the end. For
COMMAND, Ctrl-C and root see 'lapicheck record --help'.

Examples:
  lapicheck watch                                 watch guests that run already, until Ctrl-C
  lapicheck watch --profile kvm -- qemu-system-x86_64 -accel kvm -kernel apic.flat
  lapicheck watch -o trace.txt -- COMMAND         also keep the recording

Exit status: 0 conforms, 1 a divergence, 2 wrong usage, or COMMAND cannot be run or the file cannot be
written, 4 nothing could be checked, or tracing is not possible here (the reason is printed).)";

struct Options {
    LiveOptions live;
    CheckOptions check;
    const ReportFormat* format = nullptr;
};

int watch(const Options& options) {
    WholeFile file;
    const bool keeps = !options.live.output.empty();
    if (keeps)
        if (const std::string error = file.open(options.live.output); !error.empty())
            return complain("watch", exit_code::bad_input, error);

    ProgressLine line;
    CheckOptions judging = options.check;
    std::FILE* const out = options.format->is_for_terminals ? stdout : stderr;
    bool written = true;
    judging.found = [&](const Divergence& divergence, const traces::ReadSummary& read) {
        line.erase();
        fmt::print(out, "{}\n", line_text(divergence, read));
        written = std::fflush(out) == 0 && written;
    };
    TraceCheck check(keeps ? options.live.output : "watch", judging);
    const traces::RecorderResult result =
        record_live(options.live, line, [&](std::string_view text) -> std::string {
            if (keeps)
                if (std::string error = file.write(text); !error.empty()) return error;
            if (std::string error = check.feed(text); !error.empty()) return error;
            return written ? "" : "cannot write the report to standard output";
        });
    tell("watch", result);
    if (const int code = exit_code_of(result); code != 0) return complain("watch", code, result.error);
    if (keeps)
        if (const std::string error = file.keep(); !error.empty())
            return complain("watch", exit_code::bad_input, error);

    const CheckReport report{{check.finish()}, judging.profile, judging.cpu, {}};
    return print(options.format->check, report, exit_code_of(report.traces));
}

} // namespace

void add_watch(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("watch", "check KVM while it runs: watch [OPTIONS] [-- COMMAND...]");
    command->add_option("-o,--output", options->live.output, "also keep the recording in this file")
        ->option_text("FILE");
    add_profile(*command, options->check.profile);
    add_cpu(*command, options->check.cpu,
            "the guest CPU's vendor; default: behaviour that either vendor's manual allows is accepted");
    add_selection(*command, options->check);
    add_format(*command, options->format, &ReportFormat::check);
    add_live(*command, options->live);
    command->footer(footer);
    command->callback([options, &action] {
        action = [options] {
            if (const int code = take_command("watch", options->live); code != 0) return code;
            return watch(*options);
        };
    });
}

} // namespace lapicheck::checker
