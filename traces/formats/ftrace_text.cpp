#include "traces/formats/ftrace_text.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "traces/formats/format.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::size_t kept_skipped_lines = 10;
constexpr std::size_t kept_text = 100;
constexpr std::uint16_t no_cpu_in_particular = 0xffff;

std::string printable_start(std::string_view line) {
    std::string text(line.substr(0, kept_text));
    for (char& c : text)
        if (c < ' ' || c > '~') c = '?';
    return text;
}

Event lost_events(std::uint64_t line, std::uint16_t cpu, std::uint64_t count) {
    Event event;
    event.kind = EventKind::lost;
    event.cpu = cpu;
    event.line = line;
    event.where = count;
    return event;
}

} // namespace

void FtraceText::feed(std::string_view bytes, std::vector<Event>& out) {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end) {
        const auto left = static_cast<std::size_t>(end - at);
        const auto* const newline = static_cast<const char*>(std::memchr(at, '\n', left));
        if (newline == nullptr) return keep({at, left});
        const std::string_view line(at, static_cast<std::size_t>(newline - at));
        if (partial_.empty()) {
            take_line(line, out);
        } else {
            keep(line);
            take_line(partial_, out);
            partial_.clear();
        }
        at = newline + 1;
    }
}

void FtraceText::finish(std::vector<Event>&) {
    if (partial_.empty()) return;
    ++summary_.lines;
    summary_.truncated_last_line = true;
    partial_.clear();
}

// One byte more than a line may have, so that take_line() sees that it is too long.
void FtraceText::keep(std::string_view partial_line) {
    partial_.append(partial_line.substr(0, max_line + 1 - std::min(partial_.size(), max_line + 1)));
}

void FtraceText::take_line(std::string_view line, std::vector<Event>& out) {
    ++summary_.lines;
    if (line.size() > max_line) return skip(line, "line longer than 64 KiB");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#')) return take_comment(line, out);
    LineHead head;
    const HeadFault fault = heads_.read(line, head);
    if (fault == HeadFault::none) return take_record(line, head, out);
    if (take_mark(line, out) || is_remark(line)) return;
    skip(line, describe(fault));
}

namespace {

// A thread may have a line break and a '#' in its name.
bool is_end_of_record(std::string_view comment) {
    return comment.find(": kvm_") != std::string_view::npos && comment.find('[') != std::string_view::npos;
}

} // namespace

void FtraceText::take_comment(std::string_view line, std::vector<Event>& out) {
    if (is_end_of_record(line)) return skip(line, "the end of a record whose thread's name breaks the line");
    if (line.starts_with("# tracer: ")) { // the kernel's header: each `trace` has one
        if (summary_.format.empty()) summary_.format = "ftrace";
        begin_another(out);
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
        lose(*cpu, 0, out);
    } else if (const auto overwritten = read_overwritten(line); overwritten.value_or(0) != 0) {
        lose(no_cpu_in_particular, *overwritten, out);
    }
}

bool FtraceText::take_mark(std::string_view line, std::vector<Event>& out) {
    if (const auto mark = read_lost_mark(line)) {
        if (mark->has_prefix) heads_.expect_no_prefix();
        lose(mark->cpu, mark->events, out);
        return true;
    }
    if (!is_report_start(line)) return false;
    summary_.format = "trace-cmd report";
    heads_.forget_columns();
    begin_another(out);
    return true;
}

void FtraceText::take_record(std::string_view line, const LineHead& head, std::vector<Event>& out) {
    if (head.clock_digits != summary_.clock_digits || !summary_.clock_in_seconds) note_clock(head);
    if (!goes_on(head)) begin_another(head, out);
    // Its process may be told later than the thread.
    const std::uint64_t who = std::uint64_t{head.process} << 32 | head.thread;
    if (who != last_noted_ && std::ranges::find(noted_, who) == noted_.end()) note_thread(head, who, out);
    last_noted_ = who;
    ++summary_.events;
    if (summary_.format.empty())
        summary_.format = is_padded(head.event_text) || heads_.has_prefix() ? "trace-cmd report" : "ftrace";
    Event& event = out.emplace_back();
    const auto unreadable = read_event_text(head.event_text, event, wants_requests_);
    if (unreadable) take_unreadable(line, *unreadable, event);
    if (event.kind == EventKind::other) return out.pop_back();
    event.cpu = head.cpu;
    event.thread = head.thread;
    event.line = summary_.lines;
    event.time = head.time;
}

// What was read before the fault is of no use, but that something happened is.
void FtraceText::take_unreadable(std::string_view line, const UnreadableText& text, Event& event) {
    skip(line, fmt::format("{}: {}", text.name, text.why));
    event = text.leaves_hole ? lost_events(summary_.lines, 0, 1) : Event{};
}

// Which process a thread is of tells which VM it runs.
void FtraceText::note_thread(const LineHead& head, std::uint64_t who, std::vector<Event>& out) {
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
    event.line = summary_.lines;
    event.time = head.time;
    event.where = head.process;
}

void FtraceText::note_clock(const LineHead& head) {
    if (summary_.events == 0) summary_.clock_in_seconds = false;
    if (head.clock_digits == 0) return;
    summary_.clock_in_seconds = true;
    summary_.clock_digits = head.clock_digits;
}

void FtraceText::begin_another(const LineHead& head, std::vector<Event>& out) {
    const bool is_new_cpu = head.cpu >= last_time_of_cpu_.size();
    if (is_new_cpu) last_time_of_cpu_.resize(head.cpu + std::size_t{1});
    if (is_new_cpu && goes_on(head)) return;
    begin_another(out);
    goes_on(head);
}

void FtraceText::begin_another(std::vector<Event>& out) {
    if (summary_.events == 0) return;
    last_time_ = 0;
    std::ranges::fill(last_time_of_cpu_, 0);
    Event event;
    event.kind = EventKind::begins;
    event.line = summary_.lines;
    out.push_back(event);
}

void FtraceText::lose(std::uint16_t cpu, std::uint64_t events, std::vector<Event>& out) {
    ++summary_.lost_marks;
    summary_.lost_events += events;
    out.push_back(lost_events(summary_.lines, cpu, events));
}

void FtraceText::skip(std::string_view line, std::string_view why) {
    ++summary_.skipped_lines;
    if (summary_.skipped.size() < kept_skipped_lines)
        summary_.skipped.push_back({summary_.lines, std::string(why), printable_start(line)});
}

// All that is nothing else for certain, so that its reader says line by line what it cannot use.
extern const TraceFormat ftrace_text_format;
const TraceFormat ftrace_text_format = {
    .recognizes = [](std::string_view first_bytes) { return !refuse(first_bytes); },
    .make_reader = []() -> std::unique_ptr<Reader> { return std::make_unique<FtraceText>(); },
};

} // namespace lapicheck::traces
