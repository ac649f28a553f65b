// Registers by MSR and through the window under replay: what they read, and what INIT leaves.
#include "checker/replay/replay.hpp"

#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// ----- MSRs -----

TEST_CASE("MSRs 800H to 8FFH outside x2APIC mode: #GP is missing") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_msr: msr_read 803 = 0x50014
        kvm_msr: msr_read 802 = 0x0 (#GP)
        kvm_msr: msr_write 1b = 0xfee00100
        kvm_msr: msr_write 80b = 0x0
        kvm_msr: msr_write 80b = 0x0 (#GP)
    )");
    REQUIRE(r.divergences.size() == 2);
    CHECK(r.told()[0] == "X01 version xapic 2 because 1");
    CHECK(r.told()[1].starts_with("X01 eoi disabled 5 because 4"));
}

TEST_CASE("in x2APIC mode each refusal that is missing has its rule") {
    const auto rule_of = [](std::string_view access) {
        const Replayed r =
            replay_script(fmt::format("kvm_msr: msr_write 1b = 0xfee00d00\nkvm_msr: {}\n", access));
        return r.divergences.size() == 1 ? model::to_string(r.divergences[0].mismatch.rule) : "none";
    };
    CHECK(rule_of("msr_write 802 = 0x0") == "X02");
    CHECK(rule_of("msr_write 80d = 0x0") == "X02");
    CHECK(rule_of("msr_write 839 = 0x0") == "X02");
    CHECK(rule_of("msr_read 80b = 0x0") == "X03");
    CHECK(rule_of("msr_read 83f = 0x0") == "X03");
    CHECK(rule_of("msr_read 800 = 0x0") == "X04");
    CHECK(rule_of("msr_read 80e = 0x0") == "X04");
    CHECK(rule_of("msr_write 831 = 0x0") == "X04");
    CHECK(rule_of("msr_read 8ff = 0x0") == "X04");
    CHECK(rule_of("msr_write 808 = 0x100000000") == "X05");
    CHECK(rule_of("msr_write 808 = 0x100") == "X06");
    CHECK(rule_of("msr_write 80b = 0x1") == "X07");
    CHECK(rule_of("msr_write 828 = 0x1") == "X08");
    CHECK(rule_of("msr_write 83f = 0x100") == "X09");
    CHECK(rule_of("msr_write 830 = 0x2000") == "X10");
}

TEST_CASE("in x2APIC mode a refusal that is not due") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_read 803 = 0x0 (#GP)
        kvm_msr: msr_write 808 = 0x20 (#GP)
        kvm_msr: msr_read 809 = 0x0 (#GP)
    )")
              .told() == Told{"X14 version x2apic 2 because 1", "X14 tpr x2apic 3 because 1"});
}

TEST_CASE("MSRs 900H to BFFH are nobody's business") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_read 900 = 0x0
        kvm_msr: msr_write bff = 0x1 (#GP)
    )");
    CHECK(r.told() == Told{});
    CHECK(r.summary.accesses == 1);
}

TEST_CASE("a refused write that sent an interrupt all the same") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)
        kvm_apic: apic_write APIC_ICR = 0x100002031
        kvm_msr: msr_write 830 = 0x100002031 (#GP)
    )")
              .told() == Told{"B07 icr x2apic 2 because 1"});
}

TEST_CASE("told the vendor, what only the other one has is a fault") {
    constexpr auto script = R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_read 809 = 0x0
    )";
    CHECK(replay_script(script).told() == Told{});
    CHECK(replay_script(script, GuestCpu::amd).told() == Told{});
    CHECK(replay_script(script, GuestCpu::intel).told() == Told{"X04 apr x2apic 2 because 1"});
}

// ----- Registers -----

TEST_CASE("the version does not change, nor with the mode") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_read APIC_LVR = 0x60014
        kvm_msr: msr_read 803 = 0x60014
    )")
              .told() == Told{"V01 version x2apic 5-6 because 3,4"});
}

