#include "checker/replay/replay.hpp"

#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// ----- The window -----

TEST_CASE("the fault of 2018: in x2APIC mode an MMIO read is answered by the register") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )");
    CHECK(r.told() == Told{"M01 version x2apic 2-3 because 1"});
    REQUIRE(r.divergences.size() == 1);
    CHECK(r.divergences[0].mismatch.fault == Fault::answered_by_apic);
    CHECK(r.divergences[0].access.value == 0x50014);
    CHECK(r.divergences[0].because[0].what == "WRMSR 1BH (apic_base) = 0xfee00d00: x2APIC mode");
    CHECK(r.summary.accesses == 2);
}

TEST_CASE("the fault of 2018: in x2APIC mode an MMIO write reaches the register") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_mmio: mmio write len 4 gpa 0xfee00080 val 0x20
        kvm_apic: apic_write APIC_TASKPRI = 0x20
    )")
              .told() == Told{"M02 tpr x2apic 2 because 1"});
}

TEST_CASE("in x2APIC mode a window that answers with all ones, or drops the write, is right") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff
        kvm_mmio: mmio write len 4 gpa 0xfee00080 val 0x20
        kvm_apic: apic_read APIC_TASKPRI = 0x0
        kvm_msr: msr_read 808 = 0x0
    )");
    CHECK(r.told() == Told{});
    CHECK(r.summary.checked >= 3);
}

TEST_CASE("a disabled APIC answers and takes nothing by MMIO") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00100
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_mmio: mmio write len 4 gpa 0xfee00080 val 0x20
        kvm_apic: apic_write APIC_TASKPRI = 0x20
    )")
              .told() == Told{"M03 version disabled 2-3 because 1", "M04 tpr disabled 4 because 1"});
}

TEST_CASE("in xAPIC mode the window answers") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee00380 val 0x1234
        kvm_apic: apic_write APIC_TMICT = 0x1234
        kvm_apic: apic_read APIC_TMICT = 0x1234
        kvm_mmio: mmio read len 4 gpa 0xfee00380 val 0x1234
        kvm_apic: apic_read APIC_TMICT = 0x1235
        kvm_mmio: mmio read len 4 gpa 0xfee00380 val 0x1235
    )");
    CHECK(r.told() == Told{"T20 initial_count xapic 6-7 because 1,2"});
    CHECK(r.divergences.at(0).mismatch.bits == 1);
    CHECK(r.divergences.at(0).mismatch.expected == model::Known<model::u64>{0x1234});
}

TEST_CASE("a register and the guest must see the same value") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee00380 val 0x1234
        kvm_apic: apic_write APIC_TMICT = 0x1235
        kvm_apic: apic_read APIC_DFR = 0xffffffff
        kvm_mmio: mmio read len 4 gpa 0xfee000e0 val 0xefffffff
    )")
              .told() == Told{"M07 initial_count xapic 2 because 1", "M06 dfr xapic 4-5 because 1"});
}

TEST_CASE("a moved window: the APIC answers at the new place and not at the old one") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfec0f900
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfec0f030 val 0x50014
        kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfee00030 val 0x0
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff
        kvm_mmio: mmio write len 4 gpa 0xfee00080 val 0x20
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfec0f030 val 0x50014
    )");
    CHECK(r.told() == Told{});
    CHECK_FALSE(r.notes("userspace"));
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfec0f900
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )")
              .told() == Told{"M14 - xapic 2-3 because 1"});
}

TEST_CASE("an APIC in userspace is not KVM's: its registers are not judged") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfee000f0 val 0x0
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0xff
        kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff
        kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfee000f0 val 0x0
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0x1f0
    )");
    CHECK(r.told() == Told{});
    CHECK(r.notes("userspace emulates the APIC"));
}

// ----- The mode machine -----

TEST_CASE("from x2APIC back to xAPIC mode: accepted though it must be #GP") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )");
    REQUIRE(r.divergences.size() == 1); // the model goes on in xAPIC mode
    CHECK(r.divergences[0].mismatch.rule == Rule::B03);
    CHECK(r.divergences[0].mismatch.fault == Fault::gp_missing);
    CHECK(r.divergences[0].mismatch.mode == Mode::x2apic);
    CHECK(r.divergences[0].access.line == 2);
}

