#include "traces/formats/ftrace_requests.hpp"

namespace lapicheck::traces {
namespace {

// " vec 112 (Fixed|physical|edge)", with "|rh)" or "|masked)" at the end. What is masked is no request.
bool take_request(Scanner& s, Event& event) {
    Interrupt& request = event.interrupt;
    if (!(s.take(" vec ") || s.take(" vec=")) || !take_vector(s, event.value) || !s.take(" (") ||
        !take_name(s, '|', delivery_modes, request.delivery_mode) ||
        !take_either(s, "logical|", "physical|", request.logical) ||
        !take_either(s, "level", "edge", request.level_triggered))
        return false;
    return !s.take("|masked");
}

} // namespace

// "gsi 4 level 0 source 0"
Fault read_set_irq(Scanner& s, Event& event) {
    std::uint64_t source = 0;
    if (!s.take("gsi ") || !s.decimal(event.where) || !s.take(" level ") || !s.decimal(event.value) ||
        !s.take(" source ") || !s.decimal(source))
        return no_fault;
    event.size = static_cast<std::uint32_t>(source);
    event.kind = EventKind::set_irq;
    return no_fault;
}

// "dst 0 vec 112 (Fixed|physical|edge)"
Fault read_msi_request(Scanner& s, Event& event) {
    if (s.take("dst ") && s.hex(event.where) && take_request(s, event)) event.kind = EventKind::msi_request;
    return no_fault;
}

// "pin 4 dst 0 vec 32 (Fixed|physical|edge)", with " (coalesced)" where nothing was delivered.
Fault read_ioapic_request(Scanner& s, Event& event) {
    std::uint64_t pin = 0;
    const bool understood =
        s.take("pin ") && s.decimal(pin) && s.take(" dst ") && s.hex(event.where) && take_request(s, event);
    if (understood && s.rest().find("(coalesced)") == std::string_view::npos)
        event.kind = EventKind::ioapic_request;
    return no_fault;
}

// The same without a pin: an interrupt that the I/O APIC holds back, since it came again and again at its
// EOI.
Fault read_delayed_request(Scanner& s, Event& event) {
    if (s.take("dst ") && s.hex(event.where) && take_request(s, event))
        event.kind = EventKind::ioapic_request;
    return no_fault;
}

// "irqchip IOAPIC pin 11"
Fault read_ack_irq(Scanner& s, Event& event) {
    if (s.take("irqchip IOAPIC pin ") && s.decimal(event.where)) event.kind = EventKind::ioapic_eoi;
    return no_fault;
}

} // namespace lapicheck::traces