TEST_CASE("clearing SVR[8] masks the local vector table") {
    const auto told = [](std::string_view read) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_write APIC_SPIV = 0x1ff
            kvm_msr: msr_write 80f = 0x1ff
            kvm_apic: apic_write APIC_LVTT = 0x31
            kvm_msr: msr_write 832 = 0x31
            kvm_apic: apic_write APIC_SPIV = 0xff
            kvm_msr: msr_write 80f = 0xff
            kvm_apic: apic_read APIC_LVTT = {0}
            kvm_msr: msr_read 832 = {0}
        )",
                                         read))
            .told();
    };
    CHECK(told("0x10031") == Told{});
    CHECK(told("0x31") == Told{"V06 lvt_timer x2apic 8-9 because 1,5,7"});
}

TEST_CASE("while SVR[8] is clear a mask cannot be taken away") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        kvm_apic: apic_write APIC_SPIV = 0xff
        kvm_msr: msr_write 80f = 0xff
        kvm_apic: apic_write APIC_LVTT = 0x31
        kvm_msr: msr_write 832 = 0x31
        kvm_apic: apic_read APIC_LVTT = 0x31
        kvm_msr: msr_read 832 = 0x31
    )")
              .told() == Told{"V07 lvt_timer x2apic 8-9 because 1,5,7"});
}

TEST_CASE("setting SVR[8] again takes no mask away") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_LVTT = 0x10031
        kvm_msr: msr_write 832 = 0x10031
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        kvm_apic: apic_read APIC_LVTT = 0x31
        kvm_msr: msr_read 832 = 0x31
    )")
              .told() == Told{"V08 lvt_timer x2apic 6-7 because 1,3,5"});
}

TEST_CASE("what a bit reads that is reserved on AMD is not judged by MMIO") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee00350 val 0x12400
        kvm_apic: apic_write APIC_LVT0 = 0x12400
        kvm_apic: apic_read APIC_LVT0 = 0x12400
        kvm_mmio: mmio read len 4 gpa 0xfee00350 val 0x12400
    )",
                        GuestCpu::amd)
              .told() == Told{});
}

TEST_CASE("the timer counts down: the current count is never above the initial one") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_LVTT = 0x10031
        kvm_msr: msr_write 832 = 0x10031
        kvm_apic: apic_write APIC_TMICT = 0x1000
        kvm_msr: msr_write 838 = 0x1000
        kvm_apic: apic_read APIC_TMCCT = 0xfff
        kvm_msr: msr_read 839 = 0xfff
        kvm_apic: apic_read APIC_TMCCT = 0x1001
        kvm_msr: msr_read 839 = 0x1001
    )");
    CHECK(r.told() == Told{"T04 current_count x2apic 8-9 because 1,5,7"});
    CHECK(r.divergences.at(0).mismatch.bounded);
}

TEST_CASE("after INIT the registers read their INIT values, the mode stays") {
    CHECK(replay_script(R"(
        @45 kvm_entry: vcpu 1, rip 0x1000
        @45 kvm_msr: msr_write 1b = 0xfee00c00
        @45 kvm_apic: apic_write APIC_TDCR = 0x3
        @45 kvm_msr: msr_write 83e = 0x3
        kvm_apic_ipi: dst 1 vec 0 (INIT|physical|assert|level|dst)
        kvm_apic_accept_irq: apicid 1 vec 0 (INIT|level)
        kvm_apic_ipi: dst 1 vec 8 (SIPI|physical|assert|edge|dst)
        kvm_apic_accept_irq: apicid 1 vec 8 (SIPI|edge)
        @45 kvm_entry: vcpu 1, rip 0x8000
        @45 kvm_apic: apic_read APIC_TDCR = 0x3
        @45 kvm_msr: msr_read 83e = 0x3
    )")
              .told() == Told{"R02 dcr x2apic 10-11 because 2,4,6"});
}

