// Several VMs in one recording: who is of which, and what is judged of it.
#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// A vCPU of this ID in x2APIC mode that runs in `thread`.
std::string vcpu(unsigned thread, unsigned id) {
    return fmt::format(
        "@{0}/1 kvm_msr: msr_write 1b = 0xfee00c00\n@{0}/1 kvm_apic: apic_read APIC_ID = {1:#x}\n"
        "@{0}/1 kvm_msr: msr_read 802 = {1:#x}\n",
        thread, id);
}
// By a WRMSR of the ICR, from vCPU 0 of thread 44 to vCPU 1.
std::string sends(std::string_view logical, unsigned accepted_by) {
    return fmt::format("kvm_apic_ipi: dst 2 vec 49 (Fixed|{}|assert|edge|dst)\n"
                       "kvm_apic_accept_irq: apicid {} vec 49 (Fixed|edge)\n"
                       "kvm_apic: apic_write APIC_ICR = 0x200004831\nkvm_msr: msr_write 830 = 0x200004831\n",
                       logical, accepted_by);
}
std::string takes_in(unsigned thread) {
    return fmt::format("@{0}/1 kvm_inj_virq: IRQ 0x31\n@{0}/1 kvm_apic: apic_write APIC_EOI = 0x0\n"
                       "@{0}/1 kvm_eoi: apicid 1 vector 49\n@{0}/1 kvm_msr: msr_write 80b = 0x0\n",
                       thread);
}
const std::string next_events = "@45/1 kvm_msr: msr_read 8b = 0x0\n@46/1 kvm_msr: msr_read 8b = 0x0\n"
                                "kvm_msr: msr_read 8b = 0x0\n";

Told told(const std::string& script) {
    Told all;
    for (const Divergence& d : replay_script(script + next_events).divergences)
        all.push_back(std::string(model::to_string(d.mismatch.rule)));
    return all;
}
const std::string right = sends("logical", 1) + takes_in(45);
const std::string wrong =
    "kvm_apic_ipi: dst 4 vec 49 (Fixed|logical|assert|edge|dst)\n"
    "kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)\n"
    "kvm_apic: apic_write APIC_ICR = 0x400004831\nkvm_msr: msr_write 830 = 0x400004831\n";
const std::string two = vcpu(44, 0) + vcpu(45, 1);

} // namespace

TEST_CASE("one VM: who accepts what is not sent to it is found") {
    CHECK(told(two + right) == Told{});
    CHECK(told(two + wrong) == Told{"I12"});
}

TEST_CASE("another VM's APIC of the same ID may be the one that accepted") {
    CHECK(told(two + vcpu(46, 1) + wrong) == Told{});
    // It appears later: what was found until then is withdrawn.
    CHECK(told(two + wrong + vcpu(46, 1)) == Told{});
}

TEST_CASE("an interrupt that was given to a vCPU shows that it is of the sender's VM") {
    const std::string shown = two + vcpu(46, 1) + right + right + right;
    CHECK(told(shown) == Told{});
    CHECK(told(shown + wrong) == Told{"I12"});
    // Once may be chance: an interrupt handler works for other VMs, too.
    CHECK(told(two + vcpu(46, 1) + right + wrong) == Told{});
}

TEST_CASE("threads of different processes are of different VMs") {
    Machines machines;
    machines.belongs(44, 40);
    machines.belongs(45, 40);
    machines.belongs(46, 50);
    CHECK(machines.may_be_one(44, 45));
    CHECK(!machines.may_be_one(44, 46));
    CHECK(machines.may_be_one(44, 47));
    CHECK(machines.group_of(44) == machines.group_of(45));
    CHECK(machines.group_of(44) != machines.group_of(46));
}

} // namespace lapicheck::checker
