// The texts of requests to other interrupt controllers than the local APIC, which tell who asked for an
// interrupt. One that is not understood tells nothing, and no state rests on it: it is ignored.
// arch/x86/kvm/trace.h and include/trace/events/kvm.h, Linux 3.6 to 6.18.
#pragma once

#include "traces/formats/ftrace_fields.hpp"

namespace lapicheck::traces {

Fault read_set_irq(Scanner& s, Event& event);         // kvm_set_irq
Fault read_msi_request(Scanner& s, Event& event);     // kvm_msi_set_irq
Fault read_ioapic_request(Scanner& s, Event& event);  // kvm_ioapic_set_irq
Fault read_delayed_request(Scanner& s, Event& event); // kvm_ioapic_delayed_eoi_inj
Fault read_ack_irq(Scanner& s, Event& event);         // kvm_ack_irq

} // namespace lapicheck::traces