TEST_CASE("a register with a rule of its own that INIT did not reset breaks the rule of INIT") {
    const Replayed r = replay_script(R"(
        @45 kvm_entry: vcpu 1, rip 0x1000
        @45 kvm_msr: msr_write 1b = 0xfee00c00
        @45 kvm_apic: apic_write APIC_LVTT = 0x10000
        @45 kvm_msr: msr_write 832 = 0x10000
        @45 kvm_apic: apic_write APIC_TMICT = 0x55
        @45 kvm_msr: msr_write 838 = 0x55
        kvm_apic_accept_irq: apicid 1 vec 0 (INIT|level)
        kvm_apic_accept_irq: apicid 1 vec 8 (SIPI|edge)
        @45 kvm_entry: vcpu 1, rip 0x8000
        @45 kvm_apic: apic_read APIC_TMICT = 0x55
        @45 kvm_msr: msr_read 838 = 0x55
    )");
    REQUIRE(r.divergences.size() == 1);
    CHECK(model::to_string(r.divergences[0].mismatch.rule) == "R02");
}

TEST_CASE("what rules other than that of INIT fix keeps its rule after INIT") {
    const auto rule_of = [](std::string_view read) {
        const Replayed r = replay_script(fmt::format(R"(
            @45 kvm_entry: vcpu 1, rip 0x1000
            @45 kvm_msr: msr_write 1b = 0xfee00c00
            kvm_apic_accept_irq: apicid 1 vec 0 (INIT|level)
            kvm_apic_accept_irq: apicid 1 vec 8 (SIPI|edge)
            @45 kvm_entry: vcpu 1, rip 0x8000
            @45 kvm_apic: apic_write APIC_LVTT = 0x10031
            @45 kvm_msr: msr_write 832 = 0x10031
            @45 kvm_apic: apic_write APIC_ESR = 0x0
            @45 kvm_msr: msr_write 828 = 0x0
            {}
        )",
                                                     read));
        return r.divergences.size() == 1 ? model::to_string(r.divergences[0].mismatch.rule) : "none";
    };
    CHECK(rule_of("@45 kvm_apic: apic_read APIC_LVTT = 0x10032\n@45 kvm_msr: msr_read 832 = 0x10032") ==
          "X14");
    CHECK(rule_of("@45 kvm_apic: apic_read 0x200 = 0x1\n@45 kvm_msr: msr_read 820 = 0x1") == "P06");
    CHECK(rule_of("@45 kvm_apic: apic_read APIC_SPIV = 0x800000ff\n@45 kvm_msr: msr_read 80f = 0x800000ff") ==
          "X11");
    CHECK(rule_of("@45 kvm_apic: apic_read APIC_LVTERR = 0x0\n@45 kvm_msr: msr_read 837 = 0x0") == "R02");
}

TEST_CASE("an INIT that was sent may have come or not: either value is right") {
    for (const auto* value : {"0x3", "0x0"})
        CHECK(replay_script(fmt::format(R"(
            @45 kvm_entry: vcpu 1, rip 0x1000
            @45 kvm_msr: msr_write 1b = 0xfee00c00
            @45 kvm_apic: apic_write APIC_TDCR = 0x3
        @45 kvm_msr: msr_write 83e = 0x3
            kvm_apic_ipi: dst 1 vec 0 (INIT|physical|assert|level|dst)
            kvm_apic_accept_irq: apicid 1 vec 0 (INIT|level)
            @45 kvm_apic: apic_read APIC_TDCR = {0}
            @45 kvm_msr: msr_read 83e = {0}
        )",
                                        value))
                  .told() == Told{});
}

TEST_CASE("what is wrong whether or not an INIT was taken does not decide that it was not") {
    // An AMD CPU has the register that RDMSR 809H refuses here.
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TDCR = 0x3
        kvm_msr: msr_write 83e = 0x3
        @45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)
        kvm_msr: msr_read 809 = 0x0 (#GP)
        kvm_apic: apic_read APIC_TDCR = 0x0
        kvm_msr: msr_read 83e = 0x0
    )",
                                     GuestCpu::amd);
    CHECK(r.told() == Told{"X04 apr x2apic 5 because 1"});
}

TEST_CASE("SVR that reads as INIT left it is no reason for what else INIT left") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        @45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)
        kvm_apic: apic_read APIC_SPIV = 0xff
        kvm_msr: msr_read 80f = 0xff
        kvm_apic: apic_read APIC_LVT1 = 0x700
        kvm_msr: msr_read 836 = 0x700
    )");
    CHECK(r.told() == Told{"R02 lvt_lint1 x2apic 7-8 because 1,4,6"});
}

