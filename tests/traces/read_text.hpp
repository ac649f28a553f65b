// Reading ftrace text in tests: whole or in pieces, and Events in a form that doctest can compare.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "traces/formats/ftrace_text.hpp"

namespace lapicheck::traces {

inline std::string text_of(const Event& e) {
    return fmt::format("{} gp{:d} re{:d} virt{:d} cpu{} vcpu{} thread{} line{} time{} where{:x} value{:x} "
                       "value2 {:x} size{} dm{} sh{} log{:d} assert{:d} level{:d}",
                       static_cast<int>(e.kind), e.gp, e.reinjected, e.virtualized, e.cpu, e.vcpu, e.thread,
                       e.line, e.time, e.where, e.value, e.value2, e.size,
                       static_cast<int>(e.interrupt.delivery_mode), static_cast<int>(e.interrupt.shorthand),
                       e.interrupt.logical, e.interrupt.assert_level, e.interrupt.level_triggered);
}

struct ReadResult {
    std::vector<Event> events;
    ReadSummary summary;

    std::string text() const {
        std::string all;
        for (const Event& event : events) all += text_of(event) + '\n';
        all += fmt::format("{} lines {} events {} skipped {} lost {} in {} clock {:d}/{} truncated {:d}\n",
                           summary.format, summary.lines, summary.events, summary.skipped_lines,
                           summary.lost_events, summary.lost_marks, summary.clock_in_seconds,
                           summary.clock_digits, summary.truncated_last_line);
        for (const SkippedLine& line : summary.skipped)
            all += fmt::format("{}: {}: {}\n", line.line, line.why, line.text);
        return all;
    }
};

// `next_size` says how many bytes the next piece has.
template <class NextSize>
ReadResult read_in_pieces(StreamReader& reader, std::string_view bytes, NextSize next_size) {
    reader.want_requests();
    ReadResult result;
    while (!bytes.empty()) {
        const std::string piece(
            bytes.substr(0, next_size())); // its own memory: the sanitizer sees each overrun
        reader.feed(piece, result.events);
        bytes.remove_prefix(piece.size());
    }
    reader.finish(result.events);
    result.summary = reader.summary();
    return result;
}

template <class NextSize>
ReadResult read_in_pieces(std::string_view bytes, NextSize next_size) {
    FtraceText reader;
    return read_in_pieces(reader, bytes, next_size);
}

inline ReadResult read_text(std::string_view bytes) {
    return read_in_pieces(bytes, [bytes] { return bytes.size(); });
}

// One record of thread 4711 on CPU 3.
inline ReadResult read_record(std::string_view event_text) {
    return read_text(fmt::format(" qemu-system-x86-4711    [003] .....   100.000001: {}\n", event_text));
}

inline std::string test_file(std::string_view name) {
    std::ifstream file(fmt::format("{}/tests/traces/data/{}", LAPICHECK_SOURCE_DIR, name), std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace lapicheck::traces
