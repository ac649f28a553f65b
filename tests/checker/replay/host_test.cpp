// Replay where the trace does not show all: userspace sets state, hardware acts, events are lost.
#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// ----- The host's hand -----

TEST_CASE("reset by userspace after a pause raises nothing and is told in a note") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TDCR = 0x3
        kvm_msr: msr_write 83e = 0x3
        +100000us kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
        kvm_apic: apic_read APIC_TDCR = 0x0
        kvm_mmio: mmio read len 4 gpa 0xfee003e0 val 0x0
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
    )");
    CHECK(r.told() == Told{});
    CHECK(r.notes("userspace must have reset the vCPU before line 5"));
}

TEST_CASE("what is wrong with an access whatever the state speaks neither for nor against a reset") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        +100000us kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
        kvm_mmio: mmio write len 4 gpa 0xfee003e0 val 0x3
        kvm_apic: apic_write APIC_TDCR = 0x2
        kvm_apic: apic_read APIC_LVTT = 0x10000
        kvm_mmio: mmio read len 4 gpa 0xfee00320 val 0x10000
    )");
    CHECK(r.told() == Told{"M07 dcr xapic 4 because 1"});
    CHECK(r.notes("unless userspace reset the vCPU or set its APIC state; not counted"));
}

TEST_CASE("after the reset the vCPU is held to what it then does") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        +100000us kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
        kvm_apic: apic_read APIC_TDCR = 0x0
        kvm_mmio: mmio read len 4 gpa 0xfee003e0 val 0x0
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
    )")
              .told() == Told{"M01 svr x2apic 8-9 because 3,7"});
}

TEST_CASE("a short pause does not excuse the fault") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        +250us kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_msr: msr_read 1b = 0xfee00d00
    )")
              .told() == Told{"M01 version x2apic 2-3 because 1"});
}

TEST_CASE("a pause does not excuse the fault once the vCPU goes on in its old state") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        +100000us kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
        kvm_msr: msr_read 1b = 0xfee00d00
    )")
              .told() == Told{"M01 svr x2apic 2-3 because 1"});
}

TEST_CASE("a pause does not excuse a value that a reset would not have predicted") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        +100000us kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )")
              .told() == Told{"M01 version x2apic 2-3 because 1"});
}

TEST_CASE("what only a reset would explain, and nothing refutes, is not decided and said so") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        +100000us kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
    )");
    CHECK(r.told() == Told{});
    CHECK(r.notes("unless userspace reset the vCPU or set its APIC state; not counted"));
}

TEST_CASE("a later pause does not keep open what a reset in an earlier one would have explained") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        +100000us kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
        +100000us kvm_apic: apic_read APIC_SPIV = 0x1ff
        kvm_msr: msr_read 80f = 0x1ff
    )");
    CHECK(r.told() == Told{"M01 svr x2apic 4-5 because 1"});
}

TEST_CASE("a value that no reset explains is a fault after a pause, too") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee003e0 val 0x3
        kvm_apic: apic_write APIC_TDCR = 0x3
        +100000us kvm_apic: apic_read APIC_TDCR = 0x1
        kvm_mmio: mmio read len 4 gpa 0xfee003e0 val 0x1
    )")
              .told() == Told{"M06 dcr xapic 4-5 because 1,2"});
}

TEST_CASE("where the trace shows when the thread is in userspace, a pause in the guest allows no reset") {
    CHECK(replay_script(R"(
        kvm_entry: vcpu 0, rip 0x1000
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_entry: vcpu 0, rip 0x1002
        +100000us kvm_exit: vcpu 0 reason npf rip 0x1008 info1 0x0 info2 0x0
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )")
              .told() == Told{"M01 version x2apic 5-6 because 2"});
}

TEST_CASE("KVM_SET_LAPIC forgets what was known") {
    constexpr auto script = R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TDCR = 0x3
        kvm_msr: msr_write 83e = 0x3
        {}
        kvm_apic: apic_read APIC_TDCR = 0x1
        kvm_msr: msr_read 83e = 0x1
    )";
    CHECK(replay_script(fmt::format(script, "sys_ioctl(fd: 0xb, cmd: 0x4400ae8f, arg: 0x7f31fc002010)"))
              .told() == Told{});
    // KVM_GET_LAPIC
    CHECK(replay_script(fmt::format(script, "sys_ioctl(fd: 0xb, cmd: 0x8400ae8e, arg: 0x7f31fc002010)"))
              .told() == Told{"X14 dcr x2apic 5-6 because 1,3"});
}

TEST_CASE("KVM_SET_SREGS may have set the mode") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        sys_ioctl(fd: 0xb, cmd: 0x4138ae84, arg: 0x7f31fc002010)
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_msr: msr_read 1b = 0xfee00900
    )")
              .told() == Told{});
}

