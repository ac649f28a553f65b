#include "traces/access_assembler.hpp"

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/traces/read_text.hpp"

namespace lapicheck::traces {
namespace {

struct Lines : std::vector<std::string> {
    using vector::vector;
    friend std::ostream& operator<<(std::ostream& out, const Lines& lines) {
        return out << fmt::format("[{}]", fmt::join(lines, "; "));
    }
};

std::string_view name_of(model::AccessKind kind) {
    switch (kind) {
    case model::AccessKind::mmio_read: return "MMIO read";
    case model::AccessKind::mmio_write: return "MMIO write";
    case model::AccessKind::rdmsr: return "RDMSR";
    case model::AccessKind::wrmsr: return "WRMSR";
    default: return model::to_string(kind);
    }
}

// "MMIO write fee00300 = 4531 apic 300 = 4531 ipi 1 x 31 lines 2-4": only what is so is told.
std::string text_of(const GuestAccess& a) {
    std::string text = fmt::format("{} {:x} = {:x}", name_of(a.kind), a.address, a.value);
    if (a.gp) text += " #GP";
    if (a.reached_apic) text += fmt::format(" apic {:x} = {:x}", a.apic_offset, a.apic_value);
    if (a.ipis > 0) text += fmt::format(" ipis {} vec {:x} to {:x}", a.ipis, a.ipi_vector, a.ipi_destination);
    if (a.ended_interrupt)
        text += a.eoi_vector == ~std::uint64_t{0} ? " eoi none" : fmt::format(" eoi {:x}", a.eoi_vector);
    if (a.by_userspace) text += " by userspace";
    if (a.begins_late) text += " begins late";
    if (a.ends_early) text += " ends early";
    return text + fmt::format(" lines {}-{}", a.first_line, a.line);
}

class Listing final : public AssemblerSink {
  public:
    void on_access(const GuestAccess& access) override {
        accesses.push_back(access);
        lines.push_back(text_of(access));
    }
    void on_stray(const Event& event) override { lines.push_back(fmt::format("stray, line {}", event.line)); }
    void on_event(const Event& event) override { lines.push_back(fmt::format("event, line {}", event.line)); }

    Lines lines;
    std::vector<GuestAccess> accesses;
};

// Each line is "THREAD EVENT", or a mark of lost events as it stands.
std::string records(const Lines& lines) {
    std::string text;
    unsigned time = 100;
    for (const std::string& line : lines) {
        if (line.starts_with("CPU:")) {
            text += line + '\n';
            continue;
        }
        const std::size_t blank = line.find(' ');
        text += fmt::format(" qemu-system-x86-{:<7} [000] .....   100.{:06}: {}\n", line.substr(0, blank),
                            time++, line.substr(blank + 1));
    }
    return text;
}

Listing assembled(const Lines& lines) {
    const ReadResult read = read_text(records(lines));
    REQUIRE(read.summary.skipped_lines == 0);
    Listing listing;
    Assembler assembler(listing);
    assembler.feed(read.events);
    assembler.finish();
    return listing;
}

// So that what follows is not the thread's first access.
const std::string before = "44 kvm_msr: msr_read 1b = 0xfee00900";
const std::string before_told = "RDMSR 1b = fee00900 begins late lines 1-1";

Lines assembled_after(Lines lines) {
    lines.insert(lines.begin(), before);
    Lines told = assembled(lines).lines;
    REQUIRE(!told.empty());
    REQUIRE(told.front() == before_told);
    told.erase(told.begin());
    return told;
}

TEST_CASE("MMIO write: the register follows the decode") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff",
                           "44 kvm_apic: apic_write APIC_SPIV = 0x1ff", "44 kvm_entry: vcpu 0, rip 0x10"}) ==
          Lines{"MMIO write fee000f0 = 1ff apic f0 = 1ff lines 2-2", "event, line 4"});
}

TEST_CASE("MMIO write of the ICR: the interrupt follows the register") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x4531",
                           "44 kvm_apic: apic_write APIC_ICR = 0x4531",
                           "44 kvm_apic_ipi: dst 1 vec 49 (INIT|physical|assert|edge|dst)",
                           "44 kvm_apic_accept_irq: apicid 1 vec 49 (INIT|edge)",
                           "44 kvm_entry: vcpu 0, rip 0x10"}) ==
          Lines{"event, line 5", "MMIO write fee00300 = 4531 apic 300 = 4531 ipis 1 vec 31 to 1 lines 2-2",
                "event, line 6"});
}

