// Replay of what others do with a command: who accepts it, what INIT and SIPI make of them, what the
// processor is given.
#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// Two vCPUs in x2APIC mode, of IDs 0 and 1; the first has sent the second an interrupt.
std::string two() {
    return "kvm_msr: msr_write 1b = 0xfee00d00\n"
           "kvm_apic: apic_read APIC_ID = 0x0\nkvm_msr: msr_read 802 = 0x0\n"
           "@45/1 kvm_msr: msr_write 1b = 0xfee00c00\n"
           "@45/1 kvm_apic: apic_read APIC_ID = 0x1\n@45/1 kvm_msr: msr_read 802 = 0x1\n"
           "kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)\n"
           "kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)\n"
           "kvm_apic: apic_write APIC_ICR = 0x100004031\nkvm_msr: msr_write 830 = 0x100004031\n";
}
constexpr auto next_events = "@45/1 kvm_msr: msr_read 8b = 0x0\nkvm_msr: msr_read 8b = 0x0\n";

std::string sends(std::string_view command, std::string_view text, std::initializer_list<unsigned> accepted,
                  std::string_view mode = "Fixed") {
    std::string script = fmt::format("kvm_apic_ipi: {}\n", text);
    for (const unsigned id : accepted)
        script += fmt::format("kvm_apic_accept_irq: apicid {:x} vec 49 ({}|edge)\n", id, mode);
    return script +
           fmt::format("kvm_apic: apic_write APIC_ICR = {0}\nkvm_msr: msr_write 830 = {0}\n", command);
}

std::string rule_of_script(const std::string& script, GuestCpu cpu = GuestCpu::either) {
    const Replayed r = replay_script(script, cpu);
    if (r.divergences.empty()) return "none";
    return fmt::format("{}{}", model::to_string(r.divergences[0].mismatch.rule),
                       r.divergences.size() > 1 ? " and more" : "");
}

// Behind two().
std::string rule_of(const std::string& script, GuestCpu cpu = GuestCpu::either) {
    return rule_of_script(two() + script + next_events, cpu);
}

TEST_CASE("a command reaches the APIC that it addresses and no other") {
    const auto physical = [](std::initializer_list<unsigned> accepted) {
        return rule_of(sends("0x100004031", "dst 1 vec 49 (Fixed|physical|assert|edge|dst)", accepted));
    };
    CHECK(physical({1}) == "none");
    CHECK(physical({}) == "I09");
    CHECK(physical({1, 0}) == "I09");
    CHECK(physical({7}) == "I09"); // whoever that is: the one that is addressed did not
}

TEST_CASE("a wide ID is not its low byte") {
    CHECK(rule_of(sends("0x10100004031", "dst 101 vec 49 (Fixed|physical|assert|edge|dst)", {1})) == "I09");
    CHECK(rule_of(sends("0x10100004031", "dst 101 vec 49 (Fixed|physical|assert|edge|dst)", {})) == "none");
}

TEST_CASE("logical destinations of x2APIC mode: cluster and bit") {
    const auto logical = [](std::string_view destination, std::initializer_list<unsigned> accepted) {
        return rule_of(sends(fmt::format("0x{}00004831", destination),
                             fmt::format("dst {} vec 49 (Fixed|logical|assert|edge|dst)", destination),
                             accepted));
    };
    CHECK(logical("2", {1}) == "none");
    CHECK(logical("2", {}) == "I12");
    CHECK(logical("10002", {1}) == "I12");
}

TEST_CASE("shorthands and broadcasts reach whom they name") {
    const auto others = [](std::initializer_list<unsigned> accepted) {
        return rule_of(sends("0xc4031", "dst 0 vec 49 (Fixed|physical|assert|edge|all-but-self)", accepted));
    };
    CHECK(others({1}) == "none");
    CHECK(others({}) == "I05");
    CHECK(others({0, 1}) == "I05");
    const auto everybody = [](std::initializer_list<unsigned> accepted) {
        return rule_of(
            sends("0xffffffff00004031", "dst ffffffff vec 49 (Fixed|physical|assert|edge|dst)", accepted));
    };
    CHECK(everybody({0, 1}) == "none");
    CHECK(everybody({0}) == "I08");
    CHECK(everybody({1}) == "I08"); // the sender is one of all
}

