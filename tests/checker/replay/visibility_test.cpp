// Replay of recordings that lack what would tell: tracepoints that were not enabled, CPUs that were not
// recorded, interrupts that go past what is traced.
#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// ----- Tracepoints -----

constexpr auto window_then_register = R"(
    {}
    kvm_apic: apic_read APIC_LVR = 0x50014
    kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff
    kvm_mmio: mmio write len 4 gpa 0xfee003e0 val 0x3
    kvm_apic: apic_write APIC_TDCR = 0x3
    kvm_apic: apic_read APIC_TDCR = 0x1
    kvm_mmio: mmio read len 4 gpa 0xfee003e0 val 0x1
    {}
)";

TEST_CASE("without kvm_msr the mode may have changed between any two accesses") {
    const auto replayed = [](std::string_view first, std::string_view last) {
        return replay_script(fmt::format(window_then_register, first, last));
    };
    const Replayed without = replayed("", "");
    CHECK(without.told() == Told{});
    CHECK(without.notes("the trace has no kvm_msr event"));
    CHECK(without.summary.withdrawn != 0);
    // An access to an MSR, whichever it is, shows that they are recorded.
    const Told all = replayed("kvm_msr: msr_read 1b = 0xfee00900", "").told();
    CHECK(all.size() == 2);
    CHECK(replayed("", "kvm_msr: msr_read 8b = 0x0").told().size() == 2);
}

TEST_CASE("what no WRMSR could explain is a fault without kvm_msr, too") {
    CHECK(replay_script(R"(
        kvm_mmio: mmio write len 4 gpa 0xfee003e0 val 0x3
        kvm_apic: apic_write APIC_TDCR = 0x2
    )")
              .told() == Told{"M07 dcr xapic 1"});
}

TEST_CASE("each recording of a text is judged by the tracepoints that it shows itself") {
    const std::string window = made_trace(fmt::format(window_then_register, "", ""));
    const std::string shows_msrs = made_trace("kvm_msr: msr_read 8b = 0x0");
    CHECK(replay_text("# tracer: nop\n" + shows_msrs + "# tracer: nop\n" + window).told() == Told{});
}

std::string reads_dcr(std::string_view value) {
    return fmt::format("@45/1 kvm_apic: apic_read APIC_TDCR = {0}\n@45/1 kvm_msr: msr_read 83e = {0}\n",
                       value);
}

TEST_CASE("without kvm_apic_accept_irq the command tells of an INIT, and to whom") {
    const auto replayed = [](std::string_view command, std::string_view destination) {
        return replay_script(fmt::format(R"(
            kvm_msr: msr_write 1b = 0xfee00d00
            @45/1 kvm_apic: apic_read APIC_ID = 0x1
            @45/1 kvm_msr: msr_read 802 = 0x1
            @45/1 kvm_apic: apic_write APIC_TDCR = 0x3
            @45/1 kvm_msr: msr_write 83e = 0x3
            kvm_apic_ipi: dst {1} vec 0 (INIT|physical|{0}|dst)
            kvm_apic: apic_write APIC_ICR = 0x{1}0000{2}
            kvm_msr: msr_write 830 = 0x{1}0000{2}
        )",
                                         command, destination, command == "assert|edge" ? "4500" : "8500") +
                                 reads_dcr("0x0") + "kvm_msr: msr_read 8b = 0x0\n",
                             GuestCpu::intel)
            .told();
    };
    CHECK(replayed("assert|edge", "1") == Told{});
    CHECK(replayed("assert|edge", "2").size() == 1);     // to another
    CHECK(replayed("de-assert|level", "1").size() == 1); // which does nothing
}

// ----- CPUs -----

TEST_CASE("where only one of the host's CPUs shows events, others may have sent what no event announces") {
    const std::string text = made_trace(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TDCR = 0x3
        kvm_msr: msr_write 83e = 0x3
        kvm_apic: apic_read APIC_TDCR = 0x0
        kvm_msr: msr_read 83e = 0x0
    )");
    const auto header = [](unsigned cpus) {
        return fmt::format("# tracer: nop\n# entries-in-buffer/entries-written: 5/5   #P:{}\n", cpus);
    };
    CHECK(replay_text(header(1) + text).told().size() == 1);
    const Replayed lacking = replay_text(header(2) + text);
    CHECK(lacking.told() == Told{});
    CHECK(lacking.summary.withdrawn == 1);
}

