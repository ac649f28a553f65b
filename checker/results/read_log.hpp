// Logs of tests from files, pipes and archives.
#pragma once

#include <string>
#include <vector>

#include "checker/results/test_log.hpp"

namespace lapicheck::checker {

struct ReadLog {
    std::string path;
    TestLog log;
    std::string error; // "apic.log: why" it could not be read, or is no log of tests; empty: it is one
};

// Each log that the path stands for (traces/recordings.hpp); "-" is standard input.
std::vector<ReadLog> read_logs(const std::vector<std::string>& paths);

} // namespace lapicheck::checker
