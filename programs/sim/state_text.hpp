// What a step changed in an APIC, in words.
#pragma once

#include <string>
#include <vector>

#include "model/text.hpp"
#include "programs/sim/scenario.hpp"

namespace lapicheck::programs {

using KnownState = model::State<model::KnownBits>;
using KnownCpu = model::Cpu<model::KnownBits>;

// "x2APIC mode", "svr 0xff -> 0x1ff", "ldr is left open"; empty: nothing changes.
std::vector<std::string> change_words(const PlainState& before, const KnownState& after);

} // namespace lapicheck::programs
