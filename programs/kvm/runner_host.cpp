// What happens between the guest's steps: interrupts that are taken, INIT and SIPI that take effect,
// and the host's actions.
#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "model/registers.hpp"
#include "programs/kvm/runner.hpp"

namespace lapicheck::programs {
namespace {

using model::offset_of;
using model::Reg;
using std::chrono::microseconds;
using std::chrono::steady_clock;

// A vCPU in HLT that can go on does so at once; one that cannot costs this much at each step.
constexpr microseconds wake_bound{500};
constexpr microseconds slice{100};
// So late may the host's timer be, where others have its CPU.
constexpr microseconds latest_vector{50'000};
// How often a vCPU that takes interrupts is let in for more interrupts after one step: a guard against a KVM
// that delivers without end.
constexpr int most_rounds = 1024;

constexpr std::uint64_t msi_base = 0xfee0'0000;
constexpr std::uint32_t msi_level = 0xc000; // level triggered, asserted
constexpr std::uint32_t mode_init = 0x500;
constexpr std::uint32_t delivery_mode = 0x700;

// SDM Vol. 3A, 10.11.1 Message Address Register Format; the upper half as KVM_X2APIC_API has it.
std::uint64_t address_of(std::uint32_t apic_id) {
    return msi_base | (std::uint64_t{apic_id} & 0xff) << 12 |
           (std::uint64_t{apic_id} & ~std::uint64_t{0xff}) << 32;
}

} // namespace

// ---- interrupts

// `batch`: the one that the vCPU carries out, whose steps are known by their slots; else all is of `step`.
bool KvmRunner::collect_taken(std::size_t vcpu, std::size_t step, const Batch* batch) {
    guest::Area& area = memory_.area(vcpu);
    const std::uint32_t count = area.log_count;
    const std::uint32_t kept = std::min<std::uint32_t>(count, guest::log_entries);
    for (std::uint32_t i = count - kept; i < count; ++i) {
        const guest::LogEntry& entry = area.log[i % guest::log_entries];
        std::size_t of = step;
        if (batch != nullptr) {
            const auto slot = (entry.slot - guest::Memory::slot_address(vcpu, 0)) / sizeof(guest::Slot);
            of = std::min<std::size_t>(batch->first + slot, step);
        }
        outcomes_[of].taken.push_back(
            {static_cast<std::uint32_t>(vcpu), static_cast<std::uint8_t>(entry.vector)});
    }
    area.log_count = 0;
    return count != 0;
}

void KvmRunner::let_take(std::size_t vcpu, std::size_t step) {
    RunningVcpu& v = vcpus_[vcpu];
    settled_ = step;
    if (v.halted) {
        deadline_.set(wake_bound);
        const Out out = come_out(vcpu, nullptr);
        collect_taken(vcpu, step, nullptr);
        if (out != Out::sync) return;
        v.halted = false;
    }
    deadline_.set_at_least(stuck_after);
    // KVM looks for interrupts when something asks it to, which an APIC that is enabled again does not.
    v.kvm.set_mp_state(KVM_MP_STATE_RUNNABLE);
    const int rounds = v.interrupts_enabled ? most_rounds : 1;
    for (int round = 0; round < rounds; ++round) {
        const Out out = come_out(vcpu, nullptr);
        if (!collect_taken(vcpu, step, nullptr) || out == Out::stopped) break;
    }
}

void KvmRunner::settle(std::size_t step, bool everyone, std::optional<std::size_t> busy) {
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        RunningVcpu& v = vcpus_[i];
        if (i == busy || !v.stopped.empty() || !(v.interrupts_enabled || v.halted || (everyone && v.parked)))
            continue;
        let_take(i, step);
        if (!v.stopped.empty())
            outcomes_[step].end(Ending::stopped_after, fmt::format("vCPU {}: {}", i, v.stopped));
    }
}

// ---- INIT and SIPI

void KvmRunner::restart(std::size_t vcpu) {
    RunningVcpu& v = vcpus_[vcpu];
    v.kvm.enter_guest_mode();
    v.kvm.set_mp_state(KVM_MP_STATE_RUNNABLE);
    v.parked = v.interrupts_enabled = v.halted = v.waits_for_sipi = v.timer_started = false;
    memory_.area(vcpu).log_count = 0;
}

void KvmRunner::notice_restarts(std::size_t step) {
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        RunningVcpu& v = vcpus_[i];
        if (!v.stopped.empty()) continue;
        const auto number = static_cast<std::uint32_t>(i);
        const std::uint32_t state = v.kvm.mp_state();
        if (state == KVM_MP_STATE_INIT_RECEIVED || state == KVM_MP_STATE_UNINITIALIZED) {
            if (!v.waits_for_sipi) outcomes_[step].restarted.push_back({number, {}});
            v.waits_for_sipi = true;
            v.parked = v.interrupts_enabled = v.halted = false;
        } else if (const auto real_mode = v.kvm.in_real_mode()) {
            outcomes_[step].restarted.push_back({number, real_mode->sipi_vector});
            restart(i);
        }
    }
}

// ---- the host's actions

