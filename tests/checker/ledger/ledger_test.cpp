// The ledger of small recordings: what is said of an interrupt, and what is not said.
#include "checker/ledger/accumulator.hpp"

#include <algorithm>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker::ledger {
namespace {

Recording ledger_of(std::string_view script, std::size_t deliveries = 0) {
    Accumulator accumulator(deliveries);
    CheckOptions options;
    options.observer = &accumulator;
    TraceCheck check("made", options);
    REQUIRE(check.feed(made_trace(script)).empty());
    check.finish();
    std::vector<Recording> recordings = accumulator.take_recordings();
    REQUIRE(recordings.size() == 1);
    return std::move(recordings.front());
}

// "finding overtaken ECH": weight, kind, vector.
Told told(const Recording& recording) {
    Told lines;
    for (const Conclusion& c : recording.conclusions)
        lines.push_back(fmt::format("{} {}{}", name_of(c.weight), c.kind,
                                    c.vector ? " " + vector_name(*c.vector) : std::string{}));
    return lines;
}

const VcpuLedger& only_vcpu(const Recording& recording) {
    REQUIRE(recording.vcpus.size() == 1);
    return recording.vcpus.front();
}

const VectorRow& row_of(const Recording& recording, u32 vector) {
    const VcpuLedger& vcpu = only_vcpu(recording);
    REQUIRE(vcpu.vectors.contains(vector));
    return vcpu.vectors.at(vector);
}

u64 asked_by(const VectorRow& row, Source source) { return row.requested[static_cast<std::size_t>(source)]; }

std::string accepts(unsigned vector, std::string_view trigger = "edge") {
    return fmt::format("@99 kvm_apic_accept_irq: apicid 0 vec {} (Fixed|{})\n", vector, trigger);
}
const std::string enters = "kvm_entry: vcpu 0, rip 0x4000\n";
std::string exits(std::string_view reason) {
    return fmt::format("kvm_exit: vcpu 0 reason {} rip 0x4000 info1 0x0\n", reason);
}
// Accepted, injected and ended.
std::string whole(unsigned vector) {
    return exits("EXTERNAL_INTERRUPT") + accepts(vector) + takes(vector) + enters + exits("MSR_WRITE") +
           ends(static_cast<int>(vector)) + enters;
}

} // namespace

