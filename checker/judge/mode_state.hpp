// What is known of one vCPU's APIC in one mode, and what a recording shows of the events behind an access.
#pragma once

#include "checker/judge/divergence.hpp"
#include "model/state.hpp"

namespace lapicheck::checker {

using ModeState = model::State<model::KnownBits>;
using CpuFacts = model::Cpu<model::KnownBits>;

// What this trace shows of the events behind an access. Only what was seen at least once counts as
// shown: which tracepoints were enabled is written nowhere in the text.
struct Visibility {
    bool msrs = false;       // kvm_msr
    bool mmio = false;       // kvm_mmio
    bool ipis = false;       // kvm_apic_ipi
    bool accepts = false;    // kvm_apic_accept_irq
    bool injections = false; // kvm_inj_virq
    // Not even kvm_exit, which tells whether the guest runs guests; of an EOI: and the vector that it ended
    // was accepted and not given to the processor since.
    bool no_exits = false;
    bool registers = false;   // kvm_apic, of this vCPU's MMIO accesses
    bool nested = false;      // the guest runs a guest, to which interrupts go past kvm_inj_virq
    bool accelerated = false; // hardware acts on the APIC without events (APICv, AVIC)
    bool foreign_eoi = false; // KVM ends interrupts by itself
    bool interrupts() const { return accepts && injections && !accelerated && !foreign_eoi && !nested; }
};

// One access as it is judged. Lives as long as what it was made of.
struct Observation {
    const traces::GuestAccess& access;
    const CpuFacts& cpu;
    const Visibility& visible;
    bool value_is_ours =
        true; // the value read was the in-kernel APIC's to give, not that of one in userspace
};

model::Access<model::KnownBits> model_access(const traces::GuestAccess& access);
Mode mode_of(const ModeState& state);

} // namespace lapicheck::checker
