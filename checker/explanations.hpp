// The other explanations of what a vCPU does: userspace may have reset or loaded it without an event.
//
// Each runs beside the first one from the moment at which it became possible, and is dropped when an
// observation contradicts it.
#pragma once

#include <array>

#include "checker/worlds.hpp"

namespace lapicheck::checker {

class Explanations {
  public:
    // Userspace may have reset the vCPU since its last access.
    void add_reset(const CpuFacts& facts);
    // Userspace may have put any state there.
    void add_loaded();
    void clear() { count_ = 0; }
    bool empty() const { return count_ == 0; }

    // Judges in all that are left, drops those that do not explain the access. What is returned is told
    // by those that do: explained is false if none does.
    Judgement judge(const traces::GuestAccess& access, const CpuFacts& facts, const Visibility& visible,
                    bool value_is_ours);
    // The same for an interrupt given to the processor.
    void on_inject(u32 vector);
    // Some explanation allows any state: it foretells nothing and contradicts nothing.
    bool any_loaded() const;
    // They have told the same as the first one for long enough: all have come to the same state.
    void grow_old();
    // The one that became possible last.
    const Worlds& newest() const { return items_[count_ - 1].worlds; }

    template <class Visit>
    void each(Visit visit) {
        for (std::size_t i = 0; i < count_; ++i) visit(items_[i].worlds);
    }
    template <class Holds>
    bool any(Holds holds) const {
        for (std::size_t i = 0; i < count_; ++i)
            if (holds(items_[i].worlds)) return true;
        return false;
    }

  private:
    // Two: the latest reset, which foretells most, and all earlier ones merged.
    static constexpr std::size_t most = 2;
    static constexpr unsigned patience = 256; // accesses

    struct Item {
        Worlds worlds;
        bool loaded = false;
    };

    void add(Item item);
    void drop(std::size_t index);

    std::array<Item, most> items_;
    std::size_t count_ = 0;
    unsigned age_ = 0;
};

} // namespace lapicheck::checker