TEST_CASE("each forbidden transition has its rule") {
    const auto rule_of = [](std::string_view from, std::string_view to, GuestCpu cpu = GuestCpu::either) {
        const Replayed r =
            replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = {}
            kvm_cpuid: func 1 idx 0 rax a20f12 rbx 10800 rcx 80a03001 rdx {}, cpuid entry found
            kvm_msr: msr_write 1b = {}
        )",
                                      from, from == "0xfee00100" ? "178bf9ff" : "178bfbff", to),
                          cpu);
        return r.divergences.size() == 1 ? model::to_string(r.divergences[0].mismatch.rule) : "none";
    };
    CHECK(rule_of("0xfee00d00", "0xfee00900") == "B03");
    CHECK(rule_of("0xfee00100", "0xfee00d00") == "B04");
    CHECK(rule_of("0xfee00900", "0xfee00500") == "B05");
    CHECK(rule_of("0xfee00d00", "0xfee00500") == "B05");
    for (const auto* to : {"0xfee00b00", "0xfee00901"}) { // which AMD does not say
        CHECK(rule_of("0xfee00900", to, GuestCpu::intel) == "B01");
        CHECK(rule_of("0xfee00900", to) == "none");
    }
    CHECK(rule_of("0xfee00900", "0xfff00000fee00900") == "B01");
    for (const auto* from : {"0xfee00100", "0xfee00900", "0xfee00d00"}) CHECK(rule_of(from, from) == "none");
    CHECK(rule_of("0xfee00100", "0xfee00900") == "none");
    CHECK(rule_of("0xfee00900", "0xfee00100") == "none");
    CHECK(rule_of("0xfee00900", "0xfee00d00") == "none");
    CHECK(rule_of("0xfee00d00", "0xfee00100") == "none");
}

TEST_CASE("a forbidden transition that is refused is right, and changes nothing") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_write 1b = 0xfee00900 (#GP)
        kvm_msr: msr_read 1b = 0xfee00d00
        kvm_apic: apic_read APIC_TASKPRI = 0x0
        kvm_msr: msr_read 808 = 0x0
    )")
              .told() == Told{});
}

TEST_CASE("a legal transition that is refused") {
    CHECK(replay_script(R"(
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_msr: msr_write 1b = 0xfee00900 (#GP)
        kvm_msr: msr_read 1b = 0xfee00900
    )")
              .told() == Told{"B06 apic_base xapic 2 because 1"});
}

TEST_CASE("x2APIC mode is refused where CPUID has it not, and accepted where it has") {
    const auto told = [](std::string_view ecx, std::string_view gp) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_read 1b = 0xfee00900
            kvm_cpuid: func 1 idx 0 rax a20f12 rbx 10800 rcx {} rdx 178bfbff, cpuid entry found
            kvm_msr: msr_write 1b = 0xfee00d00{}
        )",
                                         ecx, gp))
            .told();
    };
    CHECK(told("200000", "") == Told{});
    CHECK(told("0", " (#GP)") == Told{});
    CHECK(told("200000", " (#GP)") == Told{"B06 apic_base xapic 3 because 1"});
    REQUIRE(told("0", "").size() == 1);
    CHECK(told("0", "")[0].starts_with("B02 apic_base xapic 3"));
}

TEST_CASE("x2APIC mode is refused that was accepted before") {
    constexpr std::string_view script = R"(
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_write 1b = 0xfee00100
        kvm_msr: msr_write 1b = 0xfee00900
        {} kvm_msr: msr_write 1b = 0xfee00d00 (#GP)
    )";
    CHECK(replay_script(fmt::format(fmt::runtime(script), "")).told() ==
          Told{"B06 apic_base xapic 5 because 4"});
    // Another virtual machine may run by now, of which CPUID tells no x2APIC.
    CHECK(replay_script(fmt::format(fmt::runtime(script), "+100000us")).told() == Told{});
}

TEST_CASE("a forbidden transition names the line that set the mode before") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_msr: msr_write 1b = 0xfee00900
    )")
              .told() == Told{"B03 apic_base x2apic 2 because 1"});
}

TEST_CASE("what is forbidden whatever CPUID says is not laid to CPUID") {
    const auto rule_of = [](std::string_view from, std::string_view to) {
        const Replayed r =
            replay_script(fmt::format("kvm_msr: msr_write 1b = {}\nkvm_msr: msr_write 1b = {}\n", from, to));
        return r.divergences.size() == 1 ? model::to_string(r.divergences[0].mismatch.rule) : "none";
    };
    CHECK(rule_of("0xfee00100", "0xfee00d00") == "B04");
    CHECK(rule_of("0xfee00900", "0xfee00500") == "B05");
    CHECK(rule_of("0xfee00d00", "0xfee00500") == "B05");
}

TEST_CASE("CPUID before the first access to the APIC counts") {
    CHECK(replay_script(R"(
        kvm_cpuid: func 1 idx 0 rax a20f12 rbx 10800 rcx 0 rdx 178bfbff, cpuid entry found
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_msr: msr_write 1b = 0xfee00d00
    )")
              .told() == Told{"B02 apic_base xapic 3 because 2"});
}

