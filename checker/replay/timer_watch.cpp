#include "checker/replay/timer_watch.hpp"

#include <algorithm>
#include <utility>

namespace lapicheck::checker {
namespace {

// Rates are in ticks of the undivided clock in so many nanoseconds.
constexpr u64 rate_ns = 1 << 16;

} // namespace

void TimerWatch::set_entry(const Entry& entry) {
    if (entry.mode != entry_.mode || entry.mode == Mode::unknown) { // T12, T13b
        is_started_ = false;
        count_is_kept_ = false;
        is_over_ = false;
        is_accepted();
    }
    if (!entry.unmasked) {
        was_masked_ = true;
        is_accepted();
    }
    entry_ = entry;
}

// What an earlier start has left may still come once (T18).
void TimerWatch::started(Place at) {
    const bool has_stopped = is_over_ || (!is_started_ && may_fire_ == 0);
    may_fire_ = count_is_kept_ && has_stopped ? 1 : 2;
    count_is_kept_ = entry_.mode == Mode::one_shot || entry_.mode == Mode::deadline;
    is_started_ = true;
    is_over_ = false;
    was_masked_ = !entry_.unmasked;
    ended_since_start_ = false;
    fired_line_ = 0;
    fired_time_ = 0;
    periods_ = 0;
    last_count_time_ = 0;
    lowest_at_ = {};
    counts_evenly_ = true;
    start_ = at;
    is_accepted();
    expect(at.time);
}

// What it has left may still come once, until the guest runs again.
void TimerWatch::stopped(Place at) {
    is_started_ = false;
    is_over_ = false;
    count_is_kept_ = entry_.mode != Mode::unknown;
    may_fire_ = 1;
    start_ = at;
    is_accepted();
}

void TimerWatch::start(u32 count, u32 divisor, Place at) {
    if (entry_.mode == Mode::deadline) return; // T09
    count_ = count;
    divisor_ = divisor;
    if (rates_are_divided_ != (divisor == 0)) rates_ = {};
    rates_are_divided_ = divisor == 0;
    if (count != 0) started(at);
    else stopped(at);
}

void TimerWatch::start_deadline(u64 deadline, Place at) {
    if (entry_.mode != Mode::deadline) return; // T11
    deadline_ = deadline;
    if (deadline != 0) started(at);
    else stopped(at);
}

// When the count goes on at the other pace the manual does not say (T08).
void TimerWatch::divisor_was_written() {
    divisor_ = 0;
    if (rates_are_divided_) rates_ = {};
    counts_evenly_ = false;
    last_count_time_ = 0;
    lowest_at_ = {};
    is_awaited_ = false;
}

void TimerWatch::forget() {
    const auto rates = rates_;
    const bool are_known = !rates_are_divided_;
    *this = {};
    if (are_known) rates_ = rates;
}

// Nothing is awaited any more.
void TimerWatch::is_accepted() {
    is_awaited_ = false;
    may_be_stopped_ = false;
    reached_zero_ = {};
    irr_was_clear_ = false;
}

// The lower of the two highest: one start may be told wrong.
void TimerWatch::learn(u64 count, u64 ns) {
    const u64 ticks = count * (rates_are_divided_ ? 1 : divisor_);
    if (ticks == 0 || !counts_evenly_ || ns < shortest_sample_ns || ticks > ~u64{0} / rate_ns) return;
    const u64 rate = ticks * rate_ns / ns;
    if (rate > rates_[0]) rates_[1] = std::exchange(rates_[0], rate);
    else rates_[1] = std::max(rates_[1], rate);
}

// An interrupt of the deadline timer comes at its deadline or later. That one came too early the next ones
// must confirm: what userspace or a host that slept did to the TSC, no event shows.
std::optional<TimerFault> TimerWatch::met_deadline(Place at) {
    if (std::exchange(came_early_, false)) {
        early_is_confirmed_ = tsc_.fits(deadline_, at.time);
        if (!early_is_confirmed_) tsc_.forget();
    }
    const auto due = tsc_.due_if_early(deadline_, start_.time, at.time);
    came_early_ = due.has_value();
    if (due) {
        TimerFault early = fault(TimerFault::What::early, Rule::T16, 0);
        early.came = at.time - start_.time;
        early.due = *due;
        return early;
    }
    tsc_.add(deadline_, at.time);
    return std::nullopt;
}

// If it has run out `times` since it was started, and no timer counts so fast.
std::optional<TimerFault> TimerWatch::early(Rule rule, u64 times, Place at) const {
    if (!counts_evenly_ || at.time < start_.time) return std::nullopt;
    TimerFault early = fault(TimerFault::What::early, rule, 0);
    early.came = at.time - start_.time;
    early.due = u64{count_} * std::max(divisor_, 1U) * times / fastest_ticks_a_ns;
    if (early.came + early.came / 16 + clocks_apart_ns >= early.due) return std::nullopt;
    return early;
}

// By when the timer has run out if it is started at `from`; nothing if the rate is not known.
std::optional<u64> TimerWatch::time_due(u64 from) const {
    if (entry_.mode == Mode::deadline) return tsc_.time_of(deadline_, from);
    const u64 ticks = u64{count_} * (rates_are_divided_ ? 1 : divisor_);
    if (ticks == 0 || !counts_evenly_ || rates_[1] == 0) return std::nullopt;
    return from + ticks * rate_ns / rates_[1];
}

void TimerWatch::expect(u64 time) {
    const auto due = time_due(time);
    is_awaited_ = due && entry_.unmasked && entry_.vector != 0;
    if (!due) return;
    bound_ = *due + (*due - time) / 4 + longest_delay_ns;
    last_run_ = time;
    entries_since_ = 0;
}

TimerFault TimerWatch::fault(TimerFault::What what, Rule rule, u64 line) const {
    return {what, rule, entry_.vector, line};
}

std::optional<TimerFault> TimerWatch::fired(u32 vector, Place at, bool by_timer) {
    if (vector == 0 || vector != entry_.vector) return std::nullopt;
    is_accepted();
    if (!by_timer) return std::nullopt;
    if (entry_.masked) {
        const TimerFault masked = fault(TimerFault::What::masked, Rule::T13a, 0);
        forget();
        return masked;
    }
    if (entry_.mode == Mode::periodic && is_started_) {
        fired_line_ = at.line;
        fired_time_ = at.time;
        std::optional<TimerFault> came_early;
        // The first may be what an earlier start has left.
        if (may_fire_ > 1) {
            --may_fire_;
        } else {
            came_early = early(Rule::T06, ++periods_, at);
            if (came_early) counts_evenly_ = false; // told once
            if (at.time > start_.time) learn(u64{count_} * periods_, at.time - start_.time);
        }
        expect(at.time);
        return came_early;
    }
    if (!count_is_kept_) return std::nullopt;
    const bool is_deadline = entry_.mode == Mode::deadline;
    if (may_fire_ == 0) {
        const Rule rule =
            is_started_ ? (is_deadline ? Rule::T17 : Rule::T05) : (is_deadline ? Rule::T10 : Rule::T03);
        const TimerFault again = fault(TimerFault::What::again, rule, 0);
        count_is_kept_ = false;
        return again;
    }
    fired_line_ = at.line;
    if (--may_fire_ != 0 || !is_started_) return std::nullopt;
    is_over_ = true;
    if (is_deadline) return met_deadline(at);
    if (const auto came_early = early(Rule::T05, 1, at)) return came_early;
    if (at.time > start_.time) learn(count_, at.time - start_.time);
    return std::nullopt;
}

void TimerWatch::reads_no_deadline(Place at) {
    if (entry_.mode == Mode::deadline && !is_started_ && !count_is_kept_) stopped(at);
}

// A one-shot count that has fallen never rises, and a periodic one that rises has reached 0.
std::optional<TimerFault> TimerWatch::count_changes(u32 count, Place at) {
    const bool is_first = last_count_time_ == 0;
    const u32 last = std::exchange(last_count_, count);
    const u64 last_time = std::exchange(last_count_time_, at.time);
    if (!is_first && count < last && at.time > last_time && entry_.mode == Mode::one_shot)
        learn(last - count, at.time - last_time);
    if (entry_.mode == Mode::periodic) {
        const bool may_wait =
            was_masked_ || entry_.vector == 0 || fired_time_ >= last_time || reached_zero_.line != 0;
        if (!is_first && count > last && at.time > last_time + clocks_apart_ns && !may_wait) ran_out(at);
        return std::nullopt;
    }
    if (lowest_at_.line == 0 || count < lowest_count_) {
        lowest_count_ = count;
        lowest_at_ = at;
        return std::nullopt;
    }
    if (count == lowest_count_ || at.time < lowest_at_.time + clocks_apart_ns) return std::nullopt;
    TimerFault rising = fault(TimerFault::What::rising, Rule::T02, 0);
    rising.before = lowest_count_;
    if (lowest_count_ == 0) rising = fault(TimerFault::What::counting, Rule::T05, 0);
    lowest_at_ = {};
    return rising;
}

// By what the count shows its interrupt is due.
void TimerWatch::ran_out(Place at) {
    reached_zero_ = at;
    irr_was_clear_ = false;
    is_awaited_ = true;
    bound_ = at.time + shortest_delay_ns;
    last_run_ = at.time;
    entries_since_ = 0;
}

std::optional<TimerFault> TimerWatch::count_read(u32 count, Place at) {
    if ((entry_.mode != Mode::one_shot && entry_.mode != Mode::periodic) || !is_started_) return std::nullopt;
    if (count != 0 && is_over_) return fault(TimerFault::What::counting, Rule::T05, 0);
    if (const auto fault = count_changes(count, at)) return fault;
    if (count != 0 || entry_.mode == Mode::periodic) return std::nullopt;
    if (is_over_ || was_masked_ || entry_.vector == 0 || reached_zero_.line != 0) return std::nullopt;
    if (fired_line_ != 0) return std::nullopt; // which may have been this start's
    ran_out(at);
    return std::nullopt;
}

std::optional<TimerFault> TimerWatch::shown(bool irr, u32 word, u32 value, bool enabled) {
    if (reached_zero_.line == 0 || entry_.vector / 32 != word) return std::nullopt;
    if ((value >> (entry_.vector % 32) & 1) != 0) {
        is_accepted();
        return std::nullopt;
    }
    if (irr) irr_was_clear_ = true;
    // Long ago for certain, so that the host cannot be about to deliver it.
    const u64 longest = u64{count_} * (divisor_ != 0 ? divisor_ : greatest_divisor) * slowest_ns_a_tick;
    const bool was_long_ago = reached_zero_.time - start_.time > longest;
    if (irr || !irr_was_clear_ || !enabled || ended_since_start_ || !was_long_ago) return std::nullopt;
    const TimerFault missing = fault(TimerFault::What::missing, Rule::T05, reached_zero_.line);
    is_started_ = false;
    is_accepted();
    return missing;
}

std::optional<TimerFault> TimerWatch::overdue(bool enabled, bool accepts_shown) {
    if (!enabled || !accepts_shown || was_masked_ || !entry_.unmasked) {
        is_awaited_ = false;
        return std::nullopt;
    }
    if (++entries_since_ < fewest_entries) return std::nullopt;
    if (entries_since_ < most_entries && last_run_ < bound_ + longest_delay_ns) return std::nullopt;
    const bool is_periodic = entry_.mode == Mode::periodic;
    const bool is_deadline = entry_.mode == Mode::deadline;
    const TimerFault missing = fault(TimerFault::What::missing,
                                     is_deadline   ? Rule::T10
                                     : is_periodic ? Rule::T06
                                                   : Rule::T05,
                                     reached_zero_.line);
    is_started_ = false;
    count_is_kept_ = false;
    is_accepted();
    return missing;
}

} // namespace lapicheck::checker
