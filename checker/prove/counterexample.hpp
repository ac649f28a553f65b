// A run that shows something of an implementation, as a file: an access program that says what it shows.
#pragma once

#include <string>
#include <string_view>

#include "checker/prove/prover.hpp"
#include "checker/replay/divergence_scenario.hpp"

namespace lapicheck::checker {

enum class Shows : std::uint8_t {
    counterexample, // the last step breaks the property
    witness,        // the property speaks of the last step, and holds
    divergence,     // the last step's outcome is a recording's, and breaks a rule
    departure,      // the last step does what the manual does not allow
};
std::string_view to_string(Shows shows);

// The file's text of a result's counterexample, or of its witness. The result must have one.
std::string counterexample_text(const proof::Result& result, Shows shows);

// The file's text of a divergence of the recording `path`.
std::string divergence_text(const DivergenceRun& run, const Divergence& divergence, const std::string& path);

struct RunFile {
    Shows shows = Shows::counterexample;
    // Of a divergence null: nobody can run it but who was recorded.
    const proof::ImplementationEntry* implementation = nullptr;
    const proof::PropertyEntry* property = nullptr; // of a counterexample or witness
    Rule rule = Rule::M14;                          // of a departure: the manual's, that decides
    proof::Counterexample runs;
    std::optional<DivergenceRun> divergence;
};

struct RunFileText {
    RunFile file;
    std::string error; // with path and reason; empty: none
};
// `name` stands before errors. Never throws for what the text holds.
RunFileText read_run_file(std::string_view text, const std::string& name);

} // namespace lapicheck::checker