void KvmRunner::act(std::size_t step) {
    const Step& action = program_->steps[step];
    StepOutcome& outcome = outcomes_[step];
    const KvmVcpu& kvm = vcpus_[action.vcpu].kvm;
    try {
        switch (action.what) {
        case Do::reset: reset(action.vcpu); break;
        case Do::init: init(action.vcpu, outcome); break;
        case Do::save_load: kvm.save_and_load(); break;
        case Do::interrupt: interrupt(action); break;
        case Do::msi: vm_.signal_msi(action.address, static_cast<std::uint32_t>(action.value)); break;
        case Do::wait: wait(step); break;
        case Do::timer_expires: await_timer(step); break;
        case Do::message:
        case Do::take_interrupt:
        case Do::hardware:
            outcome.end(Ending::not_run, "KVM has no interface for this; run it on model:NAME");
            return;
        default: break;
        }
        const auto mode = static_cast<std::uint32_t>(action.value) & delivery_mode;
        // An INIT reaches all that have this vCPU's APIC ID.
        const bool reaches_closed =
            (action.what == Do::msi && (mode & 0x600) != 0) || action.what == Do::init;
        if (reaches_closed) notice_restarts(step);
        settle(step, reaches_closed);
    } catch (const KvmRefused& refused) {
        outcome.end(Ending::stopped, refused.what());
    }
}

void KvmRunner::reset(std::size_t vcpu) {
    vcpus_[vcpu].kvm.reset_apic();
    vcpus_[vcpu].stopped.clear();
    restart(vcpu);
}

bool KvmRunner::reset() {
    try {
        for (std::size_t i = 0; i < vcpus_.size(); ++i) reset(i);
        return true;
    } catch (const KvmRefused&) {
        return false;
    }
}

void KvmRunner::init(std::size_t vcpu, StepOutcome& outcome) {
    RunningVcpu& v = vcpus_[vcpu];
    vm_.signal_msi(address_of(v.kvm.apic_id()), mode_init);
    const std::uint32_t state = v.kvm.mp_state();
    if (state != KVM_MP_STATE_INIT_RECEIVED && !v.kvm.in_real_mode()) {
        outcome.end(Ending::not_run, "KVM delivered the INIT to no vCPU");
        return;
    }
    outcome.restarted.push_back({static_cast<std::uint32_t>(vcpu), {}});
    v.stopped.clear();
    restart(vcpu);
}

void KvmRunner::interrupt(const Step& step) {
    vm_.signal_msi(address_of(vcpus_[step.vcpu].kvm.apic_id()), step.vector | (step.level ? msi_level : 0));
}

// Slices, so that a vCPU that takes interrupts takes a periodic timer's interrupts one by one.
void KvmRunner::wait(std::size_t step) {
    const auto end = steady_clock::now() + microseconds(program_->steps[step].value);
    for (auto now = steady_clock::now(); now < end; now = steady_clock::now()) {
        std::this_thread::sleep_for(std::min<steady_clock::duration>(slice, end - now));
        settle(step);
    }
}

// The timer has fired when a count has run out or begun again, the deadline is cleared, or its vector is
// pending or taken. KVM does that work on entry into the guest, hence the vCPU is let in.
void KvmRunner::await_timer(std::size_t step) {
    const std::size_t vcpu = program_->steps[step].vcpu;
    RunningVcpu& v = vcpus_[vcpu];
    const auto vector_pending = [](const kvm_lapic_state& lapic) {
        const std::uint32_t vector = register_of(lapic, offset_of(Reg::lvt_timer)) & 0xff;
        return (register_of(lapic, offset_of(Reg::irr0) + vector / 32 * 0x10) >> (vector % 32) & 1) != 0;
    };
    const kvm_lapic_state before = v.kvm.lapic();
    const bool deadline_mode = (register_of(before, offset_of(Reg::lvt_timer)) & model::lvt::timer_mode) ==
                               model::lvt::timer_deadline;
    const bool was_pending = vector_pending(before);
    // The count is 0 when its time has come, be the host's own timer late or not: that brings the vector.
    const bool brings_vector =
        (register_of(before, offset_of(Reg::lvt_timer)) & model::lvt::mask) == 0 && !was_pending;
    auto end = steady_clock::now() + bounds_.timer;
    bool ran_out = false;
    const std::uint32_t initial = register_of(before, offset_of(Reg::initial_count));
    std::uint32_t count = register_of(before, offset_of(Reg::current_count));
    if (deadline_mode ? v.kvm.tsc_deadline() == 0 : initial == 0 || count == 0) {
        // Since it was started: what it brought still waits, if interrupts are closed.
        const bool fired = v.timer_started && !v.interrupts_enabled && (deadline_mode || initial != 0);
        v.timer_started = false;
        if (!fired) outcomes_[step].end(Ending::not_run, "the timer does not run, or has fired already");
        if (!fired || !brings_vector) return;
        ran_out = true;
        end = steady_clock::now() + latest_vector;
    }
    v.timer_started = false;
    while (steady_clock::now() < end) {
        std::this_thread::sleep_for(slice);
        settle(step);
        const kvm_lapic_state now = v.kvm.lapic();
        const std::uint32_t next = register_of(now, offset_of(Reg::current_count));
        if ((!was_pending && vector_pending(now)) || !outcomes_[step].taken.empty()) return;
        if (!ran_out && (deadline_mode ? v.kvm.tsc_deadline() == 0 : next == 0 || next > count)) {
            if (!brings_vector) return;
            ran_out = true;
            end = std::min(end, steady_clock::now() + latest_vector);
        }
        count = next;
    }
    if (!ran_out)
        outcomes_[step].end(Ending::stopped, fmt::format("the timer did not fire within {} microseconds",
                                                         bounds_.timer.count()));
}

} // namespace lapicheck::programs
