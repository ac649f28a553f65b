// Replay of the APIC timer in time: how often it fires, and by when it must have.
#include <string>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

std::string writes(std::string_view name, unsigned msr, std::string_view value) {
    return fmt::format("kvm_apic: apic_write {} = {}\nkvm_msr: msr_write {:x} = {}\n", name, value, msr,
                       value);
}
std::string reads(std::string_view name, unsigned msr, std::string_view value) {
    return fmt::format("kvm_apic: apic_read {} = {}\nkvm_msr: msr_read {:x} = {}\n", name, value, msr, value);
}
std::string exits(std::string_view reason) {
    return fmt::format("kvm_exit: vcpu 0 reason {} rip 0x1000 info1 0x0 info2 0x0\n", reason);
}
const std::string enters = "kvm_entry: vcpu 0, rip 0x1000\n";
// An access with the exit that it makes.
std::string traps(std::string_view reason, const std::string& access) {
    return exits(reason) + access + enters;
}
std::string sets(std::string_view name, unsigned msr, std::string_view value) {
    return traps("MSR_WRITE", writes(name, msr, value));
}
std::string shows(std::string_view name, unsigned msr, std::string_view value) {
    return traps("MSR_READ", reads(name, msr, value));
}
// After so many microseconds of the guest.
std::string fires(unsigned after = 500) {
    return fmt::format("+{} ", after) + exits("PREEMPTION_TIMER") +
           "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n" + enters;
}
std::string start() {
    return enters + traps("MSR_WRITE", "kvm_msr: msr_write 1b = 0xfee00d00\n") +
           sets("APIC_SPIV", 0x80f, "0x1ff") + sets("APIC_TDCR", 0x83e, "0xb");
}
std::string one_shot(std::string_view entry = "0xec") { return start() + sets("APIC_LVTT", 0x832, entry); }
const std::string arms = sets("APIC_TMICT", 0x838, "0x1000");
// Time passes in the guest: entries a millisecond apart.
std::string runs(unsigned milliseconds) {
    std::string script;
    for (unsigned i = 0; i < milliseconds; ++i) script += "+1000 " + exits("EXTERNAL_INTERRUPT") + enters;
    return script;
}

Told told(const std::string& script) {
    Told all;
    for (const Divergence& d : replay_script(script).divergences)
        all.push_back(fmt::format("{}", model::to_string(d.mismatch.rule)));
    return all;
}

} // namespace

TEST_CASE("the count of a one-shot timer that has fired is 0") {
    CHECK(told(one_shot() + arms + fires() + shows("APIC_TMCCT", 0x839, "0xf00")) == Told{"T05"});
    CHECK(told(one_shot() + arms + fires() + shows("APIC_TMCCT", 0x839, "0x0")) == Told{});
    CHECK(told(one_shot() + arms + fires() + arms + shows("APIC_TMCCT", 0x839, "0xf00")) == Told{});
    CHECK(told(one_shot("0x200ec") + arms + fires() + shows("APIC_TMCCT", 0x839, "0xf00")) == Told{});
    // Not the timer's: a command of the same vector.
    const std::string sends =
        traps("MSR_WRITE", "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n"
                           "kvm_apic_ipi: dst 0 vec 236 (Fixed|physical|assert|edge|dst)\n"
                           "kvm_apic: apic_write APIC_ICR = 0xec\n"
                           "kvm_msr: msr_write 830 = 0xec\n");
    CHECK(told(one_shot() + arms + sends + shows("APIC_TMCCT", 0x839, "0xf00")) == Told{});
    // By port I/O or a hypercall anything may be sent.
    const std::string by_io =
        exits("IO_INSTRUCTION") + "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n" + enters;
    CHECK(told(one_shot() + arms + by_io + shows("APIC_TMCCT", 0x839, "0xf00")) == Told{});
}

