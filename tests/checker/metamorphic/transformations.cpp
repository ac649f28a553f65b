#include "transformations.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lapicheck::metamorphic {
namespace {

using std::size_t;
using u64 = std::uint64_t;

constexpr u64 microsecond = 1000;
constexpr u64 ticks_in_a_microsecond = 2000; // of clocks that count cycles, about
constexpr size_t longest_stretch = 6000;     // lines, where not all of a recording is taken

u64 microseconds(const Recording& recording, u64 count) {
    return count * (recording.clock_digits == 0 ? ticks_in_a_microsecond : microsecond);
}

struct Stretch { // of lines, indices
    size_t first = 0;
    size_t last = 0; // behind it
    size_t size() const { return last - first; }
};

Stretch all_of(const Recording& recording) { return {0, recording.lines.size()}; }

// All, or a stretch, most often one that begins with the recording or ends with it.
Stretch some_of(const Recording& recording, Random& random) {
    const size_t lines = recording.lines.size();
    if (random.one_in(3)) return all_of(recording);
    const size_t size = std::min<size_t>(random.between(1, longest_stretch), lines);
    switch (random.below(4)) {
    case 0: return {0, size};
    case 1: return {lines - size, lines};
    default: break;
    }
    const size_t first = random.below(lines - size + 1);
    return {first, first + size};
}

Stretch part_of(const Stretch& stretch, size_t most, Random& random) {
    const size_t size = std::min<size_t>(random.between(1, std::max<size_t>(most, 1)), stretch.size());
    const size_t first = stretch.first + random.below(stretch.size() - size + 1);
    return {first, first + size};
}

// Line numbers as the file has them.
std::string lines_of(const Recording& recording, const Stretch& stretch) {
    return fmt::format("lines {} to {}", recording.head.size() + stretch.first + 1,
                       recording.head.size() + stretch.last);
}

std::string stamp_of(u64 time, const Recording& recording) {
    if (recording.clock_digits == 0) return fmt::format("{}", time);
    u64 fraction = time % 1'000'000'000;
    for (unsigned i = recording.clock_digits; i < 9; ++i) fraction /= 10;
    return fmt::format("{}.{:0{}}", time / 1'000'000'000, fraction, recording.clock_digits);
}

// The line with another stamp, right-aligned where the old one stood.
std::string with_stamp(const Line& line, const std::string& stamp) {
    const auto at = static_cast<size_t>(line.stamp.data() - line.text.data());
    std::string before(line.text.substr(0, at));
    const size_t grown = stamp.size() > line.stamp.size() ? stamp.size() - line.stamp.size() : 0;
    for (size_t i = 0; i < grown && before.ends_with("  "); ++i) before.pop_back();
    const size_t shrunk = line.stamp.size() > stamp.size() ? line.stamp.size() - stamp.size() : 0;
    before.append(shrunk, ' ');
    return before + stamp + std::string(line.text.substr(at + line.stamp.size()));
}

class Writer {
  public:
    Writer(const Recording& recording, Transformed& to) : recording_(recording), to_(to) {
        to_.head = recording.head;
    }
    void keep(size_t i) { to_.pieces.push_back({recording_.lines[i].text, index(i), false, {}}); }
    void keep(const Stretch& stretch) {
        for (size_t i = stretch.first; i < stretch.last; ++i) keep(i);
    }
    void keep_with_time(size_t i, u64 time) {
        const Line& line = recording_.lines[i];
        if (line.is_mark() || line.time == time) return keep(i);
        to_.made.push_back(with_stamp(line, stamp_of(time, recording_)));
        to_.pieces.push_back({to_.made.back(), index(i), false, {}});
    }
    void add(std::string text, std::vector<std::uint32_t> lost = {}) {
        to_.made.push_back(std::move(text));
        to_.pieces.push_back({to_.made.back(), Piece::none, false, std::move(lost)});
    }
    // But for the lines for which `is_lost(i)`, with the mark that the kernel puts before the next line of
    // their CPU.
    template <class IsLost>
    void keep_but(const Stretch& stretch, bool says_how_many, IsLost is_lost) {
        std::map<std::uint16_t, std::vector<std::uint32_t>> lost;
        for (size_t i = stretch.first; i < stretch.last; ++i) {
            const Line& line = recording_.lines[i];
            if (is_lost(i)) {
                lost[line.cpu].push_back(index(i));
                continue;
            }
            if (auto& here = lost[line.cpu]; !here.empty()) {
                const std::string many = says_how_many ? fmt::format("{} ", here.size()) : std::string{};
                add(fmt::format("CPU:{} [LOST {}EVENTS]", line.cpu, many), std::move(here));
                here.clear();
            }
            keep(i);
        }
    }

  private:
    static std::uint32_t index(size_t i) { return static_cast<std::uint32_t>(i); }

    const Recording& recording_;
    Transformed& to_;
};

void keep_all(const Sources& from, Random&, Transformed& to) {
    Writer(from.recording, to).keep(all_of(from.recording));
    to.words = "all lines";
}

void cut_head(const Sources& from, Random& random, Transformed& to) {
    const Recording& recording = from.recording;
    const Stretch rest{random.below(recording.lines.size()), recording.lines.size()};
    Writer(recording, to).keep(rest);
    to.words = fmt::format("only {}", lines_of(recording, rest));
}

void cut_tail(const Sources& from, Random& random, Transformed& to) {
    const Recording& recording = from.recording;
    const Stretch rest{0, random.between(1, recording.lines.size())};
    Writer(recording, to).keep(rest);
    to.words = fmt::format("only {}", lines_of(recording, rest));
    if (random.one_in(2)) return;
    std::string_view& last = to.pieces.back().text;
    last = last.substr(0, random.below(last.size()));
    to.ends_within_line = true;
    to.words += ", the last one not complete";
}

void cut_both(const Sources& from, Random& random, Transformed& to) {
    const Recording& recording = from.recording;
    const Stretch rest = part_of(all_of(recording), longest_stretch, random);
    Writer(recording, to).keep(rest);
    to.words = fmt::format("only {}", lines_of(recording, rest));
}

// Buffers that are not overwritten: each CPU's holds so many lines, and nothing marks what came when it was
// full.
void fill_buffers(const Sources& from, Random& random, Transformed& to) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    constexpr size_t least = 100; // a buffer has two pages at least
    const size_t capacity = least + random.below(stretch.size());
    std::map<std::uint16_t, size_t> held;
    Writer writer(recording, to);
    for (size_t i = stretch.first; i < stretch.last; ++i)
        if (held[recording.lines[i].cpu]++ < capacity) writer.keep(i);
    to.words = fmt::format("{}; a CPU's buffer holds {} lines", lines_of(recording, stretch), capacity);
}

// Buffers that are overwritten: the oldest lines of each CPU are gone. Where the file says it: in its head,
// and where a CPU's lines begin, but not at its first line.
void overwrite(const Sources& from, Random& random, Transformed& to) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    std::map<std::uint16_t, size_t> begins;
    std::map<std::uint16_t, size_t> last; // which is not overwritten
    for (size_t i = stretch.first; i < stretch.last; ++i) last[recording.lines[i].cpu] = i;
    for (const auto& [cpu, line] : last)
        begins[cpu] = stretch.first + (random.one_in(4) ? 0 : random.below(line - stretch.first + 1));
    std::map<std::uint16_t, std::vector<std::uint32_t>> gone;
    std::set<std::uint16_t> begun;
    Writer writer(recording, to);
    for (size_t i = stretch.first; i < stretch.last; ++i) {
        const std::uint16_t cpu = recording.lines[i].cpu;
        if (i < begins[cpu]) {
            gone[cpu].push_back(static_cast<std::uint32_t>(i));
            continue;
        }
        if (begun.insert(cpu).second && begun.size() > 1)
            writer.add(fmt::format("##### CPU {} buffer started ####", cpu), gone[cpu]);
        writer.keep(i);
    }
    const size_t kept = to.pieces.size();
    for (std::string& comment : to.head)
        if (comment.starts_with("# entries-in-buffer"))
            comment = fmt::format("# entries-in-buffer/entries-written: {}/{}{}", kept, kept + 100'000,
                                  comment.find("   #P:") == std::string::npos
                                      ? std::string{}
                                      : comment.substr(comment.find("   #P:")));
    to.words = lines_of(recording, stretch);
    for (const auto& [cpu, begin] : begins)
        to.words +=
            fmt::format("; CPU {}'s before line {} overwritten", cpu, recording.head.size() + begin + 1);
}

