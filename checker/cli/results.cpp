#include <memory>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/report/results.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(Reads the logs of kvm-unit-tests (apic, msr, tscdeadline_latency) and of KVM's selftests, and says of each failed test of the
local APIC which rules it is about: a FAIL names a value, the rule says what is allowed and where that stands. Record the
test once more to see the access itself and what led to it.

Examples:
  lapicheck results apic.log
  lapicheck record -o apic.txt -- ./x86-run x86/apic.flat -smp 2 | tee apic.log
  lapicheck check apic.txt --results apic.log          the test and its recording in one report
  lapicheck results --format json *.log | jq '.logs[].failed[].rules'

Exit status: 0 no test of the local APIC failed, 1 one failed, 2 wrong usage, or a file that is no such log, 4 the logs hold no
test of the local APIC.)";

struct Options {
    std::vector<std::string> paths;
    bool as_json = false;
};

int results(const Options& options) {
    const std::vector<ReadLog> logs = read_logs(options.paths);
    for (const ReadLog& one : logs)
        if (!one.error.empty()) message(one.error);
    errno = 0;
    if (options.as_json) write_results_json(std::cout, logs);
    else write_results_text(std::cout, logs);
    bool unread = false;
    std::size_t failed = 0;
    std::uint64_t seen = 0;
    for (const ReadLog& one : logs) {
        unread = unread || !one.error.empty();
        failed += one.log.failed_of_apic();
        seen += one.log.passed_of_apic + one.log.failed_of_apic();
    }
    return printed(unread        ? exit_code::bad_input
                   : failed != 0 ? exit_code::diverges
                   : seen == 0   ? exit_code::undecided
                                 : exit_code::conforms);
}

} // namespace

void add_results(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "results", "say which rules the failed tests of kvm-unit-tests or KVM's selftests are about");
    command->add_option("LOG", options->paths, "their output; - is standard input")->required();
    add_choice<bool>(*command, "--format", options->as_json, {{"text", false}, {"json", true}},
                     "the report's format; default: text");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return results(*options); }; });
}

} // namespace lapicheck::checker
