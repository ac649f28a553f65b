// The guest's time-stamp counter in the recording's time, as its timer's deadlines tell it: an interrupt of
// the TSC-deadline timer comes when the counter has reached IA32_TSC_DEADLINE, or later where the host is
// busy. SDM Vol. 3A 325384-059US, 10.5.4.1. Deadlines are in ticks of the counter, times in nanoseconds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "model/domains/concrete.hpp"

namespace lapicheck::checker {

class DeadlineLine {
  public:
    // The interrupt of a deadline came.
    void add(model::u64 deadline, model::u64 time);
    void forget() { count_ = 0; }

    // By when one that is armed at `from` is met, if the rate is known: at that time or before.
    std::optional<model::u64> time_of(model::u64 deadline, model::u64 from) const;
    // If an interrupt at `time` of one that was armed at `armed` comes far before its deadline, and the
    // counter is known well enough to say so: how long after `armed` it was due.
    std::optional<model::u64> due_if_early(model::u64 deadline, model::u64 armed, model::u64 time) const;
    // Whether it came when it should by those before it.
    bool fits(model::u64 deadline, model::u64 time) const;

  private:
    struct Met {
        model::u64 deadline = 0;
        model::u64 time = 0;
    };
    // What the last ones tell together.
    struct Fit {
        Met last;
        double ns_a_tick = 0;
        double spread = 0;   // ns by which they lie beside one line
        double lateness = 0; // ns by which the last one came later than the promptest
    };

    static constexpr std::size_t kept = 16;

    const Met& recent(std::size_t back) const { return recent_[(count_ - 1 - back) % kept]; }
    std::optional<Fit> fit() const;

    std::array<Met, kept> recent_{};
    Met first_;
    std::size_t count_ = 0;
};

} // namespace lapicheck::checker