void lose(const Sources& from, Random& random, Transformed& to, size_t gaps, bool on_all) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    std::vector<bool> lost(recording.lines.size());
    to.words = lines_of(recording, stretch);
    for (size_t gap = 0; gap < gaps; ++gap) {
        constexpr std::array<size_t, 6> sizes{1, 3, 10, 50, 300, 3000};
        const Stretch where = part_of(stretch, random.one_of(sizes), random);
        const std::uint16_t cpu = recording.lines[where.first].cpu;
        for (size_t i = where.first; i < where.last; ++i)
            if (on_all || recording.lines[i].cpu == cpu) lost[i] = true;
        if (gaps < 5)
            to.words += fmt::format("; {} {} lost", on_all ? "" : fmt::format("CPU {}'s of", cpu),
                                    lines_of(recording, where));
    }
    if (gaps >= 5) to.words += fmt::format("; {} stretches lost{}", gaps, on_all ? "" : ", of one CPU each");
    Writer(recording, to).keep_but(stretch, random.one_in(2), [&](size_t i) { return lost[i]; });
}

void lose_on_one(const Sources& from, Random& random, Transformed& to) { lose(from, random, to, 1, false); }
void lose_on_all(const Sources& from, Random& random, Transformed& to) { lose(from, random, to, 1, true); }
void lose_often(const Sources& from, Random& random, Transformed& to) {
    lose(from, random, to, random.between(2, 200), random.one_in(2));
}

