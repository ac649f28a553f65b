// Properties proved of implementations, as many as were asked for, in several threads.
#pragma once

#include "checker/prove/engine/prover.hpp"

namespace lapicheck::prove {

// What is found does not depend on how many threads there are.
Matrix prove_all(const MatrixRequest& request);

} // namespace lapicheck::prove