TEST_CASE("KVM_SET_SREGS sets no register of the APIC but TPR") {
    constexpr auto script = R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_write 83e = 0x3
        kvm_msr: msr_write 808 = 0x40
        sys_ioctl(fd: 0xb, cmd: 0x4138ae84, arg: 0x7f31fc002010)
        {}
    )";
    CHECK(replay_script(fmt::format(script, "kvm_msr: msr_read 83e = 0x1")).told() ==
          Told{"X14 dcr x2apic 5 because 1,2"});
    CHECK(replay_script(fmt::format(script, "kvm_msr: msr_read 808 = 0x20")).told() == Told{});
}

TEST_CASE("another thread of the process may set the state: the file descriptor tells of which vCPU") {
    constexpr auto script = R"(
        @44/0 sys_ioctl(fd: 0xb, cmd: 0xae80, arg: 0)
        @44/0 kvm_msr: msr_write 1b = 0xfee00d00
        @43/0 sys_ioctl(fd: {}, cmd: 0x4400ae8f, arg: 0x7f31fc002010)
        @44/0 kvm_apic: apic_read APIC_LVR = 0x50014
        @44/0 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )";
    CHECK(replay_script(fmt::format(script, "0xb")).told() == Told{});
    CHECK(replay_script(fmt::format(script, "0xc")).told() == Told{"M01 version x2apic 4-5 because 2"});
}

// ----- One thread, several vCPUs -----

TEST_CASE("KVM_RUN tells which vCPU its thread runs from there on") {
    const Replayed r = replay_script(R"(
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_msr: msr_write 1b = 0xfee00d00
        sys_ioctl(fd: 6, cmd: 0xae80, arg: 0)
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )");
    CHECK(r.told() == Told{"M01 version x2apic 7-8 because 2"});
    CHECK(r.summary.vcpus == 2);
    CHECK(r.divergences[0].vcpu == "vCPU with fd 5 (thread 44)");
}

TEST_CASE("where kvm_entry names the vCPUs of a thread, it tells whose the descriptor of KVM_RUN is") {
    constexpr auto script = R"(
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_entry: vcpu 0, rip 0x1000
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_userspace_exit: reason KVM_EXIT_IO (2)
        sys_ioctl(fd: 6, cmd: 0xae80, arg: 0)
        kvm_entry: vcpu 1, rip 0x1000
        kvm_userspace_exit: reason KVM_EXIT_IO (2)
        sys_ioctl(fd: {}, cmd: 0x4400ae8f, arg: 0x7f31fc002010)
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_entry: vcpu 0, rip 0x1000
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )";
    CHECK(replay_script(fmt::format(script, 5)).told() == Told{});
    CHECK(replay_script(fmt::format(script, 6)).told() == Told{"M01 version x2apic 11-12 because 3"});
}

TEST_CASE("what came before the first KVM_RUN may be another vCPU's once there are two") {
    constexpr auto script = R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        {}
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )";
    CHECK(replay_script(fmt::format(script, "sys_ioctl(fd: 6, cmd: 0xae80, arg: 0)")).told() == Told{});
    CHECK(replay_script(fmt::format(script, "sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)")).told() ==
          Told{"M01 version x2apic 5-6 because 1"});
}

TEST_CASE("a KVM_RUN may be among lost events: the next one tells whose accesses those before it were not") {
    constexpr auto script = R"(
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_msr: msr_read 1b = 0xfee00900
        {}
        kvm_msr: msr_write 1b = 0xfee00d00
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )";
    CHECK(replay_script(fmt::format(script, "CPU:0 [LOST 3 EVENTS]")).told() == Told{});
    CHECK(replay_script(fmt::format(script, "kvm_exit: reason msr rip 0x1000 info 0 0")).told() ==
          Told{"M01 version x2apic 6-7 because 4"});
}

TEST_CASE("a machine that is made later in the same thread may have the same file descriptors") {
    const Replayed r = replay_script(R"(
        sys_ioctl(fd: 4, cmd: 0xae41, arg: 0)
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_msr: msr_write 1b = 0xfee00d00
        sys_ioctl(fd: 4, cmd: 0xae41, arg: 0)
        sys_ioctl(fd: 5, cmd: 0xae80, arg: 0)
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )");
    CHECK(r.told() == Told{});
    CHECK(r.summary.vcpus == 2);
}

// ----- Lost events -----

TEST_CASE("lost events forget what they may have changed") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TDCR = 0x3
        kvm_msr: msr_write 83e = 0x3
        CPU:0 [LOST 3 EVENTS]
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_apic: apic_read APIC_TDCR = 0x1
        kvm_mmio: mmio read len 4 gpa 0xfee003e0 val 0x1
    )");
    CHECK(r.told() == Told{});
}

