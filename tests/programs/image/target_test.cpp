// The image in QEMU, interpreted, where it is installed: what comes of steps there, right or not, and that a
// machine which stops does not take the program with it.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "programs/image/target.hpp"

using namespace lapicheck::programs;

namespace {

constexpr std::uint64_t window = 0xfee0'0000;

Step step_of(Do what, std::uint64_t address = 0, std::uint64_t value = 0, std::uint32_t vcpu = 0) {
    Step step;
    step.what = what;
    step.address = address;
    step.value = value;
    step.vcpu = vcpu;
    if (what == Do::mmio_read || what == Do::mmio_write) step.size = 4;
    return step;
}
Step read_at(std::uint64_t offset, std::uint32_t vcpu = 0) {
    return step_of(Do::mmio_read, window + offset, 0, vcpu);
}
Step write_at(std::uint64_t offset, std::uint64_t value, std::uint32_t vcpu = 0) {
    return step_of(Do::mmio_write, window + offset, value, vcpu);
}
Step arrives(std::uint8_t vector, bool level, std::uint32_t vcpu = 0) {
    Step step = step_of(Do::interrupt, 0, 0, vcpu);
    step.vector = vector;
    step.level = level;
    return step;
}

// Empty, and a message is printed, where QEMU is missing.
std::vector<StepOutcome> run(std::vector<Step> steps, std::vector<std::uint32_t> ids = {0},
                             bool again = false) {
    static ImageTarget target(image::machine_command("qemu-tcg").command);
    const auto names = image::ready_names();
    if (!image::is_here(names.front())) {
        MESSAGE("skipped: no qemu-system-x86_64 here (apt install qemu-system-x86)");
        return {};
    }
    Program program;
    program.machine.apic_ids = std::move(ids);
    program.machine = target.nearest(program.machine);
    program.steps = std::move(steps);
    const Execution execution = again ? target.run_again(program) : target.run(program);
    CHECK(execution.reason.empty());
    return execution.outcomes;
}

} // namespace

TEST_CASE("image: the state is RESET's, and RESET between steps brings it back") {
    for (const bool again : {false, true, true}) {
        const auto outcomes = run({read_at(0xf0), write_at(0xf0, 0x123), read_at(0xf0), step_of(Do::reset),
                                   read_at(0xf0), step_of(Do::rdmsr, 0x1b)},
                                  {0}, again);
        if (outcomes.empty()) return;
        CHECK(outcomes[0].value == 0xff);
        CHECK(outcomes[2].value == 0x123);
        CHECK(outcomes[4].value == 0xff);
        CHECK(outcomes[5].value == 0xfee0'0900);
    }
}

TEST_CASE("image: interrupts arrive with either trigger mode and are taken while IF is 1") {
    const auto outcomes =
        run({write_at(0xf0, 0x1ff), arrives(0x55, false), read_at(0x220), arrives(0x66, true), read_at(0x1b0),
             step_of(Do::enable_interrupts), write_at(0xb0, 0), step_of(Do::disable_interrupts)});
    if (outcomes.empty()) return;
    CHECK(outcomes[2].value == 0x20'0000);
    CHECK(outcomes[4].value == 0x40);
    CHECK(outcomes[5].taken == std::vector<Taken>{{0, 0x66}});
    CHECK(outcomes[6].taken == std::vector<Taken>{{0, 0x55}});
}

TEST_CASE("image: INIT and SIPI restart a CPU, an INIT of the first one too; NMIs come to all") {
    const auto outcomes = run({write_at(0xf0, 0x1ff), write_at(0xf0, 0x1ff, 1), write_at(0x310, 1 << 24),
                               write_at(0x300, 0x4400), write_at(0x300, 0x4500), read_at(0x20, 1),
                               write_at(0x300, 0x4610), read_at(0x20, 1), step_of(Do::init), read_at(0xf0)},
                              {0, 1});
    if (outcomes.empty()) return;
    CHECK(outcomes[3].taken == std::vector<Taken>{{1, 2}});
    CHECK(outcomes[4].restarted == std::vector<Restarted>{{1, {}}});
    CHECK(outcomes[5].ending == Ending::not_run);
    CHECK(outcomes[6].restarted == std::vector<Restarted>{{1, 0x10}});
    CHECK(outcomes[7].value == 1 << 24);
    CHECK(outcomes[8].restarted == std::vector<Restarted>{{0, {}}});
    CHECK(outcomes[9].value == 0xff);
}

TEST_CASE("image: what no guest can do is not run, and says why") {
    const auto outcomes = run({step_of(Do::save_load), step_of(Do::reset, 0, 0, 1), step_of(Do::message),
                               step_of(Do::mmio_read, 0x20'0000), step_of(Do::halt)},
                              {0, 1});
    for (const StepOutcome& outcome : outcomes) {
        CHECK(outcome.ending == Ending::not_run);
        CHECK_FALSE(outcome.reason.empty());
    }
}

TEST_CASE("image: a machine that stops is an outcome; the program goes on behind its next RESET") {
    ImageTarget target(
        image::machine_command("sh -c \"exec qemu-system-x86_64 -nodefaults -display none -no-reboot "
                               "-bios {rom} -debugcon file:{output} -serial null -cpu max -m 64\"")
            .command);
    if (!image::is_here(image::ready_names().front())) return;
    Program program;
    program.machine.apic_ids = {0};
    program.machine = target.nearest(program.machine);
    program.steps = {read_at(0xf0), write_at(0xf0, 0x1aa), step_of(Do::reset), read_at(0xf0), read_at(0xf0)};
    const Execution execution = target.run(program); // -no-reboot: a RESET ends QEMU
    REQUIRE(execution.outcomes.size() == 5);
    CHECK(execution.outcomes[0].value == 0xff);
    CHECK(execution.outcomes[1].is_done());
    CHECK(execution.outcomes[3].value == 0xff);
}

TEST_CASE("image: a command that prints nothing of ours is no target") {
    ImageTarget target(
        image::machine_command("echo {rom} @lapicheck 00000000 00000000 end 00000000").command);
    Program program;
    program.machine.apic_ids = {0};
    program.steps = {read_at(0xf0)};
    const Execution execution = target.run(program);
    CHECK(execution.status == Execution::Status::absent);
    CHECK(execution.reason.find("the image did not answer: exit status 0") != std::string::npos);
}
