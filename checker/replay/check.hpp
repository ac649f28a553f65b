// `lapicheck check`: reads one trace, replays it and says how it ended.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checker/judge/profile.hpp"
#include "checker/replay/replay.hpp"
#include "specs/catalogue.hpp"
#include "traces/access_assembler.hpp"
#include "traces/byte_source.hpp"
#include "traces/formats/recording_reader.hpp"

namespace lapicheck::checker {

// Who looks at a recording beside the check, in the same pass. What it is told has been replayed already.
class TraceObserver {
  public:
    virtual ~TraceObserver() = default;
    // Every event, in the order of the trace.
    virtual void on_event(const traces::Event& event, const Replay& replay) = 0;
    // As AssemblerSink has them: behind the event that completes them, or that shows them to be complete.
    virtual void on_access(const traces::GuestAccess& access, const Replay& replay) = 0;
    virtual void on_stray(const traces::Event& event, const Replay& replay) = 0;
    // After the last event, before the replay ends and forgets its vCPUs.
    virtual void at_end(const Replay& replay, const traces::ReadSummary& read) = 0;
};

struct CheckOptions {
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either;
    bool monitor = false; // hold every access against the properties too
    // Called now and then with the number of bytes read.
    std::function<void(std::uint64_t bytes)> progress;
    // Called with each kind of divergence when it is first found, but for those that the profile knows. Lost
    // events may withdraw it later; then it is not in the report, and the next one is reported again.
    std::function<void(const Divergence& divergence, const traces::ReadSummary& read)> found;
    TraceObserver* observer = nullptr;
    // Whose guests the verdict is about. If that is all, and the recording names the command that `record`
    // ran, it is about that one's.
    Selection selection;
    unsigned min_checked = 50; // percent of the accesses; a verdict on fewer is inconclusive
    const traces::TraceFormat* input_format = nullptr; // null: as the content says
    bool reads_ahead = false;                          // a large recording is read in a thread of its own
};

struct TraceReport {
    std::string path;
    std::string
        error; // "trace.txt: why": it could not be read, or not to its end; the rest is of what was read
    Verdict verdict = Verdict::inconclusive;
    traces::ReadSummary read;
    ReplaySummary replay;
    std::vector<Divergence> divergences; // unknown ones first, then by line
    u64 divergences_not_listed = 0;
    unsigned min_checked = 0; // percent

    u64 count_known() const;
    u64 count_unknown() const;
    // Nothing of it could be read: there is an error, and no verdict.
    bool is_refused() const { return !error.empty() && read.events == 0; }
};

// One trace that comes piece by piece.
class TraceCheck {
  public:
    // `path` names the trace in the report.
    TraceCheck(std::string path, const CheckOptions& options);
    TraceCheck(const TraceCheck&) = delete;
    TraceCheck& operator=(const TraceCheck&) = delete;

    // All of it. Empty, or why this is no trace, or ends early.
    std::string read(traces::ByteSource& source);
    // The next piece of a text. Empty, or why this is no trace.
    std::string feed(std::string_view bytes);
    // After the last byte, or where `error` ("trace.txt: why") ended the reading.
    TraceReport finish(std::string error = {});

  private:
    // Replay first, then the observer.
    class ObservedReplay final : public traces::AssemblerSink {
      public:
        ObservedReplay(Replay& replay, TraceObserver* observer) : replay_(replay), observer_(observer) {}
        void on_access(const traces::GuestAccess& access) override {
            replay_.on_access(access);
            observer_->on_access(access, replay_);
        }
        void on_stray(const traces::Event& event) override {
            replay_.on_stray(event);
            observer_->on_stray(event, replay_);
        }
        void on_event(const traces::Event& event) override { replay_.on_event(event); }

      private:
        Replay& replay_;
        TraceObserver* observer_;
    };
    void take(std::vector<traces::Event>& events, std::uint64_t bytes);
    void take_events(std::vector<traces::Event>& events);

    CheckOptions options_;
    std::string path_;
    std::uint64_t bytes_ = 0;
    traces::RecordingReader reader_;
    Replay replay_;
    ObservedReplay observed_{replay_, options_.observer};
    traces::Assembler assembler_{options_.observer == nullptr ? static_cast<traces::AssemblerSink&>(replay_)
                                                              : observed_};
    std::vector<traces::Event> events_;
};

TraceReport check_recording(traces::ByteSource& source, const CheckOptions& options);
// Each recording that the path stands for (traces/recordings.hpp); "-" is standard input.
std::vector<TraceReport> check_input(const std::string& path, const CheckOptions& options);

// 0 all conform, 1 one diverges, 2 one could not be read, 4 in one nothing could be checked.
int exit_code_of(const std::vector<TraceReport>& reports);

// "3.263707": a stamp as the trace prints it.
std::string format_time(u64 time, const traces::ReadSummary& read);

} // namespace lapicheck::checker
