// Replay of what interrupts do: commands, acceptance, service and its end.
#include <string>

#include <doctest/doctest.h>

#include "checker/judge/divergence_text.hpp"
#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

std::string reads(unsigned msr, unsigned offset, std::string_view value) {
    return fmt::format("kvm_apic: apic_read {:#x} = {}\nkvm_msr: msr_read {:x} = {}\n", offset, value, msr,
                       value);
}

// A vCPU in x2APIC mode, software-enabled, LINT0 masked, that has taken and ended an interrupt, so that the
// recording is known to show such; then the ISR is read: all is known.
constexpr unsigned lines_of_start = 30;
std::string start() {
    std::string script = "kvm_entry: vcpu 0, rip 0x1000\n"
                         "kvm_msr: msr_write 1b = 0xfee00d00\n"
                         "kvm_apic: apic_write APIC_SPIV = 0x1ff\nkvm_msr: msr_write 80f = 0x1ff\n"
                         "kvm_apic: apic_write APIC_LVT0 = 0x10000\nkvm_msr: msr_write 835 = 0x10000\n" +
                         sends_itself(0x31) + takes(0x31) + ends(0x31);
    for (unsigned word = 0; word < 8; ++word) script += reads(0x810 + word, 0x100 + 16 * word, "0x0");
    return script;
}
Replayed replay_started(const std::string& script) { return replay_script(start() + script); }
// "P02 isr x2apic +3-4": lines counted from the end of start(), evidence left out.
Told told_of(const Replayed& r) {
    Told told;
    for (const Divergence& d : r.divergences)
        told.push_back(fmt::format("{} {} {} +{}-{}", model::to_string(d.mismatch.rule),
                                   model::register_name(d.mismatch.reg), model::to_string(d.mismatch.mode),
                                   d.access.first_line - lines_of_start, d.line - lines_of_start));
    return told;
}

TEST_CASE("an interrupt's life: sent, given to the processor, ended") {
    CHECK(replay_started(sends_itself(0x31) + takes(0x31) + ends(0x31) + sends_itself(0x51) + takes(0x51) +
                         ends(0x51) + ends(-1))
              .told() == Told{});
}

TEST_CASE("nested interrupts: each EOI ends the highest in service") {
    const std::string nested =
        sends_itself(0x31) + takes(0x31) + sends_itself(0x51) + takes(0x51); // ten lines
    CHECK(replay_started(nested + ends(0x51) + ends(0x31)).told() == Told{});
    const Replayed wrong = replay_started(nested + ends(0x31) + ends(0x51));
    REQUIRE(wrong.divergences.size() == 1);
    CHECK(wrong.divergences[0].mismatch.rule == Rule::P04);
    CHECK(wrong.divergences[0].mismatch.fault == Fault::eoi_vector);
    CHECK(observed_text(wrong.divergences[0]) == "EOI ended vector 31H while 51H was in service");
    CHECK(told_of(wrong) == Told{"P04 eoi x2apic +11-12"});
}

TEST_CASE("an EOI that SVR[12] keeps from the I/O APIC is not sent to it") {
    const auto replayed = [](std::string_view svr, std::string_view then) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            kvm_apic: apic_read APIC_LVR = 0x1050014
            kvm_msr: msr_read 803 = 0x1050014
            kvm_apic: apic_write APIC_SPIV = {0}
            kvm_msr: msr_write 80f = {0}
            kvm_eoi: apicid 0 vector 49
            kvm_apic: apic_write APIC_EOI = 0x0
            kvm_msr: msr_write 80b = 0x0
            {1}
        )",
                                         svr, then));
    };
    constexpr std::string_view told = "kvm_userspace_exit: reason KVM_EXIT_IOAPIC_EOI (26)";
    const Replayed suppressed = replayed("0x11ff", told);
    CHECK(suppressed.told() == Told{"P05 eoi x2apic 9 because 1,5"});
    CHECK(suppressed.unknown() == 0); // KVM with the I/O APIC in userspace
    CHECK(replayed("0x1ff", told).told() == Told{});
    CHECK(replayed("0x11ff", "kvm_userspace_exit: reason KVM_EXIT_IO (2)").told() == Told{});
    // Of another EOI than the one that was seen.
    CHECK(replayed("0x11ff", fmt::format("kvm_apic: apic_read APIC_TASKPRI = 0x0\n"
                                         "kvm_msr: msr_read 808 = 0x0\n{}",
                                         told))
              .told() == Told{});
}

