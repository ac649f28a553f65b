// Which interrupts are a timer's: KVM shows that one was accepted, in the thread of who sent it, and not by
// whom. What a vCPU's own thread accepts, and no command, MSI or hypercall of the same exit has sent, came
// from its local vector table.
#include "checker/replay/replay.hpp"

namespace lapicheck::checker {

using traces::Event;
using traces::ExitReason;
using traces::GuestAccess;

void Replay::note_timer_vector(const Event& accepted, bool is_own) {
    constexpr std::size_t most = 16;
    const auto vector = static_cast<u32>(accepted.value & 0xff);
    if (is_own) {
        Thread& thread = thread_of(accepted.thread);
        if (thread.own_acceptances.size() < most) thread.own_acceptances.push_back(accepted);
        return;
    }
    if (!timer_vectors_[vector]) return;
    for_each_vcpu([&](ReplayedVcpu& vcpu) {
        if (vcpu.timer_vector() == vector && vcpu.may_be(accepted.where)) vcpu.is_sent(vector);
    });
}

void Replay::tell_own_acceptances(Thread& thread, bool by_timer) {
    if (thread.current != nullptr && thread.vcpus.size() == 1) {
        for (const Event& accepted : thread.own_acceptances)
            take(thread, *thread.current,
                 thread.current->accepts_own(as_access(accepted), static_cast<u32>(accepted.value & 0xff),
                                             by_timer && clock_in_seconds_));
    }
    thread.own_acceptances.clear();
}

// kvm_exit, or kvm_entry where no exits are recorded.
void Replay::exit_begins(Thread& thread, const Event& event) {
    tell_timer(thread, !thread.may_send && !thread.must_show_access);
    const auto reason = static_cast<ExitReason>(event.kind == traces::EventKind::exit ? event.value2 : 0);
    thread.may_send =
        reason == ExitReason::io || reason == ExitReason::hypercall || reason == ExitReason::apic_accelerated;
    thread.must_show_access = reason == ExitReason::msr || reason == ExitReason::mmio;
}

void Replay::timer_is_due(Thread& thread, const GuestAccess& shown_by) {
    take(thread, *thread.current, thread.current->timer_has_not_fired(shown_by, visible_));
}

} // namespace lapicheck::checker
