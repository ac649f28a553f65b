#include "checker/replay/doubts.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lapicheck::checker {

void Doubts::accepted(u32 vector, bool surely, bool presumes_one_vm) {
    if (waits_[vector]) return;
    waits_.set(vector);
    surely_[vector] = surely;
    presumes_one_vm_[vector] = presumes_one_vm;
}

void Doubts::forget_waiting() {
    if (waits_.none() && doubts_.empty()) return;
    waits_.reset();
    std::erase_if(doubts_, [](const Doubt& doubt) { return doubt.waiting != 0; });
}

void Doubts::may_forget_waiting() {
    if (waits_.none() && doubts_.empty()) return;
    if (!kept_) {
        kept_ = Kept{waits_, surely_, presumes_one_vm_, {}};
        std::ranges::copy_if(doubts_, std::back_inserter(kept_->doubts),
                             [](const Doubt& doubt) { return doubt.waiting != 0; });
    }
    forget_waiting();
}

void Doubts::was_not_reset() {
    if (!kept_) return;
    const Kept kept = *std::exchange(kept_, std::nullopt);
    const std::bitset<256> only_kept = kept.waits & ~waits_;
    surely_ = (surely_ & waits_) | (kept.surely & only_kept);
    presumes_one_vm_ = (presumes_one_vm_ & waits_) | (kept.presumes_one_vm & only_kept);
    waits_ |= kept.waits;
    std::ranges::copy(kept.doubts, std::back_inserter(doubts_));
}

u32 Doubts::overtaken_by(u32 vector) const {
    for (u32 other = 255; other > vector; --other)
        if (waits_[other]) return other;
    return 0;
}

void Doubts::given(u32 vector) {
    waits_.reset(vector);
    given_.set(vector);
    // Whether it is in service from this time or from before, its next sign does not tell. What waited until
    // now was not lost, only late, or its acceptance took so long.
    std::erase_if(doubts_, [vector](const Doubt& doubt) {
        return doubt.vector == vector || (doubt.waiting == vector && doubt.needed > 1);
    });
}

u32 Doubts::left_in_service(u64 vector) const {
    const u32 least = vector > 0xff ? 0 : static_cast<u32>(vector);
    for (u32 other = 255; other > least; --other)
        if (given_[other]) return other;
    return 0;
}

std::vector<Divergence> Doubts::seen_in_service(u32 vector) {
    std::vector<Divergence> certain;
    std::erase_if(doubts_, [&](Doubt& doubt) {
        if (doubt.vector != vector) return false;
        doubt.vector = 0;
        if (++doubt.seen < doubt.needed) return false;
        waits_.reset(doubt.waiting);
        certain.push_back(std::move(doubt.divergence));
        return true;
    });
    return certain;
}

std::vector<Divergence> Doubts::ended(u32 vector) {
    given_.reset(vector);
    return seen_in_service(vector);
}

std::vector<Divergence> Doubts::shown(u32 word, u32 isr) {
    std::vector<Divergence> certain;
    for (u32 vector = 32 * word; vector < 32 * word + 32; ++vector) {
        if ((isr >> (vector % 32) & 1) != 0) {
            std::ranges::move(seen_in_service(vector), std::back_inserter(certain));
        } else {
            std::erase_if(doubts_, [vector](const Doubt& doubt) { return doubt.vector == vector; });
            given_.reset(vector);
        }
    }
    return certain;
}

} // namespace lapicheck::checker
