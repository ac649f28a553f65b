// trace-cmd's own recordings, by libtracecmd: versions 6 and 7, compressed or not, the top buffer and all
// instances. Each CPU's records are in the order of its clock, and are merged by time, as trace-cmd report
// does.
//
// Source: libtracecmd(3), tracecmd_open(3), libtraceevent(3); trace-cmd 3.1.
#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "traces/formats/text_reader.hpp"
#include "traces/formats/trace_dat.hpp"
#include "traces/formats/trace_dat/decoder.hpp"
#include "traces/formats/trace_dat/libtracecmd.hpp"
#include "traces/formats/trace_dat/streams.hpp"
#include "traces/limits.hpp"

namespace lapicheck::traces::trace_dat {
namespace {

constexpr std::size_t batch = 4096; // events
constexpr std::size_t most_threads = limits::thread_names;
constexpr std::uint64_t no_time = std::numeric_limits<std::uint64_t>::max();

struct Close {
    void operator()(tracecmd_input* handle) const { tracecmd_close(handle); }
};
using Handle = std::unique_ptr<tracecmd_input, Close>;

struct Merged {
    std::unique_ptr<Stream> stream;
    Record next;
    std::uint64_t time() const { return next.data == nullptr ? no_time : next.time; }
};

class Reader final : public FileReader {
  public:
    std::string open(int file) override;
    bool read(std::vector<Event>& out) override;

  private:
    void describe();
    Streams find_streams(int file);
    void choose();
    void take(const Record& record, std::uint16_t cpu, std::vector<Event>& out);
    void lose(std::uint16_t cpu, std::int64_t events, std::vector<Event>& out);
    void note_thread(std::uint32_t thread);
    const Decoder& decoder_of(const Record& record);

