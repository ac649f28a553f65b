// Steps of access programs and their outcomes in words.
#pragma once

#include <string>

#include "programs/program.hpp"

namespace lapicheck::programs {

// "WRMSR 1BH (apic_base) = 0xfee00d00".
std::string step_text(const Step& step);
// "0x50014", "#GP", "ok; vCPU 1 takes 31H".
std::string outcome_text(const Step& step, const StepOutcome& outcome);

} // namespace lapicheck::programs