TEST_CASE("in x2APIC mode a write that keeps it may not be refused, whether CPUID was seen or not") {
    CHECK(replay_script(R"(
        kvm_msr: msr_read 1b = 0xfee00d00
        kvm_msr: msr_write 1b = 0xfee00d00 (#GP)
    )")
              .told() == Told{"B06 apic_base x2apic 2 because 1"});
    CHECK(replay_script(R"(
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_msr: msr_write 1b = 0xfee00d00 (#GP)
    )")
              .told() == Told{});
}

TEST_CASE("a transition that is told as refused or accepted, and then shown to be otherwise, is one fault") {
    for (const auto* after : {"0xfee00900", "0xfee00d00"}) {
        const Replayed accepted = replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_msr: msr_write 1b = 0xfee00900
            kvm_msr: msr_read 1b = {0}
            kvm_msr: msr_read 1b = {0}
        )",
                                                            after));
        CHECK(accepted.told() == Told{"B03 apic_base x2apic 2 because 1"});
    }
}

TEST_CASE("a value that is wrong once and right again is one fault") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TDCR = 0x3
        kvm_msr: msr_write 83e = 0x3
        kvm_apic: apic_read APIC_TDCR = 0x1
        kvm_msr: msr_read 83e = 0x1
        kvm_apic: apic_read APIC_TDCR = 0x3
        kvm_msr: msr_read 83e = 0x3
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_msr: msr_read 1b = 0xfee00d00
        kvm_msr: msr_read 803 = 0x50014
    )")
              .told() == Told{"X14 dcr x2apic 4-5 because 1,3", "B08 apic_base x2apic 8 because 1"});
}

TEST_CASE("IA32_APIC_BASE reads what was accepted last") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_msr: msr_read 1b = 0xfee00d00
    )")
              .told() == Told{"B08 apic_base xapic 3 because 1"});
}

TEST_CASE("CPUID.1:EDX[9] follows the enable bit") {
    static constexpr auto text = R"(
        kvm_msr: msr_write 1b = {}
        kvm_cpuid: func 1 idx 0 rax a20f12 rbx 10800 rcx 80a03001 rdx {}, cpuid entry found
    )";
    const auto told = [](std::string_view base, std::string_view edx) {
        return replay_script(fmt::format(text, base, edx)).told();
    };
    CHECK(told("0xfee00900", "178bfbff") == Told{});
    CHECK(told("0xfee00d00", "178bfbff") == Told{});
    CHECK(told("0xfee00100", "178bf9ff") == Told{});
    CHECK(told("0xfee00900", "178bf9ff") == Told{"B12 apic_base xapic 2 because 1"});
    CHECK(told("0xfee00100", "178bfbff") == Told{"B12 apic_base disabled 2 because 1"});
}

// ----- What is not known -----

TEST_CASE("a recording that starts in the middle: what is not known raises nothing") {
    const Replayed r = replay_script(R"(
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_apic: apic_read APIC_TMICT = 0x77
        kvm_mmio: mmio read len 4 gpa 0xfee00380 val 0x77
        kvm_apic: apic_read 0x110 = 0x4
        kvm_mmio: mmio read len 4 gpa 0xfee00110 val 0x4
        kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0
        kvm_apic: apic_write APIC_EOI = 0x0
        kvm_eoi: apicid 0 vector 34
    )");
    CHECK(r.told() == Told{});
    CHECK(r.summary.accesses == 4);
}

TEST_CASE("what one access shows the next must keep") {
    CHECK(replay_script(R"(
        kvm_apic: apic_read APIC_TMICT = 0x77
        kvm_mmio: mmio read len 4 gpa 0xfee00380 val 0x77
        kvm_apic: apic_read APIC_TMICT = 0x78
        kvm_mmio: mmio read len 4 gpa 0xfee00380 val 0x78
        kvm_msr: msr_read 8b = 0x0
    )")
              .told() == Told{"T20 initial_count xapic 3-4 because 2,2"});
}

TEST_CASE("TPR[7:4] may change by an unseen MOV to CR8") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TASKPRI = 0x20
        kvm_msr: msr_write 808 = 0x20
        kvm_apic: apic_read APIC_TASKPRI = 0xf0
        kvm_msr: msr_read 808 = 0xf0
    )")
              .told() == Told{});
}

TEST_CASE("only what the APIC says counts: a recording of other events gives nothing to check") {
    const Replayed r = replay_script(R"(
        kvm_pio: pio_write at 0x80 size 1 count 1 val 0x1
        kvm_msr: msr_write 2ff = 0xc06
        kvm_mmio: mmio write len 4 gpa 0xfeb00000 val 0x1
    )");
    CHECK(r.summary.accesses == 0);
    CHECK(r.summary.checked == 0);
}