TEST_CASE("an interrupt that is accepted, injected and ended leaves nothing to say") {
    const Recording recording = ledger_of(enters + whole(0x41) + whole(0x41));
    CHECK(told(recording) == Told{"blind no-requests"});
    const VectorRow& row = row_of(recording, 0x41);
    CHECK(row.accepted == 2);
    CHECK(row.injected == 2);
    CHECK(row.ended == 2);
    CHECK(row.until_injected.count == 2);
    CHECK(row.until_injected.longest.length() == 10'000);
    CHECK(row.until_injected.longest.from.line == 3);
    CHECK(row.until_injected.longest.to.line == 4);
    CHECK(row.until_ended.longest.from.line == 4);
    CHECK(row.until_ended.longest.to.line == 8);
    CHECK(!row.pending);
    CHECK(!row.in_service);
}

TEST_CASE("a vector that lower ones overtake is a finding, injected at last or not") {
    const std::string start = enters + whole(0x31) + accepts(0x91);
    const Recording never = ledger_of(start + whole(0x41) + whole(0x31));
    CHECK(told(never).front() == "finding overtaken 91H");
    CHECK(row_of(never, 0x91).pending->overtaken == 2);
    CHECK(row_of(never, 0x91).pending->overtaken_by == 0x41);
    CHECK(row_of(never, 0x91).pending->accepted.line == 11);
    CHECK(never.conclusions.front().text.find("not seen to be injected by the end (line 29)") !=
          std::string::npos);
    const Recording late = ledger_of(start + whole(0x41) + exits("HLT") + takes(0x91) + enters +
                                     exits("MSR_WRITE") + ends(0x91) + enters);
    CHECK(told(late).front() == "finding late 91H");
}

TEST_CASE("no vector overtakes that was injected before the other can have been seen to be pending") {
    // Accepted between the exit and the injection: KVM may have chosen before.
    const Recording recording = ledger_of(
        enters + exits("EXTERNAL_INTERRUPT") + accepts(0x41) + accepts(0x91) + takes(0x41) + enters +
        exits("MSR_WRITE") + ends(0x41) + takes(0x91) + enters + exits("MSR_WRITE") + ends(0x91) + enters);
    CHECK(told(recording) == Told{"blind no-requests"});
}

TEST_CASE("what the PIC injects overtakes nothing and is not in service") {
    const Recording recording =
        ledger_of(enters + whole(0x41) + accepts(0x91) + exits("HLT") + takes(0x30) + enters);
    CHECK(told(recording).front() == "blind no-requests");
    CHECK(row_of(recording, 0x30).unrequested == 1);
    CHECK(row_of(recording, 0x91).pending->overtaken == 0);
}

TEST_CASE("halts with a vector pending are counted, if the guest ran meanwhile") {
    std::string script = enters + whole(0x41) + exits("HLT") + accepts(0x91) + enters;
    CHECK(only_vcpu(ledger_of(script)).halts_while_pending == 0);
    script += exits("HLT") + enters + exits("HLT");
    const Recording recording = ledger_of(script);
    CHECK(told(recording).front() == "finding halted-while-pending 91H");
    CHECK(only_vcpu(recording).halts_while_pending == 2);
    CHECK(only_vcpu(recording).halted.line == 16);
    CHECK(row_of(recording, 0x91).pending->halts == 2);
}

TEST_CASE("a vector in service holds back those of its class and below") {
    const Recording recording =
        ledger_of(enters + whole(0x41) + exits("EXTERNAL_INTERRUPT") + accepts(0x91) + takes(0x91) + enters +
                  accepts(0x31) + accepts(0x95) + accepts(0xa1));
    const auto service = std::ranges::find(recording.conclusions, "in-service", &Conclusion::kind);
    REQUIRE(service != recording.conclusions.end());
    CHECK(service->vector == 0x91);
    CHECK(service->text.find("holds back 95H (accepted at line 16), 31H (accepted at line 15)") !=
          std::string::npos);
    const auto pending = std::ranges::find(recording.conclusions, "pending", &Conclusion::kind);
    REQUIRE(pending != recording.conclusions.end());
    CHECK(pending->vector == 0xa1);
    CHECK(pending->weight == Weight::note);
}

TEST_CASE("without kvm_msr the APIC may have been disabled: nothing is a finding") {
    const std::string ends_it = "kvm_apic: apic_write APIC_EOI = 0x0\nkvm_eoi: apicid 0 vector 65\n";
    const std::string one = exits("EXTERNAL_INTERRUPT") + accepts(0x41) + takes(0x41) + enters +
                            exits("MSR_WRITE") + ends_it + enters;
    const Recording recording = ledger_of(enters + one + accepts(0x91) + one + one);
    const auto overtaken = std::ranges::find(recording.conclusions, "overtaken", &Conclusion::kind);
    REQUIRE(overtaken != recording.conclusions.end());
    CHECK(overtaken->weight == Weight::note);
    CHECK(overtaken->text.find("may have disabled the APIC") != std::string::npos);
}

TEST_CASE("an EOI that ends a lower vector than the highest in service") {
    const Recording recording =
        ledger_of(enters + whole(0x31) + exits("EXTERNAL_INTERRUPT") + accepts(0x41) + takes(0x41) + enters +
                  exits("EXTERNAL_INTERRUPT") + accepts(0x91) + takes(0x91) + enters + exits("MSR_WRITE") +
                  ends(0x41) + enters + exits("MSR_WRITE") + ends(0x91) + enters);
    CHECK(told(recording).front() == "finding eoi-of-lower 41H");
    CHECK(recording.conclusions.front().lines == std::vector<u64>{21, 13, 17});
}

TEST_CASE("an EOI that ends nothing though a vector is in service") {
    const Recording recording = ledger_of(enters + whole(0x41) + exits("EXTERNAL_INTERRUPT") + accepts(0x91) +
                                          takes(0x91) + enters + exits("MSR_WRITE") + ends(-1) + enters);
    CHECK(told(recording).front() == "finding eoi-of-nothing 91H");
    CHECK(only_vcpu(recording).empty_eois.count == 1);
}

TEST_CASE("an acceptance while pending or while the APIC is disabled is no second delivery") {
    const Recording recording = ledger_of(enters + accepts(0x41) + accepts(0x41) + takes(0x41) + enters);
    CHECK(row_of(recording, 0x41).accepted == 2);
    CHECK(row_of(recording, 0x41).again == 1);
    CHECK(row_of(recording, 0x41).injected == 1);
    const Recording disabled = ledger_of("kvm_entry: vcpu 0, rip 0x4000\n"
                                         "kvm_msr: msr_write 1b = 0xfee00d00\n"
                                         "kvm_apic: apic_write APIC_SPIV = 0xff\n"
                                         "kvm_msr: msr_write 80f = 0xff\n" +
                                         accepts(0x41) + whole(0x31) + whole(0x31));
    CHECK(row_of(disabled, 0x41).dropped == 1);
    CHECK(!row_of(disabled, 0x41).pending);
}

TEST_CASE("who asked: the command, the device, or the timer") {
    const Recording ipis = ledger_of("@44 kvm_entry: vcpu 0, rip 0x4000\n"
                                     "@45 kvm_entry: vcpu 1, rip 0x4000\n"
                                     "@45 kvm_apic_ipi: dst 0 vec 251 (Fixed|physical|assert|edge|dst)\n"
                                     "@45 kvm_apic_accept_irq: apicid 0 vec 251 (Fixed|edge)\n"
                                     "@45 kvm_apic: apic_write APIC_ICR = 0xfb\n"
                                     "@45 kvm_msr: msr_write 830 = 0xfb\n"
                                     // The fast path prints the acceptance first.
                                     "@45 kvm_exit: vcpu 1 reason MSR_WRITE rip 0x4000 info1 0x0\n"
                                     "@45 kvm_apic_accept_irq: apicid 0 vec 252 (Fixed|edge)\n"
                                     "@45 kvm_apic_ipi: dst 0 vec 252 (Fixed|physical|assert|edge|dst)\n"
                                     "@45 kvm_entry: vcpu 1, rip 0x4000\n"
                                     "@45 kvm_apic_ipi: dst 7 vec 253 (Fixed|physical|assert|edge|dst)\n"
                                     "@45 kvm_entry: vcpu 1, rip 0x4000\n");
    REQUIRE(ipis.vcpus.size() == 2);
    for (const u32 vector : {251U, 252U}) {
        const VectorRow& row = ipis.vcpus[0].vectors.at(vector);
        CHECK(asked_by(row, Source::ipi) == 1);
        CHECK(asked_by(row, Source::unknown) == 0);
        CHECK(row.senders.at(1) == 1);
    }
    CHECK(ipis.vcpus[1].unanswered.at(253).count == 1);

    const Recording devices = ledger_of("kvm_entry: vcpu 0, rip 0x4000\n"
                                        "kvm_msr: msr_write 1b = 0xfee00d00\n"
                                        "kvm_apic: apic_write APIC_LVTT = 0x400ec\n"
                                        "kvm_msr: msr_write 832 = 0x400ec\n"
                                        "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n"
                                        "@99 kvm_msi_set_irq: dst 0 vec 64 (Fixed|physical|edge)\n"
                                        "@99 kvm_apic_accept_irq: apicid 0 vec 64 (Fixed|edge)\n"
                                        "@99 kvm_set_irq: gsi 14 level 1 source 0\n"
                                        "@99 kvm_apic_accept_irq: apicid 0 vec 65 (Fixed|level)\n"
                                        "@99 kvm_ioapic_set_irq: pin 14 dst 0 vec 65 (Fixed|physical|level)\n"
                                        "@98 kvm_set_irq: gsi 0 level 1 source 2\n"
                                        "@98 kvm_apic_accept_irq: apicid 0 vec 66 (Fixed|edge)\n"
                                        "@98 kvm_ioapic_set_irq: pin 2 dst 0 vec 66 (Fixed|physical|edge)\n");
    CHECK(asked_by(row_of(devices, 236), Source::timer) == 1);
    CHECK(asked_by(row_of(devices, 64), Source::msi) == 1);
    CHECK(asked_by(row_of(devices, 65), Source::ioapic) == 1);
    CHECK(asked_by(row_of(devices, 66), Source::pit) == 1);
}

TEST_CASE("a level-triggered vector that comes again right after each EOI is a storm") {
    std::string script = enters;
    for (int i = 0; i < 4; ++i)
        script += exits("EXTERNAL_INTERRUPT") + accepts(0x50, "level") + takes(0x50) + enters +
                  exits("MSR_WRITE") + ends(0x50);
    const Recording recording = ledger_of(script);
    CHECK(told(recording).front() == "finding storm 50H");
    CHECK(row_of(recording, 0x50).storm.rounds == 3);
    CHECK(row_of(recording, 0x50).storm.first_line == 8);
}

TEST_CASE("where hardware acts on the APIC nothing is said to be missing") {
    const Recording recording = ledger_of(enters + whole(0x31) + accepts(0x91) + whole(0x41) +
                                          exits("EOI_INDUCED") + enters + exits("HLT") + enters);
    CHECK(std::ranges::none_of(recording.conclusions,
                               [](const Conclusion& c) { return c.weight == Weight::finding; }));
    CHECK(told(recording).front() == "blind hardware-virtualizes");
    CHECK(recording.conclusions.front().text.find("enable_apicv=0") != std::string::npos);
}

TEST_CASE("without kvm_inj_virq an EOI tells of the delivery, and its absence of nothing") {
    const Recording recording = ledger_of(enters + accepts(0x41) + exits("MSR_WRITE") + ends(0x41) + enters +
                                          accepts(0x91) + exits("HLT") + enters + exits("HLT") + enters);
    CHECK(told(recording) == Told{"blind no-injections", "blind no-requests", "note no-eoi 91H"});
    CHECK(row_of(recording, 0x41).accepted_ended.count == 1);
}

TEST_CASE("lost events, INIT and RESET make what was pending unknown") {
    const std::string start = enters + whole(0x41) + accepts(0x91);
    for (const std::string& gap : {std::string{"CPU:0 [LOST 3 EVENTS]\n"},
                                   std::string{"@99 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)\n"},
                                   std::string{"kvm_entry: vcpu 0, rip 0xfff0\n"}}) {
        CAPTURE(gap);
        const Recording recording = ledger_of(
            fmt::format("{}{}{}{}{}{}", start, gap, whole(0x31), exits("HLT"), enters, exits("HLT")));
        CHECK(std::ranges::none_of(recording.conclusions,
                                   [](const Conclusion& c) { return c.vector == 0x91; }));
        CHECK(row_of(recording, 0x91).abandoned == 1);
    }
}

TEST_CASE("two vCPUs of one number: what others send them is counted apart") {
    const Recording recording = ledger_of("@44 kvm_entry: vcpu 0, rip 0x4000\n"
                                          "@54 kvm_entry: vcpu 0, rip 0x4000\n"
                                          "@99 kvm_apic_accept_irq: apicid 0 vec 145 (Fixed|edge)\n"
                                          "@44 kvm_inj_virq: IRQ 0x41\n"
                                          "@44 kvm_exit: vcpu 0 reason HLT rip 0x4000 info1 0x0\n"
                                          "@44 kvm_entry: vcpu 0, rip 0x4000\n"
                                          "@44 kvm_exit: vcpu 0 reason HLT rip 0x4000 info1 0x0\n");
    REQUIRE(recording.vcpus.size() == 3);
    CHECK(recording.vcpus[2].is_ambiguous);
    CHECK(recording.vcpus[2].vectors.at(145).accepted == 1);
    CHECK(std::ranges::none_of(recording.conclusions,
                               [](const Conclusion& c) { return c.weight == Weight::finding; }));
}

TEST_CASE("a SIPI to a vCPU that runs; the second one of a start is none") {
    const std::string sipi = "@45 kvm_apic_ipi: dst 0 vec 154 (SIPI|physical|assert|edge|dst)\n"
                             "@45 kvm_apic_accept_irq: apicid 0 vec 154 (SIPI|edge)\n";
    const Recording recording = ledger_of(enters + sipi + enters);
    CHECK(told(recording) == Told{"finding sipi-without-effect 9AH"});
    const std::string init = "@45 kvm_apic_accept_irq: apicid 0 vec 0 (INIT|edge)\n";
    CHECK(told(ledger_of(enters + init + sipi + enters + sipi + enters)).empty());
}

TEST_CASE("what is drawn is bounded, and what did not end is in it") {
    std::string script = enters;
    for (int i = 0; i < 100; ++i) script += whole(0x41);
    script += accepts(0x91);
    const Recording recording = ledger_of(script, 40);
    CHECK(recording.deliveries.size() <= 40);
    CHECK(recording.deliveries.size() >= 15);
    CHECK(recording.delivery_stride == 4);
    CHECK(recording.deliveries_seen == 101);
    CHECK(recording.deliveries.back().end == Delivery::End::pending);
    CHECK(ledger_of(script).deliveries.empty());
}

} // namespace lapicheck::checker::ledger
