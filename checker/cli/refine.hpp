// `prove --refines sdm`: what implementations do that the manual does not allow.
#pragma once

#include <string>
#include <vector>

#include "checker/report/format.hpp"

namespace lapicheck::checker {

struct RefineOptions {
    std::vector<std::string> implementations;
    std::string export_to; // a folder for a program for each departure; empty: none
};
// 1 if anything is not allowed, 4 if that was not decided.
int refine(const RefineOptions& options, const ReportFormat& format);

} // namespace lapicheck::checker
