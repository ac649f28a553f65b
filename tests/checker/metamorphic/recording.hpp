// A recording as transformations see it: its lines, each parsed once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lapicheck::metamorphic {

struct Line {
    std::string_view text;  // without the newline
    std::string_view event; // the tracepoint's name; empty: a mark of lost events
    std::string_view stamp; // as it stands in `text`
    std::uint16_t cpu = 0;
    std::uint32_t thread = 0;
    std::uint64_t time = 0; // of a mark: of the next line of its CPU
    bool is_mark() const { return event.empty(); }
};

// Its lines are views of its text, so there is one of it.
struct Recording {
    Recording() = default;
    Recording(Recording&&) = default;
    Recording(const Recording&) = delete;
    Recording& operator=(Recording&&) = default;
    Recording& operator=(const Recording&) = delete;
    ~Recording() = default;

    std::string name;
    std::string text;              // what the lines are views of
    std::vector<std::string> head; // comments before the first line
    std::vector<Line> lines;
    unsigned clock_digits = 0; // behind the dot of a stamp; 0: ticks

    std::vector<std::uint16_t> cpus() const; // sorted, each once
    std::vector<std::uint32_t> threads() const;
    std::vector<std::string_view> events() const;
};

// Nothing if the file cannot be read, or is no ftrace text.
std::optional<Recording> read_recording(const std::string& path, const std::string& name);

} // namespace lapicheck::metamorphic
