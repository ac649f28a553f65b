// What the manual allows of an access of one APIC whose state is known: the model's step, on every way that
// the manual leaves open.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/domains/known_bits.hpp"
#include "programs/sim/scenario.hpp"

namespace lapicheck::programs {

using model::u64;

struct AllowedWay {
    model::Outcome<model::KnownBits> out;
    model::State<model::KnownBits> after;
};

std::vector<AllowedWay> ways_allowed(const model::Cpu<model::Concrete>& cpu, const PlainState& before,
                                     const model::Access<model::Concrete>& access);

struct Allowed {
    std::string text;
    std::optional<u64> value; // read, if there is one right answer
    std::optional<bool> gp;   // if the manual decides whether #GP is raised
};

// The access of a step, from the state in which the implementation made it.
Allowed allowed_by_manual(const ExecutedStep& step);

// Whether the manual allows a step that was carried out, with some answer to what it leaves unspecified:
// outcome and state after.
bool is_allowed(const ExecutedStep& step);

} // namespace lapicheck::programs