TEST_CASE("a guest that is entered elsewhere than where it was left has run on a CPU that is not recorded") {
    const auto after_pause = [](unsigned cpus, std::string_view rip) {
        return replay_script(fmt::format("# entries-in-buffer/entries-written: 9/9   #P:{}\n", cpus) +
                             "@70/1 kvm_msr: msr_read 10 = 0x0\n"
                             "kvm_entry: vcpu 0, rip 0x20000\n"
                             "kvm_exit: vcpu 0 reason MSR_WRITE rip 0x20000 info1 0x0 info2 0x0\n"
                             "kvm_msr: msr_write 1b = 0xfee00d00\n"
                             "kvm_entry: vcpu 0, rip 0x20002\n"
                             "kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x20100 info1 0x0 info2 0x0\n" +
                             fmt::format("+2000 kvm_entry: vcpu 0, rip {}\n", rip) +
                             "kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x20110 info1 0x0 info2 0x0\n"
                             "kvm_apic: apic_read APIC_LVR = 0x50014\n"
                             "kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014\n"
                             "@70/1 kvm_msr: msr_read 10 = 0x0\n")
            .told()
            .size();
    };
    CHECK(after_pause(4, "0x20100") == 1);
    CHECK(after_pause(4, "0x34567") == 0);
    CHECK(after_pause(2, "0x34567") == 1); // all are recorded: userspace has set RIP
}

TEST_CASE("what an access lacks its thread may have shown on a CPU that is not recorded") {
    const auto sends_after = [](unsigned pause, unsigned cpus) {
        return replay_script(fmt::format("# entries-in-buffer/entries-written: 9/9   #P:{}\n", cpus) +
                             "kvm_msr: msr_write 1b = 0xfee00d00\n" + sends_itself(0x51) +
                             "kvm_entry: vcpu 0, rip 0x20000\n" +
                             fmt::format("+{} kvm_apic: apic_write APIC_ICR = 0x4400\n", pause) +
                             "kvm_msr: msr_write 830 = 0x4400\n")
            .told()
            .size();
    };
    CHECK(sends_after(10, 1) == 1);
    CHECK(sends_after(2000, 1) == 1);
    CHECK(sends_after(2000, 2) == 0);
}

// ----- Interrupts that go past what is traced -----

// In x2APIC mode with LINT0 masked; an interrupt was taken and ended, and IRR and ISR are read: all is known.
Told replay_started(const std::string& script, std::string_view exit = "msr") {
    std::string start = fmt::format("kvm_exit: vcpu 0 reason {} rip 0x1000 info1 0x0 info2 0x0\n", exit) +
                        "kvm_msr: msr_write 1b = 0xfee00d00\n"
                        "kvm_apic: apic_write APIC_SPIV = 0x1ff\nkvm_msr: msr_write 80f = 0x1ff\n"
                        "kvm_apic: apic_write APIC_LVT0 = 0x10000\nkvm_msr: msr_write 835 = 0x10000\n" +
                        sends_itself(0x31) + takes(0x31) + ends(0x31);
    for (unsigned word = 0; word < 24; ++word)
        start += fmt::format("kvm_apic: apic_read {:#x} = 0x0\nkvm_msr: msr_read {:x} = 0x0\n",
                             0x100 + 16 * word, 0x810 + word);
    return replay_script(start + script).told();
}

TEST_CASE("an interrupt that nobody requested and that is never in service came past the APIC") {
    const std::string past = takes(0xf3) + takes(0xf3) + sends_itself(0x51) + takes(0x51) + ends(0x51);
    CHECK(replay_started(past) == Told{});
    CHECK(replay_started(past + takes(0x61) + ends(0x61)).size() == 1);
}

TEST_CASE("before Linux 6.0 the text does not tell an interrupt that is given again") {
    const std::string again =
        sends_itself(0x51) + "kvm_inj_virq: irq 81\n" + sends_itself(0x51) + "{0}" + ends(0x51);
    const auto with = [&again](std::string_view second) { return fmt::format(fmt::runtime(again), second); };
    CHECK(replay_started(with("kvm_inj_virq: irq 81\n") + "kvm_inj_virq: irq 81\n" + ends(0x51)) == Told{});
    CHECK(replay_started(with(takes(0x51))).size() == 1); // in service, and its class with it
}