TEST_CASE("one of lowest priority goes to one APIC") {
    const auto lowest = [](std::string_view dfr, std::string_view destination, std::string_view way,
                           std::initializer_list<unsigned> accepted) {
        std::string script = fmt::format("kvm_msr: msr_write 1b = 0xfee00900\n"
                                         "kvm_mmio: mmio write len 4 gpa 0xfee000e0 val {0}\n"
                                         "kvm_apic: apic_write APIC_DFR = {0}\n"
                                         "kvm_mmio: mmio write len 4 gpa 0xfee00310 val 0x{1}000000\n"
                                         "kvm_apic: apic_write APIC_ICR2 = 0x{1}000000\n"
                                         "kvm_mmio: mmio write len 4 gpa 0xfee00300 val {3}\n"
                                         "kvm_apic: apic_write APIC_ICR = {3}\n"
                                         "kvm_apic_ipi: dst {1} vec 49 (LowPrio|{2}|assert|edge|dst)\n",
                                         dfr, destination, way, way == "logical" ? "0x4931" : "0x4131");
        for (const unsigned id : accepted)
            script += fmt::format("kvm_apic_accept_irq: apicid {:x} vec 49 (LowPrio|edge)\n", id);
        return rule_of_script(script + next_events);
    };
    CHECK(lowest("0xffffffff", "03", "logical", {1}) == "none");
    CHECK(lowest("0xffffffff", "03", "logical", {}) == "none"); // KVM's hash may miss
    CHECK(lowest("0xffffffff", "03", "logical", {0, 1}) == "I13");
    SUBCASE("undefined: on AMD in the cluster model and by physical destination, anywhere by broadcast") {
        CHECK(lowest("0x0fffffff", "13", "logical", {0, 1}) == "none");
        CHECK(lowest("0xffffffff", "01", "physical", {0, 1}) == "none");
        CHECK(lowest("0xffffffff", "ff", "physical", {0, 1}) == "none");
    }
    SUBCASE("reserved in x2APIC mode") {
        CHECK(rule_of(sends("0x300004931", "dst 3 vec 49 (LowPrio|logical|assert|edge|dst)", {0, 1},
                            "LowPrio")) == "none");
    }
}

TEST_CASE("an interrupt to itself is accepted by the sender") {
    const auto self = [](std::string_view accepted) {
        return rule_of(fmt::format("kvm_apic: apic_write APIC_SELF_IPI = 0x51\n"
                                   "kvm_apic_ipi: dst 0 vec 81 (Fixed|physical|de-assert|edge|self)\n{}"
                                   "kvm_msr: msr_write 83f = 0x51\n",
                                   accepted));
    };
    CHECK(self("kvm_apic_accept_irq: apicid 0 vec 81 (Fixed|edge)\n") == "none");
    CHECK(self("") == "I16");
    CHECK(self("kvm_apic_accept_irq: apicid 1 vec 81 (Fixed|edge)\n") == "I16");
    CHECK(self("kvm_apic_accept_irq: apicid 0 vec 82 (Fixed|edge)\n") == "I16");
}

// Linux 6.18 and later, kvm_x2apic_icr_write_fast(): the acceptance is printed first.
std::string sends_fast(std::string_view command, std::string_view text,
                       std::initializer_list<unsigned> accepted, unsigned vector = 0x31) {
    std::string script;
    for (const unsigned id : accepted)
        script += fmt::format("kvm_apic_accept_irq: apicid {:x} vec {} (Fixed|edge)\n", id, vector);
    return script + fmt::format("kvm_apic_ipi: {1}\nkvm_apic: apic_write APIC_ICR = {0}\n"
                                "kvm_msr: msr_write 830 = {0}\n",
                                command, text);
}

