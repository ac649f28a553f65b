// A scenario that shows something of an implementation or of a recording; as a file it is an access program
// that says what it shows (specs/schema/program.schema.json).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "checker/counterexample/divergence_scenario.hpp"
#include "model/implementations/registry.hpp"
#include "programs/sim/scenario.hpp"
#include "specs/properties/registry.hpp"

namespace lapicheck::checker {

// A scenario whose last step breaks a property. Of a property of two runs: the last steps of both differ
// where they must not.
struct Counterexample {
    programs::Scenario run;
    std::optional<programs::Scenario> other_run;

    // The longer run's.
    std::size_t steps() const {
        return std::max(run.steps.size(), other_run ? other_run->steps.size() : std::size_t{0});
    }
};

// Whether it breaks the property when `implementation` carries it out.
bool breaks(const specs::PropertyEntry& property, const Counterexample& counterexample,
            const programs::PlainImplementation& implementation);

enum class Shows : std::uint8_t {
    counterexample, // the last step breaks the property
    witness,        // the property speaks of the last step, and holds
    divergence,     // the last step's outcome is a recording's, and breaks a rule
    departure,      // the last step does what the manual does not allow
};
std::string_view to_string(Shows shows);

// What a prover found, to be written: `run.other_run` of a counterexample alone.
struct ProvedScenario {
    const model::ImplementationEntry& implementation;
    const specs::PropertyEntry& property;
    Counterexample run;
    std::string solver; // "Z3 4.8.12"
};
// The file's text; `shows`: counterexample or witness.
std::string counterexample_text(const ProvedScenario& proved, Shows shows);

// The file's text of a divergence of the recording `path`.
std::string divergence_text(const DivergenceScenario& run, const Divergence& divergence,
                            const std::string& path);

struct ScenarioFile {
    Shows shows = Shows::counterexample;
    // Of a divergence null: nobody can run it but who was recorded.
    const model::ImplementationEntry* implementation = nullptr;
    const specs::PropertyEntry* property = nullptr; // of a counterexample or witness
    Rule rule = Rule::M14;                          // of a departure: the manual's, that decides
    Counterexample runs;
    std::optional<DivergenceScenario> divergence;
};

struct ScenarioFileText {
    ScenarioFile file;
    std::string error; // with path and reason; empty: none
};
// `name` stands before errors. Never throws for what the text holds.
ScenarioFileText read_scenario_file(std::string_view text, const std::string& name);

// Whether the last step still shows what the file was kept for: carried out by `implementation`; null: of a
// divergence, what was recorded.
bool still_shows(const ScenarioFile& file, const model::ImplementationEntry* implementation);

} // namespace lapicheck::checker
