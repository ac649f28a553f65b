// The states that an implementation can be in after so many steps from RESET, as formulas: one a mode.
#pragma once

#include <deque>
#include <functional>
#include <map>

#include "checker/prove/engine/cases.hpp"

namespace lapicheck::prove {

// What the step that led to a frame was; its variables.
struct StepVariables {
    z3::expr kind; // an AccessKind
    SymU64 address;
    SymU64 value;
};

struct ReachableMode {
    Mode mode;
    z3::expr guard; // there is a run that leads here
    Start start;    // cpu, state and surroundings here
};

struct Frame {
    std::optional<StepVariables> step; // none for the frame after RESET
    std::vector<ReachableMode> modes_reached;
};

class Unrolling {
  public:
    // `name` tells the variables of one unrolling from those of another; `bsp`: of the bootstrap processor.
    Unrolling(const SymImplementation& implementation, std::string name, bool bsp);

    // After `depth` steps.
    const Frame& frame(std::size_t depth);
    // The paths of an access there; the access's and the choices' names begin with `prefix`.
    const std::vector<Path>& paths(std::size_t depth, std::size_t reached, const SymAccess& access,
                                   const std::string& prefix);
    // The choices that a run took which an example tells: names and proposals, of RESET (depth 0) or of the
    // step that led to the frame.
    std::vector<Choice> choices_taken(std::size_t depth, const std::function<bool(const z3::expr&)>& is_true);
    std::string choice_prefix(std::size_t depth) const;

  private:
    void add_frame();
    static std::vector<ReachableMode> modes_after(const std::vector<std::vector<Path>>& steps,
                                                  const std::vector<z3::expr>& guards, const SymCpu& cpu);

    const SymImplementation* implementation_;
    std::string name_;
    std::deque<Frame> frames_; // a frame stays where it is
    // Of each frame: the groups of paths that lead into it, with their guards.
    std::vector<std::vector<std::vector<Path>>> steps_;
    std::vector<std::vector<z3::expr>> guards_;
    std::map<std::tuple<std::size_t, std::size_t, AccessKind, u32>, std::vector<Path>> final_paths_;
};

} // namespace lapicheck::prove
