// Commands and messages between APICs of which a part is not known: whom they address, and by which rule.
#pragma once

#include "checker/judge/abstract_state.hpp"

namespace lapicheck::checker {

// `command` as its receivers get it. `by_msr`: written to the ICR by WRMSR; `from_x2apic`: by an APIC that is
// surely in x2APIC mode. Whom it addresses in the other mode than the sender's is left unknown where the
// manual does not say it: broadcasts, and destinations of more than a byte.
AbstractState::Message message_of_command(u32 command, Known<u32> destination, bool by_msr, bool from_x2apic);

// Whether the manuals that may apply say who accepts a message of lowest priority: one of those whom it
// addresses. They do not of a broadcast, nor of an I/O APIC's message or MSI with a physical destination
// (I26); AMD's not of any but to the flat model (APM Vol. 2, 16.6.1). `addressing`: of an APIC whose logical
// destination mode is that of all.
bool is_lowest_priority_defined(const AbstractState::Message& message, model::KnownBool amd,
                                const AbstractState& addressing);

// The rule by which a message goes to, or not to, an APIC in this state.
Rule rule_of_addressing(const AbstractState::Message& message, const AbstractState& receiver);
// The same of a logical destination, broadcast or not.
Rule rule_of_logical_addressing(const AbstractState& receiver);

// What kvm_apic_ipi shows of a command, in the bits of the ICR, and back. The vector is no part of it.
u32 icr_of(const traces::Interrupt& sent);
traces::Interrupt interrupt_of(u32 icr);

// KVM's map of logical destinations in xAPIC mode has one place for each bit, in the cluster model for each
// bit of a cluster (kvm_apic_map, Linux 6.18), and finds an APIC there by its lowest one. Whether it surely
// has a single bit, and whether another APIC may have that one, too.
bool has_one_logical_bit(const AbstractState& apic);
bool may_have_same_logical_bit(const AbstractState& apic, const AbstractState& other);

} // namespace lapicheck::checker
