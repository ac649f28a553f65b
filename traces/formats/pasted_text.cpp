#include "traces/formats/pasted_text.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "traces/formats/format.hpp"
#include "traces/formats/ftrace_text.hpp"
#include "traces/formats/pasted_line.hpp"
#include "traces/formats/perf_script.hpp"
#include "traces/formats/scanner.hpp"

namespace lapicheck::traces {
namespace {

// A record in more lines than that was not wrapped by a mail program.
constexpr unsigned most_lines = 4;
// A mail program that wraps does not wrap shorter lines than that.
constexpr std::size_t shortest_wrapped = 50;

enum class Reading : std::uint8_t { unreadable, strict, lenient };

// Whether the text of the event is whole. A lenient one is read although more may follow.
Reading read_event(std::string_view event_text) {
    Event event;
    if (read_event_text(event_text, event)) return Reading::unreadable;
    switch (event.kind) {
    case EventKind::other:
    case EventKind::entry:
    case EventKind::exit:
    case EventKind::cpuid:
    case EventKind::ioctl:
    case EventKind::userspace_exit:
    case EventKind::hypercall:
    case EventKind::nested:
    case EventKind::accelerated: return Reading::lenient;
    default: return Reading::strict;
    }
}

// "0xfffff info 181 0", "entry found", "[reinjected]": the rest of an event's text, and no sentence.
bool are_values(std::string_view text) {
    constexpr std::array<std::string_view, 16> words = {
        "info",  "info1", "info2", "intr_info", "intr",     "error_code", "rip", "requests",
        "entry", "found", "cpuid", "reason",    "int_info", "vcpu",       "0x0", "int_info_err"};
    Scanner s(text);
    while (!s.done()) {
        s.skip_blanks();
        std::string_view word = s.word();
        if (word.starts_with('[') || word.starts_with('(')) continue;
        if (word.ends_with(',')) word.remove_suffix(1);
        const bool is_hex = std::ranges::all_of(
            word, [](char c) { return c == 'x' || hex_values[static_cast<std::uint8_t>(c)] != 0xff; });
        if (!is_hex && std::ranges::find(words, word) == words.end()) return false;
    }
    return true;
}

// People align what they paste.
std::string with_single_blanks(std::string_view text) {
    std::string evened;
    for (const char c : text)
        if (c != ' ' || !evened.ends_with(' ')) evened += c;
    return evened;
}

// "CPU 0 is empty" and the like, and the frame of a dump in dmesg.
bool is_frame(std::string_view text) {
    return is_remark(text) || text.find_first_not_of('-') == std::string_view::npos ||
           text.starts_with("Dumping ftrace buffer") || text.starts_with("(ftrace buffer empty)");
}

} // namespace

void PastedText::look_at(std::string_view first_bytes) {
    looked_at_ = true;
    is_quoted_printable_ = is_quoted_printable(first_bytes);
    std::string buffer;
    while (!first_bytes.empty()) {
        const std::size_t end = std::min(first_bytes.find('\n'), first_bytes.size());
        PartialHead head;
        const std::string_view line = unwrap(first_bytes.substr(0, end), buffer).text;
        if (read_head_anywhere(line, head) || read_partial_head(line, head)) {
            const Columns columns = head.has_thread ? Columns::thread
                                    : head.has_time ? Columns::time
                                                    : Columns::event;
            columns_ = std::max(columns_, columns);
        }
        first_bytes.remove_prefix(std::min(end + 1, first_bytes.size()));
    }
}

void PastedText::feed(std::string_view bytes, std::vector<Event>& out) {
    if (!looked_at_) look_at(bytes);
    summary_.format = "pasted text";
    lines_.feed(bytes, [&](std::string_view line) { take_coded_line(line, out); });
}

// A last line without newline is what people paste, and so it is used.
void PastedText::finish(std::vector<Event>& out) {
    if (!lines_.rest().empty()) {
        const std::string last(lines_.rest());
        lines_.drop_rest();
        take_coded_line(last, out);
    }
    if (!coded_.empty()) take_line(decode_quoted_printable(coded_), true, out);
    release(out);
}

void PastedText::take_coded_line(std::string_view line, std::vector<Event>& out) {
    ++summary_.lines;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_quoted_printable_) return take_line(line, false, out);
    if (line.ends_with('=') && coded_.size() < LineSplitter::max_line) {
        coded_ += line.substr(0, line.size() - 1);
        return;
    }
    coded_ += line;
    const std::string text = decode_quoted_printable(coded_);
    const bool changed = text != line;
    coded_.clear();
    take_line(text, changed, out);
}

bool PastedText::read_head(std::string_view line, PartialHead& head) const {
    head = {};
    if (!read_head_anywhere(line, head) && !read_partial_head(line, head)) return false;
    return columns_ == Columns::event || (columns_ == Columns::time ? head.has_time : head.has_thread);
}

