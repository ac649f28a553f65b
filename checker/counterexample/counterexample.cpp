#include "checker/counterexample/counterexample.hpp"

#include "programs/sim/allowed.hpp"

namespace lapicheck::checker {
namespace {

specs::Transition<model::Concrete> transition_of(const programs::ExecutedStep& e) {
    return {e.cpu, e.before, e.access, e.out, e.after, e.around_before, e.around_after};
}

} // namespace

bool breaks(const specs::PropertyEntry& property, const Counterexample& counterexample,
            const programs::PlainImplementation& implementation) {
    const auto run = execute(implementation, counterexample.run);
    specs::Claim<model::Concrete> claim{};
    if (counterexample.other_run) {
        const auto other = execute(implementation, *counterexample.other_run);
        claim = property.concrete_pair(transition_of(run.back()), transition_of(other.back()));
    } else {
        claim = property.concrete(transition_of(run.back()));
    }
    return claim.premise && !claim.holds;
}

std::string_view to_string(Shows shows) {
    switch (shows) {
    case Shows::counterexample: return "counterexample";
    case Shows::witness: return "witness";
    case Shows::divergence: return "divergence";
    case Shows::departure: break;
    }
    return "departure";
}

bool still_shows(const ScenarioFile& file, const model::ImplementationEntry* implementation) {
    if (file.shows == Shows::departure)
        return !programs::is_allowed(execute(*implementation->concrete(), file.runs.run).back());
    if (!file.divergence) return breaks(*file.property, file.runs, *implementation->concrete());
    DivergenceScenario run = *file.divergence;
    if (implementation != nullptr)
        run.observed = as_observed(execute(*implementation->concrete(), run.run).back());
    return breaks_rule(run);
}

} // namespace lapicheck::checker
