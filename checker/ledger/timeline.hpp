// The interrupts that a page draws: so many at most, whatever the recording's length.
#pragma once

#include "checker/ledger/ledger.hpp"

namespace lapicheck::checker::ledger {

// When there are too many, each second one is dropped, then each second one of those that are left, and so
// on: evenly over the recording, and the same from run to run. What did not end is kept, up to a bound of its
// own.
class Timeline {
  public:
    explicit Timeline(std::size_t most) : most_(most) {}

    void add(const Delivery& delivery);
    // In the order of the recording.
    std::vector<Delivery> take();
    u64 stride() const { return stride_; }
    u64 seen() const { return seen_; }

  private:
    struct Numbered {
        u64 number = 0;
        Delivery delivery;
    };
    void thin_out();

    std::size_t most_;
    u64 seen_ = 0;
    u64 stride_ = 1;
    std::vector<Numbered> ordinary_;
    std::vector<Delivery> unended_;
};

} // namespace lapicheck::checker::ledger
