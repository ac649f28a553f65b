// Whose guests a verdict is about, and how much of each group of rules was checked.
#include <string>

#include <doctest/doctest.h>

#include "checker/replay/check.hpp"
#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// A window that is alive in x2APIC mode, in `thread`.
std::string fault(unsigned thread) {
    return fmt::format(
        "@{0} kvm_msr: msr_write 1b = 0xfee00d00\n@{0} kvm_apic: apic_read APIC_LVR = 0x50014\n"
        "@{0} kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014\n"
        "@{0} kvm_userspace_exit: reason KVM_EXIT_IO (2)\n",
        thread);
}

TraceReport check(const std::string& script, const Selection& selection, unsigned min_checked = 0) {
    CheckOptions options;
    options.selection = selection;
    options.min_checked = min_checked;
    TraceCheck check("made", options);
    CHECK(check.feed(made_trace(script)).empty());
    return check.finish();
}

const std::string forks = "@40 sched_process_fork: comm=sh pid=40 child_comm=sh pid=7 child_pid=44\n";

} // namespace

TEST_CASE("the verdict is about the guests that were asked for; the others are counted") {
    CHECK(check(fault(44), {}).verdict == Verdict::diverges);
    const TraceReport others = check(fault(44), {.processes = {}, .threads = {45}});
    CHECK(others.verdict == Verdict::inconclusive);
    CHECK(others.replay.accesses == 0);
    CHECK(others.replay.others.accesses == 2);
    CHECK(check(fault(44), {.processes = {44}, .threads = {}}).verdict == Verdict::diverges);
}

TEST_CASE("the command's tree: what it has made, and nobody else's guests") {
    const Selection tree{.processes = {}, .threads = {}, .command = 40};
    CHECK(check(forks + fault(44), tree).verdict == Verdict::diverges);
    CHECK(check(forks + fault(46), tree).verdict == Verdict::inconclusive);
    // The recording names the command.
    CHECK(check("# command: process 40\n" + forks + fault(46), {}).verdict == Verdict::inconclusive);
    CHECK(check("# command: process 40\n" + forks + fault(44), {}).verdict == Verdict::diverges);
    CHECK(check("# command: process 40\n" + fault(46), {.processes = {}, .threads = {46}}).verdict ==
          Verdict::diverges);
}

TEST_CASE("the vCPUs that are counted are of the guests asked for, though the process is told behind the "
          "first event") {
    const Selection tree{.processes = {}, .threads = {}, .command = 40};
    const auto vcpus = [&](const std::string& script) { return check(script, tree).replay.vcpus; };
    CHECK(vcpus(forks + fault(44) + fault(46)) == 1);
    CHECK(vcpus("@44 kvm_msr: msr_read 1b = 0xfee00900\n" + forks + fault(44) + fault(46)) == 1);
    CHECK(vcpus(fault(46)) == 0);
}

TEST_CASE("too little checked is no verdict") {
    const std::string script = "kvm_msr: msr_write 1b = 0xfee00d00\n"
                               "kvm_apic: apic_read APIC_TMCCT = 0x0\nkvm_msr: msr_read 839 = 0x0\n";
    const TraceReport report = check(script, {}, 0);
    CHECK(report.replay.accesses == 2);
    const Share timer = report.replay.groups[static_cast<std::size_t>(RuleGroup::timer)];
    CHECK(timer.accesses == 1);
    const unsigned share = Share{report.replay.accesses, report.replay.checked}.percent();
    CHECK(check(script, {}, share).verdict == Verdict::conforms);
    CHECK(check(script, {}, share + 1).verdict == Verdict::inconclusive);
}

TEST_CASE("VMs are listed where processes tell them apart") {
    std::string text = made_trace(fault(44) + fault(45));
    for (const std::string_view thread : {"44     ", "45     "}) {
        const std::string with = fmt::format("-{} (   {}0) [", thread, thread.substr(0, 2));
        const std::string without = fmt::format("-{} [", thread);
        for (std::size_t at = text.find(without); at != std::string::npos; at = text.find(without, at + 1))
            text.replace(at, without.size(), with);
    }
    TraceCheck check("made", {});
    CHECK(check.feed(text).empty());
    const TraceReport report = check.finish();
    REQUIRE(report.replay.vms.size() == 2);
    CHECK(report.replay.vms[0].process == 440);
    CHECK(report.replay.vms[0].name == "qemu-system-x86");
    CHECK(report.replay.vms[1].process == 450);
    CHECK(report.replay.vms[0].divergences == report.replay.vms[1].divergences);
}

} // namespace lapicheck::checker
