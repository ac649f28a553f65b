#include "checker/cli/live.hpp"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/cli/traced_command.hpp"

namespace lapicheck::checker {
namespace {

std::string lost_text(std::uint64_t lost) { return lost == 0 ? "none lost" : fmt::format("{} LOST", lost); }

} // namespace

void add_live(CLI::App& command, LiveOptions& options) {
    command
        .add_option("--buffer", options.buffer_kb,
                    "ring buffer for each CPU in KB; increase it if events are lost; default: up to 65536, "
                    "as memory and CPUs allow")
        ->option_text("KB")
        ->check(CLI::Range(std::size_t{16}, std::size_t{16} << 20));
    command.add_option("COMMAND", options.without_dashes, "the command to run, after --")
        ->option_text("-- COMMAND...");
}

int take_command(std::string_view who, LiveOptions& options) {
    options.command = traced_command();
    if (options.without_dashes.empty()) return 0;
    return complain(who, exit_code::bad_input,
                    fmt::format("put -- before COMMAND: lapicheck {} -- {}", who,
                                fmt::join(options.without_dashes, " ")));
}

traces::RecorderResult record_live(const LiveOptions& options, ProgressLine& line,
                                   std::function<std::string(std::string_view text)> take) {
    traces::RecorderOptions recorder;
    recorder.command = options.command;
    recorder.buffer_kb = options.buffer_kb;
    recorder.take = std::move(take);
    if (shows_progress())
        recorder.progress = [&line,
                             ends = options.command.empty() ? "; Ctrl-C ends it" : ""](const auto& progress) {
            line.tell([&] {
                return fmt::format("{} events, {}{}", progress.events, lost_text(progress.lost), ends);
            });
        };
    traces::RecorderResult result = traces::record(recorder);
    line.erase();
    return result;
}

int exit_code_of(const traces::RecorderResult& result) {
    using enum traces::RecorderResult::Status;
    switch (result.status) {
    case recorded: return exit_code::conforms;
    case cannot: return exit_code::undecided;
    case bad_command:
    case failed: break;
    }
    return exit_code::bad_input;
}

std::string events_text(const traces::RecorderResult& result) {
    if (result.events == 0) return "no events: no guest of KVM accessed its local APIC in this time";
    return fmt::format("{} event{}, {}", result.events, result.events == 1 ? "" : "s",
                       lost_text(result.lost));
}

void tell(std::string_view who, const traces::RecorderResult& result) {
    const auto say = [who](const std::string& what) { message(fmt::format("{}: {}", who, what)); };
    if (!result.command_ending.empty()) say(fmt::format("the command ended: {}", result.command_ending));
    if (result.command_id >= 0)
        say(fmt::format("the command is still running (process {}) and is no longer recorded",
                        result.command_id));
    for (const std::string& event : result.missing)
        say(fmt::format("event {} is not recorded: this kernel does not offer it", event));
    if (result.lost != 0)
        say(fmt::format("{} event{} lost: nothing that depends on them is checked; "
                        "record with a larger buffer: --buffer {}",
                        result.lost, result.lost == 1 ? " was" : "s were", 4 * result.buffer_kb));
    for (const std::string& warning : result.warnings) say(warning);
}

} // namespace lapicheck::checker
