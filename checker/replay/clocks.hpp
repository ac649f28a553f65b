// The clocks of the host's CPUs, of which each stamps its own events.
#pragma once

#include "model/domains/concrete.hpp"

namespace lapicheck::checker {

// Each may be so far beside the true time, so that two events of two CPUs stand up to twice as far from each
// other in the recording as they were, and perhaps in the other order. In nanoseconds.
constexpr model::u64 clock_error_ns = 100'000;
constexpr model::u64 clocks_apart_ns = 2 * clock_error_ns;

} // namespace lapicheck::checker
