// Holds what a trace shows of an access against what the model says on one path.
#pragma once

#include <optional>

#include "checker/judge/mode_state.hpp"

namespace lapicheck::checker {

using PathOutcome = model::Outcome<model::KnownBits>;

// `before`: the state in which the access was made.
std::optional<Mismatch> compare(const PathOutcome& outcome, const ModeState& before, const Observation& seen);

// The mismatch in the value read as if only `bits` of it were wrong.
Mismatch narrowed_to(u64 bits, const Mismatch& mismatch, model::AccessKind kind, const CpuFacts& cpu);

// Adds to `state` what the vector tells that an EOI ended; `before`: the state before it.
void learn_service(ModeState& state, const ModeState& before, const PathOutcome& outcome,
                   const traces::GuestAccess& access);

// Adds to `state` what the value read tells of it.
void learn(ModeState& state, const PathOutcome& outcome, const traces::GuestAccess& access);

} // namespace lapicheck::checker
