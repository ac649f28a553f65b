// Reads ftrace text: the files `trace` and `trace_pipe` of the kernel and the output of trace-cmd
// report. docs/trace-formats.md says which texts of which kernels.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "traces/event.hpp"
#include "traces/formats/ftrace_events.hpp"
#include "traces/formats/ftrace_line.hpp"
#include "traces/formats/reader.hpp"

namespace lapicheck::traces {

class FtraceText final : public Reader {
  public:
    // A longer line is no record; the reader holds no more of it than this.
    static constexpr std::size_t max_line = 64 * 1024;

    void feed(std::string_view bytes, std::vector<Event>& out) override;

    // A last line without newline may have been cut anywhere ("0x10" of
    // "0x100"), so it is counted and not used.
    void finish(std::vector<Event>& out) override;

  private:
    // How far the lines of two CPUs may be out of order: their clocks differ by microseconds, at most by two
    // timer ticks of 10 ms, and trace_pipe may read an older line of one CPU after another's. Nanoseconds, or
    // ticks of a clock that counts cycles, which all CPUs have in common.
    static constexpr std::uint64_t most_disorder = 20'000'000;

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
    // A line that is older than the one before: the first of its CPU where each CPU's lines stand by
    // themselves, or one that stands there again.
    bool is_read_apart(const LineHead& head, std::uint64_t last_of_cpu) const {
        return last_of_cpu == 0 || head.time == last_of_cpu || head.time + most_disorder < last_time_;
    }

    void keep(std::string_view partial_line);
    void take_line(std::string_view line, std::vector<Event>& out);
    void take_comment(std::string_view line, std::vector<Event>& out);
    void take_record(std::string_view line, const LineHead& head, std::vector<Event>& out);
    void take_unreadable(std::string_view line, const UnreadableText& text, Event& event);
    bool take_mark(std::string_view line, std::vector<Event>& out);
    void note_clock(const LineHead& head);
    void note_thread(const LineHead& head, std::uint64_t who, std::vector<Event>& out);
    void begin_another(const LineHead& head, std::vector<Event>& out);
    void begin_another(std::vector<Event>& out);
    void lose(std::uint16_t cpu, std::uint64_t events, std::vector<Event>& out);
    void skip(std::string_view line, std::string_view why);

    static constexpr std::size_t most_threads = 4096;
    HeadReader heads_;
    std::array<std::uint64_t, 4> noted_{}; // thread and process of the last records that differed
    std::size_t noted_count_ = 0;
    std::uint64_t last_noted_ = 0; // one of them
    bool mixes_kernels_ = false;
    std::string partial_; // the line that the last feed() did not end, at most max_line + 1 bytes
    std::uint64_t last_time_ = 0;
    std::vector<std::uint64_t> last_time_of_cpu_;
};

} // namespace lapicheck::traces
