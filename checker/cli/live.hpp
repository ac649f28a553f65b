// What `record` and `watch` share: the recorder with progress on a terminal, and its result in words.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "checker/cli/command.hpp"
#include "checker/cli/progress.hpp"
#include "traces/live/recorder.hpp"

namespace lapicheck::checker {

struct LiveOptions {
    std::vector<std::string> command;        // and its arguments; empty: until a signal ends it
    std::string output;                      // a file for the recording; empty: none
    std::size_t buffer_kb = 0;               // for each CPU; 0: what suits this machine
    std::vector<std::string> without_dashes; // words that stand where COMMAND must, but not behind --
};
void add_live(CLI::App& command, LiveOptions& options);
// Once the command line was parsed; 0, or the exit code for a COMMAND without --.
int take_command(std::string_view who, LiveOptions& options);

// `take`: as of traces::RecorderOptions.
traces::RecorderResult record_live(const LiveOptions& options, ProgressLine& line,
                                   std::function<std::string(std::string_view text)> take);

// 0: it was recorded.
int exit_code_of(const traces::RecorderResult& result);
// On standard error: how the command ended, what is missing.
void tell(std::string_view who, const traces::RecorderResult& result);
// "1234 events, none lost".
std::string events_text(const traces::RecorderResult& result);

} // namespace lapicheck::checker
