// Random programs on one target, judged, or on two, compared.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "checker/audit/run_result.hpp"

namespace lapicheck::checker {

struct RandomRequest {
    std::uint64_t seed = 0;
    std::size_t steps = 0; // in all
    // Told now and then how many steps are done.
    std::function<void(std::size_t done)> progress;
};

// Until the first difference, which is then shown by as few steps as can be.
struct RandomComparison {
    TargetComparison compared;
    std::string refused; // why a target did not run; empty: all ran
};
RandomComparison compare_random(const std::string& first, const std::string& second,
                                const RandomRequest& request);

struct RandomJudgement {
    RandomFindings findings;
    std::string refused;
};
RandomJudgement judge_random(const std::string& target, Profile profile, const RandomRequest& request);

} // namespace lapicheck::checker
