// What is asked of a prover and what it found, as plain data: nothing here knows of formulas.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/counterexample/counterexample.hpp"
#include "model/implementations/registry.hpp"
#include "specs/properties/registry.hpp"

namespace lapicheck::prove {

using checker::Counterexample;
using model::ImplementationEntry;
using programs::ExecutedStep;
using programs::PlainImplementation;
using programs::PlainOutcome;
using programs::PlainState;
using programs::Scenario;
using programs::ScenarioStep;
using specs::PropertyEntry;

struct SearchBounds {
    unsigned budget = 20'000'000; // Z3's rlimit for one question
    std::size_t max_depth = 4;    // steps before the last
};

enum class Status : std::uint8_t { holds, refuted, bounded, unknown, not_applicable };
std::string_view to_string(Status status);

// Of one property of one implementation.
struct Result {
    const ImplementationEntry* implementation = nullptr;
    const PropertyEntry* property = nullptr;
    Status status = Status::unknown;
    std::string_view method; // how it was decided
    std::size_t depth = 0;   // of a bounded search, or of the run found
    std::optional<Counterexample> counterexample;
    std::optional<Scenario> witness; // of a proof: a run whose last step the property speaks of
    std::uint64_t questions = 0;     // to the solver
};

struct ProverOptions {
    SearchBounds bounds;
    bool wants_witness = false; // that is short and telling; else any that shows that there is one
    // Is told each obligation as SMT-LIB 2, with the answer found as its status: that no step of a case, from
    // a state that can be reached, violates a property, breaks an invariant or leads into the invalid mode.
    // What several implementations have to show is told once.
    std::function<void(const std::string& name, const std::string& smt2)> dump = {};
};

struct MatrixRequest {
    std::vector<const ImplementationEntry*> implementations;
    std::vector<const PropertyEntry*> properties;
    ProverOptions options;
    unsigned threads = 1;
    // Told after each result how many there are; from any thread, but never from two at once.
    std::function<void(std::size_t done)> progress;
};

struct Matrix {
    std::vector<const ImplementationEntry*> implementations;
    std::vector<const PropertyEntry*> properties;
    // Implementation by implementation, each with its properties in their order.
    std::vector<Result> results;
    // Counterexamples that do not break their property when they are carried out: an error of the prover.
    std::vector<const Result*> unconfirmed;
    std::vector<double> milliseconds; // of each result: a thread's time on a processor
    std::string solver;               // "Z3 4.8.12"

    const Result& at(std::size_t implementation, std::size_t property) const {
        return results[implementation * properties.size() + property];
    }
    std::size_t count(Status status) const;
};

// 0 all that was asked holds or is not applicable, 1 something is refuted, 2 a counterexample could not be
// confirmed, 4 nothing is refuted but something is not proved.
int exit_code_of(const Matrix& matrix);

} // namespace lapicheck::prove