TEST_CASE("what EOI ended was the highest: nothing above it is in service any more") {
    const std::string begins = "kvm_entry: vcpu 0, rip 0x1000\n"
                               "kvm_msr: msr_write 1b = 0xfee00d00\n" +
                               sends_itself(0x31) +
                               takes(0x31); // the recording shows interrupts; ISR is not known
    CHECK(replay_script(begins + ends(0x51) + ends(0x31)).told() == Told{});
    CHECK(replay_script(begins + ends(0x31) + ends(0x51)).divergences.size() == 1);
    CHECK(replay_script(begins + ends(-1) + ends(0x21)).divergences.size() == 1);
}

TEST_CASE("an EOI that ends nothing though a vector is in service") {
    const Replayed r = replay_started(sends_itself(0x31) + takes(0x31) + ends(-1));
    REQUIRE(r.divergences.size() == 1);
    CHECK(r.divergences[0].mismatch.rule == Rule::P04);
    CHECK(observed_text(r.divergences[0]) == "EOI ended no vector while 31H was in service");
}

TEST_CASE("an EOI that ends a vector that was not in service") {
    const Replayed r = replay_started(sends_itself(0x31) + takes(0x31) + ends(0x31) + ends(0x41));
    REQUIRE(r.divergences.size() == 1);
    CHECK(observed_text(r.divergences[0]) == "EOI ended vector 41H, which was not in service");
}

TEST_CASE("a lower vector given to the processor while a higher one waits") {
    const Replayed r = replay_started(sends_itself(0x31) + takes(0x31) + ends(0x31) + sends_itself(0x41) +
                                      sends_itself(0x61) + takes(0x41));
    REQUIRE(r.divergences.size() == 1);
    CHECK(r.divergences[0].mismatch.rule == Rule::P02);
    CHECK(r.divergences[0].mismatch.fault == Fault::injected);
}

TEST_CASE("a lower vector given to the processor while a higher one is in service") {
    const Replayed r = replay_started(sends_itself(0x31) + takes(0x31) + ends(0x31) + sends_itself(0x61) +
                                      takes(0x61) + sends_itself(0x41) + takes(0x41));
    REQUIRE(r.divergences.size() == 1);
    CHECK(r.divergences[0].mismatch.rule == Rule::P03);
}

TEST_CASE("the PIC's vector through LINT0 goes past IRR and ISR") {
    CHECK(replay_script(R"(
        kvm_entry: vcpu 0, rip 0x1000
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        kvm_apic: apic_write APIC_LVT0 = 0x700
        kvm_msr: msr_write 835 = 0x700
    )" + sends_itself(0x61) +
                        takes(0x61) + takes(0x20) + ends(0x61))
              .told() == Told{});
}

TEST_CASE("the ISR shows what is in service, the IRR what waits") {
    const auto told = [](std::string_view isr1, std::string_view irr2) {
        return told_of(replay_started(sends_itself(0x31) + takes(0x31) + sends_itself(0x51) +
                                      reads(0x811, 0x110, isr1) + reads(0x822, 0x220, irr2)));
    };
    CHECK(told("0x20000", "0x20000") == Told{});
    CHECK(told("0x0", "0x20000") == Told{"P02 isr x2apic +10-11"});
    CHECK(told("0x20002", "0x20000") == Told{"P02 isr x2apic +10-11"});
    CHECK(told("0x20000", "0x0") == Told{"P01 irr x2apic +12-13"});
}

