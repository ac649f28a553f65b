#include "checker/ledger/accounts.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "model/text.hpp"

namespace lapicheck::checker::ledger {
namespace {

std::string label_of(const VcpuLedger& facts) {
    if (facts.is_ambiguous) return fmt::format("vCPU {} of one VM or another", facts.id.value_or(0));
    if (facts.id && facts.thread) return fmt::format("vCPU {} (thread {})", *facts.id, *facts.thread);
    if (facts.id) return fmt::format("vCPU {} (no thread seen)", *facts.id);
    return fmt::format("thread {}", facts.thread.value_or(0));
}

// The number by which KVM names it, where replay is sure.
std::optional<u64> id_of(const ReplayedVcpu* vcpu) {
    return vcpu == nullptr ? std::nullopt : vcpu->sure_id();
}

u64 descriptor_of(const ReplayedVcpu* vcpu) {
    return vcpu == nullptr ? VcpuKey::unknown : vcpu->descriptor();
}

} // namespace

Account* Accounts::make(std::optional<u64> id, std::optional<u32> thread, bool ambiguous) {
    if (accounts_.size() >= most) {
        is_overfull_ = true;
        return nullptr;
    }
    const auto index = static_cast<u32>(accounts_.size());
    Account& account = accounts_.emplace_back(std::in_place, index, timeline_).value();
    moved_to_.push_back(index);
    account.facts().thread = thread;
    account.facts().is_ambiguous = ambiguous;
    account.facts().id = id;
    return &account;
}

// From now on what is sent to this number is for this account.
void Accounts::learn_id(Account& account, u64 id) {
    account.facts().id = id;
    std::vector<u32>& same = by_id_[id];
    same.push_back(account.index());
    if (same.size() > 1) {
        for (const u32 index : same) accounts_[index]->doubt_others();
        return;
    }
    const auto found = without_thread_.find(id);
    if (found == without_thread_.end()) return;
    account.absorb(std::move(*accounts_[found->second]));
    accounts_[found->second].reset();
    moved_to_[found->second] = account.index();
    without_thread_.erase(found);
}

Account* Accounts::find(u32 thread, const ReplayedVcpu* vcpu) {
    const auto last = last_of_thread_.find(thread);
    if (last == last_of_thread_.end()) return nullptr;
    const auto& [key, index] = last->second;
    if (vcpu != nullptr && vcpu->number() >= 0 && static_cast<u64>(vcpu->number()) != key.id) return nullptr;
    return &*accounts_[index];
}

Account* Accounts::of_thread(u32 thread, const ReplayedVcpu* vcpu, std::optional<u64> named) {
    const auto last = last_of_thread_.find(thread);
    if (last != last_of_thread_.end()) {
        const auto& [key, index] = last->second;
        const bool same =
            named ? key.id == *named
                  : (vcpu == nullptr || vcpu->number() < 0 || static_cast<u64>(vcpu->number()) == key.id);
        const bool same_file = key.id != VcpuKey::unknown || descriptor_of(vcpu) == key.descriptor;
        if (same && same_file && (key.id != VcpuKey::unknown || !id_of(vcpu))) return &*accounts_[index];
    }
    if (!named) named = id_of(vcpu);
    VcpuKey key{thread, named.value_or(VcpuKey::unknown), VcpuKey::unknown};
    if (!named) key.descriptor = descriptor_of(vcpu);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
        last_of_thread_[thread] = {key, known->second};
        return &*accounts_[known->second];
    }
    // The one of this thread that had no number yet.
    auto nameless = by_key_.find({thread, VcpuKey::unknown, descriptor_of(vcpu)});
    if (nameless == by_key_.end()) nameless = by_key_.find({thread, VcpuKey::unknown, VcpuKey::unknown});
    Account* account = nullptr;
    if (named && nameless != by_key_.end()) {
        account = &*accounts_[nameless->second];
        by_key_.erase(nameless);
    } else {
        account = make({}, thread, false);
    }
    if (account == nullptr) return nullptr;
    if (vcpu != nullptr) account->facts().machine = machine_of(*vcpu);
    if (named) learn_id(*account, *named);
    by_key_[key] = account->index();
    last_of_thread_[thread] = {key, account->index()};
    return account;
}

