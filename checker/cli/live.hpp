// What `record` and `watch` share: the recorder with progress on a terminal, and its result in words.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "checker/cli/commands.hpp"
#include "checker/cli/progress.hpp"
#include "traces/live/recorder.hpp"

namespace lapicheck::checker {

// `take`: as of traces::RecorderOptions.
traces::RecorderResult record_live(const LiveOptions& options, ProgressLine& line,
                                   std::function<std::string(std::string_view text)> take);

// 0: it was recorded.
int exit_code(const traces::RecorderResult& result);
// On standard error: how the command ended, what is missing.
void tell(std::string_view who, const traces::RecorderResult& result);
// "1234 events, none lost".
std::string events_text(const traces::RecorderResult& result);
// Says it on standard error and returns `status`.
int complain(std::string_view who, int status, std::string_view what);

} // namespace lapicheck::checker
