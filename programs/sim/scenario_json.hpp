// Runs as access programs, and back: what a proof found and what a user can keep, change and run elsewhere.
#pragma once

#include <optional>
#include <string>

#include "programs/program.hpp"
#include "programs/sim/scenario.hpp"

namespace lapicheck::programs {

// The machine and the steps, each with its outcome and what the manual allows. `executed`: one a step.
Program program_of(const Scenario& run, const std::vector<ExecutedStep>& executed);

// What a model is told that is no part of a program's machine: the key "apic".
std::string apic_text(const MachineFacts& machine);

// What a program says of a model's machine. Throws Refusal for what "apic" holds.
MachineFacts facts_of(const Program& program);
// The answers to open questions that a step asks for. Throws Refusal.
ChoiceValues choices_of(const Program& program, std::size_t index);

// The run that a program is. Throws Refusal, with the place, for what no model can be told.
Scenario run_of(const Program& program);

// The text of a key of the program that is none of its own; null if it is not there.
const std::string* find_key(const Program& program, std::string_view key);

} // namespace lapicheck::programs
