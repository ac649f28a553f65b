// The prover as the rest of lapicheck sees it. It lives in a shared object of its own (engine/), which needs
// the solver and is loaded when it is first asked: whoever checks a recording waits for no solver.
#pragma once

#include <stdexcept>

#include "checker/prove/mutation.hpp"
#include "checker/prove/refined.hpp"
#include "checker/prove/result.hpp"

namespace lapicheck::prove {

class Prover {
  public:
    virtual ~Prover() = default;
    // What is found does not depend on how many threads there are.
    virtual Matrix prove(const MatrixRequest& request) = 0;
    virtual Refinement refine(const ImplementationEntry& implementation, SearchBounds bounds,
                              RefinementProgress progress) = 0;
    virtual Mutation mutate(const MutationRequest& request) = 0;
};

// The prover's object or the solver is not there; what() says which file, and what to do.
struct NoProver : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Loads it, once; throws NoProver.
Prover& prover();

// The name of the shared object, which lies beside the program, and of its only symbol: a function of type
// GetProver.
inline constexpr auto prover_object = "lapicheck-prover.so";
inline constexpr auto prover_symbol = "lapicheck_prover";
using GetProver = Prover* (*)();

} // namespace lapicheck::prove
