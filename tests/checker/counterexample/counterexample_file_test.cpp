// Runs as files: every step that a run may have is written and read back, and what a step did is told.
#include <doctest/doctest.h>

#include "checker/counterexample/counterexample.hpp"
#include "programs/json_place.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/sim/scenario_text.hpp"

using namespace lapicheck::checker;
namespace model = lapicheck::model;
namespace programs = lapicheck::programs;
using model::AccessKind;

namespace {

constexpr model::u64 enter_x2apic = 0xfee0'0d00;

programs::ScenarioStep step(AccessKind kind, model::u64 address = 0, model::u64 value = 0,
                            model::u32 size = 4) {
    programs::ScenarioStep made;
    made.kind = kind;
    made.address = address;
    made.value = value;
    made.size = size;
    return made;
}

programs::Scenario run_with(std::vector<programs::ScenarioStep> steps) { return {{}, std::move(steps)}; }

std::vector<programs::ExecutedStep> by_the_manual(const programs::Scenario& run) {
    return execute(*model::implementations().front().concrete(), run);
}

programs::Scenario there_and_back(const programs::Scenario& run) {
    programs::Program program = programs::program_of(run, by_the_manual(run));
    program.others.emplace_back("apic", programs::apic_text(run.machine));
    const programs::ProgramText read = programs::read_program(programs::write_program(program), "run.json");
    REQUIRE_MESSAGE(read.error.empty(), read.error);
    return programs::run_of(read.program);
}

std::string allowed_last(std::vector<programs::ScenarioStep> steps) {
    return programs::allowed_by_manual(by_the_manual(run_with(std::move(steps))).back()).text;
}
std::string done_last(std::vector<programs::ScenarioStep> steps) {
    return programs::outcome_words(by_the_manual(run_with(std::move(steps))).back());
}

} // namespace

TEST_CASE("run file: every kind of step is read back as it was") {
    programs::ScenarioStep open = step(AccessKind::wrmsr, 0x1b, enter_x2apic);
    open.choices = {{"D12.word.1", 0x1000'0000}, {"B15.way.0", 1}};
    const programs::Scenario run = run_with({
        step(AccessKind::mmio_read, 0xfee0'0030, 0, 1),
        step(AccessKind::mmio_write, 0xfee0'0080, 0xffff'ffff'ffff'ffff, 16),
        step(AccessKind::rdmsr, 0x802),
        open,
        step(AccessKind::cr8_read),
        step(AccessKind::cr8_write, 0, 0xf),
        step(AccessKind::message, 0, 0x31 | model::by_device),
        step(AccessKind::message, 0xff, 0xc831 | model::by_device), // logical, level, assert
        step(AccessKind::message, 0xffff'ffff, 0x500),              // wider than an MSI's destination
        step(AccessKind::message, 0, 0x4'0031),                     // a bit that no MSI has
        step(AccessKind::take_interrupt),
        step(AccessKind::timer_expires),
        step(AccessKind::hardware),
        step(AccessKind::init),
        step(AccessKind::reset),
    });
    CHECK(there_and_back(run).steps == run.steps);
}

TEST_CASE("run file: the machine is read back as it was") {
    programs::Scenario run = run_with({step(AccessKind::rdmsr, 0x1b)});
    run.machine = {.amd = true,
                   .x2apic = false,
                   .tsc_deadline = false,
                   .locked_x2apic = true,
                   .address_bits = 52,
                   .version = 0x8105'0010,
                   .vcpus = 3,
                   .reset_choices = {{"R08.way.0", 1}}};
    CHECK(there_and_back(run).machine == run.machine);
}

TEST_CASE("run file: a message that a device could send too is an msi") {
    const auto what = [](const programs::Scenario& run) {
        return programs::program_of(run, by_the_manual(run)).steps.back().what;
    };
    CHECK(what(run_with({step(AccessKind::message, 0xff, 0x31)})) == programs::Do::msi);
    CHECK(what(run_with({step(AccessKind::message, 0x100, 0x31)})) == programs::Do::message);
    // Who sent it matters of an illegal vector alone (I04).
    CHECK(what(run_with({step(AccessKind::message, 0xff, 0x05)})) == programs::Do::message);
    CHECK(what(run_with({step(AccessKind::message, 0xff, 0x05 | model::by_device)})) == programs::Do::msi);
    // FFH is everybody in xAPIC mode, and an ID in x2APIC mode.
    CHECK(what(run_with({step(AccessKind::wrmsr, 0x1b, enter_x2apic),
                         step(AccessKind::message, 0xff, 0x31)})) == programs::Do::message);
}

TEST_CASE("allowed: what the manual says of a step") {
    const programs::ScenarioStep enter = step(AccessKind::wrmsr, 0x1b, enter_x2apic);
    CHECK(allowed_last({enter, step(AccessKind::mmio_read, 0xfee0'0030)}) ==
          "any value that does not come from the APIC (the manual leaves the rest unspecified)");
    CHECK(allowed_last({enter, step(AccessKind::mmio_write, 0xfee0'0080, 1)}) ==
          "no APIC register changes and nothing is sent");
    CHECK(allowed_last({enter, step(AccessKind::wrmsr, 0x803, 0)}) == "#GP, and nothing changes");
    CHECK(allowed_last({step(AccessKind::mmio_read, 0xfee0'0030)}) == "0x50014");
    CHECK(allowed_last({step(AccessKind::mmio_write, 0xfee0'0080, 0x20)}) == "tpr 0x0 -> 0x20");
    CHECK(allowed_last({step(AccessKind::mmio_read, 0xfee0'0000)}) == "any value; pending ESR 0x0 -> 0x80");
    CHECK(allowed_last({enter, step(AccessKind::wrmsr, 0x808, 0)}) == "nothing changes");
}

TEST_CASE("allowed: value and #GP where there is one right answer") {
    const programs::ScenarioStep enter = step(AccessKind::wrmsr, 0x1b, enter_x2apic);
    const auto last = [](std::vector<programs::ScenarioStep> steps) {
        return programs::allowed_by_manual(by_the_manual(run_with(std::move(steps))).back());
    };
    CHECK(last({step(AccessKind::rdmsr, 0x1b)}).value == 0xfee0'0900);
    CHECK(last({step(AccessKind::rdmsr, 0x1b)}).gp == false);
    CHECK(last({step(AccessKind::rdmsr, 0x802)}).gp == true);
    CHECK_FALSE(last({step(AccessKind::rdmsr, 0x802)}).value);
    CHECK_FALSE(last({enter, step(AccessKind::mmio_read, 0xfee0'0030)}).value);
    CHECK_FALSE(last({step(AccessKind::mmio_read, 0xfee0'0030)}).gp);
}

TEST_CASE("a step's outcome in words") {
    const programs::ScenarioStep on = step(AccessKind::mmio_write, 0xfee0'00f0, 0x1ff);
    CHECK(done_last({step(AccessKind::wrmsr, 0x1b, enter_x2apic)}) == "x2APIC mode");
    CHECK(done_last({step(AccessKind::rdmsr, 0x802)}) == "#GP");
    CHECK(done_last({on, step(AccessKind::message, 0, 0x31)}) == "vector 31H enters IRR");
    CHECK(done_last({on, step(AccessKind::message, 0, 0x31), step(AccessKind::take_interrupt)}) ==
          "vector 31H; vector 31H enters ISR; vector 31H leaves IRR");
    CHECK(done_last({on, step(AccessKind::mmio_write, 0xfee0'0300, 0x31)}).find("an IPI is sent") !=
          std::string::npos);
}