TEST_CASE("MMIO write of EOI: the end of the interrupt follows the register") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0",
                           "44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector 49",
                           "44 kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0",
                           "44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector -1"}) ==
          Lines{"MMIO write fee000b0 = 0 apic b0 = 0 eoi 31 lines 2-2",
                "MMIO write fee000b0 = 0 apic b0 = 0 eoi none ends early lines 5-5"});
}

TEST_CASE("MMIO write that no register follows went elsewhere") {
    CHECK(assembled_after(
              {"44 kvm_mmio: mmio write len 4 gpa 0xfee00080 val 0x20", "44 kvm_entry: vcpu 0, rip 0x10"}) ==
          Lines{"MMIO write fee00080 = 20 lines 2-2", "event, line 3"});
}

TEST_CASE("MMIO write: another register's event is not its own") {
    CHECK(
        assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff",
                         "44 kvm_apic: apic_write APIC_TASKPRI = 0x1ff", "44 kvm_entry: vcpu 0, rip 0x10"}) ==
        Lines{"MMIO write fee000f0 = 1ff lines 2-2", "stray, line 3", "event, line 4"});
}

TEST_CASE("MMIO write: a second event of the same register is not its own") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff",
                           "44 kvm_apic: apic_write APIC_SPIV = 0x1ff",
                           "44 kvm_apic: apic_write APIC_SPIV = 0x10f", "44 kvm_entry: vcpu 0, rip 0x10"}) ==
          Lines{"MMIO write fee000f0 = 1ff apic f0 = 1ff lines 2-2", "stray, line 4", "event, line 5"});
}

TEST_CASE(
    "MMIO write right before an accepted WRMSR of the same register: the one register event is the WRMSR's") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0",
                           "44 kvm_apic: apic_write APIC_ESR = 0x0", "44 kvm_msr: msr_write 828 = 0x0"}) ==
          Lines{"MMIO write fee00280 = 0 lines 2-2", "WRMSR 828 = 0 apic 280 = 0 lines 3-4"});
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0",
                           "44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector 49",
                           "44 kvm_msr: msr_write 80b = 0x0"}) ==
          Lines{"MMIO write fee000b0 = 0 lines 2-2", "WRMSR 80b = 0 apic b0 = 0 eoi 31 lines 3-5"});
}

TEST_CASE("MMIO write that reaches its register right before a WRMSR: each has its own event") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0",
                           "44 kvm_apic: apic_write APIC_ESR = 0x0", "44 kvm_apic: apic_write APIC_ESR = 0x0",
                           "44 kvm_msr: msr_write 828 = 0x0"}) ==
          Lines{"MMIO write fee00280 = 0 apic 280 = 0 lines 2-2", "WRMSR 828 = 0 apic 280 = 0 lines 4-5"});
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee00280 val 0x0",
                           "44 kvm_apic: apic_write APIC_ESR = 0x0", "44 kvm_msr: msr_write 828 = 0x1"}) ==
          Lines{"MMIO write fee00280 = 0 apic 280 = 0 lines 2-2", "WRMSR 828 = 1 lines 4-4"});
}

TEST_CASE("MMIO write that sent or ended an interrupt keeps its register event when a WRMSR is refused") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0",
                           "44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector 49",
                           "44 kvm_msr: msr_write 80b = 0x0 (#GP)"}) ==
          Lines{"MMIO write fee000b0 = 0 apic b0 = 0 eoi 31 lines 2-2", "WRMSR 80b = 0 #GP lines 5-5"});
}

TEST_CASE("MMIO write to a wide or moved address: the offset in the page counts") {
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0x1fee01380 val 0x100",
                           "44 kvm_apic: apic_write APIC_TMICT = 0x100", "44 kvm_entry: vcpu 0, rip 0x10"}) ==
          Lines{"MMIO write 1fee01380 = 100 apic 380 = 100 lines 2-2", "event, line 4"});
}

TEST_CASE("MMIO read: the register comes before the decode") {
    CHECK(assembled_after({"44 kvm_apic: apic_read APIC_LVR = 0x50014",
                           "44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014"}) ==
          Lines{"MMIO read fee00030 = 50014 apic 30 = 50014 lines 2-3"});
}