TEST_CASE("a VM exit of a guest's guest takes an interrupt without kvm_inj_virq") {
    const std::string taken = "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n" + ends(0xec) +
                              sends_itself(0x41) + takes(0x41) + ends(0x41);
    CHECK(replay_started(taken) != Told{});
    CHECK(replay_started("kvm_nested_vmexit_inject: reason EXTERNAL_INTERRUPT info1 0x0 info2 0x0\n" +
                         taken) == Told{});
    CHECK(replay_started(taken, "VMRESUME") == Told{});
}

TEST_CASE("a vector of Hyper-V's SynIC may end when it is taken") {
    const std::string lower = takes(0x51) + sends_itself(0x41) + takes(0x41) + ends(0x41);
    CHECK(replay_started(sends_itself(0x51) + lower).size() == 1);
    CHECK(replay_started("kvm_hv_synic_set_irq: vcpu_id 0 sint 2 vector 81 ret 1\n" + sends_itself(0x51) +
                         lower) == Told{});
    CHECK(replay_started("kvm_msr: msr_write 40000092 = 0x20051\n" + sends_itself(0x51) + lower) == Told{});
    CHECK(replay_started("kvm_msr: msr_write 40000092 = 0x51\n" + sends_itself(0x51) + lower).size() == 1);
    CHECK(replay_started("kvm_msr: msr_write 40000084 = 0x0\n" + sends_itself(0x51) + lower) == Told{});
}

TEST_CASE("a guest that ends interrupts by Hyper-V's MSRs or PV EOI: the notes say so") {
    const std::string by_msr = "kvm_apic: apic_write APIC_EOI = 0x0\nkvm_eoi: apicid 0 vector 81\n"
                               "kvm_msr: msr_write 40000070 = 0x0\n";
    const std::string script = "kvm_msr: msr_write 1b = 0xfee00d00\n" + sends_itself(0x51) + takes(0x51);
    const Replayed hyperv =
        replay_script(script + by_msr + sends_itself(0x41) + takes(0x41) + ends(0x41) + ends(0x21));
    CHECK(hyperv.summary.notes.empty());
    CHECK(hyperv.summary.stray == 0);
    CHECK(hyperv.told() == Told{}); // nothing is known of what was in service before
    const std::string tpr = "kvm_apic: apic_write APIC_TASKPRI = 0x25\nkvm_msr: msr_write 40000072 = 0x25\n"
                            "kvm_apic: apic_read APIC_TASKPRI = {0}\nkvm_msr: msr_read 808 = {0}\n";
    CHECK(replay_script(script + fmt::format(fmt::runtime(tpr), "0x25")).told() == Told{});
    const Replayed pv =
        replay_script(script + "kvm_eoi: apicid 0 vector 81\nkvm_pv_eoi: apicid 0 vector 81\n");
    CHECK(pv.notes("the guest uses PV EOI"));
    CHECK_FALSE(pv.notes("EOIs that no write of the guest to EOI"));
}

TEST_CASE("an acceptance that another CPU's clock stamps behind the injection is one all the same") {
    const auto accepted_after = [](unsigned pause) {
        return replay_started(
                   takes(0x61) + ends(0x61) +
                   fmt::format("+{} @50/1 kvm_apic_accept_irq: apicid 0 vec 97 (Fixed|edge)\n", pause))
            .size();
    };
    CHECK(accepted_after(100) == 0);
    CHECK(accepted_after(1000) == 1);
}

TEST_CASE("how one VM ends interrupts says nothing of another one") {
    const auto after_eoi_of = [](std::string_view other, std::string_view own) {
        return replay_started(fmt::format("{1} kvm_msr: msr_read 8b = 0x0\n"
                                          "{0} kvm_msr: msr_write 1b = 0xfee00d00\n"
                                          "{0} kvm_eoi: apicid 0 vector 81\n"
                                          "{0} kvm_entry: vcpu 0, rip 0x1000\n",
                                          other, own) +
                              takes(0x61) + ends(0x61))
            .size();
    };
    CHECK(after_eoi_of("@50:50", "@44:40") == 1);
    CHECK(after_eoi_of("@50:40", "@44:40") == 0);
    CHECK(after_eoi_of("@50", "@44") == 0);
}

TEST_CASE("CPUID of a leaf that the CPU does not have tells nothing of it") {
    CHECK(replay_script(R"(
        kvm_msr: msr_read 1b = 0xfee00900
        kvm_cpuid: func 1 idx 0 rax 0 rbx 0 rcx 0 rdx 0, cpuid entry not found
    )")
              .told() == Told{});
}

} // namespace
} // namespace lapicheck::checker