TEST_CASE(
    "what is left of before INIT, and what came while the APIC was software-disabled, is told as such") {
    const std::string init = "@45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)\n"
                             "kvm_apic: apic_read APIC_SPIV = 0xff\nkvm_msr: msr_read 80f = 0xff\n"
                             "kvm_apic: apic_read APIC_TDCR = 0x0\nkvm_msr: msr_read 83e = 0x0\n";
    const std::string sent = "kvm_apic: apic_write APIC_TDCR = 0x3\nkvm_msr: msr_write 83e = 0x3\n" +
                             sends_itself(0x31) + takes(0x31) + sends_itself(0x51);
    const auto rule = [](const std::string& script) {
        const Replayed r = replay_started(script);
        return r.divergences.size() == 1 ? r.divergences[0].mismatch.rule : Rule::B01;
    };
    CHECK(rule(sent + init + reads(0x822, 0x220, "0x20000")) == Rule::R04);
    CHECK(rule(sent + init + reads(0x811, 0x110, "0x20000")) == Rule::R04);
    CHECK(replay_started(sent + init + reads(0x822, 0x220, "0x0")).told() == Told{});
    const std::string disabled = "kvm_apic: apic_write APIC_SPIV = 0xff\nkvm_msr: msr_write 80f = 0xff\n";
    CHECK(rule(reads(0x822, 0x220, "0x0") + disabled + sends_itself(0x51) + reads(0x822, 0x220, "0x20000")) ==
          Rule::V09);
    CHECK(rule(init + sends_itself(0x51) + reads(0x822, 0x220, "0x20000")) == Rule::V09);
}

TEST_CASE("what EOI ended is not in service any more") {
    CHECK(told_of(replay_started(sends_itself(0x31) + takes(0x31) + ends(0x31) +
                                 reads(0x811, 0x110, "0x20000"))) == Told{"P04 isr x2apic +9-10"});
}

TEST_CASE("PPR is not below the class of the vector in service") {
    const auto told = [](std::string_view ppr) {
        return told_of(replay_started(sends_itself(0x71) + takes(0x71) + reads(0x80a, 0xa0, ppr)));
    };
    CHECK(told("0x70") == Told{});
    CHECK(told("0xf0") == Told{}); // CR8 may have been written unseen
    CHECK(told("0x30") == Told{"P03 ppr x2apic +6-7"});
}

TEST_CASE("a software-disabled APIC takes nothing, though KVM traces the acceptance") {
    CHECK(replay_started(sends_itself(0x31) + takes(0x31) + ends(0x31) +
                         "kvm_apic: apic_write APIC_SPIV = 0xff\nkvm_msr: msr_write 80f = 0xff\n" +
                         sends_itself(0x51) +
                         "kvm_apic: apic_read 0x220 = 0x0\nkvm_msr: msr_read 822 = 0x0\n")
              .told() == Told{});
}

TEST_CASE("where KVM ends interrupts by itself, service is not judged, and said so") {
    const Replayed r = replay_started(sends_itself(0x31) + takes(0x31) +
                                      "kvm_apic: apic_write APIC_EOI = 0x0\nkvm_eoi: apicid 0 vector 49\n" +
                                      sends_itself(0x51) + takes(0x51) + ends(-1));
    CHECK(r.told() == Told{});
    CHECK(r.summary.stray == 2);
    CHECK(r.notes("EOIs that no write of the guest to EOI"));
}

TEST_CASE("an interrupt of another thread may have come, or not yet") {
    for (const auto* irr : {"0x0", "0x20000"})
        CHECK(replay_started(fmt::format("@99 kvm_apic_accept_irq: apicid 0 vec 81 (Fixed|edge)\n"
                                         "kvm_apic: apic_read 0x220 = {0}\nkvm_msr: msr_read 822 = {0}\n",
                                         irr))
                  .told() == Told{});
}

TEST_CASE("an interrupt that no event announced counts only if each CPU's events go on behind it") {
    const std::string other_cpu = "@45/1 kvm_msr: msr_read 1b = 0xfee00d00\n";
    const std::string unannounced = reads(0x822, 0x220, "0x0") + takes(0x51) + ends(0x51);
    const Replayed known = replay_script(other_cpu + start() + unannounced + other_cpu);
    CHECK(known.divergences.size() == 1);
    CHECK(known.summary.withdrawn == 0);
    const Replayed unknown = replay_script(other_cpu + start() + unannounced);
    CHECK(unknown.told() == Told{});
    CHECK(unknown.summary.withdrawn == 1);
}

TEST_CASE("an interrupt that only a reset would allow is a fault once there was none, and in service then") {
    CHECK(told_of(replay_started(reads(0x822, 0x220, "0x0") +
                                 "kvm_exit: vcpu 0 reason hlt rip 0x1000 info1 0x0 info2 0x0\n"
                                 "+200000us kvm_entry: vcpu 0, rip 0x8000\n" +
                                 takes(0x51) + ends(0x51))) == Told{"P02 irr x2apic +5-5"});
}

