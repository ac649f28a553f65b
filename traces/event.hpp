// One record of a trace, whatever the format it was read from.
//
// A reader turns bytes into Events and knows nothing of rules or of the state of an APIC; the
// assembler (access_assembler.hpp) puts the Events of one access together.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/delivery_mode.hpp"

namespace lapicheck::traces {

// The tracepoints that say something of a local APIC. All others are `other`: read, counted,
// and of no further use. Texts and kernels: docs/trace-formats.md.
enum class EventKind : std::uint8_t {
    other,
    apic_read,             // kvm_apic: apic_read
    apic_write,            // kvm_apic: apic_write
    apic_ipi,              // kvm_apic_ipi
    accept_irq,            // kvm_apic_accept_irq, kvm_apicv_accept_irq
    eoi,                   // kvm_eoi
    pv_eoi,                // kvm_pv_eoi
    msr_read,              // kvm_msr: msr_read
    msr_write,             // kvm_msr: msr_write
    mmio_read,             // kvm_mmio: mmio read
    mmio_write,            // kvm_mmio: mmio write
    mmio_unsatisfied_read, // kvm_mmio: mmio unsatisfied-read
    entry,                 // kvm_entry
    exit,                  // kvm_exit
    userspace_exit,        // kvm_userspace_exit
    inject_irq,            // kvm_inj_virq
    inject_exception,      // kvm_inj_exception
    cr_write,              // kvm_cr: cr_write
    cpuid,                 // kvm_cpuid
    ioctl,                 // sys_ioctl / sys_enter_ioctl
    hypercall,             // kvm_hypercall, kvm_hv_hypercall
    nested,                // kvm_nested_*: the guest runs a guest of its own
    synic_irq,             // kvm_hv_synic_set_irq: a vector that may end by itself
    accelerated,           // kvm_avic_*, kvm_apicv_*: hardware may act on the APIC without an event
    set_irq,               // kvm_set_irq: a line of an interrupt controller is set
    msi_request,           // kvm_msi_set_irq, before what it delivers
    ioapic_request,        // kvm_ioapic_set_irq, behind what it delivered; kvm_ioapic_delayed_eoi_inj, before
    ioapic_eoi,            // kvm_ack_irq of the I/O APIC: an EOI reached it
    lost,                  // the trace says that events are missing here
    belongs,               // the process that a thread is of
    fork,                  // sched_process_fork: a thread or process that a thread has made
    begins,                // another recording begins here: what came before has nothing to do with it
};

// How the register of a kvm_apic event was written: its offset in the window, or unknown.
inline constexpr std::uint32_t unknown_offset = 0xffff'ffff;
// A kvm_entry or kvm_exit that names no rip (kvm_entry before 5.10).
inline constexpr std::uint64_t no_rip = ~std::uint64_t{0};

// Shorthand, delivery and destination mode of an interrupt as the texts of kvm_apic_ipi and
// kvm_apic_accept_irq name them.
using model::DeliveryMode;
using model::Shorthand;

struct Interrupt {
    DeliveryMode delivery_mode = DeliveryMode::unknown;
    Shorthand shorthand = Shorthand::unknown;
    bool logical = false;
    bool assert_level = false;
    bool level_triggered = false;
};

struct Event {
    EventKind kind = EventKind::other;
    bool gp = false;           // msr_*: the text ends with (#GP)
    bool reinjected = false;   // inject_*: the text ends with [reinjected]; or a soft interrupt
    bool may_be_again = false; // inject_irq: the text does not tell interrupts that are given again
    bool virtualized = false;  // accept_irq came from kvm_apicv_accept_irq
    std::uint16_t cpu = 0;     // host CPU whose buffer held the event
    std::int32_t vcpu = -1;    // vCPU number where the event names one (entry, exit), else -1
    std::uint32_t thread = 0;  // host thread id (the PID column)
    std::uint64_t line = 0;    // 1-based number of the line in its file
    std::uint64_t time = 0;    // nanoseconds if the reader's clock is in seconds, else raw ticks

    // mmio_*: guest-physical address. msr_*: index. apic_*: offset in the window, or
    // unknown_offset. accept_irq, eoi, pv_eoi: APIC ID (KVM prints the vCPU id). apic_ipi:
    // destination. entry, exit: guest rip, or no_rip. ioctl: cmd. cpuid: function | index << 32.
    // cr_write: number of the register. belongs: the process. fork: the new thread. inject_irq, synic_irq:
    // vector. inject_exception: vector. lost: how many events, 0 if the trace does not say. userspace_exit: 1
    // if it tells the I/O APIC of an EOI, else 0.
    std::uint64_t where = 0;
    // mmio_*, msr_*, apic_*, cr_write: the value. accept_irq, apic_ipi: vector. eoi, pv_eoi:
    // vector, or ~0 for -1. ioctl: fd. cpuid: ecx | edx << 32. set_irq: level. msi_request, ioapic_request:
    // vector.
    std::uint64_t value = 0;
    std::uint64_t value2 = 0; // cpuid: eax | ebx << 32. exit: see ExitReason below.
    std::uint32_t size = 0;   // mmio_*: bytes. set_irq: KVM's number of the source, 2 is the in-kernel PIT
    // apic_ipi. accept_irq: its delivery and trigger mode; behind the assembler also the rest of the command,
    // if the kvm_apic_ipi stands right before it. msi_request, ioapic_request: delivery, destination and
    // trigger mode.
    Interrupt interrupt;
};

// What a thread does that runs a vCPU. Not what asks an interrupt controller other than the local APIC, by
// which no local APIC's state is judged, and not what tells of the recording or of processes.
constexpr bool is_of_thread(EventKind kind) { return kind < EventKind::set_irq; }
constexpr bool is_from_outside(EventKind kind) {
    return kind >= EventKind::set_irq && kind <= EventKind::ioapic_eoi;
}

// What a kvm_exit is of interest for (Event::value2): a guest's MOV to CR8 that KVM saw, a
// triple fault or shutdown, the exits that only an accelerated APIC makes, the start of a guest's guest, port
// I/O and hypercalls, by which a guest may have an interrupt sent, HLT.
enum class ExitReason : std::uint64_t {
    other = 0,
    cr8_write,
    shutdown,
    apic_accelerated,
    msr,
    mmio,
    nested,
    io,
    hypercall,
    hlt,
};

} // namespace lapicheck::traces