template <class Keeps>
void keep_where(const Sources& from, Random& random, Transformed& to, Keeps keeps) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    Writer writer(recording, to);
    for (size_t i = stretch.first; i < stretch.last; ++i)
        if (keeps(recording.lines[i])) writer.keep(i);
    to.words = lines_of(recording, stretch) + "; " + to.words;
}

void without_events(const Sources& from, Random& random, Transformed& to, size_t count) {
    auto names = from.recording.events();
    std::set<std::string_view> without;
    for (size_t i = 0; i < count && names.size() > 1; ++i) {
        const auto at = names.begin() + static_cast<std::ptrdiff_t>(random.below(names.size()));
        without.insert(*at);
        names.erase(at);
    }
    if (without.size() < names.size()) to.words = fmt::format("without {}", fmt::join(without, ", "));
    else to.words = fmt::format("{} alone", fmt::join(names, ", "));
    keep_where(from, random, to, [&](const Line& line) { return !without.contains(line.event); });
}

void without_event(const Sources& from, Random& random, Transformed& to) {
    without_events(from, random, to, 1);
}
void without_two(const Sources& from, Random& random, Transformed& to) {
    without_events(from, random, to, 2);
}
void some_events(const Sources& from, Random& random, Transformed& to) {
    without_events(from, random, to, random.between(1, from.recording.events().size()));
}
void two_events(const Sources& from, Random& random, Transformed& to) {
    const size_t names = from.recording.events().size();
    without_events(from, random, to, names - std::min<size_t>(names, 2));
}

void one_cpu(const Sources& from, Random& random, Transformed& to) {
    const std::uint16_t cpu = random.one_of(from.recording.cpus());
    to.words = fmt::format("CPU {} alone", cpu);
    keep_where(from, random, to, [&](const Line& line) { return line.cpu == cpu; });
}

