// Prints what the provers found.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "checker/audit/confirm.hpp"
#include "checker/prove/matrix.hpp"
#include "checker/replay/divergence_scenario.hpp"

namespace lapicheck::checker {

// `with_runs`: each refuting run too, step by step.
void write_matrix_text(std::ostream& out, const Matrix& matrix, bool with_runs);
// Whether a party shows what a result's counterexample does.
struct Confirmed {
    const proof::Result* result = nullptr;
    Confirmation confirmation;
};
struct MatrixExtras {
    bool timings = false; // the cost of each result, which no run has twice
    std::string party;    // that was asked; empty: none
    std::vector<Confirmed> confirmed;
};
void write_matrix_json(std::ostream& out, const Matrix& matrix, const MatrixExtras& extras);
void write_confirmed(std::ostream& out, const MatrixExtras& extras);
// The most expensive results, and what all cost.
void write_costs(std::ostream& out, const Matrix& matrix);

// One refuting run, of a result that has one.
void write_refutation(std::ostream& out, const proof::Result& result);
// Its runs, step by step: what was done, what came of it, and what the manual allows of the last step.
void write_runs(std::ostream& out, const proof::PropertyEntry& property,
                const proof::PlainImplementation& implementation,
                const proof::Counterexample& counterexample);
// Of a divergence of a recording: the rule's run, its last step's outcome as recorded or, if `implementation`
// is not null, as that has it.
void write_rule_run(std::ostream& out, const DivergenceRun& run,
                    const proof::PlainImplementation* implementation);
// Of a departure from the manual: the rule that decides, and the run.
void write_departing_run(std::ostream& out, Rule rule, const proof::Run& run,
                         const proof::PlainImplementation& implementation);
// What the property asks, and its rules with their sections.
void write_property(std::ostream& out, const proof::PropertyEntry& property);

} // namespace lapicheck::checker
