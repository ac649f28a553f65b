// Prints finished results. Knows nothing of how they came about.
#pragma once

#include <iosfwd>
#include <vector>

#include "checker/replay/check.hpp"

namespace lapicheck::checker {

void write_text(std::ostream& out, const std::vector<TraceReport>& reports, Profile profile, bool colour);
void write_json(std::ostream& out, const std::vector<TraceReport>& reports, const CheckOptions& options);

// What both say in words.
std::string_view mode_text(Mode mode); // "x2APIC mode"
std::string access_text(const Divergence& divergence);
std::string observed_text(const Divergence& divergence);
std::string expected_text(const Divergence& divergence);
// All of it in one line, for those who look on.
std::string line_text(const Divergence& divergence, const traces::ReadSummary& read);

} // namespace lapicheck::checker
