// When the reference allows what an implementation does on one path.
#pragma once

#include "checker/prove/symbolic/paths.hpp"
#include "checker/prove/symbolic/solver.hpp"

namespace lapicheck::prove {

// The reference's paths of a step, and the question whether one of them is an implementation's.
class Reference {
  public:
    Reference(const Start& start, const SymAccess& access);

    // A way in which `path` differs from one of the reference's paths: the path, and when it differs there.
    struct Contrast {
        const Path* allowed;
        int word; // of the state, by index; -1: the outcome
        z3::expr differs;
    };
    // Constant true: the reference may do the same in every state.
    SymBool allows(const Path& path) const;
    std::vector<Contrast> contrasts(const Path& path) const;

  private:
    z3::expr matches(const Path& path, const Path& reference) const;

    SymAccess access_;
    std::vector<Path> paths_;
};

// Whether two outcomes are the same but for words: who answered, #GP, what was sent.
bool same_outcome(AccessKind kind, const SymOutcome& did, const SymOutcome& allowed);

// The words of a state by index, and what they are called.
z3::expr state_word(const SymState& state, std::size_t index);
model::Reg register_of_word(std::size_t index);

} // namespace lapicheck::prove
