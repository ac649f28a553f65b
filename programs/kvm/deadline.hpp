// A bound on the time that KVM_RUN may take.
//
// The thread's timer sends a signal which is blocked everywhere but inside KVM_RUN (KVM_SET_SIGNAL_MASK).
// No handler runs, and a signal that comes too early ends the next KVM_RUN at once: nothing is missed.
#pragma once

#include <chrono>
#include <csignal>
#include <ctime>

namespace lapicheck::programs {

// For the thread that makes it; only that thread may use it. Other signals end the process as always.
class Deadline {
  public:
    Deadline(); // throws std::system_error
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    // Lets this vCPU's KVM_RUN be ended. False and errno if KVM refuses.
    bool admit(int vcpu) const;
    // From now on; forgets what was set before.
    void set(std::chrono::microseconds from_now);
    // As set(), but leaves a deadline that is at most twice as far off: for bounds against faults, which
    // may be coarse and should cost nothing.
    void set_at_least(std::chrono::microseconds from_now);
    // Whether it has passed since set(). After true, KVM_RUN runs freely again.
    bool passed();

  private:
    std::chrono::steady_clock::time_point at_;
    timer_t timer_{};
    sigset_t own_{}, before_{};
};

} // namespace lapicheck::programs
