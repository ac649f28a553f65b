// The head of a line where columns may be missing, or stand in the order of another tool: perf script,
// ftrace's latency format, and what people cut out of all of these before they paste it.
#pragma once

#include <cstdint>
#include <string_view>

#include "traces/formats/ftrace_line.hpp"

namespace lapicheck::traces {

struct PartialHead : LineHead {
    bool has_thread = false;
    bool has_cpu = false;
    bool has_time = false;
};

// Reads
//   [NAME] [PID/]TID [FLAGS] [CPU] TIME: EVENT      perf script
//   NAME-PID CPUFLAGS TIME: EVENT                   ftrace's latency format, also in a dump of the buffer
//   [NAME] [CPU] [FLAGS] TIME: EVENT                ftrace without its first column
//   EVENT
// of which each column may be missing, if those behind it are there. TIME is "7079.002646", or "1234us" since
// the start of a dump. False: nothing of these.
bool read_partial_head(std::string_view line, PartialHead& head);

// The head of ftrace text, wherever it stands in the line.
bool read_head_anywhere(std::string_view line, PartialHead& head);

} // namespace lapicheck::traces
