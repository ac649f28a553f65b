// The KVM of this machine, where there is one: facts that the runner must show, and programs that mean
// it ill. Vectors, values and #GP here are what KVM 6.1 to 6.18 answer, right or not.
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "programs/kvm/target.hpp"

using namespace lapicheck::programs;

namespace {

constexpr std::uint64_t window = 0xfee0'0000;
constexpr std::uint64_t xapic_mode = 0xfee0'0900;
constexpr std::uint64_t x2apic_mode = 0xfee0'0d00;

Step guest_step(Do what, std::uint64_t address, std::uint64_t value, std::uint32_t vcpu) {
    Step step;
    step.what = what;
    step.address = address;
    step.value = value;
    step.vcpu = vcpu;
    return step;
}
Step rdmsr(std::uint64_t msr, std::uint32_t vcpu = 0) { return guest_step(Do::rdmsr, msr, 0, vcpu); }
Step wrmsr(std::uint64_t msr, std::uint64_t value, std::uint32_t vcpu = 0) {
    return guest_step(Do::wrmsr, msr, value, vcpu);
}
Step read_at(std::uint64_t address, std::uint8_t size = 4, std::uint32_t vcpu = 0) {
    Step step = guest_step(Do::mmio_read, address, 0, vcpu);
    step.size = size;
    return step;
}
Step write_at(std::uint64_t address, std::uint64_t value, std::uint8_t size = 4) {
    Step step = guest_step(Do::mmio_write, address, value, 0);
    step.size = size;
    return step;
}
Step plain(Do what, std::uint32_t vcpu = 0) { return guest_step(what, 0, 0, vcpu); }
Step arrives(std::uint8_t vector, bool level = false, std::uint32_t vcpu = 0) {
    Step step = plain(Do::interrupt, vcpu);
    step.vector = vector;
    step.level = level;
    return step;
}

Program program_of(std::vector<Step> steps, std::vector<std::uint32_t> apic_ids = {0}) {
    Program program;
    program.machine.apic_ids = std::move(apic_ids);
    program.steps = std::move(steps);
    return program;
}

constexpr std::chrono::microseconds short_halt{5'000};
constexpr std::chrono::microseconds short_timer{200'000};

// Empty, and a message is printed, where there is no KVM to ask.
std::vector<StepOutcome> run(const Program& program) {
    KvmTarget target(KvmTarget::Bounds{short_halt, short_timer});
    const Execution result = target.run(program);
    if (result.status == Execution::Status::absent) {
        MESSAGE("SKIPPED, no KVM on this machine: " << result.reason);
        return {};
    }
    REQUIRE_MESSAGE(result.status == Execution::Status::ran, result.reason);
    REQUIRE(result.outcomes.size() == program.steps.size());
    return result.outcomes;
}

bool has_error(const StepOutcome& outcome, const std::string& part) {
    return ending_text(outcome).find(part) != std::string::npos;
}

} // namespace

TEST_CASE("kvm: registers through the window and by MSR, in either mode") {
    const auto seen = run(
        program_of({read_at(window + 0x30), rdmsr(0x802), rdmsr(0x1b), wrmsr(0x1b, x2apic_mode), rdmsr(0x803),
                    rdmsr(0x802), wrmsr(0x1b, xapic_mode), rdmsr(0x1b), read_at(window + 0x30)}));
    if (seen.empty()) return;
    CHECK((seen[0].value.value_or(0) & 0xff) == 0x14);
    CHECK(seen[1].gp);
    CHECK_FALSE(seen[1].value);
    CHECK(seen[2].value == xapic_mode);
    CHECK_FALSE(seen[3].gp);
    CHECK(seen[4].value == seen[0].value);
    CHECK(seen[5].value == 0);
    CHECK(seen[6].gp);
    CHECK(seen[7].value == x2apic_mode);
    CHECK(seen[8].value == 0xffff'ffff);
    CHECK_FALSE(seen[8].mmio_exit);
}

TEST_CASE("kvm: without the quirk the window of x2APIC mode is userspace's") {
    Program program = program_of(
        {wrmsr(0x1b, x2apic_mode), read_at(window + 0x30), write_at(window + 0x80, 0x20), rdmsr(0x808)});
    program.machine.disabled_quirks = {"LAPIC_MMIO_HOLE"};
    const auto seen = run(program);
    if (seen.empty()) return;
    CHECK(seen[1].mmio_exit);
    CHECK(seen[1].value == 0xffff'ffff);
    CHECK(seen[2].mmio_exit);
    CHECK_FALSE(seen[3].mmio_exit);
    CHECK(seen[3].value == 0);
}

TEST_CASE("kvm: without x2APIC in CPUID, EXTD is #GP") {
    Program program = program_of({wrmsr(0x1b, x2apic_mode), rdmsr(0x1b)});
    program.machine.x2apic = false;
    const auto seen = run(program);
    if (seen.empty()) return;
    CHECK(seen[0].gp);
    CHECK(seen[1].value == xapic_mode);
}

TEST_CASE("kvm: accesses of each size, and CR8") {
    const auto seen = run(
        program_of({write_at(window + 0x80, 0x5a), read_at(window + 0x80, 1), read_at(window + 0x80, 2),
                    plain(Do::cr8_read), guest_step(Do::cr8_write, 0, 9, 0), read_at(window + 0x80),
                    guest_step(Do::cr8_write, 0, 0x10, 0), plain(Do::cr8_read), read_at(0x1'0000'0ff9, 8)}));
    if (seen.empty()) return;
    CHECK((seen[1].value.value_or(0) & 0xf0) == 0x50);
    CHECK((seen[2].value.value_or(0) & 0xfff0) == 0x50);
    CHECK(seen[3].value == 5);
    CHECK(seen[5].value == 0x90);
    CHECK(seen[6].gp);
    CHECK(seen[7].value == 9);
    CHECK(seen[8].value == ~std::uint64_t{0});
    CHECK(seen[8].mmio_exit);
}

TEST_CASE("kvm: a self IPI is taken when interrupts are opened, or at once if they are") {
    const auto seen = run(program_of({wrmsr(0x1b, x2apic_mode), wrmsr(0x80f, 0x1ff), wrmsr(0x83f, 0x31),
                                      wrmsr(0x83f, 0xe1), rdmsr(0x821), plain(Do::enable_interrupts),
                                      wrmsr(0x80b, 0), wrmsr(0x80b, 0), wrmsr(0x83f, 0x42), wrmsr(0x80b, 0),
                                      plain(Do::disable_interrupts), wrmsr(0x83f, 0x43), rdmsr(0x822)}));
    if (seen.empty()) return;
    CHECK(seen[2].taken.empty());
    CHECK(seen[4].value == 0x20000);
    // Where KVM ends interrupts by itself both come at once, else the second waits for the first's EOI.
    std::vector<Taken> all = seen[5].taken;
    all.insert(all.end(), seen[6].taken.begin(), seen[6].taken.end());
    CHECK(all == std::vector<Taken>{{0, 0xe1}, {0, 0x31}});
    CHECK(seen[8].taken == std::vector<Taken>{{0, 0x42}});
    CHECK(seen[11].taken.empty());
    CHECK(seen[12].value == 8);
}

TEST_CASE("kvm: interrupts from outside, held back by the task priority") {
    const auto seen =
        run(program_of({write_at(window + 0xf0, 0x1ff), plain(Do::enable_interrupts), arrives(0x55),
                        write_at(window + 0xb0, 0), guest_step(Do::cr8_write, 0, 6, 0), arrives(0x56),
                        read_at(window + 0x220), guest_step(Do::cr8_write, 0, 0, 0), arrives(0x71, true)}));
    if (seen.empty()) return;
    CHECK(seen[2].taken == std::vector<Taken>{{0, 0x55}});
    CHECK(seen[5].taken.empty());
    CHECK(seen[6].value == 0x40'0000);
    CHECK(seen[7].taken == std::vector<Taken>{{0, 0x56}});
    CHECK(seen[8].taken == std::vector<Taken>{{0, 0x71}});
}

TEST_CASE("kvm: an IPI from one vCPU to another, that takes it, or wakes by it") {
    std::vector<Step> steps;
    for (const std::uint32_t vcpu : {0U, 1U}) {
        steps.push_back(wrmsr(0x1b, vcpu == 0 ? x2apic_mode : x2apic_mode & ~std::uint64_t{0x100}, vcpu));
        steps.push_back(wrmsr(0x80f, 0x1ff, vcpu));
    }
    steps.insert(steps.end(), {rdmsr(0x802, 1), plain(Do::enable_interrupts, 1), wrmsr(0x830, 0x5'0000'0061),
                               wrmsr(0x80b, 0, 1), plain(Do::halt, 1), rdmsr(0x802, 1),
                               wrmsr(0x830, 0x5'0000'0062), rdmsr(0x802, 1)});
    const auto seen = run(program_of(steps, {0, 5}));
    if (seen.empty()) return;
    CHECK(seen[4].value == 5);
    CHECK(seen[6].taken == std::vector<Taken>{{1, 0x61}});
    CHECK(seen[8].halted);
    CHECK(has_error(seen[9], "vCPU 1 is in HLT"));
    CHECK(seen[10].taken == std::vector<Taken>{{1, 0x62}});
    CHECK(seen[11].value == 5);
}

TEST_CASE("kvm: what is pending is taken in the HLT that STI comes before, and ends it") {
    const auto seen = run(program_of({wrmsr(0x1b, x2apic_mode), wrmsr(0x80f, 0x1ff), wrmsr(0x83f, 0xb0),
                                      plain(Do::enable_and_halt), rdmsr(0x802)}));
    if (seen.empty()) return;
    CHECK(seen[3].taken == std::vector<Taken>{{0, 0xb0}});
    CHECK_FALSE(seen[3].halted);
    CHECK(seen[4].value == 0);
    const auto waits = run(program_of({wrmsr(0x1b, x2apic_mode), plain(Do::enable_and_halt), rdmsr(0x802)}));
    CHECK(waits.at(1).halted);
}

TEST_CASE("kvm: INIT stops an AP until a SIPI, and keeps the mode") {
    const auto seen = run(program_of(
        {wrmsr(0x1b, x2apic_mode), wrmsr(0x80f, 0x1ff), wrmsr(0x1b, 0xfee0'0c00, 1), wrmsr(0x80f, 0x1ff, 1),
         wrmsr(0x830, 0x1'0000'4500), rdmsr(0x802, 1), wrmsr(0x830, 0x1'0000'46ab), rdmsr(0x80f, 1),
         rdmsr(0x1b, 1), plain(Do::init, 0), rdmsr(0x80f), rdmsr(0x1b)},
        {0, 1}));
    if (seen.empty()) return;
    CHECK(seen[4].restarted == std::vector<Restarted>{{1, {}}});
    CHECK(has_error(seen[5], "vCPU 1 waits for a SIPI"));
    CHECK(seen[6].restarted == std::vector<Restarted>{{1, 0xab}});
    CHECK(seen[7].value == 0xff);
    CHECK(seen[8].value == 0xfee0'0c00);
    CHECK(seen[9].restarted == std::vector<Restarted>{{0, {}}});
    CHECK(seen[10].value == 0xff);
    CHECK(seen[11].value == x2apic_mode);
}

TEST_CASE("kvm: RESET leaves x2APIC mode; saved and loaded, the state is the same") {
    const auto seen =
        run(program_of({wrmsr(0x1b, x2apic_mode), wrmsr(0x80f, 0x1ab), wrmsr(0x808, 0x30),
                        plain(Do::save_load), rdmsr(0x80f), rdmsr(0x808), rdmsr(0x1b), plain(Do::reset),
                        rdmsr(0x1b), read_at(window + 0xf0), read_at(window + 0x80)}));
    if (seen.empty()) return;
    CHECK(seen[3].is_done());
    CHECK(seen[4].value == 0x1ab);
    CHECK(seen[5].value == 0x30);
    CHECK(seen[6].value == x2apic_mode);
    CHECK(seen[8].value == xapic_mode);
    CHECK(seen[9].value == 0xff);
    CHECK(seen[10].value == 0);
}

TEST_CASE("kvm: an NMI is taken though interrupts are closed") {
    const auto seen = run(program_of({wrmsr(0x1b, x2apic_mode), wrmsr(0x830, 0x400), rdmsr(0x802)}));
    if (seen.empty()) return;
    CHECK(seen[1].taken == std::vector<Taken>{{0, 2}});
}

TEST_CASE("kvm: the timer expires, pending or taken") {
    const auto seen =
        run(program_of({wrmsr(0x1b, x2apic_mode), wrmsr(0x80f, 0x1ff), wrmsr(0x832, 0x31),
                        plain(Do::timer_expires), wrmsr(0x838, 0x10'0000), plain(Do::timer_expires),
                        rdmsr(0x821), plain(Do::enable_interrupts), wrmsr(0x80b, 0), wrmsr(0x838, 0x10'0000),
                        plain(Do::timer_expires), wrmsr(0x80b, 0), wrmsr(0x832, 0x4'0032), wrmsr(0x6e0, 1)}));
    if (seen.empty()) return;
    CHECK(has_error(seen[3], "does not run"));
    CHECK(seen[5].is_done());
    CHECK(seen[6].value == 0x20000);
    CHECK(seen[7].taken == std::vector<Taken>{{0, 0x31}});
    CHECK(seen[10].taken == std::vector<Taken>{{0, 0x31}});
    CHECK(seen[13].taken == std::vector<Taken>{{0, 0x32}});
}

TEST_CASE("kvm: a split irqchip, wide APIC IDs and each vendor") {
    Program program =
        program_of({read_at(window + 0x30, 4, 1), wrmsr(0x1b, 0xfee0'0c00, 1), rdmsr(0x802, 1),
                    wrmsr(0x80f, 0x1ff, 1), plain(Do::enable_interrupts, 1), arrives(0x99, false, 1)},
                   {2, 700});
    for (const GuestVendor vendor : {GuestVendor::either, GuestVendor::intel, GuestVendor::amd}) {
        program.machine.vendor = vendor;
        program.machine.split_irqchip = !program.machine.split_irqchip;
        const auto seen = run(program);
        if (seen.empty()) return;
        CHECK((seen[0].value.value_or(0) & 0xff) == 0x14);
        CHECK(seen[2].value == 700);
        CHECK(seen[5].taken == std::vector<Taken>{{1, 0x99}});
    }
}

TEST_CASE("kvm: a machine that it cannot be is refused with the reason") {
    const Program program = program_of({rdmsr(0x1b)}, {0xffff'fff0});
    const Execution result = KvmTarget().run(program);
    if (result.status == Execution::Status::absent) return;
    CHECK(result.status == Execution::Status::refused);
    CHECK(result.reason.find("4294967280") != std::string::npos);
}

TEST_CASE("kvm: programs that mean it ill end with a clear result") {
    SUBCASE("what does not exist") {
        const auto seen = run(
            program_of({rdmsr(0xdead'beef), wrmsr(0xdead'beef, 1), read_at(0x1'0000'0000),
                        write_at(0x1'0000'0000, 1), read_at((std::uint64_t{1} << 52) - 8, 8), rdmsr(0x1b)}));
        if (seen.empty()) return;
        CHECK(seen[0].gp);
        CHECK(seen[1].gp);
        CHECK(seen[2].mmio_exit);
        CHECK(seen[3].mmio_exit);
        CHECK_FALSE((seen[4].is_done() && !seen[4].mmio_exit)); // #PF, or nothing there
        CHECK(seen[5].value == xapic_mode);
    }
    SUBCASE("the guest's own memory") {
        const auto seen =
            run(program_of({write_at(0x4000'0000, 0), read_at(0x4000'5000, 8), write_at(0x3fff'fffc, 0, 8),
                            wrmsr(0x1b, 0x4000'0900), read_at(0x4000'0030), rdmsr(0x1b)}));
        if (seen.empty()) return;
        for (const std::size_t step : {0U, 1U, 2U, 4U})
            CHECK(has_error(seen[step], "the guest's own memory"));
        CHECK(seen[5].value == 0x4000'0900);
    }
    SUBCASE("HLT without end") {
        const auto begin = std::chrono::steady_clock::now();
        const auto seen =
            run(program_of({plain(Do::halt), rdmsr(0x1b), plain(Do::enable_interrupts), plain(Do::reset),
                            plain(Do::enable_interrupts), plain(Do::halt), plain(Do::reset), rdmsr(0x1b)}));
        if (seen.empty()) return;
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
        CHECK(seen[0].halted);
        CHECK(has_error(seen[1], "not run"));
        CHECK(has_error(seen[2], "not run"));
        CHECK(seen[5].halted);
        CHECK(seen[7].value == xapic_mode);
    }
    SUBCASE("KVM writes over the guest") {
        // KVM's clock page at the descriptor tables and the handlers; then something that needs them.
        std::vector<Step> steps;
        for (std::uint64_t at = 0x4000'0000; at < 0x4000'b000; at += 0x20)
            steps.push_back(wrmsr(0x4b56'4d01, at | 1));
        steps.push_back(rdmsr(0xdead'beef));
        steps.push_back(rdmsr(0x1b));
        const auto seen = run(program_of(steps));
        if (seen.empty()) return;
        CHECK((seen.back().value == xapic_mode || !seen.back().is_done()));
    }
}

TEST_CASE("kvm: what comes after many steps is what comes after few") {
    std::vector<Step> steps = {wrmsr(0x1b, x2apic_mode), wrmsr(0x80f, 0x1ff)};
    for (std::uint64_t i = 0; i < 5000; ++i) {
        steps.push_back(wrmsr(0x833, 0x1'0000 | (i & 0xff)));
        steps.push_back(rdmsr(0x833));
        steps.push_back(rdmsr(0x8ff));
    }
    const auto seen = run(program_of(steps));
    if (seen.empty()) return;
    std::size_t wrong = 0;
    for (std::uint64_t i = 0; i < 5000; ++i)
        if (seen[2 + 3 * i + 1].value != (0x1'0000 | (i & 0xff)) || !seen[2 + 3 * i + 2].gp) ++wrong;
    CHECK(wrong == 0);
}

TEST_CASE("kvm: on a machine that has run another program a program sees what it sees on a new one") {
    const Program disturbs =
        program_of({wrmsr(0x1b, x2apic_mode), wrmsr(0x80f, 0x1ff), wrmsr(0x808, 0x55), wrmsr(0x83f, 0x61),
                    wrmsr(0x832, 0x2'0071), wrmsr(0x838, 0x100'0000), plain(Do::enable_interrupts, 1),
                    arrives(0x62, true), wrmsr(0x830, 0x1'0000'4500), wrmsr(0x1b, 0xfee0'0100)},
                   {0, 1});
    std::vector<Step> looks;
    for (const std::uint32_t vcpu : {0U, 1U}) {
        looks.push_back(rdmsr(0x1b, vcpu));
        for (std::uint64_t offset = 0x20; offset < 0x400; offset += 0x10)
            if (offset != 0x390) looks.push_back(read_at(window + offset, 4, vcpu));
        looks.push_back(plain(Do::enable_interrupts, vcpu));
        looks.push_back(plain(Do::cr8_read, vcpu));
    }
    const Program look = program_of(std::move(looks), {0, 1});
    const auto on_new = run(look);
    if (on_new.empty()) return;
    KvmTarget target(KvmTarget::Bounds{short_halt, short_timer});
    for (int round = 0; round < 3; ++round) {
        REQUIRE(target.run_again(disturbs).status == Execution::Status::ran);
        CHECK(target.run_again(look).outcomes == on_new);
    }
    const Program smaller = program_of({read_at(window + 0x30), rdmsr(0x1b)});
    CHECK(target.run_again(smaller).outcomes == run(smaller)); // another machine
}

TEST_CASE("kvm: places all over the address space") {
    std::vector<Step> steps;
    for (std::uint64_t i = 0; i < 2000; ++i) steps.push_back(read_at(0x1'0000'0000 + i * 0x20'0000 - 4, 8));
    const auto seen = run(program_of(steps));
    if (seen.empty()) return;
    for (const StepOutcome& outcome : seen) {
        CHECK(outcome.mmio_exit);
        CHECK(outcome.is_done());
    }
}
