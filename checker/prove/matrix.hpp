// Properties proved of implementations, as many as were asked for: what the provers found, as plain data.
#pragma once

#include <functional>
#include <vector>

#include "checker/prove/prover.hpp"

namespace lapicheck::checker {

struct MatrixRequest {
    std::vector<const proof::ImplementationEntry*> implementations;
    std::vector<const proof::PropertyEntry*> properties;
    proof::ProverOptions options;
    unsigned threads = 1;
    // Told after each result how many there are; from any thread, but never from two at once.
    std::function<void(std::size_t done)> progress;
};

struct Matrix {
    std::vector<const proof::ImplementationEntry*> implementations;
    std::vector<const proof::PropertyEntry*> properties;
    // Implementation by implementation, each with its properties in their order.
    std::vector<proof::Result> results;
    // Counterexamples that do not break their property when they are carried out: an error of the prover.
    std::vector<const proof::Result*> unconfirmed;
    std::vector<double> milliseconds; // of each result: a thread's time on a processor

    const proof::Result& at(std::size_t implementation, std::size_t property) const {
        return results[implementation * properties.size() + property];
    }
    std::size_t count(proof::Status status) const;
};

// What is found does not depend on how many threads there are.
Matrix prove_all(const MatrixRequest& request);

// 0 all that was asked holds or is not applicable, 1 something is refuted, 2 a counterexample could not be
// confirmed, 4 nothing is refuted but something is not proved.
int exit_code(const Matrix& matrix);

} // namespace lapicheck::checker