TEST_CASE("the LDR of x2APIC mode tells the ID, whether that was read or not") {
    const auto told = [](std::string_view ldr, std::string_view id) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_read APIC_LDR = {0}
            kvm_msr: msr_read 80d = {0}
            kvm_apic: apic_read APIC_ID = {1}
            kvm_msr: msr_read 802 = {1}
        )",
                                         ldr, id))
            .told();
    };
    CHECK(told("0x2", "0x1") == Told{});
    CHECK(told("0x20008", "0x23") == Told{});
    CHECK(told("0x2", "0x2") == Told{"D02 id x2apic 4-5 because 1,3"});
    CHECK(told("0x0", "0x1") == Told{"D04 ldr x2apic 2-3 because 1"});
    CHECK(told("0x3", "0x1") == Told{"D04 ldr x2apic 2-3 because 1"});
}

TEST_CASE("an access to the open window that no register answers, where others show theirs") {
    const auto told = [](std::string_view access) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00900
            kvm_apic: apic_read APIC_LVR = 0x50014
            kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
            {}
            kvm_msr: msr_read 8b = 0x0
        )",
                                         access))
            .told();
    };
    CHECK(told("kvm_mmio: mmio read len 4 gpa 0xfee00340 val 0xffffffff").size() == 1);
    CHECK(told("kvm_mmio: mmio write len 4 gpa 0xfee003e0 val 0x3").size() == 1);
    CHECK(told("kvm_mmio: mmio write len 1 gpa 0xfee003e0 val 0x3") == Told{}); // KVM takes words alone
    CHECK(told("kvm_mmio: mmio read len 4 gpa 0xfee00040 val 0x0") == Told{});  // no register
}

TEST_CASE("AMD's extended registers answer though the version register tells of none") {
    const auto told = [](std::string_view version, GuestCpu cpu) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_read 1b = 0xfee00d00
            kvm_apic: apic_read APIC_LVR = {0}
            kvm_msr: msr_read 803 = {0}
            kvm_msr: msr_read 840 = 0x40007
        )",
                                         version),
                             cpu)
            .told();
    };
    CHECK(told("0x50014", GuestCpu::amd) == Told{"X04 - x2apic 4 because 1,3"});
    CHECK(told("0x80050014", GuestCpu::amd) == Told{});
}

// ----- Errors -----

std::string esr_is(std::string_view command, std::string_view esr, std::string_view before = "") {
    return fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            {2}
            kvm_apic: apic_write APIC_ESR = 0x0
            kvm_msr: msr_write 828 = 0x0
            kvm_apic: apic_write APIC_ICR = {0}
            kvm_msr: msr_write 830 = {0}
            kvm_apic: apic_write APIC_ESR = 0x0
            kvm_msr: msr_write 828 = 0x0
            kvm_apic: apic_read APIC_ESR = {1}
            kvm_msr: msr_read 828 = {1}
        )",
                       command, esr, before);
}

TEST_CASE("bits of ESR that nothing can have set are a divergence; what is unknown is none") {
    const auto told = [](std::string_view command, std::string_view esr, GuestCpu cpu = GuestCpu::either) {
        const Replayed r = replay_script(esr_is(command, esr), cpu);
        return r.divergences.empty() ? "none" : model::to_string(r.divergences[0].mismatch.rule);
    };
    CHECK(told("0xc4651", "0x0") == "none");
    CHECK(told("0xc4651", "0x40") == "none"); // a message may have had an illegal vector
    CHECK(told("0xc4651", "0x10") == "E02");  // a start-up IPI is none of lowest priority
    CHECK(told("0xc4608", "0x20") == "E02");  // nor is its vector one
    CHECK(told("0xc4651", "0x1") == "E02");   // x2APIC mode has no P6 bus
    CHECK(told("0x4151", "0x10") == "none");
    CHECK(told("0x4151", "0x10", GuestCpu::amd) == "X11");
    CHECK(told("0x44005", "0x20") == "none");
    CHECK(told("0x44005", "0x0") == "I04");
    // In xAPIC mode a P6 may have errors of its bus; one write alone latches what nobody knows.
    const auto by_window = [](std::string_view esr, int writes) {
        std::string script = "kvm_msr: msr_write 1b = 0xfee00900\n";
        for (int i = 0; i < writes; ++i)
            script +=
                "kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x5f\nkvm_apic: apic_write APIC_ESR = 0x5f\n";
        return replay_script(script + fmt::format("kvm_apic: apic_read APIC_ESR = {0}\n"
                                                  "kvm_mmio: mmio read len 4 gpa 0xfee00280 val {0}\n",
                                                  esr))
            .divergences.size();
    };
    CHECK(by_window("0x5f", 1) == 0);
    CHECK(by_window("0x5f", 2) == 1);
    CHECK(by_window("0x4f", 2) == 0);
    CHECK(by_window("0xff", 1) == 0);
}

