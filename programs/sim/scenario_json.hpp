// Runs as access programs, and back: what a proof found and what a user can keep, change and run elsewhere.
#pragma once

#include <optional>
#include <string>

#include "programs/program.hpp"
#include "programs/sim/execution.hpp"

namespace lapicheck::checker {

// The machine and the steps, each with its outcome and what the manual allows. `executed`: one a step.
traces::Program program_of(const proof::Run& run, const std::vector<proof::Executed>& executed);

// What a model is told that is no part of a program's machine: the key "apic".
std::string apic_text(const proof::MachineFacts& machine);

// What a program says of a model's machine. Throws traces::Refusal for what "apic" holds.
proof::MachineFacts facts_of(const traces::Program& program);
// The answers to open questions that a step asks for. Throws traces::Refusal.
proof::ChoiceValues choices_of(const traces::Program& program, std::size_t index);

// The run that a program is. Throws traces::Refusal, with the place, for what no model can be told.
proof::Run run_of(const traces::Program& program);

// The text of a key of the program that is none of its own; null if it is not there.
const std::string* find_key(const traces::Program& program, std::string_view key);

} // namespace lapicheck::checker
