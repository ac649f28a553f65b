#include "traces/formats/text_reader.hpp"

#include <fmt/format.h>

#include "traces/printable.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::size_t kept_skipped_lines = 10;
constexpr std::size_t kept_text = 100;

Event lost_events(std::uint64_t number, std::uint16_t cpu, std::uint64_t count) {
    Event event;
    event.kind = EventKind::lost;
    event.cpu = cpu;
    event.line = number;
    event.where = count;
    return event;
}

// A thread may have a line break and a '#' in its name.
bool is_end_of_record(std::string_view comment) {
    return comment.find(": kvm_") != std::string_view::npos && comment.find('[') != std::string_view::npos;
}

} // namespace

std::string printable_start(std::string_view line) { return printable(line, kept_text); }

void TextReader::take_comment(std::string_view line, std::uint64_t number, std::vector<Event>& out) {
    if (is_end_of_record(line))
        return skip(line, number, "the end of a record whose thread's name breaks the line");
    if (line.starts_with("# tracer: ")) { // the kernel's header: each `trace` has one
        if (summary_.format.empty()) summary_.format = "ftrace";
        begin_another(number, out);
    }
    if (const auto command = read_command(line)) summary_.command = *command;
    if (const auto cpus = read_host_cpus(line)) summary_.host_cpus = *cpus;
    if (const auto kernel = read_kernel(line)) {
        // Of recordings of several kernels in one file none is the kernel.
        const bool is_first = summary_.kernel.empty() && !mixes_kernels_;
        mixes_kernels_ = mixes_kernels_ || (!is_first && summary_.kernel != *kernel);
        summary_.kernel = mixes_kernels_ ? std::string_view{} : *kernel;
    }
    if (const auto cpu = read_buffer_start(line)) {
        lose(number, *cpu, 0, out);
    } else if (const auto overwritten = read_overwritten(line); overwritten.value_or(0) != 0) {
        lose(number, no_cpu_in_particular, *overwritten, out);
    }
}

EventKind TextReader::take_record(std::string_view line, std::uint64_t number, const LineHead& head,
                                  std::vector<Event>& out) {
    if (head.clock_digits != summary_.clock_digits || !summary_.clock_in_seconds) note_clock(head);
    if (!goes_on(head)) begin_another(number, head, out);
    // Its process may be told later than the thread.
    const std::uint64_t who = std::uint64_t{head.process} << 32 | head.thread;
    if (who != last_noted_ && std::ranges::find(noted_, who) == noted_.end())
        note_thread(number, who, head, out);
    last_noted_ = who;
    ++summary_.events;
    Event& event = out.emplace_back();
    const auto unreadable = read_event_text(head.event_text, event, wants_requests_);
    if (unreadable) take_unreadable(line, number, *unreadable, event);
    const EventKind kind = event.kind;
    if (kind == EventKind::other) {
        out.pop_back();
        return kind;
    }
    event.cpu = head.cpu;
    event.thread = head.thread;
    event.line = number;
    event.time = head.time;
    return kind;
}

EventKind TextReader::take_partial_record(std::string_view line, std::uint64_t number, PartialHead head,
                                          std::vector<Event>& out) {
    if (!head.has_time) {
        // As the clock `counter` has it: the order of the events, and nothing of how long anything took.
        head.time = number;
        head.clock_digits = 0;
        note("the records have no time: what rests on time is not judged");
    }
    if (!head.has_cpu) note("the records have no [CPU] column: which CPU lost events is not told");
    if (!head.has_thread) {
        // Whose access this is, and so in which state, nobody knows; the next event may be another vCPU's.
        out.push_back(lost_events(number, no_cpu_in_particular, 0));
        note("the records have no TASK-PID column: which vCPU an access is of is not told, and nothing that "
             "depends on "
             "the state of its APIC is judged");
    }
    return take_record(line, number, head, out);
}

void TextReader::repaired(std::string_view what, std::uint64_t lines) {
    for (Repair& repair : summary_.repairs)
        if (repair.what == what) {
            repair.lines += lines;
            return;
        }
    summary_.repairs.push_back({std::string(what), lines});
}

void TextReader::note(std::string_view what) {
    if (std::ranges::find(summary_.notes, what) == summary_.notes.end()) summary_.notes.emplace_back(what);
}

// What was read before the fault is of no use, but that something happened is.
void TextReader::take_unreadable(std::string_view line, std::uint64_t number, const UnreadableText& text,
                                 Event& event) {
    skip(line, number, fmt::format("{}: {}", text.name, text.why));
    event = text.leaves_hole ? lost_events(number, 0, 1) : Event{};
}

// Which process a thread is of tells which VM it runs.
void TextReader::note_thread(std::uint64_t number, std::uint64_t who, const LineHead& head,
                             std::vector<Event>& out) {
    noted_[noted_count_++ % noted_.size()] = who;
    const auto known = summary_.threads.find(head.thread);
    if (known == summary_.threads.end() && summary_.threads.size() >= most_threads) return;
    ThreadInfo& info = known != summary_.threads.end() ? known->second : summary_.threads[head.thread];
    if (!head.name.empty() && info.name != head.name) info.name = printable_start(head.name);
    if (head.process == 0 || info.process == head.process) return;
    info.process = head.process;
    Event& event = out.emplace_back();
    event.kind = EventKind::belongs;
    event.cpu = head.cpu;
    event.thread = head.thread;
    event.line = number;
    event.time = head.time;
    event.where = head.process;
}

void TextReader::note_clock(const LineHead& head) {
    if (summary_.events == 0) summary_.clock_in_seconds = false;
    if (head.clock_digits == 0) return;
    summary_.clock_in_seconds = true;
    summary_.clock_digits = head.clock_digits;
}

void TextReader::begin_another(std::uint64_t number, const LineHead& head, std::vector<Event>& out) {
    const bool is_new_cpu = head.cpu >= last_time_of_cpu_.size();
    if (is_new_cpu) last_time_of_cpu_.resize(head.cpu + std::size_t{1});
    if (is_new_cpu && goes_on(head)) return;
    begin_another(number, out);
    goes_on(head);
}

void TextReader::begin_another(std::uint64_t number, std::vector<Event>& out) {
    if (summary_.events == 0) return;
    last_time_ = 0;
    std::ranges::fill(last_time_of_cpu_, 0);
    Event event;
    event.kind = EventKind::begins;
    event.line = number;
    out.push_back(event);
}

void TextReader::lose(std::uint64_t number, std::uint16_t cpu, std::uint64_t events,
                      std::vector<Event>& out) {
    ++summary_.lost_marks;
    summary_.lost_events += events;
    out.push_back(lost_events(number, cpu, events));
}

void TextReader::skip(std::string_view line, std::uint64_t number, std::string_view why) {
    ++summary_.skipped_lines;
    if (summary_.skipped.size() < kept_skipped_lines)
        summary_.skipped.push_back({number, std::string(why), printable_start(line)});
}

} // namespace lapicheck::traces
