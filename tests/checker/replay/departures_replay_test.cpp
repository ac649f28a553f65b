// Which divergences of a recording count as KVM's departures: what KVM does, and not what looks like it.
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

TEST_CASE("an RDMSR 809H that KVM refuses on AMD tells nothing of the mode") {
    const auto replayed = [](std::string_view then) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_read 809 = 0x0 (#GP)
            {}
        )",
                                         then),
                             GuestCpu::amd);
    };
    CHECK(replayed("kvm_apic: apic_write APIC_SELF_IPI = 0x40\nkvm_msr: msr_write 83f = 0x40").told() ==
          Told{});
    // As little as it speaks against x2APIC mode does it speak for it.
    CHECK(replayed("kvm_msr: msr_write 83f = 0x40 (#GP)").told() == Told{});
    // What the other modes say of the refused one still counts.
    CHECK(replayed("kvm_apic: apic_read APIC_TASKPRI = 0x0\nkvm_msr: msr_read 808 = 0x0\n"
                   "kvm_msr: msr_write 83f = 0x40 (#GP)")
              .told() == Told{"X14 self_ipi x2apic 4 because 3"});
}

TEST_CASE("LINT0 that KVM leaves at 00000700H after INIT speaks for the INIT") {
    const auto replayed = [](std::string_view written, std::string_view then) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_write APIC_SPIV = 0x1ff
            kvm_msr: msr_write 80f = 0x1ff
            kvm_apic: apic_write APIC_LVT0 = {0}
            kvm_msr: msr_write 835 = {0}
            @45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)
            kvm_apic: apic_read APIC_LVT0 = 0x700
            kvm_msr: msr_read 835 = 0x700
            {1}
        )",
                                         written, then));
    };
    const auto* const svr = "kvm_apic: apic_read APIC_SPIV = 0xff\nkvm_msr: msr_read 80f = 0xff";
    const Replayed lint0 = replayed("0x8700", svr);
    CHECK(lint0.told() == Told{"R02 lvt_lint0 x2apic 7-8 because 1,3,5,6"});
    CHECK(lint0.unknown() == 0);
    // The same value from before: the next register decides.
    CHECK(replayed("0x700", svr).told() == Told{});
    const auto* const wrong = "kvm_apic: apic_read APIC_SPIV = 0x1fe\nkvm_msr: msr_read 80f = 0x1fe";
    CHECK(replayed("0x700", wrong).unknown() == 1);
}

TEST_CASE("LVT LINT0 that reads masked is not KVM's 00000700H after RESET") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_mmio: mmio write len 4 gpa 0xfee00350 val 0x700
        kvm_apic: apic_write APIC_LVT0 = 0x700
        kvm_apic: apic_read APIC_LVT0 = 0x10700
        kvm_mmio: mmio read len 4 gpa 0xfee00350 val 0x10700
    )")
              .unknown() == 1);
}

TEST_CASE("an ESR that reads other than 0 is not KVM's ESR that always reads 0") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_apic: apic_read APIC_ESR = 0x80
        kvm_mmio: mmio read len 4 gpa 0xfee00280 val 0x80
    )")
              .unknown() == 1);
}

TEST_CASE("TPR[3:0] that read as ones are not KVM's TPR[3:0] that read 0") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TASKPRI = 0x20
        kvm_msr: msr_write 808 = 0x20
        kvm_apic: apic_read APIC_TASKPRI = 0x2f
        kvm_msr: msr_read 808 = 0x2f
    )")
              .unknown() == 1);
}

TEST_CASE("a one-shot timer above its initial count is not KVM's lengthened period") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_LVTT = 0x31
        kvm_msr: msr_write 832 = 0x31
        kvm_apic: apic_write APIC_TMICT = 0x1000
        kvm_msr: msr_write 838 = 0x1000
        kvm_apic: apic_read APIC_TMCCT = 0x1001
        kvm_msr: msr_read 839 = 0x1001
    )")
              .unknown() == 1);
}

TEST_CASE("two departures of KVM in one value are still departures") {
    // Delivery status reads as written, and the message type that AMD has is dropped.
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_apic: apic_read APIC_LVTERR = 0x10000
        kvm_mmio: mmio read len 4 gpa 0xfee00370 val 0x10000
        kvm_mmio: mmio write len 4 gpa 0xfee00370 val 0x117ff
        kvm_apic: apic_write APIC_LVTERR = 0x117ff
        kvm_apic: apic_read APIC_LVTERR = 0x110ff
        kvm_mmio: mmio read len 4 gpa 0xfee00370 val 0x110ff
    )",
                                     GuestCpu::amd);
    CHECK(r.unknown() == 0);
}