TEST_CASE("in an unknown mode an access that shows kvm_apic is judged as in the mode that has the register") {
    const Replayed by_msr = replay_script(R"(
        kvm_apic: apic_write APIC_TASKPRI = 0x100
        kvm_msr: msr_write 808 = 0x100
    )");
    CHECK(by_msr.told() == Told{"X06 tpr x2apic 1-2"});
    CHECK(by_msr.unknown() == 0);
    const Replayed by_mmio = replay_script(R"(
        kvm_apic: apic_read APIC_IRR = 0x20
        kvm_mmio: mmio read len 4 gpa 0xfee00200 val 0x20
    )");
    CHECK(by_mmio.told() == Told{"P06 irr xapic 1-2"});
    CHECK(by_mmio.unknown() == 0);
}

// ----- One fault, one report -----

TEST_CASE("one fault is one report: the model takes over what was observed") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee003e0 val 0x3
        kvm_apic: apic_write APIC_TDCR = 0x3
        kvm_apic: apic_read APIC_TDCR = 0x1
        kvm_mmio: mmio read len 4 gpa 0xfee003e0 val 0x1
        kvm_apic: apic_read APIC_TDCR = 0x1
        kvm_mmio: mmio read len 4 gpa 0xfee003e0 val 0x1
        kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_apic: apic_read APIC_SPIV = 0x1ff
        kvm_mmio: mmio read len 4 gpa 0xfee000f0 val 0x1ff
    )")
              .told() == Told{"M06 dcr xapic 4-5 because 1,2"});
}

TEST_CASE("an accepted write that should have faulted leaves what was written") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TMICT = 0x5
        kvm_msr: msr_write 838 = 0x100000005
        kvm_apic: apic_read APIC_TMICT = 0x5
        kvm_msr: msr_read 838 = 0x5
    )")
              .told() == Told{"X05 initial_count x2apic 2-3 because 1"});
}

TEST_CASE("repeats of one kind are folded, another register or rule is another kind") {
    std::string script = "kvm_msr: msr_write 1b = 0xfee00d00\n";
    for (int i = 0; i < 100; ++i) script += "kvm_msr: msr_read 80b = 0x0\n";
    script += "kvm_msr: msr_read 83f = 0x0\n"
              "kvm_msr: msr_write 802 = 0x0\n";
    CHECK(replay_script(script).told() == Told{"X03 eoi x2apic 2 x100 because 1",
                                               "X03 self_ipi x2apic 102 because 1",
                                               "X02 id x2apic 103 because 1"});
}

TEST_CASE("a window that is alive is one fault, whatever is read through it") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_apic: apic_read APIC_TASKPRI = 0x0
        kvm_mmio: mmio read len 4 gpa 0xfee00080 val 0x0
    )")
              .told() == Told{"M01 version x2apic 2-3 x2 because 1"});
}

TEST_CASE("divergences come in the order of their lines, whatever thread they are of") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        @45 kvm_msr: msr_write 1b = 0xfee00c00
        @45 kvm_msr: msr_read 80b = 0x0
        kvm_msr: msr_read 83f = 0x0
    )")
              .told() == Told{"X03 eoi x2apic 3 because 2", "X03 self_ipi x2apic 4 because 1"});
}

// ----- Threads and vCPUs -----

TEST_CASE("two VMs in one recording: threads have nothing to do with each other") {
    CHECK(replay_script(R"(
        @44 kvm_msr: msr_write 1b = 0xfee00d00
        @90 kvm_msr: msr_write 1b = 0xfee00900
        @90 kvm_apic: apic_read APIC_LVR = 0x60015
        @90 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x60015
        @44 kvm_apic: apic_read APIC_LVR = 0x50014
        @44 kvm_msr: msr_read 803 = 0x50014
        @44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff
    )")
              .told() == Told{});
}

TEST_CASE("two vCPUs on one thread are told apart by kvm_entry") {
    const Replayed r = replay_script(R"(
        kvm_entry: vcpu 0, rip 0x1000
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_entry: vcpu 1, rip 0x1000
        kvm_msr: msr_write 1b = 0xfee00800
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
        kvm_entry: vcpu 0, rip 0x1000
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )");
    CHECK(r.told() == Told{"M01 version x2apic 8-9 because 2"});
    CHECK(r.divergences.at(0).vcpu == "vCPU 0 (thread 44)");
    CHECK(r.summary.vcpus == 2);
}

TEST_CASE("thousands of threads: what was known of earlier ones is dropped, and said so") {
    std::string script;
    for (int thread = 100; thread < 3100; ++thread)
        script += fmt::format("@{} kvm_msr: msr_write 1b = 0xfee00d00\n", thread);
    script += "@3099 kvm_msr: msr_read 80b = 0x0\n";
    const Replayed r = replay_script(script);
    CHECK(r.summary.accesses == 3001);
    CHECK(r.told() == Told{"X03 eoi x2apic 3001 because 3000"});
    CHECK(r.notes("threads: what was known of earlier ones was dropped"));
}

} // namespace
} // namespace lapicheck::checker
