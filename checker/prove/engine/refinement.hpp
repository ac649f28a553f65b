// Is every behaviour of an implementation allowed by the manual? If not: the list of what is not, each with a
// shortest run that shows it.
//
// Both take the same step from the same state. The implementation's step is allowed if some way of the
// reference's, with some answers to what the manual does not specify, does the same: answer, effects and
// state after. The answers are found from what the implementation did (a word that the manual leaves open may
// be what it is there); what this does not find is carried out on partly known values, which leave all
// answers open, before it is called a departure.
#pragma once

#include <functional>
#include <string_view>

#include "checker/prove/engine/prover.hpp"
#include "checker/prove/refined.hpp"

namespace lapicheck::prove {

Refinement refine(const SymbolicImplementation& implementation, SearchBounds bounds = {},
                  RefinementProgress progress = {});

} // namespace lapicheck::prove
