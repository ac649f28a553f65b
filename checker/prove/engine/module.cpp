// The door of the shared object: what checker/prove/load.cpp asks for.
#include "checker/prove/engine/matrix.hpp"
#include "checker/prove/engine/mutants.hpp"
#include "checker/prove/engine/refinement.hpp"
#include "checker/prove/prover.hpp"

namespace lapicheck::prove {
namespace {

class Z3Prover : public Prover {
  public:
    Matrix prove(const MatrixRequest& request) override { return prove_all(request); }
    Refinement refine(const ImplementationEntry& implementation, SearchBounds bounds,
                      RefinementProgress progress) override {
        return prove::refine(symbolic(implementation), bounds, std::move(progress));
    }
    Mutation mutate(const MutationRequest& request) override { return prove::mutate(request); }
};

} // namespace
} // namespace lapicheck::prove

extern "C" __attribute__((visibility("default"))) lapicheck::prove::Prover* lapicheck_prover();
extern "C" lapicheck::prove::Prover* lapicheck_prover() {
    static lapicheck::prove::Z3Prover prover;
    return &prover;
}
