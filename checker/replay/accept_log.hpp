// The interrupts that were sent to APICs lately. A vCPU catches up with it at its own next event, so that
// an interrupt costs the same however many vCPUs the trace holds.
#pragma once

#include <array>

#include "model/domains/concrete.hpp"

namespace lapicheck::checker {

class AcceptLog {
  public:
    struct Entry {
        model::u64 id = 0; // as KVM names the vCPU
        model::u32 vector = 0;
        model::u32 sender = 0; // host thread
        bool level_triggered = false;
        model::u64 line = 0;
    };

    void add(const Entry& entry) { entries_[count_++ % kept] = entry; }
    model::u64 count() const { return count_; }

    // Calls visit(entry) for what came after the first `seen` entries; false if some of it is gone.
    template <class Visit>
    bool since(model::u64 seen, Visit visit) const {
        if (count_ - seen > kept) return false;
        for (; seen < count_; ++seen) visit(entries_[seen % kept]);
        return true;
    }

  private:
    static constexpr model::u64 kept = 64;
    std::array<Entry, kept> entries_{};
    model::u64 count_ = 0;
};

} // namespace lapicheck::checker
