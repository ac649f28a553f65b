// Prints finished results. Knows nothing of how they came about.
#pragma once

#include <iosfwd>
#include <vector>

#include "checker/check.hpp"

namespace lapicheck::checker {

void write_text(std::ostream& out, const std::vector<TraceReport>& reports, Profile profile, bool colour);
void write_json(std::ostream& out, const std::vector<TraceReport>& reports, const CheckOptions& options);

// What both say in words.
std::string access_text(const Divergence& divergence);
std::string observed_text(const Divergence& divergence);
std::string expected_text(const Divergence& divergence);

} // namespace lapicheck::checker