    Handle input_;
    std::vector<Handle> instances_; // closed before the input that they are of
    tep_handle* tep_ = nullptr;
    std::vector<Merged> streams_;
    std::size_t current_ = 0;
    std::uint64_t until_ = 0; // the next record of the others is not before this
    std::size_t rival_ = 0;
    std::vector<Decoder> decoders_; // by the id of the tracepoint
    std::vector<bool> has_decoder_;
    int pid_offset_ = 4; // common_pid
    std::array<std::uint32_t, 4> noted_{};
    std::size_t noted_count_ = 0;
};

std::string Reader::open(int file) {
    // libtraceevent parses the formats of events in variables of its own.
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    tracecmd_set_loglevel(TEP_LOG_NONE);
    tep_set_loglevel(TEP_LOG_NONE);
    const int copy = ::dup(file); // the library closes it
    if (copy < 0 || ::lseek(copy, 0, SEEK_SET) < 0) return "cannot be positioned";
    input_.reset(tracecmd_open_fd(copy, load_no_plugins));
    if (input_ == nullptr)
        return "trace-cmd's binary recording, but damaged, not complete, or of a version that libtracecmd "
               "does not read; "
               "see what 'trace-cmd dump' says of it";
    tep_ = tracecmd_get_tep(input_.get());
    describe();
    for (std::unique_ptr<Stream>& stream : find_streams(file)) {
        const Record first = stream->next();
        streams_.push_back({std::move(stream), first});
    }
    choose();
    return {};
}

Streams Reader::find_streams(int file) {
    Streams streams;
    if (add_file_streams(file, streams)) return streams;
    const int cpus = tracecmd_cpus != nullptr ? tracecmd_cpus(input_.get()) : tep_get_cpus(tep_);
    add_library_streams(input_.get(), cpus, streams);
    for (int i = 0; i < tracecmd_buffer_instances(input_.get()); ++i) {
        instances_.emplace_back(tracecmd_buffer_instance_handle(input_.get(), i));
        if (instances_.back() != nullptr) add_library_streams(instances_.back().get(), cpus, streams);
    }
    return streams;
}

void Reader::describe() {
    summary_.format = "trace.dat";
    summary_.clock_digits = 9;
    summary_.host_cpus = static_cast<std::uint64_t>(std::max(tep_get_cpus(tep_), 0));
    if (tracecmd_get_uname != nullptr)
        if (const char* const uname = tracecmd_get_uname(input_.get()); uname != nullptr) {
            // "Linux vm 6.18.2 x86_64"
            const std::string_view text = uname;
            const std::size_t node = text.find(' ');
            const std::size_t release = node == std::string_view::npos ? node : text.find(' ', node + 1);
            if (release != std::string_view::npos)
                summary_.kernel = text.substr(release + 1, text.find(' ', release + 1) - release - 1);
        }
    if (tracecmd_get_trace_clock == nullptr || tracecmd_get_use_trace_clock == nullptr) return;
    const char* const clock = tracecmd_get_trace_clock(input_.get());
    const std::string_view name = clock == nullptr ? "" : clock;
    const bool counts = name.find("[x86-tsc]") != std::string_view::npos ||
                        name.find("[counter]") != std::string_view::npos ||
                        name.find("[uptime]") != std::string_view::npos;
    summary_.clock_in_seconds = !counts || !tracecmd_get_use_trace_clock(input_.get());
}

// The stream with the earliest record, and until when it stays that.
void Reader::choose() {
    current_ = 0;
    for (std::size_t i = 1; i < streams_.size(); ++i)
        if (streams_[i].time() < streams_[current_].time()) current_ = i;
    until_ = no_time;
    rival_ = streams_.size();
    for (std::size_t i = 0; i < streams_.size(); ++i)
        if (i != current_ && streams_[i].time() < until_) {
            until_ = streams_[i].time();
            rival_ = i;
        }
}

bool Reader::read(std::vector<Event>& out) {
    for (std::size_t n = 0; n < batch; ++n) {
        if (streams_.empty()) return false;
        Merged& merged = streams_[current_];
        if (merged.next.data == nullptr) return false;
        const auto cpu = static_cast<std::uint16_t>(merged.stream->cpu());
        take(merged.next, cpu, out);
        merged.next = merged.stream->next();
        if (merged.next.data == nullptr && !merged.stream->error().empty()) {
            lose(cpu, -1, out);
            if (error_.empty()) error_ = merged.stream->error();
        }
        // Of records of the same time that of the first CPU comes first.
        if (merged.time() > until_ || (merged.time() == until_ && current_ > rival_)) choose();
    }
    return true;
}

// Each record begins with the id of its tracepoint, common_type, 16 bits.
const Decoder& Reader::decoder_of(const Record& record) {
    std::uint16_t id = 0;
    std::memcpy(&id, record.data, sizeof id);
    const std::size_t index = id;
    if (index >= decoders_.size()) {
        decoders_.resize(index + 1);
        has_decoder_.resize(index + 1);
    }
    if (!has_decoder_[index]) {
        has_decoder_[index] = true;
        if (tep_event* const format = tep_find_event(tep_, id); format != nullptr) {
            decoders_[index] = Decoder(format, wants_requests_);
            if (const auto* const pid = tep_find_common_field(format, "common_pid"); pid != nullptr)
                pid_offset_ = pid->offset;
        }
    }
    return decoders_[index];
}

void Reader::take(const Record& record, std::uint16_t cpu, std::vector<Event>& out) {
    const std::uint64_t number = ++summary_.lines;
    ++summary_.events;
    if (record.missed != 0) lose(cpu, record.missed, out);
    if (record.size < sizeof(std::uint16_t)) return;
    const Decoder& decoder = decoder_of(record);
    if (!decoder.is_of_interest() || record.size < static_cast<std::size_t>(pid_offset_) + 4) return;
    std::uint32_t thread = 0;
    std::memcpy(&thread, static_cast<const char*>(record.data) + pid_offset_, sizeof thread);
    Event& event = out.emplace_back();
    if (!decoder.decode(record.data, record.size, event)) {
        out.pop_back();
        ++summary_.skipped_lines;
        return lose(cpu, 1, out);
    }
    if (event.kind == EventKind::other) return out.pop_back();
    event.cpu = cpu;
    event.thread = thread;
    event.line = number;
    event.time = record.time;
    if (std::ranges::find(noted_, thread) == noted_.end()) note_thread(thread);
}

// `events` < 0: how many is not known.
void Reader::lose(std::uint16_t cpu, std::int64_t events, std::vector<Event>& out) {
    Event& event = out.emplace_back();
    event.kind = EventKind::lost;
    event.cpu = cpu;
    event.line = summary_.lines;
    event.where = static_cast<std::uint64_t>(std::max<std::int64_t>(events, 0));
    ++summary_.lost_marks;
    summary_.lost_events += event.where;
}

void Reader::note_thread(std::uint32_t thread) {
    noted_[noted_count_++ % noted_.size()] = thread;
    if (summary_.threads.contains(thread) || summary_.threads.size() >= most_threads) return;
    const char* const name = tep_data_comm_from_pid(tep_, static_cast<int>(thread));
    summary_.threads[thread].name = printable_start(name == nullptr ? "" : name);
}

} // namespace
} // namespace lapicheck::traces::trace_dat

// The door of the shared object: what traces/formats/trace_dat.cpp asks for.
extern "C" __attribute__((visibility("default"))) lapicheck::traces::FileReader* lapicheck_trace_dat();
extern "C" lapicheck::traces::FileReader* lapicheck_trace_dat() {
    return std::make_unique<lapicheck::traces::trace_dat::Reader>().release();
}
