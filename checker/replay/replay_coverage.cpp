// Which host CPUs and threads a recording shows. What is missing leaves no mark where a CPU's buffer was
// full, where each CPU's was read by itself, or where some threads were recorded alone.
#include <algorithm>

#include "checker/replay/replay.hpp"

namespace lapicheck::checker {
namespace {

// How long a thread stays on a CPU at least; clocks of CPUs that are not in step differ by less.
constexpr u64 shortest_stay_ns = 300'000;
constexpr u64 shortest_stay_ticks = 1'000'000;

} // namespace

// One that is back at once was not away: the CPUs' clocks differ, and what it did on both stands in another
// order.
void Replay::move(Thread& thread, u32 cpu, u64 time) {
    const u64 shortest_stay = clock_in_seconds_ ? shortest_stay_ns : shortest_stay_ticks;
    if (thread.cpu_before == cpu && time < thread.moved_at + shortest_stay) {
        thread.acceptances.on_lost();
        thread.jumbled_line = thread.last_line + 1;
        for (auto& vcpu : thread.vcpus) {
            note_withdrawn(findings_.withdraw_of(vcpu->thread(), thread.line_before_move));
            lose_track_of(*vcpu);
        }
    } else {
        thread.line_before_move = thread.last_line;
    }
    thread.cpu_before = thread.last_cpu;
    thread.moved_at = time;
}

// A guest that is entered elsewhere than where it was left has run meanwhile on a CPU whose events are
// missing. Where it starts anew, by a SIPI or a reset, it is in real mode.
void Replay::note_where_guest_goes_on(const Thread& thread, u64 rip, bool goes_on) {
    if (thread.exit_rip == traces::no_rip) return;
    if (!shows_where_guests_go_on_) shows_where_guests_go_on_ = true;
    constexpr u64 real_mode = 0x10000;
    if (goes_on || has_run_unseen_ || rip < real_mode) return;
    has_run_unseen_ = thread.boundary_line < thread.last_away_line;
}

// Whether a host CPU has no event, and guests may have run there: one on which none ran has none, either.
bool Replay::lacks_cpu() const {
    const auto cpus =
        static_cast<u64>(std::ranges::count_if(lines_of_cpu_, [](CpuLines of) { return of.count != 0; }));
    if (host_cpus_ != 0 && cpus >= host_cpus_) return false;
    return has_run_unseen_ || (host_cpus_ != 0 && !shows_where_guests_go_on_);
}

// A buffer that was full before the others' holds as many events as they do, or not many less: events differ
// in size. Of one CPU alone it is not known where its threads were in between.
u64 Replay::line_to_which_all_cpus_are_seen() const {
    constexpr u64 most_difference = 4;
    constexpr u64 fewest = 32; // a buffer has two pages at least
    u64 most = 0;
    for (const CpuLines& lines : lines_of_cpu_) most = std::max(most, lines.count);
    u64 to = ~u64{0};
    u64 cpus = 0;
    for (const CpuLines& lines : lines_of_cpu_) {
        cpus += lines.count != 0 ? 1U : 0U;
        if (lines.count >= std::max(most / most_difference, fewest)) to = std::min(to, lines.last);
    }
    return (cpus == 1 && host_cpus_ != 1) || lacks_cpu() ? first_line_ : to;
}

// Whether each APIC that accepts interrupts is a vCPU's that shows itself: else not all threads are recorded,
// and those that are not may have sent interrupts, too. The APIC with ID 0 every machine has.
bool Replay::shows_all_vcpus() const {
    u64 vcpus = 0;
    bool may_be_first = false;
    for (const auto& [id, thread] : threads_)
        for (const auto& vcpu : thread.vcpus) {
            ++vcpus;
            may_be_first = may_be_first || vcpu->may_be(0);
        }
    std::bitset<256> expected = accepting_;
    expected.set(0);
    return vcpus >= expected.count() && may_be_first;
}

} // namespace lapicheck::checker