TEST_CASE("on the fast path the acceptance stands before kvm_apic_ipi") {
    const std::string exits = "kvm_exit: vcpu 0 reason msr rip 0x2000 info1 0x1 info2 0x0\n";
    const auto to_1 = [](std::initializer_list<unsigned> accepted) {
        return sends_fast("0x100004031", "dst 1 vec 49 (Fixed|physical|assert|edge|dst)", accepted);
    };
    const auto to_self = [](std::initializer_list<unsigned> accepted) {
        return sends_fast("0x44031", "dst 0 vec 49 (Fixed|physical|assert|edge|self)", accepted);
    };
    SUBCASE("within one exit it is held against the command") {
        CHECK(rule_of(exits + to_1({1})) == "none");
        CHECK(rule_of(exits + to_1({})) == "I09");
        CHECK(rule_of(exits + to_1({1, 0})) == "I09");
        CHECK(rule_of(exits + to_self({0})) == "none");
        CHECK(rule_of(exits + to_self({1})) == "I05");
        CHECK(rule_of(exits + to_self({})) == "I05");
    }
    SUBCASE("what stands before the exit is not the command's") {
        CHECK(rule_of("kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)\n" + exits + to_1({})) == "I09");
    }
    SUBCASE("without kvm_exit it may be the command's, or not") {
        CHECK(rule_of(to_1({1})) == "none");
        CHECK(rule_of(to_1({})) == "I09");
        CHECK(rule_of(to_1({1, 0})) == "none");
        CHECK(rule_of(to_self({0})) == "none");
        CHECK(rule_of(to_self({})) == "I05");
        CHECK(replay_script(two() + to_1({1})).notes("neither kvm_exit nor kvm_entry is recorded"));
    }
    SUBCASE("a timer's of the same vector before a command on the slow way") {
        const std::string timers = "kvm_apic_accept_irq: apicid 0 vec 49 (Fixed|edge)\n";
        CHECK(rule_of(exits + timers +
                      sends("0x100004031", "dst 1 vec 49 (Fixed|physical|assert|edge|dst)", {1})) == "none");
    }
    SUBCASE("lost events hide where the exit began") {
        CHECK(rule_of(exits + "CPU:0 [LOST 3 EVENTS]\n" + to_1({0})) == "none");
    }
}

TEST_CASE("what a receiver did before it accepted may stand behind it in the trace") {
    // It has left x2APIC mode, and the WRMSR is told only now.
    const std::string sent = sends("0x200004831", "dst 2 vec 49 (Fixed|logical|assert|edge|dst)", {});
    CHECK(rule_of(sent + "@45/1 kvm_msr: msr_write 1b = 0xfee00000\n") == "none");
}

TEST_CASE("two vCPUs of one ID are of two machines: nothing tells to which a command goes") {
    const std::string other = "@46/1 kvm_msr: msr_read 1b = 0xfee00c00\n"
                              "@46/1 kvm_apic: apic_read APIC_ID = 0x1\n@46/1 kvm_msr: msr_read 802 = 0x1\n";
    CHECK(rule_of(other + sends("0x100004031", "dst 1 vec 49 (Fixed|physical|assert|edge|dst)", {})) ==
          "none");
}

TEST_CASE("a vCPU whose ID is not known may be the one that accepted, or be of another VM") {
    const std::string nameless = "@46/1 kvm_msr: msr_write 1b = 0xfee00c00\n";
    const std::string wrong = sends("0x100004831", "dst 1 vec 49 (Fixed|logical|assert|edge|dst)", {0, 1});
    CHECK(rule_of(wrong) == "I12");
    CHECK(rule_of(nameless + wrong) == "none");
    const std::string named = "@46/1 kvm_apic: apic_read APIC_ID = 0x2\n@46/1 kvm_msr: msr_read 802 = 0x2\n";
    CHECK(rule_of(nameless + named + wrong) == "I12");
    // The APIC 0 of its own VM is the sender itself.
    const std::string to_itself = sends("0x200004831", "dst 2 vec 49 (Fixed|logical|assert|edge|dst)", {0});
    CHECK(rule_of(nameless + to_itself) == "I12");
}

