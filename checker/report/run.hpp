// Prints what came of access programs: a run with its judgement, and where two parties differ.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "checker/audit/program_judge.hpp"
#include "checker/audit/target_difference.hpp"
#include "checker/replay/check.hpp"

namespace lapicheck::checker {

struct JudgedRun {
    std::string party;     // as a user names it
    std::string full_name; // with what makes it the one it is
    std::string kernel;    // the host's, if it ran there; else empty
    Profile profile = Profile::sdm;
    traces::Program program;
    traces::Run run;
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

void write_run_text(std::ostream& out, const JudgedRun& judged);
// An access program again: specs/schema/program.schema.json.
void write_run_json(std::ostream& out, const JudgedRun& judged);

// Divergences of many programs, those of one kind together.
struct RandomFinding {
    Divergence divergence; // the first
    std::size_t count = 0;
    traces::Program program; // as few steps as can be that show it
};
struct RandomFindings {
    std::string party;
    std::string full_name;
    Profile profile = Profile::sdm;
    std::uint64_t seed = 0;
    std::size_t steps = 0;
    RunCount count;
    std::vector<RandomFinding> findings; // those that are not known first
    std::vector<std::string> left_out;   // of what random programs do
};
void write_findings_text(std::ostream& out, const RandomFindings& found);
void write_findings_json(std::ostream& out, const RandomFindings& found);

struct PartyComparison {
    std::string first; // the parties
    std::string second;
    traces::Program program; // that is shown: whole, or shrunk
    traces::Run first_run;
    traces::Run second_run;
    std::vector<PartyDifference> differences;
    std::vector<Exclusion> exclusions;      // of all that was compared
    std::size_t steps = 0;                  // compared, in all
    std::optional<std::uint64_t> seed;      // of random programs
    std::vector<std::string> left_out;      // of what those do
    std::optional<model::KvmModule> module; // with which KVM ran
};
void write_comparison_text(std::ostream& out, const PartyComparison& compared);
// specs/schema/compare-report.schema.json.
void write_comparison_json(std::ostream& out, const PartyComparison& compared);

} // namespace lapicheck::checker
