#include <algorithm>
#include <memory>
#include <sstream>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/read_progress.hpp"
#include "checker/report/whole_file.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(Where did my interrupt go? For each vCPU and vector: who asked for it, how often it was accepted, injected and
ended, the longest waits with their lines, what is pending or in service at the end, and the APIC's state then.
It begins with what a reader would conclude, and says what the recording cannot show. It judges nothing: that is
'check', whose verdict stands beside.

Examples:
  lapicheck interrupts trace.txt                  conclusions, a table for each vCPU, the state at the end
  lapicheck interrupts --format html -o ledger.html trace.txt    a page with each interrupt on a time line
  lapicheck interrupts --format json trace.txt | jq '.traces[].recordings[].conclusions[].text'
  trace-cmd report trace.dat | lapicheck interrupts -

Exit status: 0 the ledger was printed, whatever is in it; 2 wrong usage or input; 4 a recording holds no interrupt
and no access to a local APIC.)";

// As many as a page draws without delay.
constexpr std::size_t most_drawn = 100'000;

struct Options {
    std::vector<std::string> paths;
    ledger::LedgerOptions ledger;
    std::string output;
    const ReportFormat* format = nullptr;
};

std::vector<ledger::Ledger> read_with_progress(const std::string& path, ledger::LedgerOptions options) {
    if (!shows_progress()) return read_ledgers(path, options);
    ReadProgress line(path);
    options.check.progress = [&line](std::uint64_t bytes) { line.tell(bytes); };
    return read_ledgers(path, options);
}

int exit_code_of(const LedgerReport& report) {
    const auto any = [&report](auto holds) { return std::ranges::any_of(report.ledgers, holds); };
    if (any([](const ledger::Ledger& l) { return !l.check.error.empty(); })) return exit_code::bad_input;
    return any([](const ledger::Ledger& l) { return l.is_empty(); }) ? exit_code::undecided
                                                                     : exit_code::conforms;
}

int interrupts(const Options& options) {
    WholeFile file;
    if (!options.output.empty())
        if (const std::string error = file.open(options.output); !error.empty())
            return complain("interrupts", exit_code::bad_input, error);
    LedgerReport report{{}, options.ledger.check.profile, options.ledger.check.cpu};
    ledger::LedgerOptions reading = options.ledger;
    if (options.format->draws) reading.deliveries = most_drawn;
    for (const std::string& path : options.paths)
        for (ledger::Ledger& one : read_with_progress(path, reading)) {
            if (!one.check.error.empty()) message(one.check.error);
            report.ledgers.push_back(std::move(one));
        }
    const int code = exit_code_of(report);
    if (options.output.empty()) return print(options.format->interrupts, report, code);
    std::ostringstream text;
    options.format->interrupts(text, report, {});
    if (std::string error = file.write(text.view()); !error.empty() || !(error = file.keep()).empty())
        return complain("interrupts", exit_code::bad_input, error);
    return code;
}

} // namespace

void add_interrupts(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "interrupts", "tell where each interrupt of a recording went: the interrupt ledger");
    add_traces(*command, options->paths, options->ledger.check);
    add_profile(*command, options->ledger.check.profile);
    add_cpu(*command, options->ledger.check.cpu,
            "the guest CPU's vendor; default: behaviour that either vendor's manual allows is accepted");
    add_format(*command, options->format, &ReportFormat::interrupts);
    command->add_option("-o,--output", options->output, "write the report to this file")->option_text("FILE");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return interrupts(*options); }; });
}

} // namespace lapicheck::checker
