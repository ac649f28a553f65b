#include "checker/replay/restore_order.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "traces/kvm_ioctls.hpp"

namespace lapicheck::checker {

namespace ioctls = traces::ioctls;
using model::u32;
using model::u64;

void RestoreOrder::is_set(u32 thread, u64 descriptor, u64 command, u64 line) {
    constexpr std::size_t most_kept = 4096; // vCPUs that are set and never seen running
    if (sequences_.size() >= most_kept) sequences_.clear();
    Sequence& sequence = sequences_[{thread, descriptor}];
    switch (command) {
    case ioctls::set_lapic: return sequence.lapic.at(line);
    case ioctls::set_msrs: return sequence.msrs.at(line);
    case ioctls::set_sregs:
    case ioctls::set_sregs2: return sequence.sregs.at(line);
    case ioctls::set_vcpu_events: sequence.events.at(line); [[fallthrough]];
    case ioctls::set_mp_state: sequence.is_restore = true; return;
    default: return;
    }
}

void RestoreOrder::runs(u32 thread, u64 descriptor, const Machines& machines) {
    const auto process = machines.process_of(thread);
    std::erase_if(sequences_, [&](const auto& entry) {
        const auto& [by, on] = entry.first;
        if (on != descriptor || (by != thread && (!process || machines.process_of(by) != process)))
            return false;
        judge(entry.second);
        return true;
    });
}

void RestoreOrder::end_of(u32 thread) {
    const auto first = sequences_.lower_bound({thread, 0});
    if (first == sequences_.end() || first->first.first != thread) return;
    const auto behind = sequences_.upper_bound({thread, ~u64{0}});
    if (std::next(first) == behind) judge(first->second);
    sequences_.erase(first, behind);
}

void RestoreOrder::judge(const Sequence& s) {
    if (!s.is_restore) return;
    if (s.lapic.is_set() && s.msrs.is_set() && s.msrs.last < s.lapic.last)
        add(Fault::msrs_first, s.msrs.last, s.lapic.last);
    if (s.lapic.is_set() && s.sregs.first > s.lapic.last && (!s.msrs.is_set() || s.msrs.first > s.lapic.last))
        add(Fault::base_last, s.lapic.last, s.sregs.first);
    if (s.events.is_set() && s.sregs.last > s.events.last)
        add(Fault::events_first, s.events.last, s.sregs.last);
}

void RestoreOrder::add(Fault fault, u64 before, u64 after) {
    Found& found = found_[static_cast<std::size_t>(fault)];
    if (found.vcpus++ == 0) found = {1, before, after};
}

std::vector<std::string> RestoreOrder::texts() const {
    struct Words {
        std::string_view before, after, why;
    };
    static constexpr std::array<Words, faults> words{{
        {"KVM_SET_MSRS", "KVM_SET_LAPIC",
         "KVM drops a write to IA32_TSC_DEADLINE while the LVT timer entry is not in TSC-deadline mode, "
         "which "
         "only the APIC's page sets: a deadline that was armed when the state was saved never comes"},
        {"KVM_SET_LAPIC", "KVM_SET_SREGS",
         "KVM reads the APIC's page in the mode that IA32_APIC_BASE has at that time: if the guest was in "
         "x2APIC mode when the state was saved, its ID and LDR are taken for those of xAPIC mode"},
        {"KVM_SET_VCPU_EVENTS", "KVM_SET_SREGS",
         "the latter's interrupt_bitmap queues an interrupt anew, over what the events said of it: one that "
         "was injected may be lost or delivered twice"},
    }};
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < faults; ++i) {
        const Found& found = found_[i];
        if (found.vcpus == 0) continue;
        const std::string more =
            found.vcpus == 1 ? "" : fmt::format(", and so for {} more vCPUs", found.vcpus - 1);
        texts.push_back(fmt::format("userspace restored a vCPU with {} (line {}) before {} (line {}){}: {}",
                                    words[i].before, found.before, words[i].after, found.after, more,
                                    words[i].why));
    }
    return texts;
}

} // namespace lapicheck::checker