TEST_CASE("bits of an LVT entry that KVM keeps read as they were written, or they are no departure") {
    constexpr auto script = R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_LVTPC = {0:#x}
        kvm_msr: msr_write 834 = {0:#x}
        kvm_apic: apic_read APIC_LVTPC = {1:#x}
        kvm_msr: msr_read 834 = {1:#x}
    )";
    const Replayed kept = replay_script("kvm_msr: msr_write 1b = 0xfee00d00\n"
                                        "kvm_apic: apic_read APIC_LVTPC = 0x10000\n"
                                        "kvm_msr: msr_read 834 = 0x10000\n" +
                                        fmt::format(script, 0x11031, 0x11031));
    CHECK(kept.divergences.size() == 1);
    CHECK(kept.unknown() == 0);
    const Replayed set = replay_script("kvm_msr: msr_write 1b = 0xfee00d00\n"
                                       "kvm_apic: apic_read APIC_LVTPC = 0x10000\n"
                                       "kvm_msr: msr_read 834 = 0x10000\n" +
                                       fmt::format(script, 0x10031, 0x11031));
    CHECK(set.unknown() == 1);
}

TEST_CASE("LVT LINT0 of the boot CPU is 00000700H after INIT, too, and by no other rule than that of INIT") {
    const Replayed r = replay_script(R"(
        kvm_entry: vcpu 0, rip 0x1000
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_LVT0 = 0x10000
        kvm_msr: msr_write 835 = 0x10000
        @45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)
        @45 kvm_apic_accept_irq: apicid 0 vec 8 (SIPI|edge)
        kvm_entry: vcpu 0, rip 0x8000
        kvm_apic: apic_read APIC_LVT0 = 0x700
        kvm_msr: msr_read 835 = 0x700
    )");
    CHECK(r.told() == Told{"R02 lvt_lint0 x2apic 8-9 because 2,4,5"});
    CHECK(r.unknown() == 0);
}

TEST_CASE("what is wrong besides a departure in one value is told apart from it") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_read APIC_LVTPC = 0x10000
        kvm_msr: msr_read 834 = 0x10000
        kvm_apic: apic_write APIC_LVTPC = 0x11031
        kvm_msr: msr_write 834 = 0x11031
        kvm_apic: apic_read APIC_LVTPC = 0x11032
        kvm_msr: msr_read 834 = 0x11032
    )");
    CHECK(r.told() == Told{"X14 lvt_pmc x2apic 6-7 because 1,5", "L02 lvt_pmc x2apic 6-7 because 1,5"});
    CHECK(r.unknown() == 1);
}

TEST_CASE("a timer that was in periodic mode may show the lengthened period after the mode is changed") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_LVTT = 0x20031
        kvm_msr: msr_write 832 = 0x20031
        kvm_apic: apic_write APIC_TMICT = 0x1000
        kvm_msr: msr_write 838 = 0x1000
        kvm_apic: apic_write APIC_LVTT = 0x31
        kvm_msr: msr_write 832 = 0x31
        kvm_apic: apic_read APIC_TMCCT = 0x1001
        kvm_msr: msr_read 839 = 0x1001
    )")
              .unknown() == 0);
}

TEST_CASE("LINT0 as KVM leaves it excuses nothing but the boot processor's, until it is written") {
    // Of an application processor, after INIT.
    const auto after_init = [](std::string_view base_access) {
        return replay_script(fmt::format(R"(
            kvm_msr: {}
            kvm_apic: apic_write APIC_LVT0 = 0x8700
            kvm_msr: msr_write 835 = 0x8700
            kvm_apic: apic_write APIC_TDCR = 0x3
            kvm_msr: msr_write 83e = 0x3
            @45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)
            kvm_apic: apic_read APIC_TDCR = 0x0
            kvm_msr: msr_read 83e = 0x0
            kvm_apic: apic_read APIC_LVT0 = 0x700
            kvm_msr: msr_read 835 = 0x700
        )",
                                         base_access));
    };
    CHECK(after_init("msr_read 1b = 0xfee00d00").unknown() == 0);
    CHECK(after_init("msr_read 1b = 0xfee00c00").unknown() == 1);
    // Which is the boot processor KVM knows without the flag that software may write (B15).
    CHECK(after_init("msr_write 1b = 0xfee00c00").unknown() == 0);
    // Enabling unmasks nothing: software had written the entry.
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        kvm_apic: apic_write APIC_LVT0 = 0x700
        kvm_msr: msr_write 835 = 0x700
        kvm_apic: apic_write APIC_SPIV = 0xff
        kvm_msr: msr_write 80f = 0xff
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        kvm_apic: apic_read APIC_LVT0 = 0x700
        kvm_msr: msr_read 835 = 0x700
    )")
              .unknown() == 1);
}

