// Finds the vCPU that kvm_apic_accept_irq names by its ID.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "checker/replay/machines.hpp"
#include "checker/replay/vcpu.hpp"

namespace lapicheck::checker {

// The vCPUs by the ID that is surely theirs. Every VM has an APIC 0: of the sender's VM is surely only who an
// interrupt of it was given to. Who is the only one of that ID, with no other whose ID it may be, is presumed
// to be the one; whether that holds, the end of the recording tells.
class VcpuIndex {
  public:
    struct Found {
        ReplayedVcpu* vcpu = nullptr;
        bool presumed = false; // there is one VM, if this is the one
    };

    void forget() { stale_ = true; }

    // `each_vcpu(visit)` calls visit(vcpu) for every vCPU.
    template <class Each>
    Found find(u64 id, u32 sender, const Machines& machines, Each each_vcpu) {
        const auto is_outdated = [&] {
            const auto [first, last] = of(id);
            // As often as it pays: a vCPU's ID may become known later.
            if (first == last) return ++missed_ > size_;
            return std::any_of(first, last, [id](const Item& item) { return !item.vcpu->is_surely(id); });
        };
        if (stale_ || is_outdated()) fill(machines, each_vcpu);
        return choose(id, sender, machines);
    }

    // Whether there are surely several VMs: two vCPUs have one ID. Looks again at all.
    template <class Each>
    bool shows_several(const Machines& machines, Each each_vcpu) {
        fill(machines, each_vcpu);
        return several_;
    }
    void clear() { *this = {}; }

  private:
    struct Item {
        u64 id = 0;
        ReplayedVcpu* vcpu = nullptr;
    };
    using Items = std::vector<Item>;

    std::pair<Items::const_iterator, Items::const_iterator> of(u64 id) const {
        return {std::ranges::lower_bound(items_, id, {}, &Item::id),
                std::ranges::upper_bound(items_, id, {}, &Item::id)};
    }

    Found choose(u64 id, u32 sender, const Machines& machines) const {
        const auto [first, last] = of(id);
        ReplayedVcpu* joined = nullptr;
        ReplayedVcpu* possible = nullptr;
        unsigned joined_count = 0;
        unsigned possible_count = 0;
        for (auto item = first; item != last; ++item) {
            const u32 thread = item->vcpu->thread();
            if (machines.are_one(sender, thread)) {
                joined = item->vcpu;
                ++joined_count;
            }
            if (machines.may_be_one(sender, thread)) {
                possible = item->vcpu;
                ++possible_count;
            }
        }
        if (joined_count != 0) return {joined_count == 1 ? joined : nullptr, false};
        const bool may_be_another = std::ranges::any_of(unnamed_, [&](const ReplayedVcpu* other) {
            return machines.may_be_one(sender, other->thread()) && other->may_be(id);
        });
        const bool is_only = possible_count == 1 && !may_be_another && !several_;
        return {is_only ? possible : nullptr, true};
    }

    template <class Each>
    void fill(const Machines& machines, Each each_vcpu) {
        items_.clear();
        unnamed_.clear();
        stale_ = false;
        missed_ = 0;
        size_ = 0;
        each_vcpu([this](ReplayedVcpu& vcpu) {
            ++size_;
            if (const std::optional<u64> id = vcpu.sure_id()) items_.push_back({*id, &vcpu});
            else unnamed_.push_back(&vcpu);
        });
        std::ranges::sort(items_, {}, &Item::id);
        for (std::size_t i = 0; i + 1 < items_.size(); ++i)
            several_ =
                several_ || (items_[i].id == items_[i + 1].id &&
                             machines.may_be_one(items_[i].vcpu->thread(), items_[i + 1].vcpu->thread()));
    }

    Items items_;                        // sorted
    std::vector<ReplayedVcpu*> unnamed_; // their IDs were not known when the index was made
    bool several_ = false;               // VMs that nothing tells apart
    bool stale_ = true;
    u64 missed_ = 0;
    u64 size_ = 0;
};

} // namespace lapicheck::checker
