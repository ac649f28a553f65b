// Where what two targets made of the same program differs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "programs/target.hpp"

namespace lapicheck::checker {

struct TargetDifference {
    std::size_t step = 0;
};

// What was not compared because a target does not specify it, and how often.
struct Exclusion {
    std::string what; // "value of MMIO read, 4 bytes at 0xfee000b0 (eoi)"
    std::size_t count = 0;
};

class TargetDifferences {
  public:
    void compare(const programs::Program& program, const std::vector<programs::StepOutcome>& first,
                 const std::vector<programs::StepOutcome>& second);

    // Of the program compared last.
    const std::vector<TargetDifference>& differences() const { return differences_; }
    // Of all programs.
    std::vector<Exclusion> exclusions() const;

  private:
    std::vector<TargetDifference> differences_;
    std::map<std::string, std::size_t> excluded_;
};

// Whether two outcomes of a step are the same but for a value that one of the targets does not specify.
bool same_outcome(const programs::StepOutcome& first, const programs::StepOutcome& second);

} // namespace lapicheck::checker
