// The head of a line of ftrace text: TASK-PID [CPU] FLAGS TIME: and what may stand around it.
//
// A thread chooses its own name, and a name may look like the rest of a line ("a-1 [000] 1.0: ").
// So the head is found by its columns and read by a strict grammar, never searched for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lapicheck::traces {

struct LineHead {
    std::uint32_t thread = 0;
    std::uint16_t cpu = 0;
    std::uint64_t time = 0;      // nanoseconds, or ticks
    unsigned clock_digits = 0;   // digits behind the dot; 0: the time is in ticks
    std::string_view event_text; // from the name of the event on
    // Only where the line was not like the one before; else that one's thread is meant.
    std::string_view name;     // of the thread
    std::uint32_t process = 0; // its TGID (option record-tgid); 0: not shown
};

// How far a line that is no record got: the further, the better the advice.
enum class HeadFault : std::uint8_t { none, no_thread, no_cpu, no_time, no_event };

std::string_view describe(HeadFault fault);

// Where the parts of a head ended, as indices into the line.
struct HeadColumns {
    std::size_t behind_cpu = 0;   // behind the ']' of the CPU
    std::size_t behind_flags = 0; // the same if there are none
};

// Reads the head whose '-' between name and PID stands in column `dash`.
HeadFault read_head_at(std::string_view line, std::size_t dash, LineHead& head, HeadColumns& columns);

// Knows in which column the heads of this input stand: 16 in the kernel's own text, further right
// where trace-cmd report writes the name of a file or buffer before each line.
class HeadReader {
  public:
    HeadFault read(std::string_view line, LineHead& head) {
        return read_like_last(line, head) ? HeadFault::none : read_anew(line, head);
    }

    // A new report begins ("cpus=2"): its columns are learned from its first record.
    void forget_columns() {
        dash_column_.reset();
        last_ = {};
    }
    // trace-cmd writes the prefix before a mark of dropped events, and not before the record
    // that follows the mark.
    void expect_no_prefix() { prefix_missing_ = true; }
    bool has_prefix() const { return dash_column_.value_or(0) > name_columns; }

    static constexpr std::size_t name_columns = 16; // "%16s-%-7d", kernel/trace/trace_output.c

  private:
    HeadFault read_anew(std::string_view line, LineHead& head);
    HeadFault search(std::string_view line, LineHead& head);
    bool read_like_last(std::string_view line, LineHead& head);
    bool read_time_like_last(std::string_view text, LineHead& head) const;
    void remember(std::string_view line, const LineHead& head, const HeadColumns& columns);
    void remember_second(std::string_view line, const LineHead& head, const HeadColumns& columns);

    // Most records come from the thread and second of the one before, so their bytes are compared
    // before they are read anew.
    struct Last {
        std::size_t dash_column = 0;
        std::size_t thread_size = 0;                // of "-43      [001]"; 0: nothing remembered
        std::array<std::uint64_t, 2> thread_text{}; // its first and its last eight bytes
        std::uint32_t thread = 0;
        std::uint16_t cpu = 0;
        unsigned flags_size = 0;                   // of " d..1.", the blank included; 0: none
        std::uint64_t flags_mask = 0;              // their bytes in a word
        std::array<std::uint64_t, 2> flags_text{}; // the last two that differed
        unsigned seconds_size = 0;                 // 0: nothing remembered; of "     2."
        std::uint64_t seconds_mask = 0;
        std::uint64_t seconds_text = 0;
        std::uint64_t nanoseconds = 0;
    };

    std::optional<std::size_t> dash_column_;
    bool prefix_missing_ = false;
    Last last_;
};

// The kernel's "CPU:1 [LOST 1524 EVENTS]" and trace-cmd's "CPU:1 [1524 EVENTS DROPPED]".
struct LostMark {
    std::uint16_t cpu = 0;
    std::uint64_t events = 0; // 0: the mark does not say how many
    bool has_prefix = false;
};
std::optional<LostMark> read_lost_mark(std::string_view line);

// "##### CPU 0 buffer started ####" in the file `trace`: the CPU.
std::optional<std::uint16_t> read_buffer_start(std::string_view line);

// "# entries-in-buffer/entries-written: 9329/255415   #P:2": how many were overwritten.
std::optional<std::uint64_t> read_overwritten(std::string_view line);
// Begins the line with which `record` says what it recorded.
inline constexpr std::string_view recorded_by = "# recorded by lapicheck ";
// Begins the line with which it says which process it ran: the verdict is about that one's guests.
inline constexpr std::string_view command_process = "# command: process ";
std::optional<std::uint32_t> read_command(std::string_view line);
// How many CPUs the host has: behind "#P:" in the same line, or in that of `record`.
std::optional<std::uint64_t> read_host_cpus(std::string_view line);

// The host's kernel release, in the line of `record`: "6.18.2" behind ", Linux ".
std::optional<std::string_view> read_kernel(std::string_view line);

// "cpus=2", the line with which trace-cmd report begins each file.
bool is_report_start(std::string_view line);

// Lines that are part of a trace but no records: "CPU 0 is empty", the lines of a stack trace.
bool is_remark(std::string_view line);

} // namespace lapicheck::traces
