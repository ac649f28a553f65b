#include "traces/formats/qemu_log.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

namespace lapicheck::traces {
namespace {

struct Read {
    std::vector<Event> events;
    ReadSummary summary;

    std::size_t count(EventKind kind) const {
        return static_cast<std::size_t>(std::ranges::count(events, kind, &Event::kind));
    }
};

Read read(std::string_view text) {
    QemuLog log;
    Read result;
    log.feed(text, result.events);
    log.finish(result.events);
    result.summary = log.summary();
    return result;
}

constexpr std::string_view one_vcpu = "cpu_get_apic_base 0x00000000fee00900\n";

TEST_CASE("an access is what KVM would trace: the register and the window") {
    const Read log = read(std::string(one_vcpu) + "apic_mem_readl 0x30 = 0x00050014\napic_mem_writel 0xf0 = "
                                                  "0x000001ff\n");
    REQUIRE(log.events.size() == 5);
    CHECK(log.events[0].kind == EventKind::lost); // no write was seen before it
    CHECK(log.events[1].kind == EventKind::apic_read);
    CHECK(log.events[1].where == 0x30);
    CHECK(log.events[2].kind == EventKind::mmio_read);
    CHECK(log.events[2].where == 0xfee0'0030);
    CHECK(log.events[2].value == 0x50014);
    CHECK(log.events[2].size == 4);
    CHECK(log.events[2].line == 2);
    CHECK(log.events[3].kind == EventKind::mmio_write);
    CHECK(log.events[4].kind == EventKind::apic_write);
    CHECK(log.events[4].value == 0x1ff);
    CHECK_FALSE(log.summary.clock_in_seconds);
    CHECK(log.summary.events == 3);
}

TEST_CASE("time stamps bring time and thread") {
    const Read log = read("12@1795443709.902531:cpu_get_apic_base 0x00000000fee00900\n"
                          "13@1795443710.000001:apic_mem_writel 0x80 = 0x00000020\n");
    REQUIRE(log.events.size() == 2);
    CHECK(log.events[0].thread == 13);
    CHECK(log.events[0].time == 1'795'443'710'000'001'000);
    CHECK(log.summary.clock_in_seconds);
}

TEST_CASE("whose APIC it is is not invented") {
    const std::string access = "apic_mem_writel 0x80 = 0x00000020\n";
    CHECK(read(access + access).count(EventKind::lost) == 2);
    CHECK(read("cpu_get_apic_base 0xfee00900\ncpu_get_apic_base 0xfee00800\n" + access)
              .count(EventKind::lost) == 1);
    CHECK(read(std::string(one_vcpu) + access).count(EventKind::lost) == 0);
    // One thread may run all vCPUs in turn; once a second one makes accesses, each has its own.
    const std::string first = "12@1.000001:" + access;
    const std::string second = "13@1.000002:" + access;
    CHECK(read(first + first).count(EventKind::lost) == 2);
    CHECK(read(first + second + first).count(EventKind::lost) == 1);
    // KVM wants a thread for each vCPU.
    CHECK(read("12@1.000000:kvm_run_exit cpu_index 0, reason 6\n" + first).count(EventKind::lost) == 0);
    const auto notes = read(access).summary.notes;
    CHECK(std::ranges::any_of(notes, [](const std::string& note) {
        return note.find("does not tell the vCPU") != std::string::npos;
    }));
}

TEST_CASE("memory_region_ops_ names the vCPU, and each access counts once") {
    const Read log =
        read("apic_mem_readl 0x30 = 0x00050014\n"
             "memory_region_ops_read cpu 1 mr 0x55d0 addr 0xfee00030 value 0x50014 size 4 name 'apic-msi'\n"
             "memory_region_ops_read cpu 0 mr 0x55d1 addr 0x3fd value 0x60 size 1 name 'serial'\n"
             "memory_region_ops_write cpu 0 mr 0x55d0 addr 0xfee000f0 value 0x1ff size 4 name 'apic-msi'\n"
             "apic_mem_writel 0xf0 = 0x000001ff\n"
             "memory_region_ops_read cpu 1 mr 0x55d0 addr 0xfee00031 value 0x0 size 1 name 'apic-msi'\n"
             "memory_region_ops_write cpu -1 mr 0x55d0 addr 0xfee00000 value 0x41 size 4 name 'apic-msi'\n");
    std::vector<Event> accesses;
    std::ranges::copy_if(log.events, std::back_inserter(accesses),
                         [](const Event& event) { return event.kind != EventKind::lost; });
    REQUIRE(accesses.size() == 5);
    CHECK(accesses[1].kind == EventKind::mmio_read);
    CHECK(accesses[1].thread == 2);
    CHECK(accesses[2].kind == EventKind::mmio_write);
    CHECK(accesses[2].thread == 1);
    // Less than four bytes do not reach the APIC's registers.
    CHECK(accesses[4].kind == EventKind::mmio_read);
    CHECK(accesses[4].size == 1);
    CHECK(log.events.back().kind != EventKind::lost);
    CHECK(log.summary.threads.at(2).name == "CPU 1");
}

TEST_CASE("a reset, or a change of IA32_APIC_BASE, makes the state unknown") {
    const std::string start = std::string(one_vcpu) + "apic_mem_writel 0x80 = 0x00000020\n";
    for (const char* line :
         {"apic_reset_irq_delivered old coalescing 1\n", "CPU Reset (CPU 0)\n",
          "cpu_get_apic_base 0x00000000fee00900\n", "cpu_set_apic_base 0x00000000fee00d00\n"}) {
        CAPTURE(line);
        CHECK(read(start + line).count(EventKind::lost) == 1);
        CHECK(read(line + start).count(EventKind::lost) <= 1);
    }
    // KVM's, before each run: nothing has changed.
    CHECK(read(start + "cpu_set_apic_base 0x00000000fee00900\n").count(EventKind::lost) == 0);
}

TEST_CASE("QEMU since 9.0: the window or an MSR") {
    const std::string access = "apic_register_read register 0x03 = 0x50014\n";
    const Read unknown = read(std::string(one_vcpu) + access);
    CHECK(unknown.count(EventKind::mmio_read) == 0);
    CHECK(unknown.count(EventKind::lost) == 1);
    const Read known = read(std::string(one_vcpu) + "cpu_set_apic_base 0xfee00900\n" + access);
    REQUIRE(known.count(EventKind::mmio_read) == 1);
    CHECK(known.events.back().where == 0xfee0'0030);
    CHECK(
        read(std::string(one_vcpu) + "cpu_set_apic_base 0xfee00d00\n" + access).count(EventKind::mmio_read) ==
        0);
}

TEST_CASE("what -d writes is no event; what is neither is skipped, and may hide one") {
    const Read log =
        read(std::string(one_vcpu) + "apic_mem_writel 0x80 = 0x00000020\n"
                                     "Servicing hardware INT=0x20\n"
                                     "     1: v=20 e=0000 i=0 cpl=0 IP=0008:000000000040653c\n"
                                     "EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000\n"
                                     "0x000ebec3:  66 89 c8                 movl     %ecx, %eax\n"
                                     "PASS: apic_mem_readl 0x30 = 0x00050014\n"
                                     "apic_mem_readl 0x30 = zero\n");
    CHECK(log.summary.skipped_lines == 2);
    CHECK(log.count(EventKind::lost) == 2);
    CHECK(log.count(EventKind::mmio_write) == 1);
}

TEST_CASE("where no write is traced, no read is held against another") {
    const std::string read_svr = "apic_mem_readl 0xf0 = 0x000001ff\n";
    const std::string read_region =
        "memory_region_ops_read cpu 0 mr 0x55d0 addr 0xfee000f0 value 0x1ff size 4 name 'apic-msi'\n";
    const std::string write_svr = "apic_mem_writel 0xf0 = 0x000001ff\n";
    CHECK(read(std::string(one_vcpu) + read_svr + read_svr).count(EventKind::lost) == 2);
    CHECK(read(std::string(one_vcpu) + write_svr + read_svr + read_svr).count(EventKind::lost) == 0);
    // Reads by the number of the vCPU, writes by the thread: each write may be to the APIC that is read.
    const Read mixed =
        read("7@1.000001:kvm_run_exit cpu_index 0, reason 6\n" + read_region + write_svr + read_region);
    CHECK(mixed.count(EventKind::mmio_write) == 1);
    CHECK(mixed.count(EventKind::lost) >= 3);
}

TEST_CASE("ioctls of KVM, by the thread that makes them") {
    const Read log = read("12@1.000001:kvm_vcpu_ioctl cpu_index 3, type 0x4400ae8f, arg 0x7ffe\n"
                          "kvm_vcpu_ioctl cpu_index 3, type 0xae80, arg (nil)\n");
    REQUIRE(log.count(EventKind::ioctl) == 1);
    CHECK(log.events[0].where == 0x4400'ae8f);
    CHECK(log.events[0].value == 3);
    CHECK(log.events[0].thread == 12);
}

} // namespace
} // namespace lapicheck::traces
