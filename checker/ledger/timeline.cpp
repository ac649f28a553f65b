#include "checker/ledger/timeline.hpp"

#include <algorithm>
#include <utility>

namespace lapicheck::checker::ledger {
namespace {

Point start_of(const Delivery& delivery) {
    for (const Point& point : {delivery.requested, delivery.accepted, delivery.injected})
        if (point.is_seen()) return point;
    return delivery.ended;
}

} // namespace

void Timeline::add(const Delivery& delivery) {
    if (most_ == 0) return;
    const u64 number = seen_++;
    if (delivery.end != Delivery::End::ended && unended_.size() < most_ / 4) {
        unended_.push_back(delivery);
        return;
    }
    if (number % stride_ != 0) return;
    ordinary_.push_back({number, delivery});
    if (ordinary_.size() >= most_ - most_ / 4) thin_out();
}

void Timeline::thin_out() {
    stride_ *= 2;
    std::erase_if(ordinary_, [this](const Numbered& one) { return one.number % stride_ != 0; });
}

std::vector<Delivery> Timeline::take() {
    std::vector<Delivery> all = std::exchange(unended_, {});
    for (const Numbered& one : std::exchange(ordinary_, {})) all.push_back(one.delivery);
    std::ranges::stable_sort(all, {}, [](const Delivery& d) {
        const Point start = start_of(d);
        return std::pair{start.time, start.line};
    });
    return all;
}

} // namespace lapicheck::checker::ledger
