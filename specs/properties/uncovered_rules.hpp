// The rules at level M that no property covers, each with the reason. A test holds this list, the properties
// and the catalogue together.
#pragma once

#include <array>
#include <string_view>

#include "model/rule.hpp"

namespace lapicheck::specs {

struct UncoveredRule {
    model::Rule rule;
    std::string_view reason;
};

inline constexpr std::array uncovered_rules = {
    UncoveredRule{model::Rule::B12, "CPUID is no access to the APIC; recordings that have it are checked"},
    UncoveredRule{model::Rule::X13, "serialization shows in the order of memory accesses, which no step has"},
    UncoveredRule{model::Rule::X17, "program order is that of the steps: a run has no other"},
    UncoveredRule{model::Rule::D10, "it speaks of all APICs of a machine, not of an access to one"},
    UncoveredRule{model::Rule::L05, "what another delivery mode does is undefined"},
    UncoveredRule{model::Rule::L06, "the pins LINT0 and LINT1 are not among the events of a step"},
    UncoveredRule{model::Rule::L08, "of the local vector table only the timer's entry fires in a step"},
    UncoveredRule{model::Rule::T02, "time does not pass in a step: the counter is bounded, not predicted"},
    UncoveredRule{model::Rule::T05, "how often the counter comes to 0 is a matter of time"},
    UncoveredRule{model::Rule::T06, "how often the counter comes to 0 is a matter of time"},
    UncoveredRule{model::Rule::T07, "the input clock is not modelled"},
    UncoveredRule{model::Rule::T16, "the time-stamp counter is not modelled"},
    UncoveredRule{model::Rule::T21, "time does not pass in a step: the counter is bounded, not predicted"},
    UncoveredRule{model::Rule::I05, "who gets an IPI is decided between APICs; a step is of one"},
    UncoveredRule{model::Rule::I06, "who gets an IPI is decided between APICs; a step is of one"},
    UncoveredRule{model::Rule::I13, "that exactly one of a set gets it is decided between APICs"},
    UncoveredRule{model::Rule::I14, "whether a processor waits for start-up is not a state of its APIC"},
    UncoveredRule{model::Rule::I16,
                  "the interrupt that SELF IPI sends arrives as a message, a step of its own"},
    UncoveredRule{model::Rule::I18, "a message does not tell who sent it: from an I/O APIC it may be level"},
    UncoveredRule{model::Rule::I20, "who gets an IPI is decided between APICs; a step is of one"},
    UncoveredRule{model::Rule::I23,
                  "the interrupt that SELF IPI sends arrives as a message, a step of its own"},
    UncoveredRule{model::Rule::R05, "whether a processor waits for start-up is not a state of its APIC"},
    UncoveredRule{model::Rule::R07, "what a processor holds until start-up is not a state of its APIC"},
    UncoveredRule{model::Rule::P10, "the spurious event is the processor's; a step gives no vector then"},
};

} // namespace lapicheck::specs
