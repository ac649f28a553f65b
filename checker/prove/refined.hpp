// What an implementation does that the manual does not allow, held against what is known of KVM
// (specs/kvm-departures.json), in both directions.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "checker/prove/result.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::prove {

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
    model::Mode mode;
    model::AccessKind kind;
    Difference difference;

    friend auto operator<=>(const DepartureKey&, const DepartureKey&) = default;
};

struct FoundDeparture {
    DepartureKey key;
    Counterexample run;
    programs::ExecutedStep did;     // the run's last step
    programs::PlainOutcome allowed; // what the reference does there, with the implementation's answers
    programs::PlainState allowed_after;
};

struct Refinement {
    bool complete = true; // all steps were decided: what is not listed is allowed
    std::vector<FoundDeparture> departures;
};

// Told what is being done: how many cases are compared, or departures searched for, of how many.
using RefinementProgress = std::function<void(std::string_view what, std::size_t done, std::size_t all)>;

struct RefinedDeparture {
    FoundDeparture found;
    std::vector<const specs::Departure*> known; // each entry that says the same; empty: not known of KVM
};

struct Refined {
    const ImplementationEntry* implementation = nullptr;
    bool complete = true;                     // what is not listed is allowed
    std::vector<RefinedDeparture> departures; // those that are not known come first
    // Of the implementation that describes KVM; else both are empty. What is known of KVM and was not found:
    std::vector<const specs::Departure*> missing;   // without a reason why
    std::vector<const specs::Departure*> not_shown; // for the reason that the entry states

    std::size_t count_unknown() const;
};

// The run that shows it, as an access program.
std::string program_text(const Refined& refined, const RefinedDeparture& departure);

Refined refined(const ImplementationEntry& implementation, Refinement refinement);

} // namespace lapicheck::prove
