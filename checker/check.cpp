#include "checker/check.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "traces/format.hpp"
#include "traces/ftrace_text.hpp"
#include "traces/input.hpp"

namespace lapicheck::checker {
namespace {

constexpr std::size_t sniffed_bytes = 64 * 1024;

void mark_known(std::vector<Divergence>& divergences, Profile profile) {
    if (profile == Profile::kvm)
        for (Divergence& divergence : divergences) divergence.known = divergence.mismatch.departure;
    std::ranges::stable_sort(divergences, [](const Divergence& a, const Divergence& b) {
        return (a.known == nullptr) > (b.known == nullptr);
    });
}

Verdict verdict_of(const TraceReport& report) {
    if (report.count_unknown() != 0) return Verdict::diverges;
    return report.replay.checked == 0 ? Verdict::inconclusive : Verdict::conforms;
}

// What stands where a trace was expected, told by its first line that could not be used.
std::string not_a_trace(const TraceReport& report) {
    if (report.read.lines == 0 && report.read.skipped_lines == 0)
        return fmt::format("{}: the file is empty", report.path);
    if (report.read.skipped.empty()) return {};
    const auto& first = report.read.skipped.front();
    return fmt::format(
        "{}:{}: not ftrace text: {}; expected the kernel's `trace` or `trace_pipe`, or the output of "
        "`trace-cmd report`",
        report.path, first.line, first.why);
}

} // namespace

std::string_view to_string(Profile profile) { return profile == Profile::sdm ? "sdm" : "kvm"; }

std::string_view to_string(Verdict verdict) {
    if (verdict == Verdict::conforms) return "conforms";
    return verdict == Verdict::diverges ? "diverges" : "inconclusive";
}

u64 TraceReport::count_known() const {
    u64 n = 0;
    for (const Divergence& divergence : divergences) n += divergence.known == nullptr ? 0 : divergence.count;
    return n;
}

u64 TraceReport::count_unknown() const {
    u64 n = divergences_not_listed;
    for (const Divergence& divergence : divergences) n += divergence.known == nullptr ? divergence.count : 0;
    return n;
}

TraceReport check_trace(const std::string& path, const CheckOptions& options) {
    TraceReport report;
    traces::Input input(path);
    report.path = input.name();
    traces::FtraceText reader;
    Replay replay(options.cpu);
    if (options.monitor) replay.monitor_all();
    traces::Assembler assembler(replay);
    std::vector<traces::Event> events;
    std::uint64_t bytes = 0;
    for (std::string_view block = input.read(); !block.empty(); block = input.read()) {
        if (bytes == 0) {
            if (const auto reason = traces::refuse(block.substr(0, sniffed_bytes))) {
                report.error = fmt::format("{}: {}", report.path, *reason);
                return report;
            }
        }
        bytes += block.size();
        events.clear();
        reader.feed(block, events);
        replay.set_clock(reader.summary().clock_in_seconds);
        assembler.feed(events);
        if (options.progress) options.progress(bytes);
    }
    if (!input.error().empty()) {
        report.error = input.error();
        return report;
    }
    events.clear();
    reader.finish(events);
    assembler.feed(events);
    assembler.finish();
    replay.finish();

    report.read = reader.summary();
    if (report.read.events == 0) report.error = not_a_trace(report);
    report.replay = replay.summary();
    report.divergences = replay.divergences();
    report.divergences_not_listed = replay.divergences_not_listed();
    mark_known(report.divergences, options.profile);
    report.verdict = verdict_of(report);
    return report;
}

int exit_code(const std::vector<TraceReport>& reports) {
    const auto any = [&reports](auto holds) { return std::ranges::any_of(reports, holds); };
    if (any([](const TraceReport& r) { return !r.error.empty(); })) return 2;
    if (any([](const TraceReport& r) { return r.verdict == Verdict::diverges; })) return 1;
    return any([](const TraceReport& r) { return r.verdict == Verdict::inconclusive; }) ? 4 : 0;
}

std::string format_time(u64 time, const traces::ReadSummary& read) {
    if (!read.clock_in_seconds) return fmt::format("{}", time);
    constexpr u64 second = 1'000'000'000;
    const unsigned digits = std::min(read.clock_digits, 9U);
    u64 fraction = time % second;
    for (unsigned i = digits; i < 9; ++i) fraction /= 10;
    return fmt::format("{}.{:0{}}", time / second, fraction, digits);
}

} // namespace lapicheck::checker
