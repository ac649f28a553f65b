// What a step changed in an APIC, in words.
#pragma once

#include <string>
#include <vector>

#include "model/domains/known_bits.hpp"
#include "programs/sim/execution.hpp"

namespace lapicheck::checker {

using KnownState = model::State<model::KnownBits>;
using KnownCpu = model::Cpu<model::KnownBits>;

KnownState known_state(const proof::PlainState& state);
KnownCpu known_cpu(const model::Cpu<model::Concrete>& cpu);

// "x2APIC mode", "the invalid mode".
std::string_view mode_words(model::u64 apic_base);
// "x2APIC mode", "svr 0xff -> 0x1ff", "ldr is left open"; empty: nothing changes.
std::vector<std::string> change_words(const proof::PlainState& before, const KnownState& after);

// "0x5....14": digits that are not determined are dots.
std::string dotted_hex(model::Known<model::u64> value);

} // namespace lapicheck::checker
