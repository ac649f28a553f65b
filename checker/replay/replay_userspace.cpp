// What userspace does with vCPUs, as its ioctls tell: which of them a thread runs, which state it sets.
#include <utility>

#include "checker/replay/replay.hpp"
#include "traces/kvm_ioctls.hpp"

namespace lapicheck::checker {

using traces::Event;
namespace ioctls = traces::ioctls;

void Replay::on_ioctl(Thread& thread, const Event& event) {
    thread.in_userspace = true;
    shows_ioctls_ = true;
    if (event.where == ioctls::run) on_run(thread, event.thread, event.value);
    else if (event.where == ioctls::create_vcpu) on_create_vcpu(thread);
    else on_state_set(thread, event);
}

// From here on the thread runs the vCPU that was opened as `descriptor`. Where kvm_entry names vCPUs, the
// next one says which that is.
void Replay::on_run(Thread& thread, u32 id, u64 descriptor) {
    const bool stale = std::exchange(thread.run_fd_stale, false);
    thread.shows_runs = true;
    // Whatever userspace has sent in this thread it has sent before.
    tell_timer(thread, !thread.may_send);
    thread.may_send = false;
    restore_order_.runs(id, descriptor, machines_);
    if (thread.current != nullptr && thread.current->number() >= 0) {
        thread.run_fd = descriptor;
        return;
    }
    if (thread.run_fd == descriptor && !stale) return;
    const bool first = thread.run_fd == no_id;
    if (!first && thread.run_fd_guessed) forget_turns(thread, id);
    // All that was seen since the gap was one vCPU's, but maybe not that one's.
    if (stale)
        for (auto& vcpu : thread.vcpus) lose_track_of(*vcpu);
    thread.run_fd_guessed = first && !thread.vcpus.empty();
    thread.run_fd = descriptor;
    thread.current = nullptr;
    for (auto& vcpu : thread.vcpus) {
        if (!vcpu->may_be_opened_as(descriptor)) continue;
        vcpu->opened_as(descriptor);
        thread.current = vcpu.get();
        break;
    }
}

// What was seen of the thread's vCPUs may have been another's.
void Replay::forget_turns(Thread& thread, u32 id) {
    note_withdrawn(findings_.withdraw_of(id));
    for (auto& vcpu : thread.vcpus) lose_track_of(*vcpu);
}

// A program that makes one virtual machine after the other gets the same descriptors again.
void Replay::on_create_vcpu(Thread& thread) {
    if (thread.run_fd == no_id) return;
    for (auto& vcpu : thread.vcpus) retire(*vcpu);
    thread.vcpus.clear();
    index_.forget();
    thread.current = nullptr;
    thread.run_fd = no_id;
    thread.eoi_id = no_id;
}

// By the thread that runs the vCPU, or by another of its process, of which the descriptor alone tells.
void Replay::on_state_set(Thread& thread, const Event& event) {
    restore_order_.is_set(event.thread, event.value, event.where, event.line);
    const auto set = [&](ReplayedVcpu& vcpu) {
        vcpu.catch_up(accepts_, machines_);
        if (event.where == ioctls::set_lapic) vcpu.host_has_loaded();
        else if (event.where == ioctls::set_sregs || event.where == ioctls::set_sregs2)
            vcpu.host_has_set_sregs();
        else if (event.where == ioctls::set_msrs) vcpu.host_has_set_msrs();
    };
    bool is_own = false;
    for (auto& vcpu : thread.vcpus) {
        if (!vcpu->may_be_opened_as(event.value)) continue;
        set(*vcpu);
        is_own = true;
    }
    if (is_own) return;
    for_each_vcpu([&](ReplayedVcpu& vcpu) {
        if (vcpu.descriptor() == event.value) set(vcpu);
    });
}

// `now`: what the trace says of the thread's vCPU, `last`: what it said before. If they differ, another vCPU
// runs. Where kvm_entry names it, that is better.
void Replay::detect_vcpu_switch(Thread& thread, u32 id, u64& last, u64 now) {
    if (thread.run_fd != no_id || (thread.current != nullptr && thread.current->number() >= 0)) return;
    const u64 before = std::exchange(last, now);
    if (before == no_id || before == now || std::exchange(thread.takes_turns, true)) return;
    forget_turns(thread, id);
    note_once(noted_turns_, "a thread runs several vCPUs in turn: what is known of their state is dropped at "
                            "each exit to userspace (kvm_entry and sys_enter_ioctl events would tell "
                            "the vCPUs apart)");
}

} // namespace lapicheck::checker
