#include "programs/kvm/runner.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "model/registers.hpp"

namespace lapicheck::programs {
namespace {

using model::offset_of;
using model::Reg;

bool is_guests_own(const Step& step) { return step.what < Do::wait; }
bool is_mmio(const Step& step) { return step.what == Do::mmio_read || step.what == Do::mmio_write; }
bool is_read(const Step& step) {
    return step.what == Do::mmio_read || step.what == Do::rdmsr || step.what == Do::cr8_read;
}

// The register of the window, by its offset, that the step writes in either mode; else none.
std::optional<std::uint64_t> written_offset(const Step& step) {
    if (step.what == Do::wrmsr && step.address >= 0x800 && step.address < 0x840)
        return (step.address - 0x800) << 4;
    if (step.what == Do::mmio_write) return step.address & 0xff0; // wherever the window is
    return std::nullopt;
}

// After which INIT or SIPI may have restarted a vCPU, or an NMI may come to one whose interrupts are
// closed: a write of the ICR with such a delivery mode, or of another size than the APIC's, of which
// nobody knows what KVM makes.
bool reaches_closed(const Step& step) {
    const bool fixed_or_lowest = (step.value & 0x600) == 0;
    return written_offset(step) == offset_of(Reg::icr) &&
           (!fixed_or_lowest || (step.what == Do::mmio_write && step.size != 4));
}

// KVM turns an expiry into an interrupt only when it enters the guest anew.
bool may_expire_timer(const Step& step) {
    const auto offset = written_offset(step);
    return (step.what == Do::wrmsr && step.address == model::tsc_deadline_msr) ||
           offset == offset_of(Reg::lvt_timer) || offset == offset_of(Reg::initial_count) ||
           offset == offset_of(Reg::dcr);
}

bool starts_timer(const Step& step) {
    const bool by_deadline = step.what == Do::wrmsr && step.address == model::tsc_deadline_msr;
    return (by_deadline || written_offset(step) == offset_of(Reg::initial_count)) && step.value != 0;
}

bool may_enable(const Step& step) { return step.what == Do::wrmsr && step.address == model::apic_base::msr; }

bool ends_batch(const Step& step) {
    return may_enable(step) || step.what == Do::enable_interrupts || step.what == Do::disable_interrupts ||
           is_halt(step.what) || reaches_closed(step) || may_expire_timer(step);
}

// `state`: of a KVM_RUN that returned 0 and that the guest's code does not explain.
std::string exit_text(const kvm_run& state, std::uint64_t rip) {
    switch (state.exit_reason) {
    case KVM_EXIT_INTERNAL_ERROR: {
        const bool emulation = state.internal.suberror == KVM_INTERNAL_ERROR_EMULATION;
        return fmt::format("KVM_EXIT_INTERNAL_ERROR, suberror {}{}, at RIP {:#x}", state.internal.suberror,
                           emulation ? " (KVM cannot emulate an instruction)" : "", rip);
    }
    case KVM_EXIT_FAIL_ENTRY:
        return fmt::format("KVM_EXIT_FAIL_ENTRY, hardware reason {:#x}",
                           std::uint64_t{state.fail_entry.hardware_entry_failure_reason});
    case KVM_EXIT_SHUTDOWN: return "KVM_EXIT_SHUTDOWN (triple fault)";
    default: return fmt::format("unexpected KVM exit reason {}, at RIP {:#x}", state.exit_reason, rip);
    }
}

std::uint64_t mask_of(const Step& step) {
    const unsigned bits = is_mmio(step) ? 8U * step.size : 64U;
    return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

} // namespace

KvmRunner::KvmRunner(const Machine& machine, const KvmBounds& bounds)
    : machine_(machine), bounds_(bounds), vm_(machine), memory_(vm_.ram()) {
    for (const std::uint32_t id : machine.apic_ids) {
        vcpus_.push_back({KvmVcpu(vm_, id), {}});
        if (!deadline_.admit(vcpus_.back().kvm.fd()))
            throw KvmRefused(
                fmt::format("KVM_SET_SIGNAL_MASK failed: {}", std::generic_category().message(errno)));
    }
    // As userspace does before the first KVM_RUN; without it there are KVMs that hold back an INIT.
    for (const RunningVcpu& vcpu : vcpus_) vcpu.kvm.reset_apic();
    found_ = look();
}

Found KvmRunner::look() const {
    constexpr std::uint32_t version_offset = 0x30;
    Found found;
    found.amd = vm_.is_amd();
    found.module = kvm_module();
    utsname names{};
    if (uname(&names) == 0) found.kernel = names.release;
    found.maxphyaddr = vm_.maxphyaddr();
    found.starts_disabled = (vcpus_.front().kvm.apic_base() & model::apic_base::enable) == 0;
    for (const RunningVcpu& vcpu : vcpus_)
        found.versions.push_back(register_of(vcpu.kvm.lapic(), version_offset));
    return found;
}

std::vector<StepOutcome> KvmRunner::run(const Program& program) {
    program_ = &program;
    outcomes_.assign(program.steps.size(), {});
    for (std::size_t next = 0; next < program_->steps.size();) {
        if (is_guests_own(program_->steps[next])) {
            next = run_batch(next);
        } else {
            act(next);
            ++next;
        }
    }
    return std::move(outcomes_);
}

bool KvmRunner::can_run(std::size_t vcpu, StepOutcome& outcome) const {
    const RunningVcpu& v = vcpus_[vcpu];
    if (!v.stopped.empty())
        outcome.end(Ending::not_run, fmt::format("vCPU {} has stopped: {}", vcpu, v.stopped));
    else if (v.waits_for_sipi) outcome.end(Ending::not_run, fmt::format("vCPU {} waits for a SIPI", vcpu));
    else if (v.halted) outcome.end(Ending::not_run, fmt::format("vCPU {} is in HLT", vcpu));
    return outcome.is_done();
}

bool KvmRunner::may_touch(const Step& step, StepOutcome& outcome) const {
    if (is_mmio(step) && step.size > 8) {
        outcome.end(Ending::not_run,
                    fmt::format("the guest's accesses have 1, 2, 4 or 8 bytes, not {}", step.size));
        return false;
    }
    if (!is_mmio(step) || !guest::Memory::holds(step.address, step.size)) return true;
    outcome.end(Ending::not_run, fmt::format("{:#x} lies in the guest's own memory, {:#x}-{:#x}",
                                             step.address, guest::base, guest::base + guest::ram_bytes - 1));
    return false;
}

// Whether what a step of this vCPU sends may be taken at once, by another or by itself.
bool KvmRunner::someone_listens(std::size_t vcpu) const {
    for (std::size_t i = 0; i < vcpus_.size(); ++i)
        if (vcpus_[i].interrupts_enabled || (i != vcpu && vcpus_[i].halted)) return true;
    return false;
}

KvmRunner::Batch KvmRunner::write_batch(std::size_t first) {
    const std::size_t vcpu = program_->steps[first].vcpu;
    const bool sync_each = someone_listens(vcpu);
    Batch batch{vcpu, first, guest::BatchCode(memory_, vcpu), {}};
    for (std::size_t i = first; i < program_->steps.size() && batch.code.size() < guest::batch_steps; ++i) {
        const Step& step = program_->steps[i];
        if (step.vcpu != vcpu || !is_guests_own(step) || !may_touch(step, outcomes_[i])) break;
        if (!batch.code.add(step)) {
            outcomes_[i].end(Ending::not_run, "the program accesses too many 2-MiB pages; split it");
            break;
        }
        if (ends_batch(step)) break;
        if (sync_each && !is_read(step)) { // a read sends nothing
            batch.code.add_sync();
            batch.syncs.push_back(i);
        }
    }
    if (batch.code.size() == 0) return batch;
    batch.syncs.push_back(batch.last());
    batch.code.finish();
    return batch;
}

// Returns the step to go on with.
std::size_t KvmRunner::run_batch(std::size_t first) {
    if (!can_run(program_->steps[first].vcpu, outcomes_[first])) return first + 1;
    Batch batch = write_batch(first);
    if (batch.code.size() == 0) return first + 1; // the step was refused
    execute(batch);
    return first + batch.code.size();
}

void KvmRunner::execute(Batch& batch) {
    RunningVcpu& v = vcpus_[batch.vcpu];
    v.kvm.go_to(guest::Memory::area_address(batch.vcpu), guest::Memory::slot_address(batch.vcpu, 0),
                guest::Memory::stack_top(batch.vcpu), v.interrupts_enabled);
    const bool halts = is_halt(program_->steps[batch.last()].what);
    for (std::size_t next = 0; next < batch.syncs.size();) {
        const bool last = next + 1 == batch.syncs.size();
        if (last && halts) deadline_.set(bounds_.halt);
        else deadline_.set_at_least(stuck_after);
        const Out out = come_out(batch.vcpu, &batch);
        if (out == Out::late && last && halts) {
            v.halted = outcomes_[batch.last()].halted = true;
        } else if (out != Out::sync) {
            if (out == Out::late) v.stopped = "no exit from the guest in time";
            return abandon(batch, step_at(batch));
        } else if (memory_.area(batch.vcpu).synced != next) {
            collect_taken(batch.vcpu, batch.syncs[next], &batch); // after the sync point before
            continue;
        }
        finish_step(batch, batch.syncs[next++]);
    }
    for (std::size_t step = batch.first; step <= batch.last(); ++step) read_slot(batch, step);
}

// The sync point after `step` is reached.
void KvmRunner::finish_step(const Batch& batch, std::size_t step) {
    RunningVcpu& v = vcpus_[batch.vcpu];
    collect_taken(batch.vcpu, step, &batch);
    const Step& done = program_->steps[step];
    if (enables_interrupts(done.what)) v.interrupts_enabled = true;
    if (done.what == Do::disable_interrupts) v.interrupts_enabled = false;
    v.parked = true;
    if (may_expire_timer(done)) {
        const guest::Slot& slot = memory_.area(batch.vcpu).slots[step - batch.first];
        v.timer_started = starts_timer(done) && slot.gp == 0;
    }
    if (reaches_closed(done)) notice_restarts(step);
    const auto busy = step == batch.last() ? std::nullopt : std::optional{batch.vcpu};
    settle(step, reaches_closed(done) || may_expire_timer(done), busy);
}

void KvmRunner::read_slot(const Batch& batch, std::size_t step) {
    const guest::Slot& slot = memory_.area(batch.vcpu).slots[step - batch.first];
    StepOutcome& outcome = outcomes_[step];
    outcome.gp = slot.gp != 0 && slot.fault == 0;
    if (slot.fault != 0) outcome.end(Ending::stopped, fmt::format("exception {} in the guest", slot.fault));
    else if (is_read(program_->steps[step]) && !outcome.gp)
        outcome.value = slot.value & mask_of(program_->steps[step]);
}

// The vCPU stopped at `from`: what came before is done, the rest of the batch is not.
void KvmRunner::abandon(const Batch& batch, std::size_t from) {
    const std::string& reason = vcpus_[batch.vcpu].stopped;
    for (std::size_t step = batch.first; step < from; ++step) read_slot(batch, step);
    outcomes_[from].end(Ending::stopped, reason);
    for (std::size_t step = from + 1; step <= batch.last(); ++step) can_run(batch.vcpu, outcomes_[step]);
}

// The step whose slot the guest had in RDI.
std::size_t KvmRunner::step_at(const Batch& batch) const {
    const std::uint64_t slot = vcpus_[batch.vcpu].kvm.slot();
    const std::uint64_t begin = guest::Memory::slot_address(batch.vcpu, 0);
    const std::uint64_t index = slot < begin ? 0 : (slot - begin) / sizeof(guest::Slot);
    return batch.first + std::min<std::uint64_t>(index, batch.code.size() - 1);
}

void KvmRunner::on_mmio(const Batch* batch, kvm_run& state) {
    if (state.mmio.is_write == 0) std::memset(state.mmio.data, 0xff, sizeof state.mmio.data);
    if (batch != nullptr) outcomes_[step_at(*batch)].mmio_exit = true;
}

// The step whose slot the guest has in RDI, or the one after which it takes interrupts.
void KvmRunner::on_eoi(std::size_t vcpu, const Batch* batch, std::uint8_t vector) {
    const std::size_t step = batch != nullptr ? step_at(*batch) : settled_;
    outcomes_[step].eois.push_back({static_cast<std::uint32_t>(vcpu), vector});
}

// An exception other than #GP: the guest goes on behind the step.
void KvmRunner::on_fault(const Batch& batch) {
    const std::size_t step = step_at(batch);
    const std::size_t index = step - batch.first;
    const RunningVcpu& v = vcpus_[batch.vcpu];
    v.kvm.go_to(batch.code.end_of(index), guest::Memory::slot_address(batch.vcpu, index),
                guest::Memory::stack_top(batch.vcpu), v.interrupts_enabled);
}

// Lets the vCPU run until there is something to do for the runner. `batch`: what it carries out; none
// while it only takes interrupts.
KvmRunner::Out KvmRunner::come_out(std::size_t vcpu, const Batch* batch) {
    RunningVcpu& v = vcpus_[vcpu];
    while (true) {
        const int fault = v.kvm.run();
        kvm_run& state = v.kvm.run_state();
        if (fault == 0 && state.exit_reason == KVM_EXIT_FAIL_ENTRY && !v.entered)
            throw KvmRefused("KVM cannot enter the guest: " + exit_text(state, v.kvm.rip()));
        v.entered = v.entered || fault == 0;
        if (fault == EINTR || fault == EAGAIN) {
            if (deadline_.passed()) return Out::late;
        } else if (fault != 0) {
            v.stopped = fmt::format("KVM_RUN: {}", std::generic_category().message(fault));
            return Out::stopped;
        } else if (state.exit_reason == KVM_EXIT_IO && state.io.port == guest::port_sync) {
            return Out::sync;
        } else if (state.exit_reason == KVM_EXIT_IO && state.io.port == guest::port_fault &&
                   batch != nullptr) {
            on_fault(*batch);
        } else if (state.exit_reason == KVM_EXIT_MMIO) {
            on_mmio(batch, state);
        } else if (state.exit_reason == KVM_EXIT_IOAPIC_EOI) {
            on_eoi(vcpu, batch, state.eoi.vector);
        } else if (state.exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN || state.exit_reason == KVM_EXIT_INTR) {
            continue;
        } else {
            v.stopped = exit_text(state, v.kvm.rip());
            return Out::stopped;
        }
    }
}

} // namespace lapicheck::programs
