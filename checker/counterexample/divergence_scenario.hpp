// A run from RESET that shows a divergence of a recording, as short as can be made.
#pragma once

#include <optional>

#include "checker/judge/divergence.hpp"
#include "checker/judge/profile.hpp"
#include "programs/sim/scenario.hpp"

namespace lapicheck::checker {

struct DivergenceScenario {
    programs::Scenario run;       // its last step is the access that diverges
    traces::GuestAccess observed; // what came of that
    Rule rule = Rule::M14;        // which the observation breaks
    GuestCpu cpu = GuestCpu::either;
};

// Of the lines that matter to a divergence the fewest that still show it; nothing if those lines do not.
std::optional<DivergenceScenario> shortest_run(const Divergence& divergence, GuestCpu cpu);

// Whether the observation breaks its rule after the run's earlier steps: the same judgement as replay's,
// in a state that is known since RESET.
bool breaks_rule(const DivergenceScenario& run);

// What an implementation's last step would look like in a recording.
traces::GuestAccess as_observed(const programs::ExecutedStep& step);

// What came of the access, as the recording shows it.
std::string recorded_text(const traces::GuestAccess& access);

} // namespace lapicheck::checker
