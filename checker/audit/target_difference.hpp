// Where what two parties made of the same program differs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "programs/target.hpp"

namespace lapicheck::checker {

struct PartyDifference {
    std::size_t step = 0;
};

// What was not compared because a party leaves it open, and how often.
struct Exclusion {
    std::string what; // "value of MMIO read, 4 bytes at 0xfee000b0 (eoi)"
    std::size_t count = 0;
};

class PartyDifferences {
  public:
    void compare(const traces::Program& program, const std::vector<traces::StepOutcome>& first,
                 const std::vector<traces::StepOutcome>& second);

    // Of the program compared last.
    const std::vector<PartyDifference>& differences() const { return differences_; }
    // Of all programs.
    std::vector<Exclusion> exclusions() const;

  private:
    std::vector<PartyDifference> differences_;
    std::map<std::string, std::size_t> excluded_;
};

// Whether two outcomes of a step are the same but for a value that one of the parties leaves open.
bool same_outcome(const traces::StepOutcome& first, const traces::StepOutcome& second);

} // namespace lapicheck::checker
