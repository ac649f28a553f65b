// Programs that were run elsewhere, and what came of them, as a target: it can answer for these programs
// alone.
#pragma once

#include <string>
#include <vector>

#include "programs/target.hpp"

namespace lapicheck::checker {

struct RecordedRun {
    programs::Program program;
    programs::Execution execution;
};

class RecordedTarget : public programs::Target {
  public:
    RecordedTarget(std::string name, std::vector<RecordedRun> runs)
        : name_(std::move(name)), runs_(std::move(runs)) {}

    std::string name() const override { return name_; }
    programs::Execution run(const programs::Program& program) override;
    // Of the same CPUs, the one that was there.
    programs::Machine nearest(const programs::Machine& asked) override;

  private:
    std::string name_;
    std::vector<RecordedRun> runs_;
};

} // namespace lapicheck::checker