void without_cpu(const Sources& from, Random& random, Transformed& to) {
    const std::uint16_t cpu = random.one_of(from.recording.cpus());
    to.words = fmt::format("without CPU {}", cpu);
    keep_where(from, random, to, [&](const Line& line) { return line.cpu != cpu; });
}

void one_thread(const Sources& from, Random& random, Transformed& to) {
    const std::uint32_t thread = random.one_of(from.recording.threads());
    to.words = fmt::format("thread {} alone", thread);
    keep_where(from, random, to, [&](const Line& line) { return line.is_mark() || line.thread == thread; });
}

void without_thread(const Sources& from, Random& random, Transformed& to) {
    const std::uint32_t thread = random.one_of(from.recording.threads());
    to.words = fmt::format("without thread {}", thread);
    keep_where(from, random, to, [&](const Line& line) { return line.is_mark() || line.thread != thread; });
}

void cpu_by_cpu(const Sources& from, Random& random, Transformed& to, bool with_heads) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    auto cpus = recording.cpus();
    if (random.one_in(4)) std::ranges::reverse(cpus);
    Writer writer(recording, to);
    for (const std::uint16_t cpu : cpus) {
        if (with_heads && cpu != cpus.front())
            for (const std::string& comment : recording.head) writer.add(comment);
        for (size_t i = stretch.first; i < stretch.last; ++i)
            if (recording.lines[i].cpu == cpu) writer.keep(i);
    }
    to.words = fmt::format("{}, of CPUs {} one after the other", lines_of(recording, stretch),
                           fmt::join(cpus, ", "));
}

void cpu_files_with_heads(const Sources& from, Random& random, Transformed& to) {
    cpu_by_cpu(from, random, to, true);
}
void cpu_files(const Sources& from, Random& random, Transformed& to) { cpu_by_cpu(from, random, to, false); }

// The other machine's threads have other numbers.
std::string of_another_process(const Line& line, const std::string& stamp) {
    constexpr size_t pid_at = 17; // TASK-PID, "%16s-%-7d"
    std::string text = with_stamp(line, stamp);
    const size_t end = text.find(' ', pid_at);
    const std::string pid = fmt::format("{:<7}", line.thread + 1'000'000);
    const size_t blanks = text.find_first_not_of(' ', end);
    return text.replace(pid_at, std::max(blanks, end + 1) - 1 - pid_at, pid);
}

void two_machines(const Sources& from, Random& random, Transformed& to) {
    const auto& [first, second] = from;
    const Stretch a = some_of(first, random);
    const Stretch b = some_of(second, random);
    const auto last_of = [](const Recording& of, const Stretch& stretch) {
        return of.lines[stretch.last - 1].time;
    };
    const u64 begin =
        first.lines[a.first].time + random.below(last_of(first, a) - first.lines[a.first].time + 1);
    Writer(first, to).keep(a);
    struct Other {
        u64 time;
        Piece piece;
    };
    std::vector<Other> others;
    for (size_t i = b.first; i < b.last; ++i) {
        const Line& line = second.lines[i];
        if (line.is_mark()) continue;
        const u64 time = line.time - second.lines[b.first].time + begin;
        to.made.push_back(of_another_process(line, stamp_of(time, second)));
        others.push_back({time, {to.made.back(), static_cast<std::uint32_t>(i), true, {}}});
    }
    std::vector<Piece> merged;
    auto next = others.begin();
    for (Piece& piece : to.pieces) {
        const Line& line = first.lines[piece.line];
        for (; next != others.end() && next->time < line.time; ++next)
            merged.push_back(std::move(next->piece));
        merged.push_back(std::move(piece));
    }
    for (; next != others.end(); ++next) merged.push_back(std::move(next->piece));
    to.pieces = std::move(merged);
    to.words = fmt::format("{}, and {} of {} from {} on", lines_of(first, a), lines_of(second, b),
                           second.name, stamp_of(begin, first));
}

