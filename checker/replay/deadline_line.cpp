#include "checker/replay/deadline_line.hpp"

#include <cmath>

namespace lapicheck::checker {
namespace {

using model::u64;

double difference(u64 a, u64 b) { return static_cast<double>(a) - static_cast<double>(b); }

// How early or late an interrupt may come though all is well, besides what the others show.
constexpr double least_margin_ns = 1'000'000;

} // namespace

void DeadlineLine::add(u64 deadline, u64 time) {
    const bool goes_on = count_ != 0 && deadline > recent(0).deadline && time > recent(0).time;
    if (!goes_on) {
        count_ = 0;
        first_ = {deadline, time};
    }
    recent_[count_++ % kept] = {deadline, time};
}

std::optional<u64> DeadlineLine::time_of(u64 deadline, u64 from) const {
    constexpr std::size_t fewest = 3;
    constexpr u64 shortest_span_ns = 50'000'000;
    if (count_ < fewest || recent(0).time - first_.time < shortest_span_ns) return std::nullopt;
    const Met& last = recent(0);
    const double rate = difference(last.deadline, first_.deadline) / difference(last.time, first_.time);
    if (deadline <= last.deadline) return from;
    const double rest = difference(deadline, last.deadline) / rate;
    constexpr double longest = 1e15;
    if (rest > longest) return std::nullopt;
    return std::max(from, last.time + static_cast<u64>(rest));
}

// Nothing if they lie too far beside one line, or too near to each other.
std::optional<DeadlineLine::Fit> DeadlineLine::fit() const {
    constexpr std::size_t fewest = 8;
    constexpr double shortest_span_ns = 5'000'000;
    constexpr double widest = 1.0 / 8;
    if (count_ < fewest) return std::nullopt;
    const std::size_t used = std::min(count_, kept);
    const Met& begin = recent(used - 1);
    const Met& last = recent(0);
    const double span = difference(last.time, begin.time);
    const double ns_a_tick = span / difference(last.deadline, begin.deadline);
    double least = 0; // of the first and of the last one it is 0
    double most = 0;
    for (std::size_t back = 1; back < used; ++back) {
        const Met& met = recent(back);
        const double beside =
            difference(met.time, begin.time) - difference(met.deadline, begin.deadline) * ns_a_tick;
        least = std::min(least, beside);
        most = std::max(most, beside);
    }
    if (span < shortest_span_ns || most - least > span * widest) return std::nullopt;
    return Fit{last, ns_a_tick, most - least, -least};
}

std::optional<u64> DeadlineLine::due_if_early(u64 deadline, u64 armed, u64 time) const {
    const auto by = fit();
    if (!by || deadline <= by->last.deadline) return std::nullopt;
    // In nanoseconds after the last one.
    const double due = difference(deadline, by->last.deadline) * by->ns_a_tick - by->lateness;
    const double was_armed = difference(armed, by->last.time);
    const double margin = least_margin_ns + 4 * by->spread + (due - was_armed) / 2;
    constexpr double longest = 1e18; // centuries
    if (difference(time, by->last.time) + margin >= due) return std::nullopt;
    return static_cast<u64>(std::min(due - was_armed, longest));
}

bool DeadlineLine::fits(u64 deadline, u64 time) const {
    const auto by = fit();
    if (!by) return false;
    const double due = difference(deadline, by->last.deadline) * by->ns_a_tick;
    const double came = difference(time, by->last.time);
    return std::abs(came - due) <= least_margin_ns / 2 + 2 * by->spread + came / 16;
}

} // namespace lapicheck::checker