TEST_CASE("in xAPIC mode KVM finds an APIC by the one logical bit that it has, and that no other has") {
    const auto in = [](std::string_view dfr, unsigned destination, std::string_view ldr_of_1,
                       std::string_view ldr_of_2) {
        const auto vcpu = [&](std::string_view who, unsigned id, std::string_view ldr) {
            return fmt::format("{0} kvm_entry: vcpu {3}, rip 0x1000\n"
                               "{0} kvm_msr: msr_read 1b = 0xfee00800\n"
                               "{0} kvm_apic: apic_read APIC_ID = {1:#x}\n"
                               "{0} kvm_mmio: mmio read len 4 gpa 0xfee00020 val {1:#x}\n"
                               "{0} kvm_mmio: mmio write len 4 gpa 0xfee000e0 val {4}\n"
                               "{0} kvm_apic: apic_write APIC_DFR = {4}\n"
                               "{0} kvm_mmio: mmio write len 4 gpa 0xfee000d0 val {2}\n"
                               "{0} kvm_apic: apic_write APIC_LDR = {2}\n"
                               "{0} kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff\n"
                               "{0} kvm_apic: apic_write APIC_SPIV = 0x1ff\n",
                               who, id << 24, ldr, id, dfr);
        };
        const auto sends = [&](bool arrives) {
            return fmt::format("@44/0 kvm_mmio: mmio write len 4 gpa 0xfee00310 val {0:#x}000000\n"
                               "@44/0 kvm_apic: apic_write APIC_ICR2 = {0:#x}000000\n"
                               "@44/0 kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x8fb\n"
                               "@44/0 kvm_apic: apic_write APIC_ICR = 0x8fb\n"
                               "@44/0 kvm_apic_ipi: dst {0:x} vec 251 (Fixed|logical|de-assert|edge|dst)\n",
                               destination) +
                   (arrives ? "@44/0 kvm_apic_accept_irq: apicid 1 vec 251 (Fixed|edge)\n" : "") +
                   "@44/0 kvm_msr: msr_read 1b = 0xfee00800\n@45/1 kvm_msr: msr_read 1b = 0xfee00800\n";
        };
        const Replayed r =
            replay_script("# entries-in-buffer/entries-written: 9/9   #P:2\n" + vcpu("@44/0", 0, ldr_of_1) +
                          vcpu("@45/1", 1, ldr_of_2) + sends(true) + sends(false));
        return r.unknown();
    };
    const auto flat = [&](std::string_view ldr_of_2) { return in("0xffffffff", 2, "0x1000000", ldr_of_2); };
    CHECK(flat("0x2000000") == 1);
    CHECK(flat("0x6000000") == 0); // two bits
    CHECK(flat("0x3000000") == 0); // one of them is the other's
    const auto cluster = [&](std::string_view ldr, std::string_view ldr_of_2) {
        return in("0x0fffffff", 0x12, ldr, ldr_of_2);
    };
    CHECK(cluster("0x11000000", "0x12000000") == 1);
    CHECK(cluster("0x22000000", "0x12000000") == 1); // the same bit of another cluster
    CHECK(cluster("0x12000000", "0x12000000") == 0);
    CHECK(cluster("0x11000000", "0x16000000") == 0);
}

TEST_CASE("an APIC that accepts one command twice") {
    const std::string sends = "kvm_exit: vcpu 0 reason msr rip 0x1000 info1 0x0 info2 0x0\n"
                              "kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)\n";
    const std::string accepts = "kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)\n";
    const std::string writes =
        "kvm_apic: apic_write APIC_ICR = 0x100004031\nkvm_msr: msr_write 830 = 0x100004031\n";
    CHECK(rule_of(sends + accepts + writes) == "none");
    CHECK(rule_of(sends + accepts + accepts + writes) == "I17");
}

// ----- INIT and SIPI -----

std::string init_of(std::string_view command, std::string_view text) {
    return fmt::format("@45/1 kvm_apic: apic_write APIC_TDCR = 0x3\n@45/1 kvm_msr: msr_write 83e = 0x3\n"
                       "kvm_apic_ipi: dst 1 vec 0 (INIT|physical|{0}|dst)\n"
                       "kvm_apic_accept_irq: apicid 1 vec 0 (INIT|{1})\n"
                       "kvm_apic: apic_write APIC_ICR = {2}\nkvm_msr: msr_write 830 = {2}\n",
                       text, text.substr(text.find('|') + 1), command);
}
std::string reads_dcr(std::string_view value) {
    return fmt::format("@45/1 kvm_apic: apic_read APIC_TDCR = {0}\n@45/1 kvm_msr: msr_read 83e = {0}\n",
                       value);
}

