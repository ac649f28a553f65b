// Scenarios step by step: each access, its outcome, and what the manual allows of the last step.
#pragma once

#include <iosfwd>

#include "checker/counterexample/counterexample.hpp"
#include "checker/prove/result.hpp"

namespace lapicheck::checker {

// One refuting run, of a result that has one.
void write_refutation(std::ostream& out, const prove::Result& result);
void write_runs(std::ostream& out, const specs::PropertyEntry& property,
                const programs::PlainImplementation& implementation, const Counterexample& counterexample);
// Of a divergence of a recording: the rule's run, its last step's outcome as recorded or, if `implementation`
// is not null, as that has it.
void write_rule_run(std::ostream& out, const DivergenceScenario& run,
                    const programs::PlainImplementation* implementation);
// Of a departure from the manual: the rule that decides, and the run.
void write_departing_run(std::ostream& out, Rule rule, const programs::Scenario& run,
                         const programs::PlainImplementation& implementation);
// What the run assumes where the manual specifies nothing, a line each.
void write_choices(std::ostream& out, const programs::ChoiceValues& choices);
// What the property asks, and its rules with their sections.
void write_property(std::ostream& out, const specs::PropertyEntry& property);

} // namespace lapicheck::checker