TEST_CASE("an EOI of a value but 0 is known, and which vector it ended is judged all the same") {
    const auto replayed = [](std::string_view ended) {
        return replay_script(fmt::format(R"(
            kvm_entry: vcpu 0, rip 0x1000
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_write APIC_LVT0 = 0x10000
            kvm_msr: msr_write 835 = 0x10000
            kvm_apic: apic_write APIC_SPIV = 0x1ff
            kvm_msr: msr_write 80f = 0x1ff
            kvm_apic: apic_write APIC_SELF_IPI = 0x40
            kvm_apic_ipi: dst 0 vec 64 (Fixed|physical|de-assert|edge|self)
            kvm_apic_accept_irq: apicid 0 vec 64 (Fixed|edge)
            kvm_msr: msr_write 83f = 0x40
            kvm_inj_virq: IRQ 0x40
            kvm_entry: vcpu 0, rip 0x1000
            kvm_apic: apic_write APIC_SELF_IPI = 0x50
            kvm_apic_ipi: dst 0 vec 80 (Fixed|physical|de-assert|edge|self)
            kvm_apic_accept_irq: apicid 0 vec 80 (Fixed|edge)
            kvm_msr: msr_write 83f = 0x50
            kvm_inj_virq: IRQ 0x50
            kvm_entry: vcpu 0, rip 0x1000
            kvm_apic: apic_write APIC_EOI = 0x40
            kvm_eoi: apicid 0 vector {}
            kvm_msr: msr_write 80b = 0x40
        )",
                                         ended));
    };
    CHECK(replayed("80").unknown() == 0);
    const Replayed wrong = replayed("64");
    CHECK(wrong.unknown() == 1);
    CHECK(wrong.divergences.size() == 2);
}

TEST_CASE("IA32_TSC_DEADLINE that keeps a value without CPUID.1:ECX[24] is not KVM's, which reads 0") {
    const auto unknown = [](std::string_view read) {
        return replay_script(fmt::format(R"(
            kvm_cpuid: func 1 idx 0 rax 806e9 rbx 800 rcx 80200000 rdx 78bfbff, cpuid entry found
            kvm_msr: msr_write 6e0 = 0x12345678
            kvm_msr: msr_read 6e0 = {}
        )",
                                         read))
            .unknown();
    };
    CHECK(unknown("0x0") == 0);
    CHECK(unknown("0x12345678") == 1);
}

TEST_CASE("only a short period makes the count of KVM's timer exceed the initial one") {
    const auto unknown = [](std::string_view divide) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_write APIC_TDCR = {0}
            kvm_msr: msr_write 83e = {0}
            kvm_apic: apic_write APIC_LVTT = 0x30031
            kvm_msr: msr_write 832 = 0x30031
            kvm_apic: apic_write APIC_TMICT = 0x60000
            kvm_msr: msr_write 838 = 0x60000
            kvm_apic: apic_read APIC_TMCCT = 0x70000
            kvm_msr: msr_read 839 = 0x70000
        )",
                                         divide))
            .unknown();
    };
    CHECK(unknown("0xb") == 0); // divided by 1: 459 us, where the minimum was once 500
    CHECK(unknown("0x3") == 1); // by 16
}

TEST_CASE("bits 15:0 of IRR are known where such a vector was sent") {
    const auto unknown = [](std::string_view irr) {
        return replay_script(fmt::format(R"(
            kvm_entry: vcpu 0, rip 0x1000
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_read 0x200 = 0x0
            kvm_msr: msr_read 820 = 0x0
            kvm_apic_accept_irq: apicid 0 vec 5 (Fixed|edge)
            kvm_apic: apic_read 0x200 = {0}
            kvm_msr: msr_read 820 = {0}
        )",
                                         irr))
            .unknown();
    };
    CHECK(unknown("0x20") == 0);
    CHECK(unknown("0x10") == 1);
}

} // namespace
} // namespace lapicheck::checker
