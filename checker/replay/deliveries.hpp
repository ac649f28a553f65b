// To whom a command goes: the kvm_apic_accept_irq lines of one access held against its kvm_apic_ipi.
#pragma once

#include <algorithm>
#include <vector>

#include "checker/replay/vcpu.hpp"

namespace lapicheck::checker {

// What a thread shows between two of its accesses.
struct Acceptance {
    u64 line = 0;
    u64 id = 0; // as KVM names the vCPU
    u32 vector = 0;
    traces::DeliveryMode mode = traces::DeliveryMode::unknown;
};

// The acceptances that may be of one command. Those that are surely of it are evidence that it reached an
// APIC; any of them may be the one that is looked for.
struct AcceptedBy {
    std::vector<u64> surely; // IDs
    std::vector<u64> lines;  // of those
    std::vector<u64> maybe;  // IDs of those that stand before kvm_apic_ipi and may be of something else
    bool may_be(u64 id) const {
        return std::ranges::find(surely, id) != surely.end() || std::ranges::find(maybe, id) != maybe.end();
    }
    bool nobody() const { return surely.empty() && maybe.empty(); }
};

// KVM prints kvm_apic_accept_irq after kvm_apic_ipi; on the fast path of a WRMSR of the ICR (Linux 6.18,
// kvm_x2apic_icr_write_fast() in arch/x86/kvm/lapic.c) before it. What belongs to one command stands in the
// same exit of the sender, which begins at kvm_exit or, where that is not recorded, at kvm_entry.
class Acceptances {
  public:
    void add(const Acceptance& acceptance) {
        if (items_.size() < most) items_.push_back(acceptance);
        else overflown_ = true;
    }
    void clear() {
        items_.clear();
        overflown_ = false;
    }
    // Those up to this line are of no command that comes.
    void clear_to(u64 line) {
        std::erase_if(items_, [line](const Acceptance& item) { return item.line <= line; });
    }
    // kvm_exit or kvm_entry of the sender.
    void exit_begins() {
        clear();
        is_bounded_ = true;
    }
    // Events are missing, perhaps that which bounds the exit.
    void on_lost() {
        clear();
        is_bounded_ = false;
    }
    bool empty() const { return items_.empty() && !overflown_; }
    // Those who accepted what the access sent; nothing if not all are kept.
    std::optional<AcceptedBy> of(const traces::GuestAccess& access) const;
    // Commands of this thread have reached this ID: it is of the same machine.
    void reached(u64 id) {
        if (const auto at = std::ranges::lower_bound(reached_, id); at == reached_.end() || *at != id)
            reached_.insert(at, id);
    }
    const std::vector<u64>& all_reached() const { return reached_; }

  private:
    static constexpr std::size_t most = 4096;
    std::vector<Acceptance> items_;
    std::vector<u64> reached_;
    bool overflown_ = false;
    bool is_bounded_ = false; // all items are of the exit that the thread is in
};

// The command of `access` as its receivers get it; nothing where the manual leaves open to whom it goes or
// KVM's trace does not show it. `sender`: after the access.
std::optional<AbstractState::Message> message_of(const traces::GuestAccess& access,
                                                 const ReplayedVcpu& sender);

// The rule by which the message goes to, or not to, an APIC in this state.
Rule rule_of_addressing(const AbstractState::Message& message, u32 shorthand, const ReplayedVcpu& receiver);

} // namespace lapicheck::checker
