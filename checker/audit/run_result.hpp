// What came of access programs on targets: one run judged, many random ones, two targets compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checker/audit/known_list.hpp"
#include "checker/audit/program_judge.hpp"
#include "checker/audit/target_difference.hpp"
#include "checker/judge/profile.hpp"

namespace lapicheck::checker {

struct JudgedRun {
    std::string target;    // as a user names it
    std::string full_name; // with what makes it the one it is
    std::string kernel;    // the host's, if it ran there; else empty
    Profile profile = Profile::sdm;
    programs::Program program;
    programs::Execution run;
    std::vector<StepVerdict> verdicts;
};

struct RunCount {
    std::size_t ok = 0;
    std::size_t diverging = 0; // steps with a divergence that is not known
    std::size_t known = 0;     // steps whose divergences are all known
    std::size_t not_judged = 0;
};
RunCount count(const std::vector<StepVerdict>& verdicts);
Verdict verdict_of(const RunCount& n);
// Sets Divergence::known: under profile kvm what KVM is known to do, and what the target's own file names.
void mark_known(std::vector<StepVerdict>& verdicts, Profile profile, const KnownList& known);

// Divergences of many programs, those of one kind together.
struct RandomFinding {
    Divergence divergence; // the first
    std::size_t count = 0;
    programs::Program program; // as few steps as can be that show it
};
struct RandomFindings {
    std::string target;
    std::string full_name;
    Profile profile = Profile::sdm;
    std::uint64_t seed = 0;
    std::size_t steps = 0;
    RunCount count;
    std::vector<RandomFinding> findings; // those that are not known first
    std::vector<std::string> left_out;   // of what random programs do
};
struct TargetComparison {
    std::string first; // the targets
    std::string second;
    programs::Program program; // that is shown: whole, or shrunk
    programs::Execution first_run;
    programs::Execution second_run;
    std::vector<TargetDifference> differences;
    std::vector<Exclusion> exclusions;      // of all that was compared
    std::size_t steps = 0;                  // compared, in all
    std::optional<std::uint64_t> seed;      // of random programs
    std::vector<std::string> left_out;      // of what those do
    std::optional<model::KvmModule> module; // with which KVM ran
};

} // namespace lapicheck::checker
