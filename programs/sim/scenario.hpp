// A run: what happens to the APICs of a machine, from RESET on, and how an implementation answers it. This is
// what a counterexample is, on plain values.
#pragma once

#include <string>
#include <vector>

#include "model/implementation.hpp"
#include "programs/sim/choices.hpp"

namespace lapicheck::programs {

using model::AccessKind;
using PlainImplementation = model::Implementation<model::Concrete>;
using PlainState = model::State<model::Concrete>;
using PlainOutcome = model::Outcome<model::Concrete>;

// What the CPUs of the machine have.
struct MachineFacts {
    bool amd = false;
    bool x2apic = true;
    bool tsc_deadline = true;
    bool locked_x2apic = false;
    unsigned address_bits = 36; // MAXPHYADDR
    u32 version = 0x50014;      // the version register
    unsigned vcpus = 1;         // their APIC IDs are 0, 1, ...; vCPU 0 is the bootstrap processor
    ChoiceValues reset_choices;

    friend bool operator==(const MachineFacts&, const MachineFacts&) = default;
};

struct ScenarioStep {
    unsigned vcpu = 0;
    AccessKind kind = AccessKind::rdmsr;
    u64 address = 0;
    u32 size = 4;
    u64 value = 0;
    ChoiceValues choices;

    friend bool operator==(const ScenarioStep&, const ScenarioStep&) = default;
};

struct Scenario {
    MachineFacts machine;
    std::vector<ScenarioStep> steps;
};

struct ExecutedStep {
    model::Cpu<model::Concrete> cpu;
    PlainState before;
    model::Access<model::Concrete> access;
    PlainOutcome out;
    PlainState after;
    model::Surroundings<model::Concrete> around_before;
    model::Surroundings<model::Concrete> around_after;
};

model::Cpu<model::Concrete> cpu_of(const MachineFacts& machine, unsigned vcpu);

// One entry a step. Interrupts that a step sends are not delivered: a run says itself which messages arrive.
std::vector<ExecutedStep> execute(const PlainImplementation& implementation, const Scenario& run);

} // namespace lapicheck::programs
