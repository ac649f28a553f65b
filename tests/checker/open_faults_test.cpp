// Faults of the checker that are known and not mended yet: each test fails, and says so. Once one passes,
// doctest reports it: take the mark away and move it where it belongs.
#include <string>

#include <doctest/doctest.h>

#include "checker/check.hpp"
#include "tests/checker/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// As profile kvm would: how many are no departure of KVM.
std::size_t unknown(const Replayed& r) {
    std::size_t n = 0;
    for (const Divergence& d : r.divergences) n += find_departure(d) == nullptr ? 1U : 0U;
    return n;
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

TEST_CASE("in an unknown mode an access that shows kvm_apic is judged as in the mode that has the register") {
    const Replayed by_msr = replay_script(R"(
        kvm_apic: apic_write APIC_TASKPRI = 0x100
        kvm_msr: msr_write 808 = 0x100
    )");
    CHECK(by_msr.told() == Told{"X06 tpr x2apic 1-2"});
    CHECK(unknown(by_msr) == 0);
    const Replayed by_mmio = replay_script(R"(
        kvm_apic: apic_read APIC_IRR = 0x20
        kvm_mmio: mmio read len 4 gpa 0xfee00200 val 0x20
    )");
    CHECK(by_mmio.told() == Told{"P06 irr xapic 1-2"});
    CHECK(unknown(by_mmio) == 0);
}

TEST_CASE("LVT LINT0 that reads masked is not KVM's 00000700H after RESET" * doctest::should_fail()) {
    CHECK(unknown(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_mmio: mmio write len 4 gpa 0xfee00350 val 0x700
        kvm_apic: apic_write APIC_LVT0 = 0x700
        kvm_apic: apic_read APIC_LVT0 = 0x10700
        kvm_mmio: mmio read len 4 gpa 0xfee00350 val 0x10700
    )")) == 1);
}

TEST_CASE("an ESR that reads other than 0 is not KVM's ESR that always reads 0" * doctest::should_fail()) {
    CHECK(unknown(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_apic: apic_read APIC_ESR = 0x80
        kvm_mmio: mmio read len 4 gpa 0xfee00280 val 0x80
    )")) == 1);
}

TEST_CASE("TPR[3:0] that read as ones are not KVM's TPR[3:0] that read 0" * doctest::should_fail()) {
    CHECK(unknown(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TASKPRI = 0x20
        kvm_msr: msr_write 808 = 0x20
        kvm_apic: apic_read APIC_TASKPRI = 0x2f
        kvm_msr: msr_read 808 = 0x2f
    )")) == 1);
}

TEST_CASE("a one-shot timer above its initial count is not KVM's lengthened period" *
          doctest::should_fail()) {
    CHECK(unknown(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_LVTT = 0x31
        kvm_msr: msr_write 832 = 0x31
        kvm_apic: apic_write APIC_TMICT = 0x1000
        kvm_msr: msr_write 838 = 0x1000
        kvm_apic: apic_read APIC_TMCCT = 0x1001
        kvm_msr: msr_read 839 = 0x1001
    )")) == 1);
}

TEST_CASE("two departures of KVM in one value are still departures" * doctest::should_fail()) {
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
    CHECK(unknown(r) == 0);
}

TEST_CASE("what a bit reads that is reserved on AMD is not judged by MMIO" * doctest::should_fail()) {
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

TEST_CASE("told the vendor, the faultless recording has departures of KVM only" * doctest::should_fail()) {
    for (const GuestCpu cpu : {GuestCpu::intel, GuestCpu::amd}) {
        CheckOptions options;
        options.profile = Profile::kvm;
        options.cpu = cpu;
        const TraceReport report =
            check_trace(std::string(LAPICHECK_BINARY_DIR) + "/corpus/kvm-6.1-svm/probe-smp2.txt", options);
        CHECK(report.count_known() != 0);
        CHECK(report.count_unknown() == 0);
    }
}

TEST_CASE("a forbidden transition names the line that set the mode before" * doctest::should_fail()) {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_write 1b = 0xfee00900
    )")
              .told() == Told{"B03 apic_base x2apic 2 because 1"});
}

TEST_CASE("what is forbidden whatever CPUID says is not laid to CPUID" * doctest::should_fail()) {
    const auto rule_of = [](std::string_view from, std::string_view to) {
        const Replayed r =
            replay_script(fmt::format("kvm_msr: msr_write 1b = {}\nkvm_msr: msr_write 1b = {}\n", from, to));
        return r.divergences.size() == 1 ? model::to_string(r.divergences[0].mismatch.rule) : "none";
    };
    CHECK(rule_of("0xfee00100", "0xfee00d00") == "B04");
    CHECK(rule_of("0xfee00900", "0xfee00500") == "B05");
    CHECK(rule_of("0xfee00d00", "0xfee00500") == "B05");
}

TEST_CASE("CPUID before the first access to the APIC counts" * doctest::should_fail()) {
    CHECK(replay_script(R"(
        kvm_cpuid: func 1 idx 0 rax a20f12 rbx 10800 rcx 0 rdx 178bfbff, cpuid entry found
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_msr: msr_write 1b = 0xfee00d00
    )")
              .told() == Told{"B02 apic_base xapic 3 because 2"});
}

TEST_CASE("a register with a rule of its own that INIT did not reset breaks the rule of INIT" *
          doctest::should_fail()) {
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

TEST_CASE("an access that the beginning or end of a recording cuts does not tell how KVM works" *
          doctest::should_fail()) {
    const Replayed r = replay_script(R"(
        kvm_eoi: apicid 0 vector 49
        kvm_msr: msr_read 1b = 0xfee00d00
        kvm_apic: apic_write APIC_ICR = 0x40031
    )");
    CHECK_FALSE(r.notes("KVM ends interrupts by itself"));
    CHECK_FALSE(r.notes("hardware virtualizes the APIC"));
}

TEST_CASE("time that runs backwards in a thread is where one recording ends and another begins" *
          doctest::should_fail()) {
    CHECK(replay_text(
              " qemu-system-x86-44      [000] .....   200.000010: kvm_msr: msr_write 1b = 0xfee00d00\n"
              " qemu-system-x86-44      [000] .....   100.000020: kvm_apic: apic_read APIC_LVR = 0x50014\n"
              " qemu-system-x86-44      [000] .....   100.000030: kvm_mmio: mmio read len 4 gpa 0xfee00030 "
              "val 0x50014\n")
              .told() == Told{});
}

TEST_CASE("the access that logged an error is told with the error" * doctest::should_fail()) {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_mmio: mmio write len 4 gpa 0xfee00040 val 0x1
        kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
        kvm_apic: apic_write APIC_ESR = 0x0
        kvm_apic: apic_read APIC_ESR = 0x0
        kvm_mmio: mmio read len 4 gpa 0xfee00280 val 0x0
    )");
    CHECK(r.told() == Told{"M11 esr xapic 7-8 because 1,4,5"});
}

} // namespace
} // namespace lapicheck::checker