TEST_CASE("behind the last event of another CPU an INIT may have been sent unseen") {
    const auto replayed = [](std::string_view last) {
        return replay_script(fmt::format(R"(
            @45/1 kvm_msr: msr_read 1b = 0xfee00d00
            kvm_msr: msr_write 1b = 0xfee00c00
            kvm_apic: apic_write APIC_TDCR = 0x3
            kvm_msr: msr_write 83e = 0x3
            kvm_apic: apic_write APIC_LVT1 = 0x10031
            kvm_msr: msr_write 836 = 0x10031
            kvm_apic: apic_read APIC_TDCR = 0x0
            kvm_msr: msr_read 83e = 0x0
            kvm_apic: apic_read APIC_LVT1 = 0x10032
            kvm_msr: msr_read 836 = 0x10032
            {}
        )",
                                         last));
    };
    const Replayed silent = replayed("");
    CHECK(silent.told() == Told{"X14 lvt_lint1 x2apic 9-10 because 2,6"});
    CHECK(silent.notes("1 divergence withdrawn: after line 1"));
    CHECK(replayed("@45/1 kvm_msr: msr_read 1b = 0xfee00d00").told() ==
          Told{"X14 dcr x2apic 7-8 because 2,4", "X14 lvt_lint1 x2apic 9-10 because 2,6"});
}

// ----- Commands -----

std::string x2apic_command(std::string_view ipi, std::string_view command) {
    return fmt::format("kvm_msr: msr_write 1b = 0xfee00d00\nkvm_apic_ipi: {}\n"
                       "kvm_apic: apic_write APIC_ICR = {}\nkvm_msr: msr_write 830 = {}\n",
                       ipi, command, command);
}

TEST_CASE("what a WRMSR of the ICR commands is what is sent") {
    const auto fault_of = [](std::string_view ipi) {
        const Replayed r = replay_script(x2apic_command(ipi, "0x100004031"));
        return r.divergences.size() == 1
                   ? fmt::format("{} {}", model::to_string(r.divergences[0].mismatch.rule),
                                 observed_text(r.divergences[0]))
                   : fmt::format("{} divergences", r.divergences.size());
    };
    CHECK(fault_of("dst 1 vec 49 (Fixed|physical|assert|edge|dst)") == "0 divergences");
    CHECK(fault_of("dst 1 vec 50 (Fixed|physical|assert|edge|dst)") ==
          "I02 an IPI with vector 32H; the command says 31H");
    CHECK(fault_of("dst 1 vec 49 (NMI|physical|assert|edge|dst)") ==
          "I02 an IPI with delivery mode NMI; the command says fixed");
    CHECK(fault_of("dst 1 vec 49 (Fixed|physical|assert|edge|self)") ==
          "I05 an IPI with shorthand self; the command says physical destination 1");
    CHECK(fault_of("dst 1 vec 49 (Fixed|logical|assert|edge|dst)") ==
          "I09 an IPI with logical destination 0x1; the command says physical destination 1");
    CHECK(fault_of("dst 2 vec 49 (Fixed|physical|assert|edge|dst)") ==
          "I09 an IPI with physical destination 2; the command says physical destination 1");
}

TEST_CASE("logical destinations: I12 in x2APIC mode") {
    CHECK(replay_script(x2apic_command("dst 10003 vec 49 (Fixed|logical|assert|edge|dst)", "0x1000300004831"))
              .told() == Told{});
    CHECK(replay_script(x2apic_command("dst 10001 vec 49 (Fixed|logical|assert|edge|dst)", "0x1000300004831"))
              .told() == Told{"I12 icr x2apic 2 because 1"});
}

TEST_CASE("with a shorthand the destination does not matter") {
    CHECK(replay_script(x2apic_command("dst 7 vec 49 (Fixed|physical|assert|edge|all)", "0x10000084031"))
              .told() == Told{});
}

