// An ftrace instance of our own: a set of ring buffers beside all others, so that nobody's tracing is
// disturbed. It holds the events that lapicheck reads and is removed when it goes out of scope; one that a
// killed process left behind, by the next that is opened.
//
// Needs root and the kernel's tracefs. Source: Documentation/trace/ftrace.rst and events.rst, Linux 6.18.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "traces/file_descriptor.hpp"

struct tracefs_instance;

namespace lapicheck::traces {

class TraceInstance {
  public:
    TraceInstance() = default;
    ~TraceInstance() { remove(); }
    TraceInstance(const TraceInstance&) = delete;
    TraceInstance& operator=(const TraceInstance&) = delete;

    // Makes the instance, its events enabled, its recording still off. `buffer_kb`: for each CPU; 0: what
    // suits this machine. Empty, or what is missing and what to do.
    std::string open(std::size_t buffer_kb);
    // Empty, or why it does not record.
    std::string start();
    // Nothing more is recorded; what the buffers hold can still be read.
    void stop();
    // Empty, or why it is still there. Nothing is left to do for an instance that was not opened.
    std::string remove();

    // What was recorded next, as `trace_pipe` prints it: whole lines, and a mark where events were lost.
    // Empty: nothing now. Valid until the next call. Takes it out of the buffers.
    std::string_view read();
    // Why read() can give no more; empty: no error.
    const std::string& error() const { return error_; }
    // Becomes readable, for poll(2), when the buffers should be read without delay.
    int descriptor() const { return pipe_.get(); }

    // Events that were overwritten unread or found no room, so far.
    std::uint64_t lost() const;
    const std::string& name() const { return name_; }
    std::size_t buffer_kb() const { return buffer_kb_; }
    const std::string& clock() const { return clock_; }
    // "kvm_apic" and so on, sorted.
    const std::vector<std::string>& events() const { return events_; }
    // What the recording does without, for this kernel has no such event.
    const std::vector<std::string>& missing() const { return missing_; }

  private:
    std::string make();
    std::string set_up();
    std::string enable_events();
    void enable_ioctls();
    void enable_forks();

    tracefs_instance* instance_ = nullptr;
    FileDescriptor pipe_;
    std::string name_;
    std::string clock_;
    std::string error_;
    std::size_t buffer_kb_ = 0;
    std::vector<std::string> events_;
    std::vector<std::string> missing_;
    std::vector<char> block_;
};

// The condition on the events of the system call ioctl: those of KVM that are of interest.
std::string ioctl_filter();

} // namespace lapicheck::traces
