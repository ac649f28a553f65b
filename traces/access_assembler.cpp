#include "traces/access_assembler.hpp"

#include <algorithm>
#include <utility>

#include "traces/limits.hpp"

namespace lapicheck::traces {
namespace {

using model::AccessKind;
using model::offset_of;
using model::Reg;

constexpr std::uint64_t window_mask = model::window_bytes - 1;

bool is_apic_msr_window(std::uint64_t index) {
    return index >= model::x2apic_msr_first && index <= model::x2apic_msr_last;
}
// HV_X64_MSR_EOI, HV_X64_MSR_ICR, HV_X64_MSR_TPR
bool is_hyperv_apic_msr(std::uint64_t index) { return index >= 0x4000'0070 && index <= 0x4000'0072; }
std::uint32_t offset_of_msr(std::uint64_t index) {
    return static_cast<std::uint32_t>(index - model::x2apic_msr_first) << 4;
}

void attach_apic(GuestAccess& access, const Event& event) {
    access.reached_apic = true;
    access.apic_offset = static_cast<std::uint32_t>(event.where);
    access.apic_value = event.value;
    access.last_line = std::max(access.last_line, event.line);
}

void attach_consequence(GuestAccess& access, const Event& event) {
    access.last_line = std::max(access.last_line, event.line);
    if (event.kind == EventKind::eoi) {
        access.eoi_line = event.line;
        access.ended_interrupt = true;
        access.eoi_id = event.where;
        access.eoi_vector = event.value;
    } else if (event.kind == EventKind::apic_ipi) {
        ++access.ipis;
        access.ipi_line = event.line;
        access.ipi = event.interrupt;
        access.ipi_vector = event.value;
        access.ipi_destination = event.where;
    }
}

bool is_command(std::uint32_t offset) {
    return offset == offset_of(Reg::icr) || offset == offset_of(Reg::icr_high);
}

// Of the register's MSR.
bool has_consequences(std::uint32_t offset) {
    return offset == offset_of(Reg::icr) || offset == offset_of(Reg::self_ipi) ||
           offset == offset_of(Reg::eoi);
}

// Older kernels write SELF IPI through the ICR and the ICR of x2APIC mode as two words: one WRMSR,
// several kvm_apic events (before 5.18).
bool belongs_to_msr(const Event& event, std::uint32_t offset) {
    if (event.where == offset) return true;
    const auto where = static_cast<std::uint32_t>(event.where);
    return is_command(where) && (offset == offset_of(Reg::icr) || offset == offset_of(Reg::self_ipi));
}

} // namespace

void Assembler::feed(std::span<const Event> events) {
    for (const Event& event : events) {
        if (is_of_thread(event.kind)) {
            take(thread_of(event.thread), event);
        } else if (event.kind == EventKind::lost) {
            on_lost(event);
        } else if (event.kind == EventKind::begins) {
            finish();
            sink_.on_event(event);
        } else if (event.kind == EventKind::belongs || event.kind == EventKind::fork) {
            sink_.on_event(event);
        }
    }
}

void Assembler::finish() {
    for (auto& [id, thread] : threads_) {
        close_write(thread, true);
        // What is left may be an access whose kvm_msr or kvm_mmio the trace does not reach.
    }
    threads_.clear();
    since_gap_.clear();
    last_ = nullptr;
}

Assembler::Thread& Assembler::find_thread(std::uint32_t id) {
    if (threads_.size() >= limits::assembled_threads && !threads_.contains(id)) finish();
    last_ = &threads_[id];
    last_id_ = id;
    if (!std::exchange(last_->since_gap, true)) since_gap_.push_back(last_);
    return *last_;
}

void Assembler::on_lost(const Event& event) {
    for (Thread* const thread : since_gap_) {
        close_write(*thread, true);
        thread->leading = 0;
        thread->seen = false;
        thread->since_gap = false;
        thread->userspace_read = ~std::uint64_t{0};
    }
    since_gap_.clear();
    last_ = nullptr;
    sink_.on_event(event);
}

void Assembler::take(Thread& thread, const Event& event) {
    // The events of one access are of one CPU: of a thread that has moved some may be lost.
    if (thread.pending_write && event.cpu != thread.write.cpu) close_write(thread, true);
    switch (event.kind) {
    case EventKind::mmio_write: begin_write(thread, event); break;
    case EventKind::mmio_read: complete_read(thread, event); break;
    case EventKind::msr_read:
    case EventKind::msr_write: complete_msr(thread, event); break;
    case EventKind::apic_read:
    case EventKind::apic_write:
    case EventKind::apic_ipi:
    case EventKind::eoi: hold(thread, event); break;
    case EventKind::accept_irq: sink_.on_event(with_command(thread, event)); break;
    case EventKind::mmio_unsatisfied_read:
        close_write(thread);
        discard_leading(thread);
        thread.userspace_read = event.where;
        sink_.on_event(event);
        break;
    default:
        close_write(thread);
        discard_leading(thread);
        if (event.vcpu >= 0) thread.vcpu = event.vcpu;
        sink_.on_event(event);
    }
    // An accepted interrupt stands between the events of an access and tells nothing of its beginning.
    if (event.kind != EventKind::accept_irq) thread.seen = true;
}

// The acceptance of what the kvm_apic_ipi right before it sends, with what only that one shows.
Event Assembler::with_command(const Thread& thread, const Event& accepted) {
    const Event* const last = thread.leading > 0 ? &thread.events[thread.leading - 1] : nullptr;
    const bool held = last != nullptr && last->kind == EventKind::apic_ipi;
    const bool pending = !held && thread.pending_write && thread.write.ipis > 0;
    if (!held && !pending) return accepted;
    const Interrupt& ipi = held ? last->interrupt : thread.write.ipi;
    if (ipi.delivery_mode != accepted.interrupt.delivery_mode) return accepted;
    Event event = accepted;
    event.interrupt.shorthand = ipi.shorthand;
    event.interrupt.logical = ipi.logical;
    event.interrupt.assert_level = ipi.assert_level;
    return event;
}

// A consequence of the MMIO write that is pending, if the register fits.
bool Assembler::claim_consequence(Thread& thread, const Event& event) {
    if (!thread.pending_write) return false;
    GuestAccess& write = thread.write;
    if (event.kind == EventKind::apic_write) {
        const bool fits =
            !write.reached_apic && (write.address & window_mask & ~std::uint64_t{0xf}) == event.where;
        if (fits) attach_apic(write, event);
        return fits;
    }
    if (event.kind == EventKind::apic_read || !write.reached_apic) return false;
    if (event.kind == EventKind::eoi && (write.apic_offset != offset_of(Reg::eoi) || write.ended_interrupt))
        return false;
    attach_consequence(write, event);
    return true;
}

void Assembler::hold(Thread& thread, const Event& event) {
    if (claim_consequence(thread, event)) return;
    close_write(thread);
    if (thread.leading > 0) {
        const EventKind before = thread.events[thread.leading - 1].kind;
        const bool starts_anew = before == EventKind::apic_read || before == EventKind::eoi ||
                                 event.kind == EventKind::apic_read || thread.leading == most_leading;
        if (starts_anew) discard_leading(thread);
    }
    if (thread.leading == 0) thread.leading_late = !thread.seen;
    thread.events[thread.leading++] = event;
}

void Assembler::close_write(Thread& thread, bool ends_early) {
    if (!thread.pending_write) return;
    thread.pending_write = false;
    thread.write.ends_early = ends_early;
    sink_.on_access(thread.write);
}

// What the thread's first lines show may be the rest of an access that the trace does not hold.
void Assembler::discard_leading(Thread& thread) {
    for (std::uint8_t i = thread.leading_late ? thread.leading : std::uint8_t{0}; i < thread.leading; ++i)
        if (thread.events[i].kind != EventKind::apic_read) sink_.on_stray(thread.events[i]);
    thread.leading = 0;
}

// Written in place: what was just stored in small pieces is slow to copy in large ones.
void Assembler::start(GuestAccess& access, const Thread& thread, const Event& event, AccessKind kind) {
    access = {};
    access.kind = kind;
    access.gp = event.gp;
    access.begins_late = thread.leading > 0 ? thread.leading_late : !thread.seen;
    access.cpu = event.cpu;
    access.thread = event.thread;
    access.vcpu = thread.vcpu;
    access.size = event.size;
    access.address = event.where;
    access.value = event.value;
    access.line = event.line;
    access.first_line = event.line;
    access.last_line = event.line;
    access.time = event.time;
}

void Assembler::begin_write(Thread& thread, const Event& event) {
    close_write(thread);
    discard_leading(thread);
    start(thread.write, thread, event, AccessKind::mmio_write);
    thread.pending_write = true;
}

void Assembler::complete_read(Thread& thread, const Event& event) {
    close_write(thread);
    GuestAccess access;
    start(access, thread, event, AccessKind::mmio_read);
    if (thread.leading == 1 && thread.events[0].kind == EventKind::apic_read &&
        (event.where & window_mask) == thread.events[0].where) {
        attach_apic(access, thread.events[0]);
        access.first_line = thread.events[0].line;
        thread.leading = 0;
    }
    discard_leading(thread);
    access.by_userspace = thread.userspace_read == event.where;
    thread.userspace_read = ~std::uint64_t{0};
    sink_.on_access(access);
}

// An MMIO write that goes nowhere may stand right before a WRMSR of the same register, whose kvm_apic then
// looks like the write's. A WRMSR that is accepted has one; one that is refused may, in x2APIC mode.
void Assembler::hand_over(GuestAccess& mmio, GuestAccess& msr) {
    const bool fits = msr.kind == AccessKind::wrmsr && is_apic_msr_window(msr.address) && mmio.reached_apic &&
                      mmio.apic_offset == offset_of_msr(msr.address) && mmio.apic_value == msr.value;
    const bool has_consequences = mmio.ipis > 0 || mmio.ended_interrupt;
    if (!fits || (msr.gp && has_consequences)) return;
    if (msr.gp) {
        mmio.apic_is_doubtful = true;
        return;
    }
    msr.effects() = std::exchange(mmio.effects(), {});
    mmio.last_line = mmio.line;
    msr.first_line = std::min(msr.first_line, mmio.last_line + 1);
}

void Assembler::complete_msr(Thread& thread, const Event& event) {
    const bool write = event.kind == EventKind::msr_write;
    GuestAccess access;
    start(access, thread, event, write ? AccessKind::wrmsr : AccessKind::rdmsr);
    if (thread.pending_write) hand_over(thread.write, access);
    close_write(thread);
    if (is_apic_msr_window(event.where)) {
        const std::uint32_t offset = offset_of_msr(event.where);
        // The last kvm_apic that fits and what stands around it; what came before is not this access's.
        std::uint8_t first = thread.leading;
        bool is_shown = false; // by a kvm_apic of its own
        for (std::uint8_t i = thread.leading; i-- > 0;) {
            const Event& leading = thread.events[i];
            const bool is_apic =
                leading.kind == EventKind::apic_read || leading.kind == EventKind::apic_write;
            if (is_apic &&
                ((leading.kind == EventKind::apic_write) != write || !belongs_to_msr(leading, offset)))
                break;
            is_shown = is_shown || is_apic;
            first = i;
        }
        // What an access sends whose kvm_apic is not recorded does not belong to a WRMSR that can send
        // nothing.
        if (!is_shown && (event.gp || !has_consequences(offset))) first = thread.leading;
        for (std::uint8_t i = first; i < thread.leading; ++i) {
            const Event& leading = thread.events[i];
            if (leading.kind == EventKind::apic_ipi || leading.kind == EventKind::eoi)
                attach_consequence(access, leading);
            else if (leading.where == offset) attach_apic(access, leading);
        }
        if (first < thread.leading) access.first_line = thread.events[first].line;
        thread.leading = first;
    }
    // Hyper-V's MSRs are a way of their own to EOI, ICR and TPR: what they show is no access that hardware
    // made.
    if (is_hyperv_apic_msr(event.where)) thread.leading = 0;
    discard_leading(thread);
    sink_.on_access(access);
}

} // namespace lapicheck::traces
