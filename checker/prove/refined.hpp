// What an implementation does that the manual does not allow, held against what is known of KVM
// (specs/kvm-departures.json), in both directions.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "checker/prove/refinement.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {

struct RefinedDeparture {
    proof::FoundDeparture found;
    std::vector<const specs::Departure*> known; // each entry that says the same; empty: not known of KVM
};

struct Refined {
    const proof::ImplementationEntry* implementation = nullptr;
    bool complete = true;                     // what is not listed is allowed
    std::vector<RefinedDeparture> departures; // those that are not known come first
    // Of the implementation that describes KVM; else both are empty. What is known of KVM and was not found:
    std::vector<const specs::Departure*> missing;   // without a reason why
    std::vector<const specs::Departure*> not_shown; // for the reason that the entry states

    std::size_t count_unknown() const;
};

Refined refined(const proof::ImplementationEntry& implementation, proof::Refinement refinement);
// The run that shows it, as an access program.
std::string refined_program_text(const Refined& refined, const RefinedDeparture& departure);

void write_refined_text(std::ostream& out, const Refined& refined);
void write_refined_json(std::ostream& out, const std::vector<Refined>& all);

} // namespace lapicheck::checker
