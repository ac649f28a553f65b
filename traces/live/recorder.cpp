#include "traces/live/recorder.hpp"

#include <chrono>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/utsname.h>

#include "traces/formats/ftrace_line.hpp"
#include "traces/live/child_process.hpp"
#include "traces/live/trace_instance.hpp"

namespace lapicheck::traces {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int poll_ms = 50;
// How long a command that was asked to end is waited for.
constexpr auto patience = std::chrono::seconds(5);
// Between looks at the signals and at the command.
constexpr int most_blocks = 64;

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

// What `trace_pipe` lacks and a reader of the file may want to know; to the checker, comments.
std::string header(const TraceInstance& instance) {
    utsname names{};
    uname(&names);
    return fmt::format("# tracer: nop\n#\n{}{}, Linux {}, clock {}   #P:{}\n# events: {}\n#\n", recorded_by,
                       LAPICHECK_VERSION, names.release, instance.clock(), sysconf(_SC_NPROCESSORS_ONLN),
                       joined(instance.events()));
}

// A line each, but for the marks of lost ones.
std::uint64_t count_events(std::string_view text) {
    std::uint64_t events = 0;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        if (!read_lost_mark(text.substr(0, end))) ++events;
        text.remove_prefix(end + 1);
    }
    return events;
}

class Recording {
  public:
    explicit Recording(const RecorderOptions& options) : options_(options) {}

    RecorderResult run() {
        if (begin()) {
            while (goes_on()) wait_and_read();
            instance_.stop();
            while (result_.status == RecorderResult::Status::recorded && read_block()) tell();
            result_.lost = instance_.lost();
        }
        end();
        return std::move(result_);
    }

  private:
    using Status = RecorderResult::Status;

    bool fail(Status status, std::string error) {
        result_.status = status;
        result_.error = std::move(error);
        return false;
    }

    bool begin() {
        if (std::string error = instance_.open(options_.buffer_kb); !error.empty())
            return fail(Status::cannot, std::move(error));
        if (std::string error = options_.take(header(instance_)); !error.empty())
            return fail(Status::failed, std::move(error));
        if (std::string error = instance_.start(); !error.empty())
            return fail(Status::cannot, std::move(error));
        if (options_.command.empty()) return true;
        if (std::string error = child_.start(options_.command, signals_.mask_before()); !error.empty())
            return fail(Status::bad_command, std::move(error));
        if (std::string error = options_.take(fmt::format("{}{}\n", command_process, child_.id()));
            !error.empty())
            return fail(Status::failed, std::move(error));
        return true;
    }

    // A command that is told to end is given time to, and the recording goes on meanwhile.
    bool goes_on() {
        while (const auto received = signals_.next()) {
            if (child_.runs() && !received->by_terminal) child_.send(received->signal);
            if (std::exchange(result_.signal, received->signal) != 0) return false;
            deadline_ = Clock::now() + patience;
        }
        if (result_.status != Status::recorded) return false;
        if (options_.command.empty()) return result_.signal == 0;
        return child_.runs() && (result_.signal == 0 || Clock::now() < deadline_);
    }

    void wait_and_read() {
        pollfd ready[] = {{signals_.descriptor(), POLLIN, 0}, {instance_.descriptor(), POLLIN, 0}};
        poll(ready, std::size(ready), poll_ms);
        for (int block = 0; block < most_blocks && read_block(); ++block) {
        }
        tell();
    }

    bool read_block() {
        const std::string_view text = instance_.read();
        if (text.empty()) return instance_.error().empty() ? false : fail(Status::failed, instance_.error());
        result_.events += count_events(text);
        std::string error = options_.take(text);
        return error.empty() || fail(Status::failed, std::move(error));
    }

    void tell() {
        if (!options_.progress || Clock::now() < next_progress_) return;
        next_progress_ = Clock::now() + std::chrono::milliseconds(300);
        options_.progress({result_.events, instance_.lost()});
    }

    void end() {
        result_.buffer_kb = instance_.buffer_kb();
        result_.clock = instance_.clock();
        result_.recorded = instance_.events();
        result_.missing = instance_.missing();
        if (std::string error = instance_.remove(); !error.empty())
            result_.warnings.push_back(std::move(error));
        if (child_.runs()) result_.command_id = child_.id();
        result_.command_ending = child_.ending();
    }

    const RecorderOptions& options_;
    SignalQueue signals_; // before the instance is made, until it is gone
    TraceInstance instance_;
    ChildProcess child_;
    RecorderResult result_;
    Clock::time_point deadline_;
    Clock::time_point next_progress_ = Clock::now();
};

} // namespace

RecorderResult record(const RecorderOptions& options) { return Recording(options).run(); }

} // namespace lapicheck::traces
