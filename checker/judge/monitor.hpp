// The properties as monitors of recordings: does what was seen of an access break one, whatever may be true
// of all that the recording does not show?
#pragma once

#include <vector>

#include "checker/judge/abstract_state.hpp"
#include "specs/properties/registry.hpp"

namespace lapicheck::checker {

using BrokenProperties = std::vector<const specs::PropertyEntry*>;

// What may be true before the access and after it, and what was seen of it.
struct Watched {
    const AbstractState& before;
    const AbstractState& after;
    const Observation& seen;
};

// Of the properties of one step those that are broken in each case that is possible, in the table's order.
BrokenProperties broken_properties(const Watched& watched);
// Of these the ones that speak of `rule`; all, if none does.
BrokenProperties broken_properties(const Watched& watched, Rule rule);

} // namespace lapicheck::checker
