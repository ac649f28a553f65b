// What every reader of a trace offers: give it the input, get Events. Reading is one pass and holds no more
// than one line or page, however long the input. A format is a reader and how its input is recognised.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "traces/event.hpp"

namespace lapicheck::traces {

// A line that the reader could not use, with the reason: kept for the first few, counted for all.
struct SkippedLine {
    std::uint64_t line = 0;
    std::string why;  // "no time stamp after the CPU column"
    std::string text; // start of the line, made printable
};

// A host thread as the input shows it.
struct ThreadInfo {
    std::string name;          // the last one, made printable
    std::uint32_t process = 0; // 0: not shown
};

// Lines that are read although they were damaged on their way here: "quoted (>)".
struct Repair {
    std::string what;
    std::uint64_t lines = 0;
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
    std::string kernel;               // the host's release, if the trace says it
    unsigned clock_digits = 6;        // digits of the fraction, as printed
    bool truncated_last_line = false; // no newline at the end: the last line was not used
    std::vector<SkippedLine> skipped; // the first ten
    std::vector<Repair> repairs;
    std::vector<std::string> notes; // what the input does not show, and what is not judged for that
    std::unordered_map<std::uint32_t, ThreadInfo> threads; // by ID, the first few thousand
    std::uint32_t command = 0; // the process whose tree `record` was asked to record; 0: all
};

class Reader {
  public:
    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    virtual ~Reader() = default;

    // Also the events that only tell of other interrupt controllers than the local APIC (is_from_outside()).
    void want_requests() { wants_requests_ = true; }

    const ReadSummary& summary() const { return summary_; }

  protected:
    ReadSummary summary_;
    bool wants_requests_ = false;
};

// Of a format that is read from front to back.
class StreamReader : public Reader {
  public:
    // Appends the Events of `bytes` to `out`; an incomplete record at the end is kept for the next call.
    virtual void feed(std::string_view bytes, std::vector<Event>& out) = 0;
    // The input has ended.
    virtual void finish(std::vector<Event>& out) = 0;
};

// Of a format that is read here and there in a file.
class FileReader : public Reader {
  public:
    // `file` can be positioned and stays open. Empty, or why it cannot be read.
    virtual std::string open(int file) = 0;
    // Appends some Events to `out`. False: that was the end, or error() says why it goes no further.
    virtual bool read(std::vector<Event>& out) = 0;
    const std::string& error() const { return error_; }

  protected:
    std::string error_;
};

// One line of the list in format.cpp.
struct TraceFormat {
    std::string_view name;                                      // as --input-format has it
    std::string_view what;                                      // for those who choose
    bool (*recognizes)(std::string_view first_bytes) = nullptr; // the start of the input, up to 64 KiB
    bool looks_ahead = false; // the reader, too, learns from the first bytes what the rest will be
    // One of the two.
    std::unique_ptr<StreamReader> (*make_reader)() = nullptr;
    std::unique_ptr<FileReader> (*make_file_reader)() = nullptr;
};

} // namespace lapicheck::traces
