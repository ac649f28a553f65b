// What the readers of texts have in common: they cut the input into lines, and each record is the head of a
// line (LineHead) and the text of a tracepoint. How a head is found is each reader's own.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "traces/event.hpp"
#include "traces/formats/ftrace_events.hpp"
#include "traces/formats/ftrace_line.hpp"
#include "traces/formats/partial_head.hpp"
#include "traces/formats/reader.hpp"
#include "traces/limits.hpp"

namespace lapicheck::traces {

// Bytes, piece by piece, into lines without their newline.
class LineSplitter {
  public:
    // A longer line is no record; no more of it than this is held.
    static constexpr std::size_t max_line = limits::line;

    template <class Take>
    void feed(std::string_view bytes, Take take) {
        const char* at = bytes.data();
        const char* const end = at + bytes.size();
        while (at != end) {
            const auto left = static_cast<std::size_t>(end - at);
            const auto* const newline = static_cast<const char*>(std::memchr(at, '\n', left));
            if (newline == nullptr) return keep({at, left});
            const std::string_view line(at, static_cast<std::size_t>(newline - at));
            if (partial_.empty()) {
                take(line);
            } else {
                keep(line);
                take(std::string_view(partial_));
                partial_.clear();
            }
            at = newline + 1;
        }
    }
    // What stands behind the last newline, at most one byte more than a line may have.
    std::string_view rest() const { return partial_; }
    void drop_rest() { partial_.clear(); }

  private:
    // One byte more than a line may have, so that it is seen to be too long.
    void keep(std::string_view partial_line) {
        partial_.append(partial_line.substr(0, max_line + 1 - std::min(partial_.size(), max_line + 1)));
    }

    std::string partial_; // the line that the last feed() did not end
};

class TextReader : public StreamReader {
  protected:
    // How far the lines of two CPUs may be out of order: their clocks differ by microseconds, at most by two
    // timer ticks of 10 ms, and trace_pipe may read an older line of one CPU after another's. Nanoseconds, or
    // ticks of a clock that counts cycles, which all CPUs have in common.
    static constexpr std::uint64_t most_disorder = 20'000'000;
    static constexpr std::uint16_t no_cpu_in_particular = 0xffff;
    static constexpr std::size_t most_threads = limits::thread_names;

    // Each CPU's buffer is in the order of its clock, and the kernel and trace-cmd merge the buffers by time:
    // a CPU's time that runs backwards belongs to another recording, and so does one far behind the other
    // CPUs'. Called for each record, so here.
    bool goes_on(const LineHead& head) {
        if (head.cpu >= last_time_of_cpu_.size()) return false;
        std::uint64_t& last = last_time_of_cpu_[head.cpu];
        if (head.time < last || (head.time < last_time_ && is_read_apart(head, last))) return false;
        last = head.time;
        last_time_ = head.time;
        return true;
    }

    void take_comment(std::string_view line, std::uint64_t number, std::vector<Event>& out);
    // Returns what its tracepoint is read as.
    EventKind take_record(std::string_view line, std::uint64_t number, const LineHead& head,
                          std::vector<Event>& out);
    // The same of a head that lacks columns: what needs them is not told.
    EventKind take_partial_record(std::string_view line, std::uint64_t number, PartialHead head,
                                  std::vector<Event>& out);
    void repaired(std::string_view what, std::uint64_t lines = 1);
    void begin_another(std::uint64_t number, std::vector<Event>& out);
    void lose(std::uint64_t number, std::uint16_t cpu, std::uint64_t events, std::vector<Event>& out);
    void skip(std::string_view line, std::uint64_t number, std::string_view why);

  private:
    // A line that is older than the one before: the first of its CPU where each CPU's lines stand by
    // themselves, or one that stands there again.
    bool is_read_apart(const LineHead& head, std::uint64_t last_of_cpu) const {
        return last_of_cpu == 0 || head.time == last_of_cpu || head.time + most_disorder < last_time_;
    }

    void take_unreadable(std::string_view line, std::uint64_t number, const UnreadableText& text,
                         Event& event);
    void note(std::string_view what);
    void note_clock(const LineHead& head);
    // `who`: thread and process.
    void note_thread(std::uint64_t number, std::uint64_t who, const LineHead& head, std::vector<Event>& out);
    void begin_another(std::uint64_t number, const LineHead& head, std::vector<Event>& out);

    std::array<std::uint64_t, 4> noted_{}; // thread and process of the last records that differed
    std::size_t noted_count_ = 0;
    std::uint64_t last_noted_ = 0; // one of them
    bool mixes_kernels_ = false;
    std::uint64_t last_time_ = 0;
    std::vector<std::uint64_t> last_time_of_cpu_;
};

// The start of a line as messages show it.
std::string printable_start(std::string_view line);

} // namespace lapicheck::traces