TEST_CASE("xAPIC: the destination is what the ICR's high word held") {
    const auto told = [](std::string_view destination) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00900
            kvm_mmio: mmio write len 4 gpa 0xfee00310 val 0x3000000
            kvm_apic: apic_write APIC_ICR2 = 0x3000000
            kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x4031
            kvm_apic: apic_write APIC_ICR = 0x4031
            kvm_apic_ipi: dst {} vec 49 (Fixed|physical|assert|edge|dst)
        )",
                                         destination))
            .told();
    };
    CHECK(told("3") == Told{});
    CHECK(told("4") == Told{"I22 icr xapic 4-6 because 1,2"});
}

TEST_CASE("the ICR's high word alone sends nothing") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00900
        kvm_mmio: mmio write len 4 gpa 0xfee00310 val 0x3000000
        kvm_apic: apic_write APIC_ICR2 = 0x3000000
        kvm_apic_ipi: dst 3 vec 49 (Fixed|physical|assert|edge|dst)
    )")
              .told() == Told{"I22 icr_high xapic 2-4 because 1"});
}

TEST_CASE("a command that sends nothing, where the recording shows interrupts") {
    const std::string sent = "kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x40031\n"
                             "kvm_apic: apic_write APIC_ICR = 0x40031\n"
                             "kvm_apic_ipi: dst 0 vec 49 (Fixed|physical|assert|edge|self)\n";
    const std::string not_sent = "kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x40031\n"
                                 "kvm_apic: apic_write APIC_ICR = 0x40031\n"
                                 "kvm_entry: vcpu 0, rip 0x1000\n";
    const std::string start = "kvm_msr: msr_write 1b = 0xfee00900\n";
    CHECK(replay_script(start + sent + not_sent).told() == Told{"I01 icr xapic 5 because 1"});
    CHECK(replay_script(start + not_sent).told() == Told{}); // kvm_apic_ipi may not have been enabled
}

TEST_CASE("SELF IPI sends its vector to the own APIC") {
    const auto told = [](std::string_view ipi) {
        return replay_script(fmt::format("kvm_msr: msr_write 1b = 0xfee00d00\n"
                                         "kvm_apic: apic_write APIC_SELF_IPI = 0x31\nkvm_apic_ipi: {}\n"
                                         "kvm_msr: msr_write 83f = 0x31\n",
                                         ipi))
            .told();
    };
    CHECK(told("dst 0 vec 49 (Fixed|physical|de-assert|edge|self)") == Told{});
    CHECK(told("dst 0 vec 50 (Fixed|physical|de-assert|edge|self)") ==
          Told{"I16 self_ipi x2apic 2-3 because 1"});
    CHECK(told("dst 0 vec 49 (Fixed|physical|de-assert|edge|all)") ==
          Told{"I05 self_ipi x2apic 2-3 because 1"});
}

TEST_CASE("the ICR before Linux 5.18, as two words") {
    CHECK(replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_ICR2 = 0x1
        kvm_apic: apic_write APIC_ICR = 0x4031
        kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)
        kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)
        kvm_msr: msr_write 830 = 0x100004031
        kvm_apic: apic_write APIC_SELF_IPI = 0x31
        kvm_apic: apic_write APIC_ICR = 0x40031
        kvm_apic_ipi: dst 0 vec 49 (Fixed|physical|de-assert|edge|self)
        kvm_apic_accept_irq: apicid 0 vec 49 (Fixed|edge)
        kvm_msr: msr_write 83f = 0x31
    )")
              .told() == Told{});
}

// ----- Errors -----

TEST_CASE("an access to a reserved offset is logged in ESR") {
    const auto told = [](std::string_view esr) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00900
            kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
            kvm_apic: apic_write APIC_ESR = 0x0
            kvm_mmio: mmio write len 4 gpa 0xfee00040 val 0x1
            kvm_apic: apic_write 0x40 = 0x1
            kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0
            kvm_apic: apic_write APIC_ESR = 0x0
            kvm_apic: apic_read APIC_ESR = {0}
            kvm_mmio: mmio read len 4 gpa 0xfee00280 val {0}
        )",
                                         esr))
            .told();
    };
    CHECK(told("0x80") == Told{});
    REQUIRE(told("0x0").size() == 1);
    CHECK(told("0x0")[0].starts_with("M11 esr xapic 8-9"));
}

TEST_CASE("the access that logged an error is told with the error") {
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
