// Recordings that begin in the middle: what proves that an interrupt came through the APIC, and what then was
// wrong.
#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

std::string accepts(unsigned vector) {
    return fmt::format("kvm_apic_accept_irq: apicid 0 vec {} (Fixed|edge)\n", vector);
}
std::string accepted_by_device(unsigned vector) { return "@70/1 " + accepts(vector); }
std::string given(unsigned vector) { return fmt::format("kvm_inj_virq: IRQ {:#x}\n", vector); }
std::string enters() { return "kvm_entry: vcpu 0, rip 0x1000\n"; }

std::string round(unsigned vector) {
    return accepts(vector) + given(vector) + enters() + ends(static_cast<int>(vector));
}
// Nothing of the APIC has been read or set: an interrupt of the vector 41H was ended once.
std::string start() { return enters() + round(0x41); }

Told told(const std::string& script) {
    Told all;
    const std::string text = start() + script;
    const Replayed r = replay_script(text + enters());
    const auto before = std::ranges::count(start(), '\n');
    for (const Divergence& d : r.divergences)
        all.push_back(
            fmt::format("{} +{}", model::to_string(d.mismatch.rule), d.line - static_cast<u64>(before)));
    return all;
}

} // namespace

TEST_CASE("a vector that is overtaken is lost, once the EOI shows that the other came through the APIC") {
    CHECK(told(accepts(0xec) + round(0x41)) == Told{"P02 +3"});
    // Not while the EOI has not come, which the PIC's vector never gets.
    CHECK(told(accepts(0xec) + accepts(0x41) + given(0x41) + enters()) == Told{});
    // The lower one was given first: it waits for the higher, and not the other way round.
    CHECK(told(round(0xec) + accepts(0x31) + round(0x41)) == Told{});
    CHECK(told(accepts(0x31) + round(0x41)) == Told{});
}

TEST_CASE("what disables the APIC in between may have kept the vector from IRR") {
    const std::string svr = "kvm_apic: apic_write APIC_SPIV = 0x1ff\nkvm_msr: msr_write 80f = 0x1ff\n";
    CHECK(told(accepts(0xec) + svr + round(0x41)) == Told{});
    CHECK(told(accepts(0xec) + "@45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)\n" + round(0x41)) ==
          Told{});
    CHECK(told(accepts(0xec) + "CPU:0 [LOST 3 EVENTS]\n" + round(0x41)) == Told{});
    // The one that overtakes was accepted before, and is held over (P10).
    CHECK(told(accepts(0x41) + svr + accepts(0xec) + given(0x41) + enters() + ends(0x41)) == Told{});
}

TEST_CASE("what another thread sends may take its time") {
    CHECK(told(accepted_by_device(0x91) + round(0x41) + round(0x51) + round(0x41)) == Told{"P02 +3"});
    CHECK(told(accepted_by_device(0x91) + round(0x41) + round(0x51)) == Told{});
    CHECK(told(accepted_by_device(0x91) + round(0x41) + round(0x51) + given(0x91) + enters() + ends(0x91) +
               round(0x41)) == Told{});
}

TEST_CASE("what a thread of another process sends may be for another VM's APIC of that ID") {
    const std::string by_device = "kvm_apic_accept_irq: apicid 0 vec 145 (Fixed|edge)\n";
    const std::string rounds = round(0x41) + round(0x51) + round(0x41);
    const std::string own = "@44:40 kvm_fpu: load\n";
    CHECK(told(own + "@70:40/1 " + by_device + rounds) == Told{"P02 +4"});
    CHECK(told(own + "@70:50/1 " + by_device + rounds) == Told{});
    // Two vCPUs 0, whose processes nothing tells.
    const std::string other =
        "@90/1 kvm_entry: vcpu 0, rip 0x9000\n@90/1 kvm_msr: msr_read 1b = 0xfee00900\n";
    CHECK(told(other + "@70/1 " + by_device + rounds) == Told{});
}

TEST_CASE("where the guest goes on after userspace had the vCPU it was not reset") {
    const std::string leaves = "kvm_exit: vcpu 0 reason IO_INSTRUCTION rip 0x1000 info1 0x0 info2 0x0\n"
                               "kvm_userspace_exit: reason KVM_EXIT_IO (2)\n";
    CHECK(told(accepts(0xec) + leaves + "+400 kvm_entry: vcpu 0, rip 0x1001\n" + round(0x41)) ==
          Told{"P02 +6"});
    CHECK(told(accepts(0xec) + leaves + "+400 kvm_entry: vcpu 0, rip 0x7c00\n" + round(0x41)) == Told{});
}

TEST_CASE("an EOI that ended another vector than the highest is the one to blame, not the next") {
    const std::string nested =
        accepts(0x41) + given(0x41) + enters() + accepts(0x91) + given(0x91) + enters();
    CHECK(told(nested + ends(0x91) + ends(0x41)) == Told{});
    CHECK(told(nested + ends(0x41) + ends(0x91)) == Told{"P04 +8"});
    // Given again in between: which of the two is in service nothing tells.
    CHECK(told(nested + ends(0x41) + accepts(0x91) + given(0x91) + enters() + ends(0x91)) == Told{});
}

TEST_CASE("an EOI that ended nothing, while ISR then shows a vector in service") {
    const std::string isr_7 = "kvm_apic: apic_read 0x170 = {0}\nkvm_msr: msr_read 817 = {0}\n";
    const auto shows = [&](std::string_view value) { return fmt::format(fmt::runtime(isr_7), value); };
    const std::string taken = accepts(0xec) + given(0xec) + enters();
    CHECK(told(taken + ends(-1) + shows("0x1000")) == Told{"P04 +5"});
    // The PIC gave it.
    CHECK(told(taken + ends(-1) + shows("0x0") + round(0xec)) == Told{});
}

} // namespace lapicheck::checker
