// What every reader of a trace offers: feed it bytes, get Events. Reading is one pass and holds no
// more than one line, however long the input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/event.hpp"

namespace lapicheck::traces {

// A line that the reader could not use, with the reason: kept for the first few, counted for all.
struct SkippedLine {
    std::uint64_t line = 0;
    std::string why;  // "no time stamp after the CPU column"
    std::string text; // start of the line, made printable
};

// What the reader learned of the input as a whole.
struct ReadSummary {
    std::string format;               // "ftrace", "trace-cmd report"; empty: nothing recognised
    std::uint64_t lines = 0;          // all lines, headers and blank ones included
    std::uint64_t events = 0;         // lines that are trace records, of whatever tracepoint
    std::uint64_t skipped_lines = 0;  // neither record, header, mark nor blank
    std::uint64_t lost_events = 0;    // sum of the counts the trace states
    std::uint64_t lost_marks = 0;     // places where the trace says events are missing
    bool clock_in_seconds = true;     // else Event::time is in ticks of an unknown clock
    std::uint64_t host_cpus = 0;      // that the trace says the host has; 0: it does not say
    unsigned clock_digits = 6;        // digits of the fraction, as printed
    bool truncated_last_line = false; // no newline at the end: the last line was not used
    std::vector<SkippedLine> skipped; // the first ten
};

} // namespace lapicheck::traces
