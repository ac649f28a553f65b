// The other explanations of what a vCPU does: userspace may have reset or loaded it without an event.
//
// Each runs beside the first one from the moment at which it became possible, and is dropped when an
// observation contradicts it.
#pragma once

#include <array>
#include <optional>

#include "checker/judge/abstract_state.hpp"

namespace lapicheck::checker {

// Both contradict the access by the same rule: it is at fault in either case.
bool contradict_by_same_rule(const Judgement& a, const Judgement& b);

class Hypotheses {
  public:
    // Userspace may have reset the vCPU since its last access.
    void add_reset(const CpuFacts& facts);
    // kvm_entry; `goes_on`: where the guest was left, so that nothing has reset the vCPU since.
    void entered(bool goes_on);
    // Userspace has set what KVM_SET_SREGS sets; `first`: the state by the first explanation until then.
    void add_sregs(const AbstractState& first);
    void clear() { count_ = 0; }
    bool empty() const { return count_ == 0; }

    // Another state was taken to be the right one; this one may be it all the same.
    void add_other(const AbstractState& state);
    bool has_other() const;
    std::optional<AbstractState> take_other();

    struct Verdict {
        Judgement judgement;             // of those that explain the access; explained is false if none does
        bool shared = false;             // one contradicts the access just as the first explanation does
        std::optional<Mismatch> besides; // what is wrong with the access by those that explain the state
    };
    // Judges in all that are left and drops those that do not explain the access, unless they contradict
    // it by the same rule as the first explanation did: then it is a fault in any case.
    Verdict judge(const Observation& seen, const Judgement& by_first);
    // The same for an interrupt given to the processor.
    void on_inject(const AbstractState::Injection& given);
    // Whether KVM_SET_SREGS may explain what is seen, whatever it predicts.
    bool any_sregs() const;
    // They have predicted the same as the first one for long enough: all have come to the same state.
    void expire();
    // What contradicts the first explanation was explained by all that are left.
    void excused() {
        for (std::size_t i = 0; i < count_; ++i) ++items_[i].excused;
    }
    // Whether one is left that was there when something was excused: a later one explains nothing of it.
    bool have_excused() const;
    // The one that has explained most.
    const AbstractState& best() const;

    template <class Visit>
    void for_each(Visit visit) {
        for (std::size_t i = 0; i < count_; ++i) visit(items_[i].state);
    }
    template <class Holds>
    bool any(Holds holds) const {
        for (std::size_t i = 0; i < count_; ++i)
            if (holds(items_[i].state)) return true;
        return false;
    }

  private:
    enum class Kind : std::uint8_t { reset, sregs, other };
    // The latest reset, which predicts most, all earlier ones merged, those that have excused something
    // merged, and one of each other kind.
    static constexpr std::size_t most = 5;
    static constexpr unsigned patience = 256; // accesses

    struct Item {
        AbstractState state;
        Kind kind = Kind::reset;
        unsigned excused = 0;
        bool before_entry = false; // since the guest was left
    };

    void merge_resets(bool with_excuse);
    void add(const Item& item);
    void drop(std::size_t index);

    std::array<Item, most> items_;
    std::size_t count_ = 0;
    unsigned age_ = 0;
    // Made once: in every pause a reset may have been.
    std::optional<CpuFacts> reset_of_;
    AbstractState after_reset_;
};

} // namespace lapicheck::checker