TEST_CASE("a divergence is taken back when a mark shows that a CPU lost events at that time") {
    constexpr auto script = R"(
        @44/0 kvm_msr: msr_write 1b = 0xfee00d00
        @44/1 kvm_apic: apic_read APIC_LVR = 0x50014
        @44/1 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        {}
        @44/0 +1000us kvm_msr: msr_read 1b = 0xfee00900
    )";
    // CPU 0 was silent from line 1 on, and the thread came over from it.
    const Replayed lost = replay_script(fmt::format(script, "CPU:0 [LOST 3 EVENTS]"));
    CHECK(lost.told() == Told{});
    CHECK(lost.summary.withdrawn == 1);
    // CPU 1 lost only what came behind its last line.
    const Replayed other = replay_script(fmt::format(script, "CPU:1 [LOST 3 EVENTS]"));
    CHECK(other.told() == Told{"M01 version x2apic 2-3 because 1"});
    CHECK(other.summary.withdrawn == 0);
}

TEST_CASE("a divergence in one run of lines of a thread stays when another CPU lost events") {
    CHECK(replay_script(R"(
        @44/0 kvm_msr: msr_read 1b = 0xfee00900
        @45/1 kvm_msr: msr_read 1b = 0xfee00800
        @44/0 kvm_msr: msr_write 1b = 0xfee00d00
        @44/0 kvm_apic: apic_read APIC_LVR = 0x50014
        @44/0 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        CPU:1 [LOST 3 EVENTS]
        @45/1 kvm_msr: msr_read 1b = 0xfee00800
    )")
              .told() == Told{"M01 version x2apic 4-5 because 3"});
}

TEST_CASE("a line of KVM that cannot be read counts as a lost event") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_wri
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )")
              .told() == Told{});
}

TEST_CASE("lost events just before the register of a WRMSR: its interrupt may be among them") {
    CHECK(replay_script(R"(
        kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)
        kvm_apic: apic_write APIC_ICR = 0x100004031
        kvm_msr: msr_write 830 = 0x100004031
        CPU:0 [LOST 2 EVENTS]
        kvm_apic: apic_write APIC_ICR = 0x100004031
        kvm_msr: msr_write 830 = 0x100004031
    )")
              .told() == Told{});
}

TEST_CASE("an access that the beginning or end of a recording cuts does not tell how KVM works") {
    const Replayed r = replay_script(R"(
        kvm_eoi: apicid 0 vector 49
        kvm_msr: msr_read 1b = 0xfee00d00
        kvm_apic: apic_write APIC_ICR = 0x40031
    )");
    CHECK_FALSE(r.notes("EOIs that no write of the guest to EOI"));
    CHECK_FALSE(r.notes("hardware virtualizes the APIC"));
}

TEST_CASE("time that runs backwards in a thread is where one recording ends and another begins") {
    CHECK(replay_text(
              " qemu-system-x86-44      [000] .....   200.000010: kvm_msr: msr_write 1b = 0xfee00d00\n"
              " qemu-system-x86-44      [000] .....   100.000020: kvm_apic: apic_read APIC_LVR = 0x50014\n"
              " qemu-system-x86-44      [000] .....   100.000030: kvm_mmio: mmio read len 4 gpa 0xfee00030 "
              "val 0x50014\n")
              .told() == Told{});
}

// ----- Other clocks -----

TEST_CASE("a clock that counts cycles: a long pause allows a reset, a short one does not") {
    constexpr auto script = R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        +{}us kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
    )";
    CHECK(replay_text(made_trace(fmt::format(script, 100'000), false)).told() == Told{});
    CHECK(replay_text(made_trace(fmt::format(script, 20), false)).told() ==
          Told{"M01 svr x2apic 2-3 because 1"});
}

// ----- Hardware that virtualizes the APIC -----

TEST_CASE("a kvm_apic write without an access: hardware virtualizes the APIC, and is said so") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TMICT = 0x55
        kvm_entry: vcpu 0, rip 0x1000
        kvm_apic: apic_read APIC_TMICT = 0x55
        kvm_msr: msr_read 838 = 0x55
    )");
    CHECK(r.told() == Told{});
    CHECK(r.summary.stray == 1);
    CHECK(r.notes("hardware virtualizes the APIC"));
}

TEST_CASE("where hardware sends interrupts itself a command without kvm_apic_ipi is right") {
    const std::string command = "kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x40031\n"
                                "kvm_apic: apic_write APIC_ICR = 0x40031\n";
    const std::string shown = "kvm_apic_ipi: dst 0 vec 49 (Fixed|physical|assert|edge|self)\n";
    const std::string start = "kvm_msr: msr_write 1b = 0xfee00900\n";
    const std::string avic = "kvm_avic_incomplete_ipi: vcpu=0, icrh:icrl=00000000:00040031, id=1, index=0\n";
    const std::string entry = "kvm_entry: vcpu 0, rip 0x1000\n";
    CHECK(replay_script(start + command + shown + command + entry).told().size() == 1);
    CHECK(replay_script(start + command + shown + avic + command + entry).told() == Told{});
}

} // namespace
} // namespace lapicheck::checker
