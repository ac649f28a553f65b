// Which divergences are KVM's documented departures (specs/kvm-departures.json).
#pragma once

#include "checker/divergence.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {

// The departure that `divergence` is an instance of, exactly, or null.
const specs::Departure* find_departure(const Divergence& divergence);

} // namespace lapicheck::checker
