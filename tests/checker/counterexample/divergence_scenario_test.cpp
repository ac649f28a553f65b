// Divergences of recordings as runs from RESET: which lines of the recording they need.
#include "checker/counterexample/divergence_scenario.hpp"

#include <doctest/doctest.h>

#include "checker/counterexample/counterexample.hpp"
#include "programs/sim/scenario_text.hpp"
#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

// The steps of the run that shows the script's only divergence.
Told steps_of(const std::string& script) {
    const auto divergences = replay_script(script).divergences;
    REQUIRE(divergences.size() == 1);
    const auto run = shortest_run(divergences[0], GuestCpu::either);
    REQUIRE(run);
    CHECK(breaks_rule(*run));
    const ScenarioFileText read =
        read_scenario_file(divergence_text(*run, divergences[0], "trace.txt"), "run.json");
    REQUIRE_MESSAGE(read.error.empty(), read.error);
    CHECK(read.file.divergence->run.steps == run->run.steps);
    CHECK(breaks_rule(*read.file.divergence));
    Told told;
    for (const programs::ScenarioStep& step : run->run.steps) told.push_back(programs::step_words(step));
    return told;
}

TEST_CASE("divergence as a run: the fault of 2018 takes two steps, whatever came before") {
    CHECK(steps_of(R"(
        kvm_apic: apic_write APIC_TASKPRI = 0x20
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_TASKPRI = 0x30
        kvm_msr: msr_write 808 = 0x30
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )") == Told{"WRMSR 1BH (apic_base) = 0xfee00d00", "MMIO read, 4 bytes at 0xfee00030 (version)"});
}

TEST_CASE("divergence as a run: of the lines that matter only those that are needed") {
    CHECK(steps_of(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_write APIC_SPIV = 0x1ff
        kvm_msr: msr_write 80f = 0x1ff
        kvm_apic: apic_write APIC_LVTT = 0xd0
        kvm_msr: msr_write 832 = 0xd0
        kvm_apic: apic_write APIC_SPIV = 0xff
        kvm_msr: msr_write 80f = 0xff
        kvm_apic: apic_read APIC_LVTT = 0xd0
        kvm_msr: msr_read 832 = 0xd0
    )") == Told{"WRMSR 1BH (apic_base) = 0xfee00d00", "WRMSR 80FH (svr) = 0x1ff",
                "WRMSR 832H (lvt_timer) = 0xd0", "WRMSR 80FH (svr) = 0xff", "RDMSR 832H (lvt_timer)"});
}

TEST_CASE("divergence as a run: of another vCPU than the bootstrap processor's it has two") {
    const auto divergences = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00c00
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )")
                                 .divergences;
    REQUIRE(divergences.size() == 1);
    const auto run = shortest_run(divergences[0], GuestCpu::amd);
    REQUIRE(run);
    CHECK(run->run.machine.vcpus == 2);
    CHECK(run->run.machine.amd);
    CHECK(run->run.steps.front().vcpu == 1);
}

TEST_CASE("divergence as a run: an implementation shows it or does not") {
    const auto divergences = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )")
                                 .divergences;
    REQUIRE(divergences.size() == 1);
    DivergenceScenario run = *shortest_run(divergences[0], GuestCpu::either);
    const auto shows_on = [&run](std::string_view name) {
        const auto implementation = model::find_implementation(name)->concrete();
        run.observed = as_observed(execute(*implementation, run.run).back());
        return breaks_rule(run);
    };
    CHECK(shows_on("kvm-2018"));
    CHECK_FALSE(shows_on("kvm-rfc"));
    CHECK_FALSE(shows_on("flexpriority"));
    CHECK_FALSE(shows_on("sdm"));
}

} // namespace
} // namespace lapicheck::checker
