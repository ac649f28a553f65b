// The APIC timer of one vCPU in time, as far as a recording's clock bounds it: how often it fired since it
// was started, and by when it must have. SDM Vol. 3A 325384-059US, 10.5.4 and 10.5.4.1.
//
// KVM delivers the timer's interrupt in the vCPU's own thread before the guest is entered. The rate is learnt
// from the recording before it is used: what the host delays makes it smaller, which makes the bound later.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "checker/replay/clocks.hpp"
#include "checker/replay/deadline_line.hpp"
#include "model/rule.hpp"
#include "model/state.hpp"

namespace lapicheck::checker {

using model::Rule;
using model::u32;
using model::u64;

struct TimerFault {
    enum class What : std::uint8_t {
        again,    // its interrupt came again though it was not started again
        masked,   // it came though the entry is masked
        missing,  // it had to come by then and did not
        counting, // the count is not 0 though it was reached
        rising,   // the count is above what it was before
        early,    // it came before it was due
    };
    What what = What::again;
    Rule rule = Rule::T05;
    u32 vector = 0;
    u64 line = 0;   // of the event that shows it, where that is an earlier one; else 0
    u32 before = 0; // the count that was read before, of one that is rising
    // Of one that came early, in nanoseconds since it was started: when it came, and when it was due.
    u64 came = 0;
    u64 due = 0;
};

class TimerWatch {
  public:
    enum class Mode : std::uint8_t { unknown, one_shot, periodic, deadline };
    // The entry of the local vector table, as far as it is known.
    struct Entry {
        Mode mode = Mode::unknown;
        bool masked = false;   // for certain
        bool unmasked = false; // for certain
        u32 vector = 0;        // 0: not known, or none that may be sent
    };
    struct Place {
        u64 time = 0; // ns
        u64 line = 0;
    };

    const Entry& entry() const { return entry_; }
    void set_entry(const Entry& entry);
    // The initial count was written; `divisor`: 0 if it is not known.
    void start(u32 count, u32 divisor, Place at);
    // IA32_TSC_DEADLINE was written.
    void start_deadline(u64 deadline, Place at);
    void divisor_was_written();
    void tsc_was_written() {
        tsc_.forget();
        if (entry_.mode == Mode::deadline) is_awaited_ = false;
    }
    // Userspace may have reset the vCPU, so that nothing need fire; its next entry may tell that it has not.
    void may_be_stopped() { may_be_stopped_ = true; }
    void was_not_stopped() { may_be_stopped_ = false; }
    // All may be otherwise: INIT, a reset, a state that was loaded, lost events.
    void forget();

    // The entry's vector was accepted; `by_timer`: from no other source.
    std::optional<TimerFault> fired(u32 vector, Place at, bool by_timer);
    // The current count was read.
    std::optional<TimerFault> count_read(u32 count, Place at);
    // IA32_TSC_DEADLINE reads 0: nothing is armed.
    void reads_no_deadline(Place at);
    // The deadline's interrupt that came early (TimerFault::early) did so for certain: by those before it and
    // behind it the TSC went on as ever. True once.
    bool early_is_confirmed() { return std::exchange(early_is_confirmed_, false); }
    // A word of IRR (`irr`) or ISR was read; `enabled`: the APIC accepts interrupts for certain.
    std::optional<TimerFault> shown(bool irr, u32 word, u32 value, bool enabled);
    // An interrupt ended, or was taken: what IRR and ISR show next tells nothing of the timer.
    void interrupt_ended() { ended_since_start_ = true; }
    // The guest runs again after the start: what an earlier one has left KVM has delivered before.
    void goes_on(u64 line) {
        if (line > start_.line) may_fire_ = std::min(may_fire_, is_started_ ? 1U : 0U);
    }
    // The guest is entered, or makes an access: whether it should have fired by then.
    bool is_due(u64 time) {
        if (!is_awaited_ || may_be_stopped_) return false;
        const u64 pause = time > last_run_ ? time - last_run_ : 0;
        last_run_ = time;
        if (pause > longest_pause_ns) bound_ += pause; // the host may have slept
        return time >= bound_;
    }
    // It is due. `enabled`: the APIC accepts interrupts for certain; `accepts_shown`: every acceptance is in
    // the recording.
    std::optional<TimerFault> overdue(bool enabled, bool accepts_shown);
    // The deadline is over for certain: 6E0H reads 0.
    bool is_deadline_over() const { return entry_.mode == Mode::deadline && is_over_; }