void PastedText::take_line(std::string_view line, bool printable, std::vector<Event>& out) {
    if (line.size() > LineSplitter::max_line) {
        release(out);
        return skip(line, summary_.lines, "line longer than 64 KiB");
    }
    const Wrapping found = unwrap(line, buffer_);
    PartialHead head;
    const bool is_record = read_head(found.text, head);
    if (!is_record && held_.lines != 0 && continues(found.text)) {
        held_.text += fmt::format(
            " {}", found.text.substr(std::min(found.text.find_first_not_of(' '), found.text.size())));
        held_.last_size = line.size();
        ++held_.lines;
        held_.is_record = read_head(held_.text, head);
        return;
    }
    release(out);
    if (found.text.starts_with('#')) return take_comment(found.text, summary_.lines, out);
    if (const auto mark = read_lost_mark(found.text))
        return lose(summary_.lines, mark->cpu, mark->events, out);
    if (is_report_start(found.text)) return begin_another(summary_.lines, out);
    if (is_frame(found.text)) return;
    held_ = {summary_.lines, std::string(found.text), line.size(),    1,        is_record,
             found.quoted,   found.prefixed,          found.coloured, printable};
}

// Whether `text`, which is no record of its own, is the rest of the line that is held.
bool PastedText::continues(std::string_view text) const {
    const std::size_t start = text.find_first_not_of(' ');
    if (start == std::string_view::npos || held_.lines == most_lines) return false;
    if (text[start] == '#' || read_lost_mark(text) || text.substr(start).starts_with("=> ")) return false;
    const std::string joined = fmt::format("{} {}", held_.text, text.substr(start));
    PartialHead head;
    if (!read_head(joined, head)) return false;
    if (!held_.is_record) return true;
    const Reading whole = read_event(head.event_text);
    read_head(held_.text, head);
    switch (read_event(head.event_text)) {
    // The end of a record may be several lines away.
    case Reading::unreadable: return whole != Reading::unreadable || held_.last_size >= shortest_wrapped;
    case Reading::strict: return whole == Reading::strict; // "(#GP)"
    case Reading::lenient: return held_.last_size >= shortest_wrapped || are_values(text);
    }
    return false;
}

void PastedText::release(std::vector<Event>& out) {
    if (held_.lines == 0) return;
    PartialHead head;
    if (held_.is_record && read_head(held_.text, head)) {
        if (read_event(head.event_text) == Reading::unreadable) {
            std::string evened = with_single_blanks(held_.text);
            if (PartialHead again;
                read_head(evened, again) && read_event(again.event_text) != Reading::unreadable) {
                repaired("with more blanks than the kernel writes", held_.lines);
                held_.text = std::move(evened);
                read_head(held_.text, head);
            }
        }
        if (held_.quoted) repaired("quoted with >", held_.lines);
        if (held_.prefixed) repaired("with the place of grep or the time of dmesg before it", held_.lines);
        if (held_.coloured) repaired("with the colours of a terminal", held_.lines);
        if (held_.printable) repaired("quoted-printable", held_.lines);
        if (held_.lines > 1) repaired("joined again where a mail program wrapped the line", held_.lines);
        take_partial_record(held_.text, held_.number, head, out);
    } else {
        skip(held_.text, held_.number, "no record, and not the rest of one");
    }
    held_.lines = 0;
}

namespace {

template <class TextFormat>
ReadSummary read_all(std::string_view bytes) {
    TextFormat reader;
    std::vector<Event> events;
    // A last line that the block has cut is for nobody.
    reader.feed(bytes.substr(0, bytes.rfind('\n') + 1), events);
    reader.finish(events);
    return reader.summary();
}

// Where it reads more records, or reads as many whole of which another reader must skip some.
bool is_pasted(std::string_view first_bytes) {
    if (refuse(first_bytes)) return false;
    const ReadSummary ftrace = read_all<FtraceText>(first_bytes);
    if (ftrace.events != 0 && ftrace.skipped_lines == 0) return false;
    const ReadSummary pasted = read_all<PastedText>(first_bytes);
    return pasted.events > ftrace.events || (pasted.events == ftrace.events && pasted.events != 0 &&
                                             pasted.skipped_lines < ftrace.skipped_lines);
}

} // namespace

extern const TraceFormat pasted_text_format;
const TraceFormat pasted_text_format = {
    .name = "pasted",
    .what = "either of them as pasted into a mail or a bug report: quoted, wrapped, with columns missing",
    .recognizes = is_pasted,
    .looks_ahead = true,
    .make_reader = []() -> std::unique_ptr<StreamReader> { return std::make_unique<PastedText>(); },
};

} // namespace lapicheck::traces
