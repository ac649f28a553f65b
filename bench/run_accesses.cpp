// How many accesses a second the KVM of this machine takes through the runner of access programs, and how
// many are judged a second:
//
//   run_accesses [STEPS]
//
// Each row is one program of STEPS steps (200,000 unless told), drawn with a fixed seed, timed from the
// making of the VM to the last outcome, by the clock and by the processor time of the one thread that does
// it all (which other work on the machine disturbs less). Prints figures and judges nothing. Exit 4: no KVM
// here.
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <random>
#include <string_view>

#include <fmt/format.h>

#include "checker/audit/program_judge.hpp"
#include "programs/kvm/target.hpp"

namespace {

using namespace lapicheck::programs;

constexpr std::uint64_t window = 0xfee0'0000;
// Of the registers' slots: TPR, LDR, SVR, ESR, LVT LINT0, LINT1, Error.
constexpr std::array<std::uint64_t, 7> written = {0x08, 0x0d, 0x0f, 0x28, 0x35, 0x36, 0x37};

struct Kind {
    std::string_view name;
    bool x2apic = false;
    bool open = false;      // interrupts
    bool anywhere = false;  // reads of reserved registers too, which are #GP in x2APIC mode
    bool two_vcpus = false; // in turns
};

class Maker {
  public:
    explicit Maker(const Kind& kind) : kind_(kind) {}

    Program make(std::size_t count) {
        Program program;
        program.machine.apic_ids = {0};
        if (kind_.two_vcpus) program.machine.apic_ids.push_back(1);
        auto& steps = program.steps;
        for (std::uint32_t vcpu = 0; vcpu < program.machine.apic_ids.size(); ++vcpu) {
            const std::uint64_t bsp = vcpu == 0 ? 0x100 : 0;
            if (kind_.x2apic) steps.push_back(step(Do::wrmsr, vcpu, 0x1b, 0xfee0'0c00 | bsp));
            if (kind_.open) steps.push_back(step(Do::enable_interrupts, vcpu, 0, 0));
        }
        while (steps.size() < count)
            steps.push_back(
                access(static_cast<std::uint32_t>(steps.size() % program.machine.apic_ids.size())));
        return program;
    }

  private:
    static Step step(Do what, std::uint32_t vcpu, std::uint64_t address, std::uint64_t value) {
        Step made;
        made.what = what;
        made.vcpu = vcpu;
        made.address = address;
        made.value = value;
        if (what == Do::mmio_read || what == Do::mmio_write) made.size = 4;
        return made;
    }

    Step access(std::uint32_t vcpu) {
        const bool read = random_() % 2 == 0;
        std::uint64_t slot = written.at(random_() % written.size());
        if (read && kind_.anywhere) slot = random_() % 0x100;
        const std::uint64_t value = read || slot == 0x28 ? 0 : random_() & 0x103ff;
        if (kind_.x2apic) {
            if (!read && slot == 0x0d) slot = 0x08; // LDR is read-only there
            return step(read ? Do::rdmsr : Do::wrmsr, vcpu, 0x800 + slot, value);
        }
        return step(read ? Do::mmio_read : Do::mmio_write, vcpu, window + (slot << 4), value);
    }

    Kind kind_;
    std::mt19937_64 random_{1};
};

constexpr std::array kinds = {
    Kind{"xAPIC", false, false, false, false},
    Kind{"xAPIC, interrupts open", false, true, false, false},
    Kind{"xAPIC, two vCPUs in turns", false, false, false, true},
    Kind{"x2APIC", true, false, false, false},
    Kind{"x2APIC, interrupts open", true, true, false, false},
    Kind{"x2APIC, reads of all MSRs 800H-8FFH", true, false, true, false},
};

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

int measure(std::size_t count) {
    fmt::print("{:<38} {:>9} {:>9} {:>12} {:>9} {:>12} {:>12} {:>12}\n", "program", "steps", "seconds",
               "accesses/s", "CPU s", "per CPU s", "judged/CPU s", "both/CPU s");
    for (const Kind& kind : kinds) {
        const Program program = Maker(kind).make(count);
        KvmTarget target;
        const double cpu_begin = cpu_seconds();
        const auto begin = std::chrono::steady_clock::now();
        const Execution run = target.run(program);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        const double cpu = cpu_seconds() - cpu_begin;
        if (run.status != Execution::Status::ran) {
            fmt::print(stderr, "run_accesses: {}\n", run.reason);
            return 4;
        }
        const double judge_begin = cpu_seconds();
        const auto verdicts = lapicheck::checker::judge_run(program, run);
        const double judging = cpu_seconds() - judge_begin;
        const auto steps = static_cast<double>(verdicts.size());
        fmt::print("{:<38} {:>9} {:>9.3f} {:>12.0f} {:>9.3f} {:>12.0f} {:>12.0f} {:>12.0f}\n", kind.name,
                   count, took.count(), steps / took.count(), cpu, steps / cpu, steps / judging,
                   steps / (cpu + judging));
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        std::size_t count = 200'000;
        const std::string_view word = argc > 1 ? argv[1] : "200000";
        const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), count);
        if (argc > 2 || fault != std::errc{} || end != word.data() + word.size() || count == 0) {
            fmt::print(stderr, "run_accesses: takes a number of steps and nothing else\n");
            return 2;
        }
        return measure(count);
    } catch (const std::exception& error) {
        fmt::print(stderr, "run_accesses: {}\n", error.what());
        return 2;
    }
}
