// What the manual says of each step of an access program before it is run: what a test of another project can
// assert. It is asked of the judge (checker/audit/program_judge.hpp), which is shown the outcome of the
// manual's own APIC and then that outcome with one thing changed: what it does not accept is what must not
// be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checker/judge/divergence.hpp"
#include "programs/program.hpp"

namespace lapicheck::checker {

// By one rule.
struct Assertion {
    enum class What : std::uint8_t {
        gp,        // #GP is raised
        no_gp,     // it is not
        value,     // (read & mask) == value
        at_most,   // read <= value
        not_value, // read != value
        taken,     // the vCPU takes the vector `times` times
        nothing,   // the vCPU takes no other vectors than `may`
        init,      // INIT reaches the vCPU
        startup,   // SIPI does
    };
    What what = What::value;
    Rule rule = Rule::M14;
    std::string allowed; // in words
    u64 mask = 0;
    u64 value = 0;
    std::uint32_t vcpu = 0;
    std::uint8_t vector = 0;
    unsigned times = 0;
    std::vector<std::uint8_t> may;

    bool operator==(const Assertion&) const = default;
};

struct Expectation {
    std::vector<Assertion> assertions;          // none: the manual leaves it open
    std::vector<programs::Restarted> restarted; // by the manual's APIC
    bool operator==(const Expectation&) const = default;
};

// What a program finds.
enum class Start : std::uint8_t {
    reset,    // the state that RESET leaves
    restored, // registers that software has written to their values after RESET, and read
};

struct Expectations {
    std::string refused; // why nothing can be said of the program; empty: nothing is wrong
    std::vector<Expectation> steps;
    bool asserts_anything() const;
    bool operator==(const Expectations&) const = default;
};
Expectations expectations(const programs::Program& program, Start start);

// The registers of the window that a guest restores and reads, with their values after RESET.
struct RestoredRegister {
    Reg reg = Reg::none;
    std::uint32_t value = 0;
    bool is_written = false; // else read alone
};
std::vector<RestoredRegister> restored_registers(const programs::Machine& machine, std::size_t vcpu);

// Whether what was seen of a step speaks against it.
bool contradicts(const Assertion& assertion, const programs::StepOutcome& outcome);

} // namespace lapicheck::checker
