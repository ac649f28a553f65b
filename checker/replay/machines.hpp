// Which vCPUs are of one virtual machine, as far as a recording tells: it may hold several, and each has an
// APIC 0.
//
// Two vCPUs are of one VM if an interrupt that one of them sent was given to the other, and of two if their
// threads are of different processes. All else stays undecided.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "model/domains/concrete.hpp"

namespace lapicheck::checker {

class Machines {
  public:
    // Of a host thread the process is known (its TGID).
    void belongs(model::u32 thread, model::u32 process) { processes_[thread] = process; }
    std::optional<model::u32> process_of(model::u32 thread) const;

    // A command of a vCPU that runs in thread `by` printed the kvm_apic_accept_irq of `line`.
    void sent(model::u64 line, model::u32 by) { commands_[count_++ % kept] = {line, by}; }
    // The interrupt whose only kvm_apic_accept_irq stands in `line` was given to the vCPU in thread `to`.
    void given(model::u64 line, model::u32 to);

    bool are_one(model::u32 thread, model::u32 other) const {
        return thread == other || root(thread) == root(other);
    }
    bool may_be_one(model::u32 thread, model::u32 other) const;
    // A number that the threads of one VM have in common, as far as that is known.
    model::u64 group_of(model::u32 thread) const;

    // The threads of earlier recordings are others.
    void clear() { *this = {}; }

  private:
    static constexpr std::size_t kept = 256;
    // An interrupt handler that runs in a vCPU's thread may serve another VM, and look like its command once.
    static constexpr unsigned enough = 2;

    struct Command {
        model::u64 line = 0;
        model::u32 thread = 0;
    };

    model::u32 root(model::u32 thread) const;

    std::array<Command, kept> commands_{};
    model::u64 count_ = 0;
    std::unordered_map<model::u64, unsigned> reached_;  // how often, by the two threads
    std::unordered_map<model::u32, model::u32> joined_; // a thread: one nearer to its group's root
    std::unordered_map<model::u32, model::u32> processes_;
};

} // namespace lapicheck::checker