// Of different CPUs and threads, microseconds apart.
void swap(const Sources& from, Random& random, Transformed& to, bool with_stamps) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    constexpr std::array<u64, 4> rarities{1, 2, 10, 100};
    const u64 rarity = random.one_of(rarities);
    size_t swaps = 0;
    Writer writer(recording, to);
    for (size_t i = stretch.first; i < stretch.last; ++i) {
        const Line& line = recording.lines[i];
        const Line& next = recording.lines[std::min(i + 1, stretch.last - 1)];
        const bool follows_mark = i > stretch.first && recording.lines[i - 1].is_mark();
        const bool can = !line.is_mark() && !next.is_mark() && !follows_mark && line.cpu != next.cpu &&
                         line.thread != next.thread && next.time >= line.time &&
                         next.time - line.time <= microseconds(recording, 10);
        if (!can || !random.one_in(rarity)) {
            writer.keep(i);
            continue;
        }
        writer.keep_with_time(i + 1, with_stamps ? next.time : line.time);
        writer.keep_with_time(i, with_stamps ? line.time : next.time);
        ++i;
        ++swaps;
    }
    to.words = fmt::format("{}; {} pairs of neighbours swapped{}", lines_of(recording, stretch), swaps,
                           with_stamps ? ", each line with its stamp" : "");
}

void swap_lines(const Sources& from, Random& random, Transformed& to) { swap(from, random, to, true); }
void swap_times(const Sources& from, Random& random, Transformed& to) { swap(from, random, to, false); }

void set_clocks(const Sources& from, Random& random, Transformed& to) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    constexpr u64 most = 100; // microseconds, to either side
    const u64 widest = random.between(1, most);
    std::map<std::uint16_t, u64> ahead;
    to.words = lines_of(recording, stretch);
    for (const std::uint16_t cpu : recording.cpus()) {
        ahead[cpu] = random.below(2 * widest + 1);
        to.words += fmt::format("; CPU {}'s clock {:+} us", cpu,
                                static_cast<std::int64_t>(ahead[cpu]) - static_cast<std::int64_t>(widest));
    }
    struct Moved {
        u64 time;
        size_t line;
    };
    std::vector<Moved> moved;
    for (size_t i = stretch.first; i < stretch.last; ++i) {
        const Line& line = recording.lines[i];
        moved.push_back(
            {line.time + microseconds(recording, ahead[line.cpu]) - microseconds(recording, widest), i});
    }
    std::ranges::stable_sort(moved, {}, &Moved::time);
    Writer writer(recording, to);
    for (const auto& [time, line] : moved) writer.keep_with_time(line, time);
}

// What is read again holds more than one moment of some CPU.
void read_twice(const Sources& from, Random& random, Transformed& to) {
    const Recording& recording = from.recording;
    const Stretch stretch = some_of(recording, random);
    Stretch again = part_of(stretch, 2000, random);
    std::map<std::uint16_t, u64> last;
    bool holds_moments = false;
    for (size_t i = again.first; i < again.last; ++i) {
        const auto [at, is_new] = last.emplace(recording.lines[i].cpu, recording.lines[i].time);
        holds_moments = holds_moments || (!is_new && at->second != recording.lines[i].time);
    }
    if (!holds_moments) again.last = again.first;
    Writer writer(recording, to);
    writer.keep(Stretch{stretch.first, again.last});
    writer.keep(again);
    writer.keep(Stretch{again.last, stretch.last});
    to.words = fmt::format("{}; {} twice", lines_of(recording, stretch), lines_of(recording, again));
}

