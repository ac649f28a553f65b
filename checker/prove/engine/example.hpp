// From an answer of the solver to a run: small, telling, and the same in every run of the program.
#pragma once

#include "checker/prove/engine/unrolling.hpp"
#include "programs/sim/scenario.hpp"

namespace lapicheck::prove {

// A stretch of a vCPU's run: so many steps of an unrolling.
struct Segment {
    Unrolling* unrolling = nullptr;
    std::size_t depth = 0;
    unsigned vcpu = 0;
};

// A step after the segments.
struct FinalStep {
    SymAccess access;
    std::string choice_prefix;
    const Path* path = nullptr; // the one it takes
    unsigned vcpu = 0;
};

enum class Taste : std::uint8_t { any, telling };

// Adds preferences to `example`, if it is to be telling, and reads a run from it: the segments, then the
// final steps.
class ExampleRun {
  public:
    ExampleRun(Example& example, std::vector<Segment> segments, std::vector<FinalStep> finals,
               Taste taste = Taste::telling);

    MachineFacts machine() const;
    // The steps of a segment, or the final step.
    std::vector<ScenarioStep> segment(std::size_t index) const;
    ScenarioStep final_step(std::size_t index) const;

  private:
    void prefer_plain_cpu();
    void prefer_usual_base();
    void prefer_aligned();
    // What is not as the rules propose becomes as small as it can be, if that is asked for.
    void prefer_proposals(bool minimises_others);
    void minimise_words();
    ChoiceValues deviations(const std::vector<Choice>& choices, const std::string& prefix) const;

    Example& example_;
    std::vector<Segment> segments_;
    std::vector<FinalStep> finals_;
};

} // namespace lapicheck::prove
