// The accounts of one recording's vCPUs: finds the one that an event speaks of.
//
// KVM names a vCPU by number in kvm_apic_accept_irq, kvm_eoi, kvm_entry and kvm_exit, and by the thread that
// runs it in all other events. What was booked under one of the two is moved to the other as soon as both are
// known.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

#include "checker/ledger/account.hpp"
#include "checker/ledger/vcpu_identity.hpp"

namespace lapicheck::checker::ledger {

class Accounts {
  public:
    explicit Accounts(std::size_t deliveries) : timeline_(deliveries) {}
    Accounts(const Accounts&) = delete;
    Accounts& operator=(const Accounts&) = delete;

    // The vCPU that the thread runs. `named`: the number by which the event names it. Null: there are too
    // many.
    Account* of_thread(u32 thread, const ReplayedVcpu* vcpu, std::optional<u64> named);
    // The same if it is known already.
    Account* find(u32 thread, const ReplayedVcpu* vcpu);

    struct Receiver {
        Account* account = nullptr;
        bool ambiguous = false;
    };
    // Who accepts what is sent to the number. `sender`: the account of the thread in which it is sent.
    Receiver receiver(u64 id, const Account* sender);

    // The account of that index, or the one that it was moved into.
    Account& at(u32 index) {
        while (moved_to_[index] != index) index = moved_to_[index];
        return *accounts_[index];
    }

    template <class Visit>
    void for_each(Visit visit) {
        for (std::optional<Account>& account : accounts_)
            if (account) visit(*account);
    }
    bool is_overfull() const { return is_overfull_; }
    // Moves all that was booked into the recording.
    void finish(Recording& recording, const Replay& replay);

  private:
    static constexpr std::size_t most = 4096;

    Account* make(std::optional<u64> id, std::optional<u32> thread, bool ambiguous);
    void learn_id(Account& account, u64 id);

    Timeline timeline_;
    std::deque<std::optional<Account>> accounts_; // by index; empty: moved into another one
    std::vector<u32> moved_to_;                   // by index
    std::map<VcpuKey, u32> by_key_;
    std::unordered_map<u32, std::pair<VcpuKey, u32>> last_of_thread_;
    std::unordered_map<u64, std::vector<u32>> by_id_; // those that have a thread
    std::unordered_map<u64, u32> without_thread_;     // by number
    std::unordered_map<u64, u32> ambiguous_;          // by number
    bool is_overfull_ = false;
};

// What replay knows of the vCPU's APIC.
FinalState final_state(const ReplayedVcpu& vcpu);

} // namespace lapicheck::checker::ledger