TEST_CASE("lost events make the errors unknown again") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_msr: msr_write 828 = 0x0
        CPU:0 [LOST 3 EVENTS]
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_msr: msr_write 828 = 0x0
        kvm_apic: apic_read APIC_ESR = 0x30
        kvm_msr: msr_read 828 = 0x30
    )");
    CHECK(r.told() == Told{});
}

// ----- The timer's reserved mode, AMD's priority registers, LVT PMC, CPUID's IDs -----

TEST_CASE(
    "T01: nothing is predicted in the timer's reserved mode, nor after it until registers are written") {
    const auto told = [](std::string_view then) {
        return replay_script(fmt::format(R"(
            kvm_cpuid: func 1 idx 0 rax 806e9 rbx 800 rcx 81200000 rdx 78bfbff, cpuid entry found
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_write APIC_LVTT = 0x70031
            kvm_msr: msr_write 832 = 0x70031
            kvm_msr: msr_write 6e0 = 0xffffffffff
            kvm_msr: msr_read 6e0 = 0xffffffffff
            kvm_apic: apic_write APIC_TMICT = 0x1000
            kvm_msr: msr_write 838 = 0x1000
            kvm_apic: apic_read APIC_TMICT = 0x0
            kvm_msr: msr_read 838 = 0x0
            {}
        )",
                                         then))
            .told();
    };
    const std::string one_shot = "kvm_apic: apic_write APIC_LVTT = 0x31\nkvm_msr: msr_write 832 = 0x31\n";
    CHECK(told("") == Told{});
    CHECK(told(one_shot + "kvm_apic: apic_read APIC_TMICT = 0x1000\nkvm_msr: msr_read 838 = 0x1000") ==
          Told{});
    CHECK(told(one_shot + "kvm_msr: msr_read 6e0 = 0x1") ==
          Told{"T11 tsc_deadline x2apic 13 because 2,5,12"});
}

TEST_CASE("P04: an EOI by AMD's SEOI is none that EOI made") {
    const auto told = [](std::string_view version) {
        return replay_script(fmt::format(R"(
            kvm_entry: vcpu 0, rip 0x1000
            kvm_msr: msr_write 1b = 0xfee00900
            kvm_apic: apic_read APIC_LVR = {0}
            kvm_mmio: mmio read len 4 gpa 0xfee00030 val {0}
            kvm_apic: apic_read 0x120 = 0x1
            kvm_mmio: mmio read len 4 gpa 0xfee00120 val 0x1
            kvm_mmio: mmio write len 4 gpa 0xfee00420 val 0x40
            kvm_apic: apic_write 0x420 = 0x40
            kvm_apic: apic_read 0x120 = 0x0
            kvm_mmio: mmio read len 4 gpa 0xfee00120 val 0x0
            kvm_inj_virq: IRQ 0x40
        )",
                                         version))
            .told();
    };
    CHECK(told("0x80050010") == Told{});
}