TEST_CASE("MMIO read of a byte inside a register is that register's") {
    CHECK(assembled_after({"44 kvm_apic: apic_read 0x31 = 0x500",
                           "44 kvm_mmio: mmio read len 1 gpa 0xfee00031 val 0x0"}) ==
          Lines{"MMIO read fee00031 = 0 apic 31 = 500 lines 2-3"});
}

TEST_CASE("MMIO read without a register, or with another's, was not answered by the APIC") {
    CHECK(assembled_after({"44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff"}) ==
          Lines{"MMIO read fee00030 = ffffffff lines 2-2"});
    CHECK(assembled_after({"44 kvm_apic: apic_read APIC_TASKPRI = 0x0",
                           "44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff"}) ==
          Lines{"MMIO read fee00030 = ffffffff lines 3-3"});
}

TEST_CASE("RDMSR: the register comes before the decode; 830H shows none") {
    CHECK(assembled_after({"44 kvm_apic: apic_read 0x150 = 0x0", "44 kvm_msr: msr_read 815 = 0x0",
                           "44 kvm_msr: msr_read 830 = 0x400b1"}) ==
          Lines{"RDMSR 815 = 0 apic 150 = 0 lines 2-3", "RDMSR 830 = 400b1 lines 4-4"});
}

TEST_CASE("WRMSR: the register comes before the decode") {
    CHECK(
        assembled_after({"44 kvm_apic: apic_write APIC_SPIV = 0x1ff", "44 kvm_msr: msr_write 80f = 0x1ff"}) ==
        Lines{"WRMSR 80f = 1ff apic f0 = 1ff lines 2-3"});
}

TEST_CASE("WRMSR 830H: the interrupt comes before the register") {
    CHECK(assembled_after({"44 kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)",
                           "44 kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)",
                           "44 kvm_apic: apic_write APIC_ICR = 0x100004031",
                           "44 kvm_msr: msr_write 830 = 0x100004031"}) ==
          Lines{"event, line 3", "WRMSR 830 = 100004031 apic 300 = 100004031 ipis 1 vec 31 to 1 lines 2-5"});
}

TEST_CASE("WRMSR 83FH: the interrupt comes behind the register") {
    CHECK(assembled_after({"44 kvm_apic: apic_write APIC_SELF_IPI = 0x31",
                           "44 kvm_apic_ipi: dst 0 vec 49 (Fixed|physical|de-assert|edge|self)",
                           "44 kvm_apic_accept_irq: apicid 0 vec 49 (Fixed|edge)",
                           "44 kvm_msr: msr_write 83f = 0x31"}) ==
          Lines{"event, line 4", "WRMSR 83f = 31 apic 3f0 = 31 ipis 1 vec 31 to 0 lines 2-5"});
}

TEST_CASE("WRMSR 80BH: the end of the interrupt stands between register and decode") {
    CHECK(assembled_after({"44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector 49",
                           "44 kvm_msr: msr_write 80b = 0x0"}) ==
          Lines{"WRMSR 80b = 0 apic b0 = 0 eoi 31 lines 2-4"});
}

TEST_CASE("WRMSR 830H before Linux 5.18: two registers, then the interrupt") {
    CHECK(assembled_after({"44 kvm_apic: apic_write APIC_ICR2 = 0x1",
                           "44 kvm_apic: apic_write APIC_ICR = 0x4031",
                           "44 kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)",
                           "44 kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)",
                           "44 kvm_msr: msr_write 830 = 0x100004031"}) ==
          Lines{"event, line 5", "WRMSR 830 = 100004031 apic 300 = 4031 ipis 1 vec 31 to 1 lines 2-6"});
}

TEST_CASE("WRMSR 83FH before Linux 5.18: SELF IPI, ICR, then the interrupt") {
    CHECK(assembled_after(
              {"44 kvm_apic: apic_write APIC_SELF_IPI = 0x31", "44 kvm_apic: apic_write APIC_ICR = 0x40031",
               "44 kvm_apic_ipi: dst 0 vec 49 (Fixed|physical|de-assert|edge|self)",
               "44 kvm_apic_accept_irq: apicid 0 vec 49 (Fixed|edge)", "44 kvm_msr: msr_write 83f = 0x31"}) ==
          Lines{"event, line 5", "WRMSR 83f = 31 apic 3f0 = 31 ipis 1 vec 31 to 0 lines 2-6"});
}

