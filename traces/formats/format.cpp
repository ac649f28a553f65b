#include "traces/formats/format.hpp"

#include <algorithm>
#include <array>

#include "traces/formats/ftrace_line.hpp"

namespace lapicheck::traces {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t looked_at_lines = 100;

struct Signature {
    std::string_view bytes;
    std::string_view advice;
};

constexpr auto signatures = std::to_array<Signature>({
    {"7z\xbc\xaf\x27\x1c"sv, "a 7z archive; run: 7z x FILE, and check what is in it"sv},
    {"Rar!"sv, "a RAR archive; run: unrar x FILE, and check what is in it"sv},
    {"\x7f"
     "ELF"sv,
     "an ELF file (a program or a library), not a trace"sv},
    {"\x89PNG"sv, "a PNG picture, not a trace"sv},
    {"\xff\xfe"sv, "UTF-16 text; run: iconv -f UTF-16 -t UTF-8 FILE | lapicheck check -"sv},
    {"\xfe\xff"sv, "UTF-16 text; run: iconv -f UTF-16 -t UTF-8 FILE | lapicheck check -"sv},
    {"<!DOCTYPE"sv, "an HTML page, not a trace"sv},
    {"<html"sv, "an HTML page, not a trace"sv},
});

constexpr auto graph_advice = "text of the function_graph tracer, which names no thread; "
                              "run: echo nop > current_tracer (in the tracing directory), and record again"sv;
// Calls `matches` for the first lines until it says yes.
template <class Matches>
bool any_line(std::string_view text, Matches matches) {
    for (std::size_t line = 0; line < looked_at_lines && !text.empty(); ++line) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (matches(text.substr(0, end))) return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

bool has_record(std::string_view text) {
    HeadReader heads;
    return any_line(text, [&heads](std::string_view line) {
        LineHead head;
        return heads.read(line, head) == HeadFault::none;
    });
}

bool is_json(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos) return false;
    if (text[start] == '{') return true;
    const std::size_t next = text.find_first_not_of(" \t\r\n", start + 1);
    return text[start] == '[' && next != std::string_view::npos &&
           R"({[")"sv.find(text[next]) != std::string_view::npos;
}

// ASCII in UTF-16 without a byte order mark: every other byte is zero.
bool is_utf16(std::string_view text) {
    if (text.size() < 8) return false;
    std::array<std::size_t, 2> zeros{};
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '\0') ++zeros[i % 2];
    const std::size_t most = text.size() / 2 * 9 / 10;
    return (zeros[0] > most) != (zeros[1] > most);
}

} // namespace

std::optional<std::string> refuse(std::string_view first_bytes) {
    for (const auto& [bytes, advice] : signatures)
        if (first_bytes.starts_with(bytes)) return std::string(advice);
    const auto some = [](std::string_view advice) { return std::optional<std::string>(advice); };
    const auto has = [first_bytes](std::string_view text) {
        return first_bytes.find(text) != std::string_view::npos;
    };
    if ((has("dumping local APIC state for CPU ") || has("    LAPIC registers:\n")) &&
        !has_record(first_bytes))
        return some("a dump of a local APIC's state, not a trace; run: lapicheck state FILE");
    if (any_line(
            first_bytes,
            [](std::string_view line) { return line.starts_with("PASS: ") || line.starts_with("FAIL: "); }) &&
        !has_record(first_bytes))
        return some("a log of kvm-unit-tests, not a trace; run: lapicheck results FILE");
    if (first_bytes.starts_with("# tracer: function_graph")) return some(graph_advice);
    if (has_record(first_bytes)) return std::nullopt;
    if (first_bytes.find("\"linux-perf-json-version\"") != std::string_view::npos)
        return some("what perf data convert --to-json writes, which does not name the events; "
                    "run: perf script -i perf.data | lapicheck check -");
    if (is_json(first_bytes))
        return some("JSON, not a trace; an access program runs with: lapicheck run FILE --on kvm");
    if (is_utf16(first_bytes))
        return some("UTF-16 text; run: iconv -f UTF-16 -t UTF-8 FILE | lapicheck check -");
    if (first_bytes.find('\0') != std::string_view::npos)
        return some("binary data of an unknown kind, not a trace");
    return std::nullopt;
}

extern const TraceFormat trace_dat_format;    // trace_dat.cpp
extern const TraceFormat perf_data_format;    // perf_data.cpp
extern const TraceFormat events_jsonl_format; // events_jsonl.cpp
extern const TraceFormat perf_script_format;  // perf_script.cpp
extern const TraceFormat qemu_log_format;     // qemu_log.cpp
extern const TraceFormat pasted_text_format;  // pasted_text.cpp
extern const TraceFormat ftrace_text_format;  // ftrace_text.cpp

std::span<const TraceFormat* const> formats() {
    // In the order in which they are tried.
    static constexpr std::array all = {&trace_dat_format,   &perf_data_format, &events_jsonl_format,
                                       &perf_script_format, &qemu_log_format,  &pasted_text_format,
                                       &ftrace_text_format};
    return all;
}

const TraceFormat* find_format(std::string_view first_bytes) {
    for (const TraceFormat* format : formats())
        if (format->recognizes(first_bytes)) return format;
    return nullptr;
}

} // namespace lapicheck::traces
