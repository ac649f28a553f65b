// The order in which userspace restores a vCPU: notes where KVM loses a part of the saved state by it.
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "checker/replay/restore_order.hpp"
#include "tests/checker/replay/made_trace.hpp"
#include "traces/kvm_ioctls.hpp"

namespace lapicheck::checker {
namespace {

using traces::ioctls::set_lapic, traces::ioctls::set_msrs, traces::ioctls::set_sregs,
    traces::ioctls::set_sregs2, traces::ioctls::set_vcpu_events, traces::ioctls::set_mp_state;

// By thread 43, a line each; then thread 44 runs it.
struct Case {
    std::initializer_list<u64> commands;
    u64 run_on = 0xb; // what they were called on
    u32 process = 7;  // of thread 43; thread 44 is of 7
    std::size_t lost_before = 99;
};

std::string told(const Case& restored) {
    Machines machines;
    machines.belongs(43, restored.process);
    machines.belongs(44, 7);
    RestoreOrder order;
    u64 line = 0;
    for (const u64 command : restored.commands) {
        if (line++ == restored.lost_before) order.on_lost();
        order.is_set(43, 0xb, command, line);
    }
    order.runs(44, restored.run_on, machines);
    return fmt::format("{}", fmt::join(order.texts(), "\n"));
}

bool tells(const std::string& notes, const char* part) { return notes.find(part) != std::string::npos; }

TEST_CASE("a deadline is lost where the MSRs are set before the APIC's page alone") {
    CHECK(tells(told({{set_sregs, set_msrs, set_lapic, set_vcpu_events}}), "KVM_SET_MSRS (line 2)"));
    CHECK(told({{set_sregs, set_lapic, set_msrs, set_vcpu_events}}).empty());
    // QEMU sets IA32_APIC_BASE alone before the page, and the deadline after it.
    CHECK(
        told({{set_msrs, set_lapic, set_sregs2, set_msrs, set_vcpu_events, set_mp_state, set_msrs}}).empty());
}

TEST_CASE("the page is read in the mode that IA32_APIC_BASE has then") {
    CHECK(tells(told({{set_lapic, set_sregs, set_msrs, set_vcpu_events}}), "KVM_SET_LAPIC (line 1)"));
    CHECK(tells(told({{set_mp_state, set_lapic, set_sregs2, set_msrs}}), "KVM_SET_LAPIC (line 2)"));
    CHECK(told({{set_sregs, set_lapic, set_sregs, set_msrs, set_vcpu_events}}).empty());
}

TEST_CASE("SREGS after the events queue the interrupt anew") {
    CHECK(tells(told({{set_vcpu_events, set_sregs, set_lapic, set_msrs}}), "KVM_SET_VCPU_EVENTS (line 1)"));
    CHECK(tells(told({{set_sregs, set_vcpu_events, set_sregs2}}), "KVM_SET_VCPU_EVENTS (line 2)"));
    CHECK(told({{set_vcpu_events, set_sregs, set_lapic, set_msrs, set_vcpu_events}}).empty());
}

TEST_CASE("a vCPU that is started, and what is not seen whole, is no restore") {
    const auto wrong = {set_sregs, set_msrs, set_lapic, set_vcpu_events};
    CHECK_FALSE(told({wrong}).empty());
    CHECK(told({{set_msrs, set_lapic, set_sregs}}).empty()); // no events, no MP_STATE
    CHECK(told({.commands = wrong, .run_on = 0xc}).empty());
    CHECK(told({.commands = wrong, .process = 8}).empty());
    CHECK(told({.commands = wrong, .lost_before = 3}).empty());
}

TEST_CASE("many vCPUs are one note") {
    std::string script;
    for (const char* descriptor : {"b", "c", "d"}) {
        for (const char* command : {"4008ae89", "4400ae8f", "4004ae99"})
            script += fmt::format("sys_ioctl(fd: 0x{}, cmd: 0x{}, arg: 0)\n", descriptor, command);
        script += fmt::format("sys_ioctl(fd: 0x{}, cmd: 0xae80, arg: 0)\n", descriptor);
    }
    CHECK(replay_script(script).notes(
        "userspace restored a vCPU with KVM_SET_MSRS (line 1) before KVM_SET_LAPIC (line 2), and so for 2 "
        "more vCPUs: KVM drops a write to IA32_TSC_DEADLINE"));
}

TEST_CASE("kvm_entry ends the restore of the one vCPU that its thread has set, where KVM_RUN is not shown") {
    constexpr auto script = R"(
        sys_ioctl(fd: 0xb, cmd: 0x4008ae89, arg: 0)
        sys_ioctl(fd: 0x{}, cmd: 0x4400ae8f, arg: 0)
        sys_ioctl(fd: 0xb, cmd: 0x4004ae99, arg: 0)
        kvm_entry: vcpu 0, rip 0x400000
    )";
    CHECK(replay_script(fmt::format(script, "b"))
              .notes("with KVM_SET_MSRS (line 1) before KVM_SET_LAPIC (line 2)"));
    CHECK_FALSE(replay_script(fmt::format(script, "c")).notes("userspace restored"));
}

} // namespace
} // namespace lapicheck::checker