TEST_CASE("a refused MSR access: no register on a read, perhaps one on a write") {
    CHECK(assembled_after({"44 kvm_msr: msr_read 80b = 0x0 (#GP)", "44 kvm_inj_exception: #GP (0x0)",
                           "44 kvm_apic: apic_write APIC_LVR = 0x1", "44 kvm_msr: msr_write 803 = 0x1 (#GP)",
                           "44 kvm_inj_exception: #GP (0x0)"}) ==
          Lines{"RDMSR 80b = 0 #GP lines 2-2", "event, line 3", "WRMSR 803 = 1 #GP apic 30 = 1 lines 4-5",
                "event, line 6"});
}

TEST_CASE("MSRs outside 800H to 8FFH take no register with them") {
    CHECK(assembled_after(
              {"44 kvm_apic: apic_write APIC_TASKPRI = 0x20", "44 kvm_msr: msr_write 6e0 = 0x1234"}) ==
          Lines{"stray, line 2", "WRMSR 6e0 = 1234 lines 3-3"});
}

TEST_CASE("a register event before an MSR that is not its own is no part of the access") {
    CHECK(assembled_after(
              {"44 kvm_apic: apic_write APIC_TASKPRI = 0x20", "44 kvm_msr: msr_write 80f = 0x1ff"}) ==
          Lines{"stray, line 2", "WRMSR 80f = 1ff lines 3-3"});
    CHECK(
        assembled_after({"44 kvm_apic: apic_write APIC_SPIV = 0x1ff", "44 kvm_msr: msr_read 80f = 0x1ff"}) ==
        Lines{"stray, line 2", "RDMSR 80f = 1ff lines 3-3"});
}

TEST_CASE("an event of userspace or entry between register and decode parts them") {
    CHECK(assembled_after({"44 kvm_apic: apic_write APIC_SPIV = 0x1ff", "44 kvm_entry: vcpu 0, rip 0x10",
                           "44 kvm_msr: msr_write 80f = 0x1ff"}) ==
          Lines{"stray, line 2", "event, line 3", "WRMSR 80f = 1ff lines 4-4"});
}

TEST_CASE("an EOI that KVM makes by itself belongs to no access") {
    CHECK(assembled_after({"44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector 177",
                           "44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector -1",
                           "44 kvm_msr: msr_write 80b = 0x0"}) ==
          Lines{"stray, line 2", "stray, line 3", "WRMSR 80b = 0 apic b0 = 0 eoi none lines 4-6"});
    CHECK(assembled_after({"44 kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x400b1",
                           "44 kvm_apic: apic_write APIC_ICR = 0x400b1",
                           "44 kvm_apic: apic_write APIC_EOI = 0x0", "44 kvm_eoi: apicid 0 vector 177",
                           "44 kvm_msr: msr_read 1b = 0xfee00900"}) ==
          Lines{"MMIO write fee00300 = 400b1 apic 300 = 400b1 lines 2-2", "stray, line 4", "stray, line 5",
                "RDMSR 1b = fee00900 lines 6-6"});
}

TEST_CASE("an interrupt that a hypercall sends belongs to no access") {
    CHECK(assembled_after({"44 kvm_hypercall: nr 0xa a0 0x3 a1 0x0 a2 0x0 a3 0xfd",
                           "44 kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)",
                           "44 kvm_apic_accept_irq: apicid 1 vec 49 (Fixed|edge)",
                           "44 kvm_entry: vcpu 0, rip 0x10"}) ==
          Lines{"event, line 2", "event, line 4", "stray, line 3", "event, line 5"});
}

TEST_CASE("threads are put together each for itself") {
    CHECK(assembled({before, "45 kvm_msr: msr_read 1b = 0xfee00800", "44 kvm_apic: apic_read APIC_ID = 0x0",
                     "45 kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x31",
                     "44 kvm_mmio: mmio read len 4 gpa 0xfee00020 val 0x0",
                     "45 kvm_apic: apic_write APIC_ICR = 0x31", "44 kvm_apic: apic_read APIC_TASKPRI = 0x10",
                     "45 kvm_apic_ipi: dst 0 vec 49 (Fixed|physical|assert|edge|dst)",
                     "44 kvm_msr: msr_read 808 = 0x10"})
              .lines ==
          Lines{before_told, "RDMSR 1b = fee00800 begins late lines 2-2",
                "MMIO read fee00020 = 0 apic 20 = 0 lines 3-5", "RDMSR 808 = 10 apic 80 = 10 lines 7-9",
                "MMIO write fee00300 = 31 apic 300 = 31 ipis 1 vec 31 to 0 ends early lines 4-4"});
}