TEST_CASE("L07: the interrupt of LVT PMC masks it on Intel and not on AMD") {
    const auto told = [](std::string_view lvt, GuestCpu cpu) {
        const Replayed r = replay_script(fmt::format(R"(
            kvm_entry: vcpu 0, rip 0x1000
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_write APIC_SPIV = 0x1ff
            kvm_msr: msr_write 80f = 0x1ff
            kvm_apic: apic_write APIC_LVTPC = 0x51
            kvm_msr: msr_write 834 = 0x51
            kvm_apic_accept_irq: apicid 0 vec 81 (Fixed|edge)
            kvm_inj_virq: IRQ 0x51
            kvm_apic: apic_read APIC_LVTPC = {0}
            kvm_msr: msr_read 834 = {0}
        )",
                                                     lvt),
                                         cpu);
        return r.divergences.empty() ? "none" : model::to_string(r.divergences[0].mismatch.rule);
    };
    CHECK(told("0x51", GuestCpu::intel) == "L07");
    CHECK(told("0x10051", GuestCpu::intel) == "none");
    CHECK(told("0x51", GuestCpu::amd) == "none");
    CHECK(told("0x10051", GuestCpu::amd) == "L07");
    for (const auto* either : {"0x51", "0x10051"}) CHECK(told(either, GuestCpu::either) == "none");
}

TEST_CASE("L07: a vector that a command, another thread or another entry gives is not that of LVT PMC") {
    const auto told = [](std::string_view instead) {
        return replay_script(fmt::format(R"(
            kvm_entry: vcpu 0, rip 0x1000
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_write APIC_SPIV = 0x1ff
            kvm_msr: msr_write 80f = 0x1ff
            kvm_apic: apic_write APIC_LVTPC = 0x51
            kvm_msr: msr_write 834 = 0x51
            {}
            kvm_inj_virq: IRQ 0x51
            kvm_apic: apic_read APIC_LVTPC = 0x51
            kvm_msr: msr_read 834 = 0x51
        )",
                                         instead),
                             GuestCpu::intel)
            .told();
    };
    CHECK(told("@45 kvm_apic_accept_irq: apicid 0 vec 81 (Fixed|edge)") == Told{});
    CHECK(told("kvm_apic: apic_write APIC_SELF_IPI = 0x51\n"
               "kvm_apic_ipi: dst 0 vec 81 (Fixed|physical|de-assert|edge|self)\n"
               "kvm_apic_accept_irq: apicid 0 vec 81 (Fixed|edge)\nkvm_msr: msr_write 83f = 0x51") == Told{});
    CHECK(told("kvm_apic: apic_write APIC_LVTT = 0x51\nkvm_msr: msr_write 832 = 0x51\n"
               "kvm_apic_accept_irq: apicid 0 vec 81 (Fixed|edge)") == Told{});
}

TEST_CASE("D03: CPUID must give the x2APIC ID, before or after that is read") {
    const auto rules = [](std::string_view cpuid, bool first) {
        const std::string id = "kvm_apic: apic_read APIC_ID = 0x103\nkvm_msr: msr_read 802 = 0x103\n";
        const std::string enter = "kvm_msr: msr_write 1b = 0xfee00d00\n";
        const std::string leaf = std::string(cpuid) + ", cpuid entry found\n";
        return replay_script("\n" + (first ? leaf + enter + id : enter + id + leaf)).told().size();
    };
    for (const bool first : {false, true}) {
        CHECK(rules("kvm_cpuid: func 1 idx 0 rax 806e9 rbx 3000800 rcx 81200000 rdx 78bfbff", first) == 0);
        CHECK(rules("kvm_cpuid: func 1 idx 0 rax 806e9 rbx 7000800 rcx 81200000 rdx 78bfbff", first) == 1);
        CHECK(rules("kvm_cpuid: func b idx 0 rax 1 rbx 2 rcx 100 rdx 103", first) == 0);
        CHECK(rules("kvm_cpuid: func b idx 0 rax 1 rbx 2 rcx 100 rdx 3", first) == 1);
        CHECK(rules("kvm_cpuid: func b idx 0 rax 0 rbx 0 rcx 0 rdx 0", first) == 0); // no such leaf
        CHECK(rules("kvm_cpuid: func 8000001e idx 0 rax 103 rbx 100 rcx 0 rdx 0", first) == 0);
        CHECK(rules("kvm_cpuid: func 8000001e idx 0 rax 104 rbx 100 rcx 0 rdx 0", first) == 1);
    }
}

} // namespace
} // namespace lapicheck::checker
