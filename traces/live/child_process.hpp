// A command that runs beside us, and the signals that are for it and for us.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "traces/file_descriptor.hpp"

namespace lapicheck::traces {

// While it lives, what would end this process (SIGINT, SIGTERM, SIGUSR1, SIGXCPU ...) arrives here alone, and
// neither SIGCHLD nor SIGPIPE does anything but wake poll(2). Signals of the whole process: one queue at a
// time, in the main thread.
class SignalQueue {
  public:
    SignalQueue();
    ~SignalQueue();
    SignalQueue(const SignalQueue&) = delete;
    SignalQueue& operator=(const SignalQueue&) = delete;

    struct Received {
        int signal = 0;
        bool by_terminal = false; // a key was pressed: every process in the foreground has it too
    };
    // The next that asks us to end; none: none now.
    std::optional<Received> next();
    // Becomes readable, for poll(2), with any of them.
    int descriptor() const { return queue_.get(); }
    const sigset_t& mask_before() const { return before_; }

  private:
    sigset_t before_{};
    FileDescriptor queue_;
};

class ChildProcess {
  public:
    // Empty: it runs, with our standard streams and the signals as they were. Else why not.
    std::string start(const std::vector<std::string>& command, const sigset_t& mask);
    bool runs();
    void send(int signal) const;
    pid_t id() const { return id_; }
    // "exit status 3", "killed by SIGKILL"; empty while it runs.
    std::string ending() const;

  private:
    pid_t id_ = -1;
    std::optional<int> status_; // as wait(2) gives it
};

} // namespace lapicheck::traces