TEST_CASE("an interrupt delivered by a helper thread leaves the access of the vCPU alone") {
    CHECK(assembled({before, "44 kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0",
                     "99 kvm_apic_accept_irq: apicid 0 vec 48 (Fixed|edge)",
                     "44 kvm_apic: apic_write APIC_EOI = 0x0",
                     "44 kvm_apic_accept_irq: apicid 1 vec 50 (Fixed|edge)", "44 kvm_eoi: apicid 0 vector 49",
                     "44 kvm_entry: vcpu 0, rip 0x10"})
              .lines == Lines{before_told, "event, line 3", "event, line 5",
                              "MMIO write fee000b0 = 0 apic b0 = 0 eoi 31 lines 2-2", "event, line 7"});
}

TEST_CASE("a read that left KVM and came back was answered by userspace") {
    CHECK(assembled_after({"44 kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfee00030 val 0x0",
                           "44 kvm_userspace_exit: reason KVM_EXIT_MMIO (6)",
                           "44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff",
                           "44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff"}) ==
          Lines{"event, line 2", "event, line 3", "MMIO read fee00030 = ffffffff by userspace lines 4-4",
                "MMIO read fee00030 = ffffffff lines 5-5"});
}

TEST_CASE("a read of another place than userspace was asked for is not its answer") {
    CHECK(assembled_after({"44 kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfee00030 val 0x0",
                           "44 kvm_mmio: mmio read len 4 gpa 0xfee00080 val 0x0"}) ==
          Lines{"event, line 2", "MMIO read fee00080 = 0 lines 3-3"});
}

TEST_CASE("lost events cut what had begun and what comes next, in every thread") {
    CHECK(assembled({before, "45 kvm_msr: msr_read 1b = 0xfee00800",
                     "44 kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x31",
                     "45 kvm_apic: apic_write APIC_SPIV = 0x1ff", "CPU:1 [LOST 7 EVENTS]",
                     "44 kvm_msr: msr_read 1b = 0xfee00900", "45 kvm_msr: msr_write 80f = 0x1ff",
                     "45 kvm_msr: msr_read 1b = 0xfee00d00"})
              .lines == Lines{before_told, "RDMSR 1b = fee00800 begins late lines 2-2",
                              "MMIO write fee00300 = 31 ends early lines 3-3", "event, line 5",
                              "RDMSR 1b = fee00900 begins late lines 6-6",
                              "WRMSR 80f = 1ff begins late lines 7-7", "RDMSR 1b = fee00d00 lines 8-8"});
}

TEST_CASE("an answer of userspace that lost events swallowed is not expected any more") {
    CHECK(assembled_after({"44 kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfee00030 val 0x0",
                           "CPU:0 [LOST 7 EVENTS]",
                           "44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014"}) ==
          Lines{"event, line 2", "event, line 3", "MMIO read fee00030 = 50014 begins late lines 4-4"});
}

TEST_CASE("the end of the trace cuts an MMIO write, not what was complete") {
    CHECK(assembled_after({"44 kvm_apic: apic_read APIC_LVR = 0x50014",
                           "44 kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014",
                           "44 kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0x31",
                           "44 kvm_apic: apic_write APIC_ICR = 0x31"}) ==
          Lines{"MMIO read fee00030 = 50014 apic 30 = 50014 lines 2-3",
                "MMIO write fee00300 = 31 apic 300 = 31 ends early lines 4-4"});
}

TEST_CASE("a kvm_apic read whose access the trace does not show is told to nobody") {
    CHECK(assembled_after({"44 kvm_apic: apic_read APIC_LVR = 0x50014", "44 kvm_entry: vcpu 0, rip 0x10"}) ==
          Lines{"event, line 3"});
}

TEST_CASE("an IPI whose access is not shown belongs to no WRMSR that can send nothing") {
    const char* const ipi = "44 kvm_apic_ipi: dst 0 vec 40 (Fixed|physical|assert|edge|self)";
    CHECK(assembled_after({ipi, "44 kvm_msr: msr_write 82d = 0x1 (#GP)"}) ==
          Lines{"stray, line 2", "WRMSR 82d = 1 #GP lines 3-3"});
    CHECK(assembled_after({ipi, "44 kvm_msr: msr_write 830 = 0x1 (#GP)"}) ==
          Lines{"stray, line 2", "WRMSR 830 = 1 #GP lines 3-3"});
    const Lines sent = assembled_after({ipi, "44 kvm_msr: msr_write 830 = 0x28"});
    CHECK(sent.size() == 1);
}

