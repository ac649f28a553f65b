// The steps of a run and what came of them, in words.
#pragma once

#include <string>

#include "programs/sim/scenario.hpp"

namespace lapicheck::programs {

// "MMIO read, 4 bytes at 0xfee00030 (version)".
std::string step_words(const ScenarioStep& step);
// "0x50014, from the APIC's register"; of what befalls an APIC: what it changes.
std::string outcome_words(const ExecutedStep& step);
// "D12.word.0 = 0x1": answers of open questions that are not the ones that rules propose; empty: none.
std::string choice_words(const ChoiceValues& choices);
// "AMD CPU, no x2APIC"; empty: nothing about the machine is out of the ordinary.
std::string machine_words(const MachineFacts& machine);

} // namespace lapicheck::programs