Accounts::Receiver Accounts::receiver(u64 id, const Account* sender) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) {
        const auto [place, is_new] = without_thread_.try_emplace(id, 0);
        if (!is_new) return {&*accounts_[place->second], false};
        Account* const account = make(id, {}, false);
        if (account != nullptr) place->second = account->index();
        else without_thread_.erase(place);
        return {account, false};
    }
    const std::vector<u32>& same = found->second;
    if (same.size() == 1) return {&*accounts_[same.front()], false};
    // A VM's own interrupts; else the one of that number in the sender's VM, if there is only one.
    if (sender != nullptr) {
        if (sender->facts().id == id) return {&*accounts_[sender->index()], false};
        std::optional<u32> only;
        bool several = false;
        for (const u32 index : same) {
            if (accounts_[index]->facts().machine != sender->facts().machine) continue;
            several = several || only.has_value();
            only = index;
        }
        if (only && !several) return {&*accounts_[*only], false};
    }
    const auto [place, is_new] = ambiguous_.try_emplace(id, 0);
    if (is_new) {
        Account* const account = make(id, {}, true);
        if (account == nullptr) {
            ambiguous_.erase(place);
            return {};
        }
        place->second = account->index();
    }
    return {&*accounts_[place->second], true};
}

void Accounts::finish(Recording& recording, const Replay& replay) {
    replay.for_each_vcpu([&](const ReplayedVcpu& vcpu) {
        VcpuKey key{vcpu.thread(), id_of(&vcpu).value_or(VcpuKey::unknown), VcpuKey::unknown};
        if (key.id == VcpuKey::unknown) key.descriptor = vcpu.descriptor();
        auto found = by_key_.find(key);
        // A number that only kvm_eoi told is not replay's.
        if (found == by_key_.end() && replay.vcpu_of_thread(vcpu.thread()) == &vcpu)
            if (const auto last = last_of_thread_.find(vcpu.thread()); last != last_of_thread_.end())
                found = by_key_.find(last->second.first);
        if (found != by_key_.end()) accounts_[found->second]->facts().state = final_state(vcpu);
    });
    std::vector<u32> order;
    for (const std::optional<Account>& account : accounts_)
        if (account) order.push_back(account->index());
    std::ranges::sort(order, {}, [this](u32 index) {
        const VcpuLedger& facts = accounts_[index]->facts();
        return std::tuple{facts.machine, facts.is_ambiguous, facts.id.value_or(VcpuKey::unknown),
                          facts.thread.value_or(0)};
    });
    std::vector<u32> place(accounts_.size());
    for (u32 i = 0; i < order.size(); ++i) place[order[i]] = i;
    const auto placed = [&](u32 index) {
        while (moved_to_[index] != index) index = moved_to_[index];
        return place[index];
    };
    for (const u32 index : order) {
        VcpuLedger facts = accounts_[index]->finish();
        facts.label = label_of(facts);
        for (auto& [vector, row] : facts.vectors)
            for (const auto& [sender, count] : std::exchange(row.senders, {})) {
                if (placed(sender) != placed(index)) {
                    row.senders[placed(sender)] += count;
                    continue;
                }
                // Sent before the vCPU's number was known.
                row.requested[static_cast<std::size_t>(Source::ipi)] -= count;
                row.requested[static_cast<std::size_t>(Source::self_ipi)] += count;
            }
        for (LastAccess& last : facts.last_accesses) {
            const traces::GuestAccess& access = last.access;
            last.text = model::access_text(access.kind, access.address, access.size, access.value) +
                        (access.gp ? ", #GP" : "");
        }
        recording.vcpus.push_back(std::move(facts));
    }
    recording.delivery_stride = timeline_.stride();
    recording.deliveries_seen = timeline_.seen();
    recording.deliveries = timeline_.take();
    for (Delivery& delivery : recording.deliveries) {
        delivery.vcpu = placed(delivery.vcpu);
        if (delivery.sender) delivery.sender = placed(*delivery.sender);
    }
}

} // namespace lapicheck::checker::ledger
