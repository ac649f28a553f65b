#include "traces/formats/perf_script.hpp"

#include "traces/formats/format.hpp"
#include "traces/formats/scanner.hpp"

namespace lapicheck::traces {
namespace {

// The value of "# os release : 6.1.0".
std::string_view header_value(std::string_view line, std::string_view name) {
    constexpr std::string_view separator = " : ";
    const std::string_view key = line.substr(2);
    if (!key.starts_with(name) || !key.substr(name.size()).starts_with(separator)) return {};
    return key.substr(name.size() + separator.size());
}

// A line of a call chain: "\tffffffff81a2 vmx_vcpu_run+0x5 ([kvm_intel])".
bool is_call_chain(std::string_view line) {
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == 0 || start == std::string_view::npos) return false;
    Scanner s(line.substr(start));
    std::uint64_t address = 0;
    return s.hex(address) && (s.done() || s.peek() == ' ');
}

// "Processed 123 events and lost 4 chunks!", which perf writes to standard error.
std::uint64_t lost_chunks(std::string_view line) {
    constexpr std::string_view mark = " events and lost ";
    const std::size_t at = line.find(mark);
    if (!line.starts_with("Processed ") || at == std::string_view::npos) return 0;
    Scanner s(line.substr(at + mark.size()));
    std::uint64_t chunks = 0;
    return s.decimal(chunks) && s.take(" chunk") ? chunks : 0;
}

} // namespace

void PerfScript::feed(std::string_view bytes, std::vector<Event>& out) {
    lines_.feed(bytes, [&](std::string_view line) { take_line(line, out); });
}

void PerfScript::finish(std::vector<Event>&) {
    if (lines_.rest().empty()) return;
    ++summary_.lines;
    summary_.truncated_last_line = true;
    lines_.drop_rest();
}

void PerfScript::take_line(std::string_view line, std::vector<Event>& out) {
    const std::uint64_t number = ++summary_.lines;
    summary_.format = "perf script";
    if (line.size() > LineSplitter::max_line) return skip(line, number, "line longer than 64 KiB");
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("# ")) return take_header(line);
    PartialHead head;
    if (read_partial_head(line, head)) {
        if (!take_lost(line, head, out)) take_partial_record(line, number, head, out);
        return;
    }
    if (lost_chunks(line) != 0) return lose(number, no_cpu_in_particular, 0, out);
    if (line.starts_with('#') || is_remark(line) || is_call_chain(line)) return;
    skip(line, number, "no record of perf script: NAME TID [CPU] TIME: EVENT");
}

void PerfScript::take_header(std::string_view line) {
    if (const std::string_view release = header_value(line, "os release"); !release.empty())
        summary_.kernel = release;
    Scanner cpus(header_value(line, "nrcpus online"));
    std::uint64_t number = 0;
    if (cpus.decimal(number)) summary_.host_cpus = number;
}

// "PERF_RECORD_LOST lost 12", of --show-lost-events, and the other records that are no events.
bool PerfScript::take_lost(std::string_view, const PartialHead& head, std::vector<Event>& out) {
    if (!head.event_text.starts_with("PERF_RECORD_")) return false;
    const std::size_t at = head.event_text.find(" lost ");
    if (!head.event_text.starts_with("PERF_RECORD_LOST") || at == std::string_view::npos) return true;
    Scanner s(head.event_text.substr(at + std::string_view{" lost "}.size()));
    std::uint64_t count = 0;
    s.decimal(count);
    lose(summary_.lines, head.has_cpu ? head.cpu : no_cpu_in_particular, count, out);
    return true;
}

namespace {

// What is damaged is for the reader of pasted text.
bool is_perf_script(std::string_view first_bytes) {
    const bool names_systems = first_bytes.find("kvm:kvm_") != std::string_view::npos ||
                               first_bytes.find("syscalls:sys_") != std::string_view::npos;
    if (!names_systems || refuse(first_bytes)) return false;
    PerfScript perf;
    std::vector<Event> events;
    perf.feed(first_bytes, events);
    return perf.summary().events != 0 && perf.summary().skipped_lines == 0;
}

} // namespace

extern const TraceFormat perf_script_format;
const TraceFormat perf_script_format = {
    .name = "perf",
    .what = "perf script",
    .recognizes = is_perf_script,
    .make_reader = []() -> std::unique_ptr<StreamReader> { return std::make_unique<PerfScript>(); },
};

} // namespace lapicheck::traces