TEST_CASE("the first access of a thread may lack its beginning, the second not") {
    const Listing listing = assembled({"44 kvm_msr: msr_write 830 = 0x31", "44 kvm_msr: msr_write 830 = 0x31",
                                       "45 kvm_entry: vcpu 1, rip 0x10", "45 kvm_msr: msr_write 830 = 0x31"});
    REQUIRE(listing.accesses.size() == 3);
    CHECK(listing.accesses[0].begins_late);
    CHECK_FALSE(listing.accesses[1].begins_late);
    CHECK_FALSE(listing.accesses[2].begins_late);
}

TEST_CASE("kvm_entry and kvm_exit name the vCPU of the accesses that follow on their thread") {
    const Listing listing =
        assembled({"44 kvm_msr: msr_read 1b = 0xfee00900", "44 kvm_entry: vcpu 3, rip 0x10",
                   "44 kvm_msr: msr_read 1b = 0xfee00900",
                   "44 kvm_exit: vcpu 2 reason msr rip 0x12 info1 0x0 info2 0x0",
                   "44 kvm_msr: msr_read 1b = 0xfee00900", "45 kvm_msr: msr_read 1b = 0xfee00900"});
    REQUIRE(listing.accesses.size() == 4);
    CHECK(listing.accesses[0].vcpu == -1);
    CHECK(listing.accesses[1].vcpu == 3);
    CHECK(listing.accesses[2].vcpu == 2);
    CHECK(listing.accesses[3].vcpu == -1);
}

TEST_CASE("an access carries thread, host CPU, size and time of its decode") {
    const Listing listing = assembled(
        {"44 kvm_apic: apic_read 0x32 = 0x5", "44 kvm_mmio: mmio read len 2 gpa 0xfee00032 val 0x5"});
    REQUIRE(listing.accesses.size() == 1);
    CHECK(listing.accesses[0].thread == 44);
    CHECK(listing.accesses[0].cpu == 0);
    CHECK(listing.accesses[0].size == 2);
    CHECK(listing.accesses[0].time == 100'000'101'000);
}

TEST_CASE("more interrupts than a thread can hold of one access lose no access") {
    Lines lines = {before};
    for (int i = 0; i < 20; ++i)
        lines.emplace_back("44 kvm_apic_ipi: dst 1 vec 49 (Fixed|physical|assert|edge|dst)");
    lines.emplace_back("44 kvm_apic: apic_write APIC_ICR = 0x31");
    lines.emplace_back("44 kvm_msr: msr_write 830 = 0x31");
    const Listing listing = assembled(lines);
    REQUIRE(listing.accesses.size() == 2);
    CHECK(listing.accesses[1].address == 0x830);
    CHECK(listing.accesses[1].reached_apic);
}

TEST_CASE("thousands of threads: each access is told once") {
    constexpr unsigned threads = 10'000;
    Lines lines;
    for (unsigned thread = 1; thread <= threads; ++thread)
        lines.push_back(
            fmt::format("{} kvm_mmio: mmio write len 4 gpa 0xfee000f0 val {:#x}", thread, thread));
    const Listing listing = assembled(lines);
    REQUIRE(listing.accesses.size() == threads);
    std::vector<bool> seen(threads + 1);
    for (const GuestAccess& access : listing.accesses) {
        CHECK_FALSE(seen[access.thread]);
        seen[access.thread] = true;
        CHECK(access.value == access.thread);
        CHECK(access.begins_late);
        CHECK(access.ends_early);
    }
}

TEST_CASE("fed in pieces the events give the same") {
    const ReadResult read = read_text(test_file("trace-6.18.txt"));
    REQUIRE(read.events.size() > 10);
    const auto told = [&read](std::size_t piece) {
        Listing listing;
        Assembler assembler(listing);
        for (std::size_t i = 0; i < read.events.size(); i += piece)
            assembler.feed(std::span(read.events).subspan(i, std::min(piece, read.events.size() - i)));
        assembler.finish();
        return listing.lines;
    };
    const Lines whole = told(read.events.size());
    CHECK(whole.size() > 10);
    CHECK(told(1) == whole);
    CHECK(told(3) == whole);
}

} // namespace
} // namespace lapicheck::traces
