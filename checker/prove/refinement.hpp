// Is every behaviour of an implementation allowed by the manual? If not: the list of what is not, each with a
// shortest run that shows it.
//
// Both take the same step from the same state. The implementation's step is allowed if some way of the
// reference's, with some answers to what the manual leaves open, does the same: answer, effects and state
// after. The answers are found from what the implementation did (a word that the manual leaves open may be
// what it is there); what this does not find is carried out on partly known values, which leave all answers
// open, before it is called a departure.
#pragma once

#include <functional>
#include <string_view>

#include "checker/prove/prover.hpp"

namespace lapicheck::proof {

enum class Difference : std::uint8_t {
    gp_missing,
    gp_raised,
    answered, // by the APIC, where it must not answer, or the other way round
    sent,     // an interrupt or message, or not sent
    value,    // what a read gives
    state,    // a register holds something else afterwards
};
std::string_view to_string(Difference difference);

// What makes two departures the same one.
struct DepartureKey {
    model::Rule rule; // that decided the reference's answer, or that the register's bits come from
    model::Reg reg;   // the register concerned
    Mode mode;
    AccessKind kind;
    Difference difference;

    friend auto operator<=>(const DepartureKey&, const DepartureKey&) = default;
};

struct FoundDeparture {
    DepartureKey key;
    Counterexample run;
    Executed did;         // the run's last step
    PlainOutcome allowed; // what the reference does there, with the implementation's answers
    PlainState allowed_after;
};

struct Refinement {
    bool complete = true; // all steps were decided: what is not listed is allowed
    std::vector<FoundDeparture> departures;
};

// Told what is being done: how many cases are compared, or departures searched for, of how many.
using RefinementProgress = std::function<void(std::string_view what, std::size_t done, std::size_t all)>;

Refinement refine(const ImplementationEntry& implementation, SearchBounds bounds = {},
                  RefinementProgress progress = {});

// Whether the manual allows a step that was carried out, whatever it leaves open.
bool is_allowed(const Executed& step);

} // namespace lapicheck::proof
