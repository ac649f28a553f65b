#include "traces/formats/ftrace_line.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "traces/formats/scanner.hpp"
#include "traces/formats/text_word.hpp"

namespace lapicheck::traces {
namespace {

// ": " behind the fraction of a second, as load_eight() sees it.
constexpr std::uint64_t behind_time = ':' | ' ' << 8;

constexpr std::uint64_t max_thread = 999'999'999; // the kernel's own limit is 4194304
constexpr std::uint64_t max_cpu = 0xfffe;         // 0xffff in an Event: no CPU in particular
constexpr std::size_t max_prefix = 256;

// Columns of a time stamp without a dot: " %12llu" in the kernel, "%12llu" in libtraceevent.
// Together with the width of "[%03d]" this makes a head longer than the 15 bytes of a name.
constexpr std::size_t tick_columns = 12;

// " ( 12345)", " (-----)": option record-tgid. Before the CPU since Linux 4.18, behind it before.
void take_thread_group(Scanner& s, LineHead& head) {
    Scanner ahead = s;
    ahead.skip_blanks();
    if (!ahead.take("(")) return;
    ahead.skip_blanks();
    std::uint64_t process = 0;
    if (is_digit(ahead.peek()) && !ahead.decimal(process)) return;
    ahead.skip(std::min(ahead.rest().find_first_not_of(" -"), ahead.left()));
    if (!ahead.take(")") || process > max_thread) return;
    head.process = static_cast<std::uint32_t>(process);
    s = ahead;
}

std::string_view without_blanks(std::string_view text) {
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

// irqs-off, need-resched, hardirq/softirq, preempt-depth (four letters up to Linux 5.15), since
// then migrate-disable too; trace-cmd may add the lock depth.
bool are_flags(std::string_view word) {
    return word.size() >= 3 && word.size() <= 10 && word.find(':') == std::string_view::npos;
}

// "[001]", at least three digits.
bool read_cpu(Scanner& s, LineHead& head) {
    std::uint64_t cpu = 0;
    const std::size_t before = s.left();
    if (!s.take("[") || !s.decimal(cpu) || before - s.left() < 4 || cpu > max_cpu) return false;
    head.cpu = static_cast<std::uint16_t>(cpu);
    return s.take("]");
}

// Behind the dot of "7079.002646": integers only, since a double loses the last digit of an uptime
// of hours.
bool read_fraction(Scanner& s, std::uint64_t seconds, LineHead& head) {
    const std::size_t digits = s.left();
    std::uint64_t fraction = 0;
    if (digits < 6 || digits > 9 || seconds > 9'999'999'999 || !s.decimal(fraction) || !s.done())
        return false;
    constexpr std::array<std::uint32_t, 4> nanoseconds{1000, 100, 10, 1};
    head.time = seconds * 1'000'000'000 + fraction * nanoseconds[digits - 6];
    head.clock_digits = static_cast<unsigned>(digits);
    return true;
}

// "d..1.19034720357861": trace-cmd writes no blank between the flags and a time without a dot.
bool read_flags_and_ticks(std::string_view text, LineHead& head) {
    std::size_t flags = text.size();
    while (flags != 0 && is_digit(text[flags - 1])) --flags;
    Scanner s(text.substr(flags));
    head.clock_digits = 0;
    return are_flags(text.substr(0, flags)) && s.left() >= tick_columns && s.decimal(head.time);
}

void skip_flags(Scanner& s) {
    Scanner ahead = s;
    const std::size_t blanks = ahead.skip_blanks();
    const std::string_view word = ahead.word();
    if (blanks != 0 && !word.ends_with(':') && are_flags(word)) s = ahead;
}

bool read_time(Scanner& s, LineHead& head) {
    const std::size_t blanks = s.skip_blanks();
    std::string_view word = s.word();
    if (!word.ends_with(':')) return false;
    word.remove_suffix(1);
    Scanner time(word);
    std::uint64_t whole = 0;
    if (!time.decimal(whole)) return blanks != 0 && read_flags_and_ticks(word, head);
    if (!time.done()) return blanks != 0 && time.take(".") && read_fraction(time, whole, head);
    head.time = whole;
    head.clock_digits = 0;
    return blanks + word.size() >= tick_columns;
}

// " d..1.     2.392646: " up to the name of the event
HeadFault read_behind_cpu(std::string_view line, LineHead& head, HeadColumns& columns) {
    Scanner s(line.substr(columns.behind_cpu));
    take_thread_group(s, head);
    skip_flags(s);
    columns.behind_flags = line.size() - s.left();
    if (!read_time(s, head)) return HeadFault::no_time;
    s.skip_blanks();
    if (s.done()) return HeadFault::no_event;
    head.event_text = s.rest();
    return HeadFault::none;
}

// What print_handle_file() of trace-cmd writes: "%*s: " with a name, "%*s  " without.
bool ends_prefix(std::string_view prefix) {
    return prefix.ends_with(": ") || prefix.find_first_not_of(' ') == std::string_view::npos;
}

} // namespace

std::string_view describe(HeadFault fault) {
    switch (fault) {
    case HeadFault::none: break;
    case HeadFault::no_thread: return "no TASK-PID column";
    case HeadFault::no_cpu: return "no [CPU] column after the PID";
    case HeadFault::no_time: return "no time stamp after the CPU column";
    case HeadFault::no_event: return "no event after the time stamp";
    }
    return "";
}

HeadFault read_head_at(std::string_view line, std::size_t dash, LineHead& head, HeadColumns& columns) {
    if (dash >= line.size()) return HeadFault::no_thread;
    Scanner s(line.substr(dash));
    std::uint64_t thread = 0;
    if (!s.take("-") || !s.decimal(thread) || thread > max_thread || s.skip_blanks() == 0)
        return HeadFault::no_thread;
    take_thread_group(s, head);
    s.skip_blanks();
    if (!read_cpu(s, head)) return HeadFault::no_cpu;
    columns.behind_cpu = line.size() - s.left();
    head.thread = static_cast<std::uint32_t>(thread);
    const std::size_t name = dash > HeadReader::name_columns ? dash - HeadReader::name_columns : 0;
    head.name = without_blanks(line.substr(name, dash - name));
    return read_behind_cpu(line, head, columns);
}

bool HeadReader::read_like_last(std::string_view line, LineHead& head) {
    const std::size_t behind_cpu = last_.dash_column + last_.thread_size;
    if (last_.thread_size == 0 || line.size() < behind_cpu) return false;
    const char* const dash = line.data() + last_.dash_column;
    if (load_eight(dash) != last_.thread_text[0]) return false;
    if (load_eight(dash + last_.thread_size - 8) != last_.thread_text[1]) return false;
    head.thread = last_.thread;
    head.cpu = last_.cpu;
    if (read_time_like_last(line.substr(behind_cpu), head)) return true;
    HeadColumns columns{behind_cpu, 0};
    if (read_behind_cpu(line, head, columns) != HeadFault::none) return false;
    remember_second(line, head, columns);
    return true;
}

bool HeadReader::read_time_like_last(std::string_view text, LineHead& head) const {
    constexpr std::size_t longest = 1 + 7 + 8 + 8; // blank, flags, seconds, "002646: "
    if (last_.seconds_size == 0 || text.size() <= longest) return false;
    const char* at = text.data();
    if (last_.flags_size != 0) {
        const std::uint64_t flags = load_eight(at) & last_.flags_mask;
        if (flags != last_.flags_text[0] && flags != last_.flags_text[1]) return false;
        at += last_.flags_size;
    }
    const std::uint64_t seconds = load_eight(at) & last_.seconds_mask;
    const std::uint64_t fraction = load_eight(at + last_.seconds_size);
    const std::uint64_t digits = right_aligned(fraction, 6);
    if (seconds != last_.seconds_text || !are_digits(digits) || fraction >> 48 != behind_time) return false;
    at += last_.seconds_size + 8;
    if (*at == ' ') return false;
    head.time = last_.nanoseconds + std::uint64_t{eight_digits(digits)} * 1000;
    head.clock_digits = 6;
    head.event_text = text.substr(static_cast<std::size_t>(at - text.data()));
    return true;
}

void HeadReader::remember(std::string_view line, const LineHead& head, const HeadColumns& columns) {
    last_.dash_column = *dash_column_;
    last_.thread_size = columns.behind_cpu - last_.dash_column;
    if (last_.thread_size < 8 || last_.thread_size > 16) { // a group before the CPU: rare enough
        last_.thread_size = 0;
        return;
    }
    const char* const dash = line.data() + last_.dash_column;
    last_.thread_text = {load_eight(dash), load_eight(dash + last_.thread_size - 8)};
    last_.thread = head.thread;
    last_.cpu = head.cpu;
    remember_second(line, head, columns);
}

void HeadReader::remember_second(std::string_view line, const LineHead& head, const HeadColumns& columns) {
    last_.seconds_size = 0;
    if (head.clock_digits != 6 || line.size() < columns.behind_flags + 8) return;
    const std::size_t size = line.find('.', columns.behind_flags) + 1 - columns.behind_flags;
    const std::size_t flags = columns.behind_flags - columns.behind_cpu;
    if (size > 8 || flags > 8) return;
    // Of the flags two kinds take turns: with interrupts off at an entry, with interrupts on else.
    last_.flags_size = static_cast<unsigned>(flags);
    last_.flags_mask = low_bytes(last_.flags_size);
    last_.flags_text[1] = last_.flags_text[0];
    last_.flags_text[0] = load_eight(line.data() + columns.behind_cpu) & last_.flags_mask;
    last_.seconds_size = static_cast<unsigned>(size);
    last_.seconds_mask = low_bytes(last_.seconds_size);
    last_.seconds_text = load_eight(line.data() + columns.behind_flags) & last_.seconds_mask;
    last_.nanoseconds = head.time / 1'000'000'000 * 1'000'000'000;
}

HeadFault HeadReader::read_anew(std::string_view line, LineHead& head) {
    HeadColumns columns;
    if (std::exchange(prefix_missing_, false) &&
        read_head_at(line, name_columns, head, columns) == HeadFault::none)
        return HeadFault::none;
    if (!dash_column_) return search(line, head);
    const HeadFault fault = read_head_at(line, *dash_column_, head, columns);
    if (fault == HeadFault::none) {
        remember(line, head, columns);
        return fault;
    }
    // A line whose leading blanks were cut off (a trace pasted into a mail) may still be read.
    return line.starts_with(' ') || has_prefix() ? fault : search(line, head);
}

HeadFault HeadReader::search(std::string_view line, LineHead& head) {
    HeadFault furthest = HeadFault::no_thread;
    HeadColumns columns;
    const std::size_t end = std::min(line.size(), max_prefix + name_columns);
    for (std::size_t dash = line.find('-'); dash < end; dash = line.find('-', dash + 1)) {
        const bool shifted = dash > name_columns;
        if (shifted && (dash_column_ || !ends_prefix(line.substr(0, dash - name_columns)))) continue;
        if (dash < name_columns && line.starts_with(' ')) continue;
        const HeadFault fault = read_head_at(line, dash, head, columns);
        furthest = std::max(furthest, fault);
        if (fault != HeadFault::none) continue;
        if (dash >= name_columns) dash_column_ = dash;
        return HeadFault::none;
    }
    return furthest;
}

std::optional<LostMark> read_lost_mark(std::string_view line) {
    const std::size_t start = line.rfind("CPU:");
    if (!line.ends_with(']') || start == std::string_view::npos) return std::nullopt;
    LostMark mark;
    mark.has_prefix = start != 0;
    std::uint64_t cpu = 0;
    Scanner s(line.substr(start + 4));
    if (!s.decimal(cpu) || cpu > max_cpu || !s.take(" [")) return std::nullopt;
    mark.cpu = static_cast<std::uint16_t>(cpu);
    const bool kernel = s.take("LOST ");
    if (is_digit(s.peek()) && !(s.decimal(mark.events) && s.take(" "))) return std::nullopt;
    if (!(kernel ? s.take("EVENTS]") : s.take("EVENTS DROPPED]")) || !s.done()) return std::nullopt;
    return mark;
}

std::optional<std::uint16_t> read_buffer_start(std::string_view line) {
    Scanner s(line);
    std::uint64_t cpu = 0;
    if (!s.take("##### CPU ") || !s.decimal(cpu) || cpu > max_cpu || !s.take(" buffer started ####"))
        return std::nullopt;
    return static_cast<std::uint16_t>(cpu);
}

std::optional<std::uint64_t> read_overwritten(std::string_view line) {
    Scanner s(line);
    std::uint64_t held = 0;
    std::uint64_t written = 0;
    if (!s.take("# entries-in-buffer/entries-written: ") || !s.decimal(held) || !s.take("/") ||
        !s.decimal(written) || written < held)
        return std::nullopt;
    return written - held;
}

std::optional<std::uint32_t> read_command(std::string_view line) {
    std::uint64_t process = 0;
    if (!line.starts_with(command_process)) return std::nullopt;
    Scanner s(line.substr(command_process.size()));
    if (!s.decimal(process) || !s.ends() || process > max_thread) return std::nullopt;
    return static_cast<std::uint32_t>(process);
}

std::optional<std::uint64_t> read_host_cpus(std::string_view line) {
    constexpr std::string_view mark = "#P:";
    const std::size_t start = line.find(mark);
    const bool may_tell = line.starts_with("# entries-in-buffer") || line.starts_with(recorded_by);
    if (!may_tell || start == std::string_view::npos) return std::nullopt;
    Scanner s(line.substr(start + mark.size()));
    std::uint64_t cpus = 0;
    if (!s.decimal(cpus)) return std::nullopt;
    return cpus;
}

std::optional<std::string_view> read_kernel(std::string_view line) {
    constexpr std::string_view mark = ", Linux ";
    const std::size_t start = line.find(mark);
    if (!line.starts_with(recorded_by) || start == std::string_view::npos) return std::nullopt;
    const std::string_view release = line.substr(start + mark.size());
    return release.substr(0, release.find(','));
}

bool is_report_start(std::string_view line) {
    const std::size_t start = line.rfind("cpus=");
    if (start == std::string_view::npos || (start != 0 && !ends_prefix(line.substr(0, start)))) return false;
    Scanner s(line.substr(start + 5));
    std::uint64_t cpus = 0;
    return s.decimal(cpus) && s.ends();
}

bool is_remark(std::string_view line) {
    const std::size_t text = line.find_first_not_of(" \t");
    if (text == std::string_view::npos) return true;
    if (line.substr(text).starts_with("=> ")) return true;
    if (line.starts_with("version = ") || line.starts_with("trace-cmd version ")) return true;
    Scanner s(line);
    std::uint64_t cpu = 0;
    return s.take("CPU ") && s.decimal(cpu) && s.take(" is empty") && s.ends();
}

} // namespace lapicheck::traces