TEST_CASE("what something else may have sent is not the timer's") {
    const std::string accepts = "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n";
    const auto after = [&](const std::string& exit) {
        return told(one_shot() + arms + exit + shows("APIC_TMCCT", 0x839, "0xf00"));
    };
    // kvm_apic_ipi is not recorded.
    CHECK(after(traps("MSR_WRITE", "kvm_apic: apic_write APIC_SELF_IPI = 0xec\n" + accepts +
                                       "kvm_msr: msr_write 83f = 0xec\n")) == Told{});
    // Hyper-V's ICR, and a write to a device or the I/O APIC.
    CHECK(after(traps("MSR_WRITE", accepts + "kvm_msr: msr_write 40000071 = 0xec\n")) == Told{});
    CHECK(after(traps("EPT_MISCONFIG", accepts + "kvm_mmio: mmio write len 4 gpa 0xfec00010 val 0xec\n")) ==
          Told{});
    // Of an access that sends nothing it is the timer's.
    CHECK(after(traps("MSR_READ", accepts + reads("APIC_TASKPRI", 0x808, "0x0"))) == Told{"T05"});
}

TEST_CASE("with another time-stamp counter a deadline is met at another time") {
    const auto arm = [](u64 at) {
        return traps("MSR_WRITE", fmt::format("kvm_msr: msr_write 6e0 = {:#x}\n", at));
    };
    std::string script =
        "kvm_cpuid: func 1 idx 0 rax a20f12 rbx 10800 rcx 1200000 rdx 178bfbff, cpuid entry found\n" +
        one_shot("0x400ec");
    for (u64 i = 1; i < 6; ++i) script += arm(i * 40'000'000) + fires(20'000); // 2 GHz
    const std::string late = arm(u64{6} * 40'000'000) + runs(90);
    CHECK(told(script + late) == Told{"T10"});
    CHECK(told(script + traps("MSR_WRITE", "kvm_msr: msr_write 10 = 0x0\n") + late) == Told{});
}

TEST_CASE("each start of a one-shot timer gives one interrupt") {
    CHECK(told(one_shot() + arms + fires() + arms + fires()) == Told{});
    CHECK(told(one_shot() + arms + fires() + fires()) == Told{"T05"});
    CHECK(told(one_shot("0x200ec") + arms + fires() + fires()) == Told{});
    // Stopped, or of another mode since.
    CHECK(told(one_shot() + arms + fires() + sets("APIC_LVTT", 0x832, "0x200ec") + fires()) == Told{});
}

TEST_CASE("a deadline is over when its interrupt has come") {
    const std::string deadline =
        "kvm_cpuid: func 1 idx 0 rax a20f12 rbx 10800 rcx 1200000 rdx 178bfbff, cpuid entry found\n" +
        one_shot("0x400ec");
    const auto arm = [](std::string_view at) {
        return traps("MSR_WRITE", fmt::format("kvm_msr: msr_write 6e0 = {}\n", at));
    };
    const auto show = [](std::string_view at) {
        return traps("MSR_READ", fmt::format("kvm_msr: msr_read 6e0 = {}\n", at));
    };
    const std::string once = arm("0x2000000") + fires();
    CHECK(told(deadline + arm("0x1000000") + show("0x1000000") + fires() + show("0x0")) == Told{});
    CHECK(told(deadline + once + show("0x2000000")) == Told{"T10"});
    CHECK(told(deadline + once + fires()) == Told{"T17"});
    CHECK(told(deadline + once + arm("0x3000000") + fires()) == Told{});
    // What was armed before comes in the exit of the write at the latest.
    const std::string late = exits("MSR_WRITE") + "kvm_msr: msr_write 6e0 = 0x2000000\n" +
                             "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n" + enters;
    CHECK(told(deadline + late + fires() + show("0x0")) == Told{});
}

TEST_CASE("a masked timer sends nothing") {
    CHECK(told(one_shot("0x100ec") + arms + fires()) == Told{"T13a"});
    CHECK(told(start() + arms + fires()) == Told{}); // the entry is not known
}

TEST_CASE("a timer that ran out and is not masked has fired") {
    const std::string learns = arms + fires() + arms + fires() + arms + fires();
    CHECK(told(one_shot() + learns + arms + runs(60)) == Told{"T05"});
    CHECK(told(one_shot() + learns + arms + runs(2)) == Told{});
    CHECK(told(one_shot() + learns + arms + runs(15) + fires() + runs(60)) == Told{});
    CHECK(told(one_shot() + learns + arms + sets("APIC_LVTT", 0x832, "0x100ec") + runs(60)) == Told{});
    CHECK(told(one_shot() + learns + arms + sets("APIC_TMICT", 0x838, "0x0") + runs(60)) == Told{});
    // The rate is not known.
    CHECK(told(one_shot() + arms + runs(60)) == Told{});
    // Another thread has sent that vector, and nothing tells the two apart.
    CHECK(told(one_shot() + learns + arms + "@70 kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n" +
               runs(60)) == Told{});
}

TEST_CASE("a periodic timer goes on") {
    const std::string learns = arms + fires() + arms + fires() + arms + fires();
    const std::string periodic = one_shot() + learns + sets("APIC_LVTT", 0x832, "0x200ec") + arms;
    CHECK(told(periodic + fires() + fires() + fires() + runs(60)) == Told{"T06"});
    CHECK(told(periodic + fires() + fires() + fires() + runs(2)) == Told{});
}

TEST_CASE("a periodic timer that has ticked goes on, by the pace of its ticks") {
    std::string ticks = one_shot("0x200ec") + arms;
    for (unsigned i = 0; i < 8; ++i) ticks += fires(10'000);
    CHECK(told(ticks + runs(80)) == Told{"T06"});
    CHECK(told(ticks + fires(10'000) + runs(20)) == Told{});
    // A late tick and those that are made up for make no faster pace.
    CHECK(told(ticks + fires(90'000) + fires(200) + fires(200) + runs(20)) == Told{});
}

TEST_CASE("a timer that is stopped sends nothing any more") {
    const std::string stops = sets("APIC_TMICT", 0x838, "0x0");
    CHECK(told(one_shot() + arms + stops + runs(3) + fires()) == Told{"T03"});
    CHECK(told(one_shot("0x200ec") + arms + stops + runs(3) + fires()) == Told{"T03"});
    CHECK(told(one_shot("0x400ec") + traps("MSR_WRITE", "kvm_msr: msr_write 6e0 = 0x1000\n") +
               traps("MSR_WRITE", "kvm_msr: msr_write 6e0 = 0x0\n") + runs(3) + fires()) == Told{"T10"});
    // What had come before it was stopped is delivered before the guest runs again.
    const std::string leaves = exits("MSR_WRITE") + writes("APIC_TMICT", 0x838, "0x0") +
                               "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n" + enters;
    CHECK(told(one_shot() + arms + leaves) == Told{});
    CHECK(told(one_shot() + arms + stops + arms + fires()) == Told{});
    // In which mode it was stopped is not known.
    CHECK(told(start() + stops + runs(3) + fires()) == Told{});
}

TEST_CASE("a deadline that was seen to be over stays so") {
    const auto deadline = [](std::string_view read) {
        return one_shot("0x400ec") + traps("MSR_WRITE", "kvm_msr: msr_write 6e0 = 0x1000\n") +
               traps("MSR_READ", fmt::format("kvm_msr: msr_read 6e0 = {}\n", read)) +
               traps("MSR_READ", "kvm_msr: msr_read 6e0 = 0x1000\n");
    };
    CHECK(told(deadline("0x0")) == Told{"T10"});
    CHECK(told(deadline("0x1000")) == Told{});
}

TEST_CASE("userspace may stop the timer while it has the vCPU, unless the guest then goes on where it was") {
    const std::string rate = one_shot() + arms + fires() + arms + fires() + arms + fires();
    const std::string leaves =
        "+40000 " + exits("IO_INSTRUCTION") + "kvm_userspace_exit: reason KVM_EXIT_IO (2)\n";
    CHECK(told(rate + arms + leaves + "+400 kvm_entry: vcpu 0, rip 0x1001\n" + runs(50)) == Told{"T05"});
    CHECK(told(rate + arms + leaves + "+400 kvm_entry: vcpu 0, rip 0x7c00\n" + runs(50)) == Told{});
    // KVM_RUN and no other ioctl: nothing was set.
    CHECK(told("sys_ioctl(fd: 9, cmd: 0xae80, arg: 0)\n" + rate + arms + leaves +
               "+400 sys_ioctl(fd: 9, cmd: 0xae80, arg: 0)\nkvm_entry: vcpu 0, rip 0x7c00\n" + runs(50)) ==
          Told{"T05"});
}

TEST_CASE("a count that reads 0 shows that the timer ran out") {
    const std::string shows_accepts = traps("MSR_WRITE", sends_itself(0x31));
    const std::string zero = "+900000 " + shows("APIC_TMCCT", 0x839, "0x0");
    CHECK(told(one_shot() + shows_accepts + arms + zero + runs(8)) == Told{"T05"});
    CHECK(told(one_shot() + shows_accepts + arms + zero + fires() + runs(8)) == Told{});
    // Neither in IRR nor in service.
    const std::string irr = shows("0x270", 0x827, "0x0");
    const std::string isr = shows("0x170", 0x817, "0x0");
    CHECK(told(one_shot() + arms + zero + irr + isr) == Told{"T05"});
    CHECK(told(one_shot() + arms + zero + isr + irr) == Told{}); // taken in between
    CHECK(told(one_shot() + arms + zero + irr + shows("0x170", 0x817, "0x1000")) == Told{});
    CHECK(told(one_shot() + arms + zero + sets("APIC_EOI", 0x80b, "0x0") + irr + isr) == Told{});
}

TEST_CASE("a one-shot count never rises") {
    const std::string counts = one_shot() + sets("APIC_TMICT", 0x838, "0x100000");
    const auto reads_at = [](unsigned after, std::string_view count) {
        return fmt::format("+{} ", after) + shows("APIC_TMCCT", 0x839, count);
    };
    CHECK(told(counts + reads_at(100, "0x80000") + reads_at(500, "0x90000")) == Told{"T02"});
    CHECK(told(counts + reads_at(100, "0x80000") + reads_at(500, "0x70000")) == Told{});
    CHECK(told(counts + reads_at(100, "0x0") + reads_at(500, "0x1000")) == Told{"T05"});
    // Clocks of two CPUs may be so far apart.
    CHECK(told(counts + reads_at(100, "0x80000") + reads_at(50, "0x90000")) == Told{});
    // Started again, periodic, or at another pace.
    CHECK(told(counts + reads_at(100, "0x80000") + sets("APIC_TMICT", 0x838, "0x100000") +
               reads_at(500, "0x90000")) == Told{});
    CHECK(told(counts + reads_at(100, "0x80000") + sets("APIC_TDCR", 0x83e, "0x0") +
               reads_at(500, "0x90000")) == Told{});
    CHECK(told(one_shot("0x200ec") + sets("APIC_TMICT", 0x838, "0x100000") + reads_at(100, "0x80000") +
               reads_at(500, "0x90000")) == Told{});
}

TEST_CASE("a timer does not fire before its count can have reached 0, however fast it counts") {
    const std::string long_count = sets("APIC_TMICT", 0x838, "0x1000000"); // 16.8 ms at 1 GHz
    CHECK(told(one_shot() + long_count + fires(15'000)) == Told{"T05"});
    CHECK(told(one_shot() + long_count + fires(16'700)) == Told{});
    CHECK(told(one_shot() + long_count + sets("APIC_TDCR", 0x83e, "0x0") + fires(1'000)) == Told{});
    // What an earlier start has left.
    CHECK(told(one_shot() + arms + exits("MSR_WRITE") + writes("APIC_TMICT", 0x838, "0x1000000") +
               "kvm_apic_accept_irq: apicid 0 vec 236 (Fixed|edge)\n" + enters) == Told{});
    std::string ticks = one_shot("0x200ec") + long_count;
    for (unsigned i = 0; i < 8; ++i) ticks += fires(17'000);
    CHECK(told(ticks + fires(17'000)) == Told{});
    CHECK(told(ticks + fires(1'000) + fires(1'000)) == Told{"T06"});
    CHECK(told(ticks + fires(60'000) + fires(100) + fires(100)) == Told{}); // made up for
}

TEST_CASE("a deadline is not met early, if the counter has gone on as ever") {
    const auto meets = [](u64 deadline, unsigned after) {
        return traps("MSR_WRITE", fmt::format("kvm_msr: msr_write 6e0 = {:#x}\n", deadline)) + fires(after);
    };
    constexpr u64 begin = 1'000'000'000;
    constexpr u64 period = 2'000'000; // of 2 GHz: 1 ms
    // An interrupt each millisecond, with 20 us for the exits.
    const auto met = [&](u64 first, unsigned count) {
        std::string script;
        for (unsigned i = 0; i < count; ++i) script += meets(begin + (first + i) * period, 960);
        return script;
    };
    const std::string regular = one_shot("0x400ec") + met(1, 10);
    CHECK(told(regular + meets(begin + 100 * period, 960) + met(12, 2)) == Told{"T16"});
    CHECK(told(regular + met(11, 3)) == Told{});
    // It went ahead: the host had slept.
    CHECK(told(regular + meets(begin + 100 * period, 960) + met(101, 4)) == Told{});
    CHECK(told(regular + meets(begin + 100 * period, 960)) == Told{}); // nothing confirms it
    CHECK(told(one_shot("0x400ec") + met(1, 4) + meets(begin + 100 * period, 960) + met(6, 4)) == Told{});
}

TEST_CASE("a timer that no deadline was written for sends nothing") {
    const std::string none = traps("MSR_READ", "kvm_msr: msr_read 6e0 = 0x0\n");
    CHECK(told(one_shot("0x400ec") + none + runs(3) + fires()) == Told{"T10"});
    CHECK(told(one_shot("0x400ec") + traps("MSR_READ", "kvm_msr: msr_read 6e0 = 0x1000\n") + runs(3) +
               fires()) == Told{});
    CHECK(told(one_shot() + none + runs(3) + fires()) == Told{}); // of another mode
}

TEST_CASE("a periodic count that begins anew has sent an interrupt") {
    const std::string ticks = one_shot("0x200ec") + sets("APIC_TMICT", 0x838, "0x100000") + fires(1'100);
    const std::string low = "+500 " + shows("APIC_TMCCT", 0x839, "0x10000");
    const std::string high = "+500 " + shows("APIC_TMCCT", 0x839, "0x90000");
    CHECK(told(ticks + low + high + runs(8)) == Told{"T06"});
    CHECK(told(ticks + high + low + runs(8)) == Told{});
    CHECK(told(ticks + low + fires(400) + high + runs(8)) == Told{});
    CHECK(told(ticks + low + high + fires(100) + runs(8)) == Told{}); // late
}

TEST_CASE("where the divide value was not seen the pace is learnt in counts") {
    const std::string unknown = enters + traps("MSR_WRITE", "kvm_msr: msr_write 1b = 0xfee00d00\n") +
                                sets("APIC_SPIV", 0x80f, "0x1ff") + sets("APIC_LVTT", 0x832, "0x200ec") +
                                arms;
    std::string ticks = unknown;
    for (unsigned i = 0; i < 8; ++i) ticks += fires(10'000);
    CHECK(told(ticks + runs(80)) == Told{"T06"});
    CHECK(told(ticks + sets("APIC_TDCR", 0x83e, "0xb") + runs(80)) == Told{});
}

} // namespace lapicheck::checker
