// The writers of `lapicheck results`, and of test logs beside a recording (`check --results`).
#pragma once

#include <ostream>
#include <vector>

#include "checker/report/json.hpp"
#include "checker/results/read_log.hpp"

namespace lapicheck::checker {

void write_results_text(std::ostream& out, const std::vector<ReadLog>& logs);
void write_results_json(std::ostream& out, const std::vector<ReadLog>& logs);

// Each failed test of the local APIC with what the recording shows of its rules.
void write_tests_text(std::ostream& out, const CheckReport& report, const TraceReport& trace);
json tests_json(const CheckReport& report, const TraceReport& trace);

} // namespace lapicheck::checker
