// The divergences of one trace: folded by kind, and withdrawn where a mark of lost events shows that
// what they rest on may have changed unseen.
#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "checker/judge/divergence.hpp"
#include "checker/replay/clocks.hpp"

namespace lapicheck::checker {

// Whether an injection that nobody seemed to have requested was: by another thread's acceptance of the
// vector, stamped at `time`, if the clocks of CPUs are not in step.
inline bool is_requested_late(const Divergence& divergence, u32 vector, u64 time) {
    return divergence.mismatch.fault == Fault::injected && divergence.mismatch.unseen_cause &&
           divergence.access.value == vector && time <= divergence.access.time + clocks_apart_ns;
}

struct Finding {
    Divergence divergence;
    u64 line = 0;          // at which it was found
    u64 last_gap_line = 0; // no event of the thread can have been lost after this line and before it
};

class Findings {
  public:
    void add(Finding finding);
    // Called with a divergence when no other of its kind stands.
    void on_new_kind(std::function<void(const Divergence&)> notify) { notify_ = std::move(notify); }
    // Events of one host CPU are missing between `since` and here. Returns how many were withdrawn.
    u64 withdraw_since(u64 since);
    // Behind `last_line` a CPU has no event: its buffer may have been full, and no mark would show it. What
    // was found there for want of an event does not hold. Returns how many were withdrawn.
    u64 withdraw_unseen_since(u64 last_line);
    // Behind `last_line` a host CPU's events are missing where a thread was away. Returns how many were
    // withdrawn.
    u64 withdraw_across_absence_since(u64 last_line);
    // No CPU's events are missing but for those.
    void all_cpus_are_seen();
    // The trace shows accesses to MSRs: a WRMSR that would explain a divergence was not made.
    void msrs_are_shown();
    // It shows none to its end, so that one may have been made unseen. Returns how many were withdrawn.
    u64 withdraw_unseen_wrmsrs();
    // What rests on a condition that the end of the recording tells (presumes_one_vm, needs_all_cpus): it is
    // met, or not. The latter returns how many were withdrawn.
    using Condition = bool Mismatch::*;
    void is_met(Condition condition);
    u64 withdraw_if(Condition condition);
    // What was found in a thread behind line `since` does not hold. Returns how many were withdrawn.
    u64 withdraw_of(u32 thread, u64 since = 0);
    // Of the vCPU in `thread`: is_requested_late(). Returns how many were withdrawn.
    u64 withdraw_injection(u32 thread, u32 vector, u64 time);
    // Nothing can withdraw what is left.
    void settle();

    const std::vector<Divergence>& folded() const { return folded_; }
    u64 not_listed() const { return not_listed_; }

  private:
    // Bounds on memory: how many may still be withdrawn, how many kinds are listed.
    static constexpr std::size_t most_recent = 1024;
    static constexpr std::size_t most_kinds = 500;

    bool is_conditional(const Divergence& divergence) const {
        const Mismatch& mismatch = divergence.mismatch;
        return (mismatch.unseen_wrmsr && !shows_msrs_) || mismatch.presumes_one_vm ||
               mismatch.needs_all_cpus || divergence.is_across_absence;
    }
    void fold(Divergence divergence);
    void fold_into(std::vector<Divergence>& kinds, Divergence divergence);
    bool is_new_kind(const Divergence& divergence) const;

    std::function<void(const Divergence&)> notify_;
    std::deque<Finding> recent_;
    std::vector<Divergence> folded_;
    std::vector<Divergence> conditional_; // what an unseen WRMSR would explain, or rests on a Condition
    bool shows_msrs_ = false;
    u64 not_listed_ = 0;
};

} // namespace lapicheck::checker
