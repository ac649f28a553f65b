// The order in which userspace restores a vCPU, where by it KVM loses a part of the saved state. It makes
// notes, never divergences: what the ioctls carried is not recorded, and the manual does not know them.
//
// Source: Linux 6.18, arch/x86/kvm: kvm_set_lapic_tscdeadline_msr (drops what is written while the LVT timer
// entry is in another mode), __kvm_apic_set_base and kvm_apic_state_fixup (the page is read in the mode that
// the vCPU is in), __set_sregs (queues the interrupt of interrupt_bitmap anew).
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checker/replay/machines.hpp"

namespace lapicheck::checker {

class RestoreOrder {
  public:
    // `command`: of traces::ioctls, on the vCPU's descriptor.
    void is_set(model::u32 thread, model::u64 descriptor, model::u64 command, model::u64 line);
    // KVM_RUN on the descriptor: what threads of its process have set before is whole.
    void runs(model::u32 thread, model::u64 descriptor, const Machines& machines);
    // kvm_entry: the same, if the thread has set the state of one vCPU alone.
    void enters(model::u32 thread) {
        if (!sequences_.empty()) end_of(thread);
    }
    // Some of the ioctls may not be recorded.
    void on_lost() { sequences_.clear(); }

    std::vector<std::string> texts() const;

  private:
    // Lines of the first and of the last; 0: not set.
    struct Span {
        model::u64 first = 0, last = 0;
        void at(model::u64 line) {
            if (first == 0) first = line;
            last = line;
        }
        bool is_set() const { return first != 0; }
    };
    struct Sequence {
        Span lapic, msrs, sregs, events;
        bool is_restore = false; // a vCPU that is started is given no events and no state of its halt
    };
    enum class Fault { msrs_first, base_last, events_first };
    static constexpr std::size_t faults = 3;
    struct Found {
        model::u64 vcpus = 0;
        model::u64 before = 0, after = 0; // lines of the first
    };
    using Key = std::pair<model::u32, model::u64>; // thread, descriptor

    void end_of(model::u32 thread);
    void judge(const Sequence& sequence);
    void add(Fault fault, model::u64 before, model::u64 after);

    std::map<Key, Sequence> sequences_;
    std::array<Found, faults> found_{};
};

} // namespace lapicheck::checker