// clang-format off: one row, one line
constexpr Transformation all[] = {
    {"nothing", "", keep_all},
    {"head cut off", "recording began later", cut_head},
    {"tail cut off", "recording ended earlier, perhaps while a line was written", cut_tail},
    {"both ends cut off", "a stretch was recorded", cut_both},
    {"buffers full", "option overwrite is off, and one CPU's buffer was full first", fill_buffers},
    {"buffers overwritten", "the oldest lines of each CPU were overwritten", overwrite},
    {"lost on one CPU", "the reader of trace_pipe was slow", lose_on_one},
    {"lost on all CPUs", "the reader of trace_pipe was slow", lose_on_all},
    {"lost often", "the reader of trace_pipe was slow again and again", lose_often},
    {"a tracepoint not enabled", "set_event does not name it", without_event},
    {"two tracepoints not enabled", "set_event does not name them", without_two},
    {"some tracepoints", "set_event names a few", some_events},
    {"two tracepoints alone", "set_event names two", two_events},
    {"one CPU alone", "per_cpu/cpuN/trace, or tracing_cpumask", one_cpu},
    {"a CPU missing", "tracing_cpumask leaves it out", without_cpu},
    {"one thread alone", "set_event_pid names it", one_thread},
    {"a thread missing", "set_event_notrace_pid names it", without_thread},
    {"CPU after CPU, with heads", "cat per_cpu/cpu*/trace", cpu_files_with_heads},
    {"CPU after CPU", "timeout 5 cat per_cpu/cpu0/trace_pipe, then the next", cpu_files},
    {"two machines", "another VM ran on the same CPUs", two_machines, true},
    {"lines swapped", "trace_pipe read one CPU's line before another's that is older", swap_lines},
    {"neighbours swapped", "the clocks of two CPUs differ by microseconds", swap_times},
    {"clocks off", "the clocks of the CPUs differ by up to 100 us", set_clocks},
    {"read twice", "two readings of one buffer in one file", read_twice},
};
// clang-format on

} // namespace

std::span<const Transformation> transformations() { return all; }

Recording with_threads_moved(const Recording& recording, Random& random, std::string& words) {
    Recording moved;
    moved.name = recording.name;
    moved.text = recording.text;
    moved.head = recording.head;
    moved.lines = recording.lines;
    moved.clock_digits = recording.clock_digits;
    constexpr std::array<u64, 3> stays{1, 10, 1000}; // milliseconds
    const u64 stay = random.one_of(stays);
    const std::uint16_t cpus = random.one_in(2) ? 2 : 4;
    for (std::string& comment : moved.head)
        if (const size_t at = comment.find("#P:"); at != std::string::npos)
            comment = fmt::format("{}#P:{}", comment.substr(0, at), cpus);
    const auto moved_to = [&](std::string_view part) {
        return std::string_view{moved.text}.substr(static_cast<size_t>(part.data() - recording.text.data()),
                                                   part.size());
    };
    struct Place {
        std::uint16_t cpu = 0;
        u64 since = 0;
        u64 last = 0; // event
        bool in_guest = false;
    };
    std::map<std::uint32_t, Place> places;
    for (Line& line : moved.lines) {
        line.text = moved_to(line.text);
        line.event = moved_to(line.event);
        line.stamp = moved_to(line.stamp);
        const auto [at, is_new] = places.emplace(line.thread, Place{line.cpu, line.time, line.time, false});
        Place& place = at->second;
        const bool may_move = !place.in_guest && line.time - place.last >= microseconds(recording, 50) &&
                              line.time - place.since >= microseconds(recording, stay * 1000);
        if (may_move) place = {static_cast<std::uint16_t>(random.below(cpus)), line.time, 0, false};
        place.last = line.time;
        place.in_guest = line.event == "kvm_entry";
        line.cpu = place.cpu;
        constexpr size_t behind_name = 16;
        const size_t cpu_at = line.text.find('[', behind_name) + 1;
        const std::string number = fmt::format("{:03}", line.cpu);
        moved.text.replace(static_cast<size_t>(line.text.data() - moved.text.data()) + cpu_at, number.size(),
                           number);
    }
    words = fmt::format("threads move between {} CPUs, after {} ms at the earliest; ", cpus, stay);
    return moved;
}

} // namespace lapicheck::metamorphic
