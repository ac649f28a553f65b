// Reads the neutral form: one Event, one JSON object, one line (event_json.hpp).
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "traces/formats/event_json.hpp"
#include "traces/formats/text_reader.hpp"

namespace lapicheck::traces {
namespace {

using nlohmann::json;

// An event is flat, and a parser's stack has an end.

bool is_deep(std::string_view line) {
    unsigned depth = 0;
    for (const char c : line)
        if ((c == '{' || c == '[') && ++depth > limits::json_depth) return true;
    return false;
}

class EventsJsonl final : public TextReader {
  public:
    void feed(std::string_view bytes, std::vector<Event>& out) override {
        summary_.format = "events (JSONL)";
        lines_.feed(bytes, [&](std::string_view line) { take_line(line, out); });
    }
    void finish(std::vector<Event>&) override {
        if (lines_.rest().empty()) return;
        ++summary_.lines;
        summary_.truncated_last_line = true;
        lines_.drop_rest();
    }

  private:
    // A line that cannot be read may have been an access: what it may have changed is unknown from here on.
    void leave_hole(std::string_view line, std::string_view why, std::vector<Event>& out) {
        lose(line_, no_cpu_in_particular, 0, out);
        skip(line, summary_.lines, why);
    }

    void take_line(std::string_view line, std::vector<Event>& out) {
        ++summary_.lines;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
        if (line.size() > LineSplitter::max_line) return leave_hole(line, "line longer than 64 KiB", out);
        const json object = is_deep(line) ? json() : json::parse(line, nullptr, false);
        if (!object.is_object()) return leave_hole(line, "no JSON object", out);
        if (object.contains(events_key)) return take_header(object, line, out);
        if (object.value("event", json()) == "thread") return name_thread(object);
        Event event;
        event.line = 0;
        if (const std::string fault = read_event(object, event); !fault.empty())
            return leave_hole(line, fault, out);
        // The lines of the recording that the events were read from, where they are told.
        line_ = std::max({event.line, line_, event.line == 0 ? summary_.lines : 0});
        event.line = line_;
        if (event.kind == EventKind::lost) {
            ++summary_.lost_marks;
            summary_.lost_events += event.where;
        } else if (event.kind != EventKind::begins && event.kind != EventKind::belongs) {
            ++summary_.events;
        }
        if (is_from_outside(event.kind) && !wants_requests_) return;
        out.push_back(event);
    }

    void take_header(const json& object, std::string_view line, std::vector<Event>& out) {
        if (object[events_key] != events_version)
            return leave_hole(
                line,
                fmt::format("version {} of the events is unknown; this program reads version {}",
                            object[events_key].dump(), events_version),
                out);
        begin_another(summary_.lines, out);
        summary_.clock_in_seconds = object.value("clock", json("ns")) == "ns";
        const auto number = [&object](const char* key, auto otherwise) {
            const auto given = object.find(key);
            const bool fits = given != object.end() && given->is_number_unsigned() &&
                              given->template get<std::uint64_t>() < 1U << 31;
            return fits ? given->template get<decltype(otherwise)>() : otherwise;
        };
        summary_.clock_digits = std::min(number("clock_digits", 9U), 9U);
        summary_.host_cpus = number("host_cpus", std::uint64_t{0});
        summary_.command = number("command", std::uint32_t{0});
        if (const auto kernel = object.find("kernel"); kernel != object.end() && kernel->is_string())
            summary_.kernel = kernel->get<std::string>();
    }

    void name_thread(const json& object) {
        const auto thread = object.find("thread");
        const auto name = object.find("name");
        if (thread == object.end() || !thread->is_number_unsigned() || name == object.end() ||
            !name->is_string())
            return;
        if (summary_.threads.size() < most_threads)
            summary_.threads[thread->get<std::uint32_t>()].name =
                printable_start(name->get_ref<const std::string&>());
    }

    LineSplitter lines_;
    std::uint64_t line_ = 0; // of the last event
};

bool is_events(std::string_view first_bytes) {
    const std::size_t start = first_bytes.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos || first_bytes[start] != '{') return false;
    const std::string_view line = first_bytes.substr(start, first_bytes.find('\n', start) - start);
    return line.find("\"event\"") != std::string_view::npos ||
           line.find("\"lapicheck_events\"") != std::string_view::npos;
}

} // namespace

extern const TraceFormat events_jsonl_format;
const TraceFormat events_jsonl_format = {
    .name = "events",
    .what =
        "events as JSON, one a line, as 'lapicheck convert' writes them (specs/schema/events.schema.json)",
    .recognizes = is_events,
    .make_reader = []() -> std::unique_ptr<StreamReader> { return std::make_unique<EventsJsonl>(); },
};

} // namespace lapicheck::traces
