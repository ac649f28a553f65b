// What a recording lacks without a mark: CPUs, threads, the order of two CPUs' lines. Each script is the
// small rest of a transformed recording (tests/checker/metamorphic) that made a false alarm.
#include <doctest/doctest.h>

#include "made_trace.hpp"

namespace lapicheck::checker {
namespace {

const std::string two_cpus = "# entries-in-buffer/entries-written: 9/9   #P:2\n";

TEST_CASE("one CPU's events alone: where a thread was away for long, it may have done anything on another") {
    const auto script = [](std::string_view pause) {
        return fmt::format("kvm_msr: msr_write 1b = 0xfee00d00\n{}kvm_apic: apic_read APIC_LVR = 0x50014\n"
                           "kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014\n",
                           pause);
    };
    CHECK(replay_script(two_cpus + script("+250us ")).told() == Told{"M01 version x2apic 3-4 because 2"});
    const Replayed away = replay_script(two_cpus + "kvm_entry: vcpu 0, rip 0x1000\n" +
                                        "kvm_exit: vcpu 0 reason msr rip 0x1000 info 0 0\n" +
                                        script("+50us kvm_entry: vcpu 0, rip 0x1002\n"
                                               "+3000us kvm_exit: vcpu 0 reason npf rip 0x1004 info 0 0\n"));
    CHECK(away.told().size() == 1); // the guest ran on this CPU
    const Replayed missing = replay_script(two_cpus + "kvm_entry: vcpu 0, rip 0x1000\n" +
                                           "kvm_exit: vcpu 0 reason msr rip 0x1000 info 0 0\n" +
                                           script("+3000us kvm_entry: vcpu 0, rip 0x1002\n"));
    CHECK(missing.told() == Told{});
}

TEST_CASE("a value that is wrong in any state is wrong whatever a thread did on another CPU") {
    CHECK(replay_script(two_cpus + "kvm_msr: msr_read 1b = 0xfee00d00\n"
                                   "+5000us kvm_msr: msr_write 808 = 0x100\n")
              .told()
              .size() == 1);
}

TEST_CASE(
    "a thread that is back on its CPU at once: the CPUs' clocks differ, and its lines are out of order") {
    const auto script = [](unsigned pause) {
        return fmt::format("kvm_msr: msr_write 80f = 0x1ff\n@44/1 kvm_msr: msr_read 80f = 0xff\n"
                           "+{}us kvm_msr: msr_write 80f = 0xff\n",
                           pause);
    };
    CHECK(replay_script(script(10)).told() == Told{});
    CHECK(replay_script(script(5000)).told().size() == 1);
}

TEST_CASE("an MMIO write whose thread moves may lack what came of it") {
    CHECK(replay_script("kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x440b0\n"
                        "kvm_apic: apic_write APIC_ICR = 0x440b0\n"
                        "kvm_apic_ipi: dst b0 vec 176 (Fixed|physical|assert|edge|self)\n"
                        "kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x440b0\n"
                        "kvm_apic: apic_write APIC_ICR = 0x440b0\n"
                        "@44/1 kvm_userspace_exit: reason KVM_EXIT_IO (2)\n")
              .told() == Told{});
}

TEST_CASE(
    "the window's answer was all that told the mode: MSRs of x2APIC mode show that it should not have come") {
    const std::string answered = "CPU:0 [LOST 3 EVENTS]\nkvm_apic: apic_read APIC_LVR = 0x50014\n"
                                 "kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014\n";
    CHECK(replay_script(answered + "kvm_msr: msr_read 1b = 0xfee00d00\n").told() ==
          Told{"M01 version x2apic 2-3"});
    CHECK(replay_script("kvm_msr: msr_write 1b = 0xfee00900\n" + answered.substr(answered.find('\n') + 1) +
                        "kvm_msr: msr_read 1b = 0xfee00d00\n")
              .told() == Told{"B08 apic_base xapic 4 because 1"});
}

TEST_CASE("a second INIT, when it is not told yet whether the first has come: what it leaves is right") {
    const std::string init = "@45/1 kvm_apic_ipi: dst 1 vec 0 (INIT|physical|assert|edge|dst)\n"
                             "@45/1 kvm_msr: msr_write 830 = 0x100004500\n";
    CHECK(replay_script("kvm_msr: msr_read 1b = 0xfee00c00\n" + init +
                        "kvm_msr: msr_write 80f = 0x1aa\nkvm_msr: msr_write 83e = 0xb\n" + init +
                        "kvm_msr: msr_read 80f = 0xff\nkvm_msr: msr_read 83e = 0x0\n")
              .told() == Told{});
}

TEST_CASE("an APIC that accepts interrupts and shows nothing else: not all threads were recorded") {
    // Thread 45, which sent this one an interrupt, is missing.
    const auto script = [](std::string_view other) {
        return fmt::format(
            "kvm_entry: vcpu 0, rip 0x1000\n@46/1 kvm_apic_accept_irq: apicid 1 vec 33 (Fixed|edge)\n"
            "{}kvm_msr: msr_write 1b = 0xfee00d00\nkvm_msr: msr_write 80f = 0x1ff\n"
            "kvm_msr: msr_read 822 = 0x0\n+100us kvm_msr: msr_read 822 = 0x20\n"
            "@46/1 kvm_apic_accept_irq: apicid 0 vec 34 (Fixed|edge)\n",
            other);
    };
    CHECK(replay_script(script("")).told() == Told{});
}

} // namespace
} // namespace lapicheck::checker
