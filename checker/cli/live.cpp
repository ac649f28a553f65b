#include "checker/cli/live.hpp"

#include <utility>

#include <fmt/format.h>

namespace lapicheck::checker {
namespace {

std::string lost_text(std::uint64_t lost) { return lost == 0 ? "none lost" : fmt::format("{} LOST", lost); }

} // namespace

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

int exit_code(const traces::RecorderResult& result) {
    using enum traces::RecorderResult::Status;
    switch (result.status) {
    case recorded: return 0;
    case cannot: return 4;
    case bad_command:
    case failed: break;
    }
    return 2;
}

std::string events_text(const traces::RecorderResult& result) {
    if (result.events == 0) return "no events: no guest of KVM did anything of interest meanwhile";
    return fmt::format("{} events, {}", result.events, lost_text(result.lost));
}

void tell(std::string_view who, const traces::RecorderResult& result) {
    const auto say = [who](const std::string& what) { fmt::print(stderr, "lapicheck: {}: {}\n", who, what); };
    if (!result.command_ending.empty()) say(fmt::format("the command ended: {}", result.command_ending));
    if (result.command_id >= 0)
        say(fmt::format("the command still runs (process {}); what it does now is not recorded",
                        result.command_id));
    for (const std::string& event : result.missing)
        say(fmt::format("this kernel does not let us have {}", event));
    if (result.lost != 0)
        say(fmt::format("{} events were lost, and with them what is known of the APICs there; "
                        "more buffer helps: --buffer {}",
                        result.lost, 4 * result.buffer_kb));
    for (const std::string& warning : result.warnings) say(warning);
}

int complain(std::string_view who, int status, std::string_view what) {
    fmt::print(stderr, "lapicheck: {}: {}\n", who, what);
    return status;
}

} // namespace lapicheck::checker
