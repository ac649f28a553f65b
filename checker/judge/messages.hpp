// Commands and messages between APICs of which a part is not known: whom they address, and by which rule.
#pragma once

#include "checker/judge/abstract_state.hpp"

namespace lapicheck::checker {

// `command` as its receivers get it. `by_msr`: written to the ICR by WRMSR; `from_x2apic`: by an APIC that is
// surely in x2APIC mode. Whom it addresses in the other mode than the sender's is left unknown where the
// manual does not say it: broadcasts, and destinations of more than a byte.
AbstractState::Message message_of_command(u32 command, Known<u32> destination, bool by_msr, bool from_x2apic);

// The rule by which a message goes to, or not to, an APIC in this state.
Rule rule_of_addressing(const AbstractState::Message& message, const AbstractState& receiver);
// The same of a logical destination, broadcast or not.
Rule rule_of_logical_addressing(const AbstractState& receiver);

} // namespace lapicheck::checker
