#include "checker/replay/check.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "traces/formats/format.hpp"
#include "traces/recordings.hpp"

namespace lapicheck::checker {
namespace {

void mark_known(std::vector<Divergence>& divergences, Profile profile) {
    if (profile == Profile::kvm)
        for (Divergence& divergence : divergences) divergence.known = divergence.mismatch.departure;
    std::ranges::stable_sort(divergences, [](const Divergence& a, const Divergence& b) {
        return (a.known == nullptr) > (b.known == nullptr);
    });
}

Verdict verdict_of(const TraceReport& report) {
    if (report.count_unknown() != 0) return Verdict::diverges;
    if (!report.error.empty()) return Verdict::inconclusive; // of its rest nothing is known
    const Share share{report.replay.accesses, report.replay.checked};
    const bool enough = share.checked != 0 && share.percent() >= report.min_checked;
    return enough ? Verdict::conforms : Verdict::inconclusive;
}

// What the reader knows of the threads, and the findings, by VM.
void complete(std::vector<VmSummary>& vms, const TraceReport& report) {
    for (VmSummary& vm : vms) {
        for (const u32 thread : vm.threads)
            if (const auto info = report.read.threads.find(thread);
                info != report.read.threads.end() && vm.name.empty())
                vm.name = info->second.name;
        for (const Divergence& divergence : report.divergences)
            if (divergence.known == nullptr &&
                std::ranges::binary_search(vm.threads, divergence.access.thread))
                vm.divergences += divergence.count;
    }
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

TraceCheck::TraceCheck(std::string path, const CheckOptions& options)
    : options_(options), path_(std::move(path)),
      reader_(path_, options.input_format, options.observer != nullptr), replay_(options.cpu) {
    if (options_.monitor) replay_.monitor_all();
    replay_.select(options_.selection);
    if (options_.reads_ahead) reader_.read_ahead();
    if (!options_.found) return;
    replay_.on_new_kind([this](const Divergence& divergence) {
        const bool is_known = options_.profile == Profile::kvm && divergence.mismatch.departure != nullptr;
        if (!is_known) options_.found(divergence, reader_.summary());
    });
}

std::string TraceCheck::read(traces::ByteSource& source) {
    return reader_.read(source,
                        [this](std::vector<traces::Event>& events, u64 bytes) { take(events, bytes); });
}

std::string TraceCheck::feed(std::string_view bytes) {
    bytes_ += bytes.size();
    events_.clear();
    std::string error = reader_.feed(bytes, events_);
    if (error.empty()) take(events_, bytes_);
    return error;
}

void TraceCheck::take(std::vector<traces::Event>& events, u64 bytes) {
    const traces::ReadSummary& read = reader_.summary();
    replay_.set_clock(read.clock_in_seconds);
    replay_.set_host_cpus(read.host_cpus);
    if (read.command != 0 && replay_.selection().is_all())
        replay_.select({.processes = {}, .threads = {}, .command = read.command});
    replay_.set_host({{}, specs::kernel_of(read.kernel)});
    take_events(events);
    if (options_.progress) options_.progress(bytes);
}

void TraceCheck::take_events(std::vector<traces::Event>& events) {
    TraceObserver* const observer = options_.observer;
    if (observer == nullptr) return assembler_.feed(events);
    for (const traces::Event& event : events) {
        // The vCPUs of the recording before it are forgotten when another one begins.
        if (event.kind == traces::EventKind::begins) observer->on_event(event, replay_);
        assembler_.feed({&event, 1});
        if (event.kind != traces::EventKind::begins) observer->on_event(event, replay_);
    }
}

TraceReport TraceCheck::finish(std::string error) {
    events_.clear();
    reader_.finish(events_);
    take_events(events_);
    assembler_.finish();
    if (options_.observer != nullptr) options_.observer->at_end(replay_, reader_.summary());
    replay_.finish();

    TraceReport report;
    report.path = path_;
    report.read = reader_.summary();
    report.error = std::move(error);
    if (report.error.empty() && report.read.events == 0) report.error = not_a_trace(report);
    report.replay = replay_.summary();
    report.divergences = replay_.divergences();
    report.divergences_not_listed = replay_.divergences_not_listed();
    mark_known(report.divergences, options_.profile);
    report.min_checked = options_.min_checked;
    complete(report.replay.vms, report);
    report.verdict = verdict_of(report);
    return report;
}

TraceReport check_recording(traces::ByteSource& source, const CheckOptions& options) {
    TraceCheck check(source.name(), options);
    std::string error = check.read(source);
    return check.finish(std::move(error));
}

std::vector<TraceReport> check_input(const std::string& path, const CheckOptions& options) {
    std::vector<TraceReport> reports;
    traces::for_each_recording(
        path, [&](traces::ByteSource& source) { reports.push_back(check_recording(source, options)); });
    return reports;
}

int exit_code_of(const std::vector<TraceReport>& reports) {
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
