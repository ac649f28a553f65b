#include "traces/formats/trace_dat/decoder.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include <event-parse.h>

#include "traces/formats/trace_dat/exit_codes.hpp"

namespace lapicheck::traces::trace_dat {
namespace {

template <class Number>
Number load(const char* bytes) {
    Number number;
    std::memcpy(&number, bytes, sizeof number);
    return number;
}

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

// The low 16 bits of the ICR, an MSI's data and an entry of the I/O APIC have the same layout: vector,
// delivery mode, destination mode in bit 11, level in bit 14, trigger mode in bit 15. SDM Vol. 3A, 10.6.1
// and 10.11.2.
DeliveryMode delivery_mode(std::uint64_t low_word) {
    constexpr std::array modes = {DeliveryMode::fixed,   DeliveryMode::lowest_priority,
                                  DeliveryMode::smi,     DeliveryMode::reserved3,
                                  DeliveryMode::nmi,     DeliveryMode::init,
                                  DeliveryMode::startup, DeliveryMode::extint};
    return modes[low_word >> 8 & 7];
}
constexpr std::uint64_t vector_mask = 0xff;
constexpr std::uint64_t logical = 1U << 11;
constexpr std::uint64_t assert_level = 1U << 14;
constexpr std::uint64_t level_triggered = 1U << 15;
constexpr std::uint64_t masked = 1U << 16; // of an entry of the I/O APIC

void take_request(std::uint64_t word, Event& event) {
    event.value = word & vector_mask;
    event.interrupt.delivery_mode = delivery_mode(word);
    event.interrupt.level_triggered = (word & level_triggered) != 0;
}

void apic(const Fields& f, Event& event) {
    event.kind = f[0] != 0 ? EventKind::apic_write : EventKind::apic_read;
    event.where = f[1];
    event.value = f[2];
}

void apic_ipi(const Fields& f, Event& event) {
    constexpr std::array shorthands = {Shorthand::none, Shorthand::self, Shorthand::all,
                                       Shorthand::all_but_self};
    const std::uint64_t icr = f[0];
    event.kind = EventKind::apic_ipi;
    event.where = f[1];
    take_request(icr, event);
    event.interrupt.logical = (icr & logical) != 0;
    event.interrupt.assert_level = (icr & assert_level) != 0;
    event.interrupt.shorthand = shorthands[icr >> 18 & 3];
}

void accept_irq(const Fields& f, Event& event) {
    event.kind = EventKind::accept_irq;
    event.where = f[0];
    event.value = f[3];
    event.interrupt.delivery_mode = delivery_mode(f[1]);
    event.interrupt.level_triggered = f[2] != 0;
}

void apicv_accept_irq(const Fields& f, Event& event) {
    accept_irq(f, event);
    event.virtualized = true;
}

template <EventKind Kind>
void eoi(const Fields& f, Event& event) {
    event.kind = Kind;
    event.where = f[0];
    event.value = f[1]; // -1 stays all ones
}

void msr(const Fields& f, Event& event) {
    event.kind = f[0] != 0 ? EventKind::msr_write : EventKind::msr_read;
    event.where = f[1];
    event.value = f[2];
    event.gp = f[3] != 0;
}

void mmio(const Fields& f, Event& event) {
    constexpr std::array kinds = {EventKind::mmio_unsatisfied_read, EventKind::mmio_read,
                                  EventKind::mmio_write};
    if (f[0] < kinds.size()) event.kind = kinds[f[0]];
    event.size = low(f[1]);
    event.where = f[2];
    event.value = f[3];
}

void cr(const Fields& f, Event& event) {
    if (f[0] == 0) return; // a read
    event.kind = EventKind::cr_write;
    event.where = f[1];
    event.value = f[2];
}

// `irq` up to Linux 5.19.
void inject_irq(const Fields& f, Event& event) {
    event.kind = EventKind::inject_irq;
    event.may_be_again = f.has(3);
    event.where = f.has(3) ? f[3] : f[0];
    event.reinjected = f[1] != 0 || f[2] != 0;
}

void inject_exception(const Fields& f, Event& event) {
    event.kind = EventKind::inject_exception;
    event.where = f[0];
    event.reinjected = f[1] != 0;
}

void entry(const Fields& f, Event& event) {
    event.kind = EventKind::entry;
    event.vcpu = static_cast<std::int32_t>(f[0]);
    event.where = f.has(1) ? f[1] : no_rip;
}

void exit(const Fields& f, Event& event) {
    event.kind = EventKind::exit;
    event.where = f[1];
    if (f.has(3)) event.vcpu = static_cast<std::int32_t>(f[3]);
    event.value2 = static_cast<std::uint64_t>(exit_reason(low(f[0]), low(f[2])));
}

void cpuid(const Fields& f, Event& event) {
    if (f.has(6) && f[6] == 0) return; // userspace gave the CPU no such leaf
    event.kind = EventKind::cpuid;
    event.where = low(f[0]) | f[1] << 32;
    event.value2 = low(f[2]) | f[3] << 32;
    event.value = low(f[4]) | f[5] << 32;
}

void userspace_exit(const Fields& f, Event& event) {
    constexpr std::uint64_t ioapic_eoi = 26; // KVM_EXIT_IOAPIC_EOI
    event.kind = EventKind::userspace_exit;
    event.where = f[0] == ioapic_eoi && static_cast<std::int64_t>(f[1]) >= 0 ? 1 : 0;
}

void synic_irq(const Fields& f, Event& event) {
    event.kind = EventKind::synic_irq;
    event.where = f[0];
}

void fork(const Fields& f, Event& event) {
    event.kind = EventKind::fork;
    event.where = f[0];
}

void ioctl(const Fields& f, Event& event) {
    event.kind = EventKind::ioctl;
    event.value = f[0];
    event.where = f[1];
}

void set_irq(const Fields& f, Event& event) {
    event.kind = EventKind::set_irq;
    event.where = f[0];
    event.value = f[1];
    event.size = low(f[2]);
}

void msi_request(const Fields& f, Event& event) {
    const std::uint64_t address = f[0];
    event.kind = EventKind::msi_request;
    event.where = (address >> 12 & 0xff) | (address >> 32 & 0xffff'ff00);
    take_request(f[1], event);
    event.interrupt.logical = (address & 1U << 2) != 0;
}

void ioapic_request(const Fields& f, Event& event) {
    if ((f[0] & masked) != 0 || f[1] != 0) return; // or coalesced
    event.kind = EventKind::ioapic_request;
    event.where = f[0] >> 56;
    take_request(f[0], event);
    event.interrupt.logical = (f[0] & logical) != 0;
}

void ack_irq(const Fields& f, Event& event) {
    constexpr std::uint64_t of_ioapic = 2; // KVM_IRQCHIP_IOAPIC
    if (f[0] != of_ioapic) return;
    event.kind = EventKind::ioapic_eoi;
    event.where = f[1];
}

template <EventKind Kind>
void happened(const Fields&, Event& event) {
    event.kind = Kind;
}

// Fields: arch/x86/kvm/trace.h, include/trace/events/kvm.h, Linux 3.6 to 6.18.
constexpr Tracepoint tracepoints[] = {
    {"kvm_apic", apic, {"rw", "reg", "val"}},
    {"kvm_apic_ipi", apic_ipi, {"icr_low", "dest_id"}},
    {"kvm_apic_accept_irq", accept_irq, {"apicid", "dm", "tm", "vec"}},
    {"kvm_apicv_accept_irq", apicv_accept_irq, {"apicid", "dm", "tm", "vec"}},
    {"kvm_eoi", eoi<EventKind::eoi>, {"apicid", "vector"}},
    {"kvm_pv_eoi", eoi<EventKind::pv_eoi>, {"apicid", "vector"}},
    {"kvm_msr", msr, {"write", "ecx", "data", "exception"}},
    {"kvm_mmio", mmio, {"type", "len", "gpa", "val"}},
    {"kvm_cr", cr, {"rw", "cr", "val"}},
    {"kvm_inj_virq", inject_irq, {"vector", "soft", "reinjected", "irq"}},
    {"kvm_inj_exception", inject_exception, {"exception", "reinjected"}},
    {"kvm_entry", entry, {"vcpu_id", "rip"}},
    {"kvm_exit", exit, {"exit_reason", "guest_rip", "isa", "vcpu_id"}},
    {"kvm_cpuid", cpuid, {"function", "index", "rax", "rbx", "rcx", "rdx", "found"}},
    {"kvm_userspace_exit", userspace_exit, {"reason", "errno"}},
    {"kvm_hypercall", happened<EventKind::hypercall>},
    {"kvm_hv_hypercall", happened<EventKind::hypercall>},
    {"kvm_hv_synic_set_irq", synic_irq, {"vector"}},
    {"sched_process_fork", fork, {"child_pid"}},
    {"sys_enter_ioctl", ioctl, {"fd", "cmd"}},
    {"kvm_set_irq", set_irq, {"gsi", "level", "irq_source_id"}, true},
    {"kvm_msi_set_irq", msi_request, {"address", "data"}, true},
    {"kvm_ioapic_set_irq", ioapic_request, {"e", "coalesced"}, true},
    {"kvm_ioapic_delayed_eoi_inj", ioapic_request, {"e"}, true},
    {"kvm_ack_irq", ack_irq, {"irqchip", "pin"}, true},
};
constexpr Tracepoint nested = {"kvm_nested_*", happened<EventKind::nested>};
constexpr Tracepoint accelerated = {"kvm_avic_*, kvm_apicv_*", happened<EventKind::accelerated>};

const Tracepoint* find_tracepoint(std::string_view name) {
    for (const Tracepoint& tracepoint : tracepoints)
        if (tracepoint.name == name) return &tracepoint;
    if (name == "kvm_apicv_inhibit_changed" || name == "kvm_apicv_update_request") return nullptr;
    if (name.starts_with("kvm_nested_")) return &nested;
    return name.starts_with("kvm_avic_") || name.starts_with("kvm_apicv_") ? &accelerated : nullptr;
}

bool is_number(int size) { return size == 1 || size == 2 || size == 4 || size == 8; }

} // namespace

std::uint64_t Fields::operator[](std::size_t field) const {
    const auto [offset, size, is_signed] = fields_[field];
    const char* const at = record_ + offset;
    switch (size) {
    case 1: return load<std::uint8_t>(at);
    case 2: return load<std::uint16_t>(at);
    case 4:
        // A field of a negative number is meant as one: the vector of kvm_eoi.
        return is_signed ? static_cast<std::uint64_t>(std::int64_t{load<std::int32_t>(at)})
                         : load<std::uint32_t>(at);
    case 8: return load<std::uint64_t>(at);
    default: return 0;
    }
}

Decoder::Decoder(tep_event* format, bool with_requests) {
    const Tracepoint* const found = find_tracepoint(format->name);
    if (found == nullptr || (found->is_request && !with_requests)) return;
    tracepoint_ = found;
    for (std::size_t i = 0; i < most_fields && found->fields[i] != nullptr; ++i) {
        const tep_format_field* const field = tep_find_field(format, found->fields[i]);
        if (field == nullptr || !is_number(field->size) || field->offset < 0 || field->offset > 4096)
            continue;
        const bool is_signed = (field->flags & TEP_FIELD_IS_SIGNED) != 0;
        fields_[i] = {static_cast<std::uint16_t>(field->offset), static_cast<std::uint8_t>(field->size),
                      is_signed};
        least_size_ = std::max(least_size_, static_cast<std::size_t>(field->offset + field->size));
    }
}

} // namespace lapicheck::traces::trace_dat