  private:
    // So long, and so many entries, a timer that is due may still be delayed by the host.
    static constexpr u64 longest_delay_ns = 20'000'000;
    static constexpr unsigned most_entries = 4;
    // ... or fewer, if the delay is over once more.
    static constexpr unsigned fewest_entries = 2;
    static constexpr u64 longest_pause_ns = 1'000'000'000;
    // A count that has reached 0 has done so before it is read.
    static constexpr u64 shortest_delay_ns = 1'000'000;
    // A start and its interrupt so near to each other tell little of the rate.
    static constexpr u64 shortest_sample_ns = 100'000;
    // No APIC timer counts slower than this, undivided: a tenth of the slowest bus.
    static constexpr u64 slowest_ns_a_tick = 100;
    static constexpr u32 greatest_divisor = 128;
    // None counts faster than this, undivided: KVM's and QEMU's count nanoseconds, a CPU's its bus or crystal
    // clock.
    static constexpr u64 fastest_ticks_a_ns = 1;

    void started(Place at);
    void stopped(Place at);
    void learn(u64 count, u64 ns);
    std::optional<TimerFault> count_changes(u32 count, Place at);
    void ran_out(Place at);
    std::optional<TimerFault> met_deadline(Place at);
    std::optional<TimerFault> early(Rule rule, u64 times, Place at) const;
    void expect(u64 time);
    std::optional<u64> time_due(u64 from) const;
    void is_accepted();
    TimerFault fault(TimerFault::What what, Rule rule, u64 line) const;

    Entry entry_;
    Place start_;
    bool is_started_ = false;
    u32 count_ = 0;   // the initial one
    u32 divisor_ = 0; // 0: not known
    u64 deadline_ = 0;
    bool was_masked_ = false;        // at some time since it was started, perhaps
    bool ended_since_start_ = false; // an interrupt
    bool is_over_ = false;           // it has fired for certain, and is not started again by itself
    unsigned may_fire_ = 0;      // so often it may fire yet; of a periodic one: before it does for certain
    bool count_is_kept_ = false; // may_fire_ is known
    u64 fired_line_ = 0;
    u64 fired_time_ = 0; // of a periodic one
    u64 periods_ = 0;    // of a periodic one: how often it has fired for certain
    // Reads of the count: the last one, and of a one-shot count the lowest.
    u32 last_count_ = 0;
    u64 last_count_time_ = 0;
    u32 lowest_count_ = 0;
    Place lowest_at_;            // line 0: not read
    bool counts_evenly_ = false; // the divisor is the one that it was started with
    Place reached_zero_;         // line 0: not seen
    bool irr_was_clear_ = false; // since then
    // By when it must have fired.
    bool is_awaited_ = false;
    bool may_be_stopped_ = false; // while it is awaited
    u64 bound_ = 0;
    u64 last_run_ = 0;
    unsigned entries_since_ = 0;
    // Ticks in 65,536 ns, two samples: the lower is the rate that is used. Of the undivided clock, or, as
    // long as the divisor is not known, of the divided one.
    std::array<u64, 2> rates_{};
    bool rates_are_divided_ = false;
    DeadlineLine tsc_;
    bool came_early_ = false; // by that line; the next one confirms it
    bool early_is_confirmed_ = false;
};

} // namespace lapicheck::checker
