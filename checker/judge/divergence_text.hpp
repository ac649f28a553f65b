// A divergence in words.
#pragma once

#include <string>
#include <string_view>

#include "checker/judge/divergence.hpp"
#include "model/text.hpp"

namespace lapicheck::checker {

using model::mode_text;

// What is wrong, as a sentence: "MMIO read of 0xfee00030 (version) in x2APIC mode returned the APIC's
// register value 0x50014", "APIC 1 did not accept vector FDH".
std::string headline(const Divergence& divergence);

// "164.096 ms", of nanoseconds.
std::string duration_text(u64 length);

std::string access_text(const Divergence& divergence);
std::string observed_text(const Divergence& divergence);
std::string expected_text(const Divergence& divergence);

} // namespace lapicheck::checker