TEST_CASE("an INIT level de-assert does nothing") {
    const std::string deassert = init_of("0x100008500", "de-assert|level");
    CHECK(rule_of(deassert + reads_dcr("0x3")) == "none");
    CHECK(rule_of(deassert + reads_dcr("0x0"), GuestCpu::intel) == "I07");
    CHECK(rule_of(deassert + reads_dcr("0x0")) == "none"); // AMD does not say what it does
    CHECK(rule_of(init_of("0x10000c500", "assert|level") + reads_dcr("0x0")) == "none");
    // Right behind the INIT it makes no difference what it does.
    const std::string init = init_of("0x100004500", "assert|edge");
    const std::string behind = deassert.substr(deassert.find("kvm_apic_ipi"));
    CHECK(rule_of(init + behind + reads_dcr("0x0")) == "none");
    CHECK(rule_of(init + behind + reads_dcr("0x3")) == rule_of(init + reads_dcr("0x3")));
}

TEST_CASE("after INIT and SIPI the guest enters at the SIPI's segment, at 0 in it, and has been reset") {
    const auto started = [](std::string_view entry, std::string_view dcr) {
        return rule_of("@45/1 kvm_exit: vcpu 1 reason hlt rip 0x5000 info1 0x0 info2 0x0\n" +
                       init_of("0x100004500", "assert|edge") +
                       "kvm_apic_ipi: dst 1 vec 8 (SIPI|physical|assert|edge|dst)\n"
                       "kvm_apic_accept_irq: apicid 1 vec 8 (SIPI|edge)\n"
                       "kvm_apic: apic_write APIC_ICR = 0x100004608\nkvm_msr: msr_write 830 = 0x100004608\n" +
                       fmt::format("@45/1 kvm_entry: vcpu 1, rip {}\n", entry) + reads_dcr(dcr));
    };
    for (const auto* entry : {"0x0", "0x8000"}) {
        CAPTURE(entry);
        CHECK(started(entry, "0x0") == "none");
        CHECK(started(entry, "0x3") == "R02");
    }
    CHECK(started("0x5001", "0x3") == "none"); // it was for another
}

// ----- What the processor is given -----

std::string open_apic() {
    return "kvm_entry: vcpu 0, rip 0x1000\n"
           "kvm_apic: apic_write APIC_SPIV = 0x1ff\nkvm_msr: msr_write 80f = 0x1ff\n"
           "kvm_apic: apic_write APIC_LVT0 = 0x10000\nkvm_msr: msr_write 835 = 0x10000\n" +
           sends_itself(0x21) + takes(0x21) +
           "kvm_apic: apic_write APIC_EOI = 0x0\nkvm_eoi: apicid 0 vector 33\nkvm_msr: msr_write 80b = 0x0\n";
}

TEST_CASE("a vector waits for those of its class that are in service") {
    const std::string serving = open_apic() + sends_itself(0x35) + takes(0x35);
    CHECK(rule_of(serving + sends_itself(0x41) + takes(0x41)) == "none");
    CHECK(rule_of(serving + sends_itself(0x3e) + takes(0x3e)) == "P14");
    CHECK(rule_of(serving + sends_itself(0x35) + takes(0x35)) == "P02");
}

TEST_CASE("TPR holds back its class as long as the guest has not run since it wrote it") {
    const std::string tpr = "kvm_apic: apic_write APIC_TASKPRI = 0xf0\nkvm_msr: msr_write 808 = 0xf0\n";
    const std::string entry = "kvm_entry: vcpu 0, rip 0x1002\n";
    CHECK(rule_of(open_apic() + sends_itself(0x51) + tpr + takes(0x51)) == "P02");
    CHECK(rule_of(open_apic() + sends_itself(0x51) + "kvm_cr: cr_write 8 = 0xf\n" + takes(0x51)) == "P02");
    CHECK(rule_of(open_apic() + sends_itself(0x51) + "kvm_cr: cr_write 8 = 0x4\n" + takes(0x51)) == "none");
    CHECK(rule_of(open_apic() + sends_itself(0x51) + tpr + entry + takes(0x51)) == "none"); // CR8, unseen
}

TEST_CASE("a MOV to CR8 that KVM shows clears the low bits of TPR") {
    const auto read = [](std::string_view value) {
        return rule_of(fmt::format("kvm_apic: apic_write APIC_TASKPRI = 0x14\nkvm_msr: msr_write 808 = 0x14\n"
                                   "kvm_cr: cr_write 8 = 0x3\n"
                                   "kvm_apic: apic_read APIC_TASKPRI = {0}\nkvm_msr: msr_read 808 = {0}\n",
                                   value));
    };
    CHECK(read("0x30") == "none");
    CHECK(read("0x34") == "X14");
}

} // namespace
} // namespace lapicheck::checker
