#include "checker/prove/refined.hpp"

#include <algorithm>
#include <set>

namespace lapicheck::prove {
namespace {

bool lists(const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

// What a register holds wrongly is read later, in any mode; an entry names the mode of the read.
bool is_in_mode(const specs::Departure& departure, const DepartureKey& key) {
    return key.difference == Difference::state || lists(departure.modes, model::to_string(key.mode));
}

bool is_of_kind(const specs::Departure& departure, Difference difference) {
    if (!departure.observed.gp)
        return difference != Difference::gp_missing && difference != Difference::gp_raised;
    return difference == (*departure.observed.gp ? Difference::gp_raised : Difference::gp_missing);
}

// Those in which a value read, or a register's, is wrong; 0: it is not about bits.
model::u64 wrong_bits(const FoundDeparture& found) {
    if (found.key.difference == Difference::value) return found.did.out.value ^ found.allowed.value;
    const std::size_t index = model::index_of(found.key.reg);
    if (found.key.difference != Difference::state || index >= model::window_register_count) return 0;
    return found.did.after.regs[index] ^ found.allowed_after.regs[index];
}

bool is_in_bits(const specs::Departure& departure, const FoundDeparture& found) {
    return !departure.observed.bits || (wrong_bits(found) & ~*departure.observed.bits) == 0;
}

bool is_of_vendor(const specs::Departure& departure, bool amd) {
    return departure.vendor == specs::Vendor::both || (departure.vendor == specs::Vendor::amd) == amd;
}

bool says(const specs::Departure& departure, const FoundDeparture& found) {
    const DepartureKey& key = found.key;
    return lists(departure.rules, model::to_string(key.rule)) &&
           lists(departure.registers, model::register_name(key.reg)) && is_in_mode(departure, key) &&
           is_of_kind(departure, key.difference) && is_in_bits(departure, found) &&
           is_of_vendor(departure, found.did.cpu.amd);
}

} // namespace

std::string_view to_string(Difference difference) {
    switch (difference) {
    case Difference::gp_missing: return "gp-missing";
    case Difference::gp_raised: return "gp-raised";
    case Difference::answered: return "answered";
    case Difference::sent: return "sent";
    case Difference::value: return "value";
    case Difference::state: break;
    }
    return "state";
}

std::size_t Refined::count_unknown() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        departures, [](const RefinedDeparture& departure) { return departure.known.empty(); }));
}

Refined refined(const ImplementationEntry& implementation, Refinement refinement) {
    Refined result;
    result.implementation = &implementation;
    result.complete = refinement.complete;
    std::set<const specs::Departure*> seen;
    for (FoundDeparture& found : refinement.departures) {
        RefinedDeparture departure{std::move(found), {}};
        for (const specs::Departure& entry : specs::catalogue().departures)
            if (entry.not_in_model.empty() && says(entry, departure.found)) departure.known.push_back(&entry);
        seen.insert(departure.known.begin(), departure.known.end());
        result.departures.push_back(std::move(departure));
    }
    std::stable_partition(result.departures.begin(), result.departures.end(),
                          [](const RefinedDeparture& departure) { return departure.known.empty(); });
    if (!implementation.describes_kvm) return result;
    for (const specs::Departure& entry : specs::catalogue().departures) {
        if (!entry.not_in_model.empty()) result.not_shown.push_back(&entry);
        else if (!seen.contains(&entry)) result.missing.push_back(&entry);
    }
    return result;
}

} // namespace lapicheck::prove
