// Random access programs over the whole register space: each register, size, mode transition and boundary
// value, messages between several vCPUs, RESET and INIT. The same seed gives the same programs.
//
// They are drawn beside a model that runs along, so that most accesses go where the APIC answers in its mode.
// Left out, because what comes of it is no function of the steps before:
// - timers that could run out during the program: only counts and deadlines that are far off are written;
// - lowest-priority messages that several may take, of whom KVM's hash chooses one;
// - logical destinations while vCPUs are in different modes or DFR holds no model, and FFH as a destination
//   in x2APIC mode: who is meant is not defined;
// - SMIs, for which the guest has no handler; HLT, which may have nothing to end it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "programs/program.hpp"

namespace lapicheck::checker {

// What random programs leave out, for the report.
std::vector<std::string> left_out_of_random_programs();

class RandomPrograms {
  public:
    // `fit`: makes of a machine one that the target can be.
    using Fit = std::function<programs::Machine(const programs::Machine&)>;
    explicit RandomPrograms(std::uint64_t seed, Fit fit = {}) : seed_(seed), fit_(std::move(fit)) {}

    // The next program, of so many steps.
    programs::Program next(std::size_t steps);

  private:
    std::uint64_t seed_;
    Fit fit_;
    std::uint64_t drawn_ = 0;
};

} // namespace lapicheck::checker
