#include "traces/formats/ftrace_text.hpp"

#include "traces/formats/format.hpp"

namespace lapicheck::traces {

void FtraceText::feed(std::string_view bytes, std::vector<Event>& out) {
    lines_.feed(bytes, [&](std::string_view line) { take_line(line, out); });
}

void FtraceText::finish(std::vector<Event>&) {
    if (lines_.rest().empty()) return;
    ++summary_.lines;
    summary_.truncated_last_line = true;
    lines_.drop_rest();
}

void FtraceText::take_line(std::string_view line, std::vector<Event>& out) {
    const std::uint64_t number = ++summary_.lines;
    if (line.size() > max_line) return skip(line, number, "line longer than 64 KiB");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#')) return take_comment(line, number, out);
    LineHead head;
    const HeadFault fault = heads_.read(line, head);
    if (fault == HeadFault::none) {
        if (summary_.format.empty())
            summary_.format =
                is_padded(head.event_text) || heads_.has_prefix() ? "trace-cmd report" : "ftrace";
        take_record(line, number, head, out);
        return;
    }
    if (take_mark(line, out) || is_remark(line)) return;
    skip(line, number, describe(fault));
}

bool FtraceText::take_mark(std::string_view line, std::vector<Event>& out) {
    if (const auto mark = read_lost_mark(line)) {
        if (mark->has_prefix) heads_.expect_no_prefix();
        lose(summary_.lines, mark->cpu, mark->events, out);
        return true;
    }
    if (!is_report_start(line)) return false;
    summary_.format = "trace-cmd report";
    heads_.forget_columns();
    begin_another(summary_.lines, out);
    return true;
}

// All that is nothing else for certain, so that its reader says line by line what it cannot use.
extern const TraceFormat ftrace_text_format;
const TraceFormat ftrace_text_format = {
    .name = "ftrace",
    .what = "the kernel's `trace` and `trace_pipe`, trace-cmd report",
    .recognizes = [](std::string_view first_bytes) { return !refuse(first_bytes); },
    .make_reader = []() -> std::unique_ptr<StreamReader> { return std::make_unique<FtraceText>(); },
};

} // namespace lapicheck::traces
