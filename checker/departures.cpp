#include "checker/departures.hpp"

#include <algorithm>

#include "checker/evidence.hpp"

namespace lapicheck::checker {
namespace {

bool names(const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

bool is_word(Reg reg, unsigned word) {
    return model::is_bitmap(reg) && (model::index_of(reg) - model::index_of(Reg::isr0)) % 8 == word;
}

bool observed_as(const specs::DepartureObserved& observed, const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    if (observed.gp) return mismatch.fault == (*observed.gp ? Fault::gp_raised : Fault::gp_missing);
    if (observed.word && !is_word(mismatch.reg, *observed.word)) return false;
    if (observed.bits)
        return mismatch.fault == Fault::value && !mismatch.bounded && (mismatch.bits & ~*observed.bits) == 0;
    return observed.effect == "count-above-initial" && mismatch.bounded;
}

} // namespace

const specs::Departure* find_departure(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    const auto fits = [&](const specs::Departure& departure) {
        return departure.in_trace && names(departure.rules, model::to_string(mismatch.rule)) &&
               names(departure.registers, register_name(mismatch.reg)) &&
               names(departure.access, model::to_string(divergence.access.kind)) &&
               names(departure.modes, model::to_string(mismatch.mode)) &&
               observed_as(departure.observed, divergence);
    };
    const auto& departures = specs::catalogue().departures;
    const auto found = std::ranges::find_if(departures, fits);
    return found == departures.end() ? nullptr : &*found;
}

} // namespace lapicheck::checker
