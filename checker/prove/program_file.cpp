#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "checker/prove/refined.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/sim/scenario_text.hpp"
#include "programs/tool_json.hpp"

namespace lapicheck::prove {

using json = nlohmann::ordered_json;

std::string program_text(const Refined& refined, const RefinedDeparture& departure) {
    const programs::Scenario& run = departure.found.run.run;
    programs::Program program = programs::program_of(run, execute(*refined.implementation->concrete(), run));
    program.others = {
        {"kind", json(checker::to_string(checker::Shows::departure)).dump()},
        {"tool", programs::tool_json().dump()},
        {"impl", json(refined.implementation->name).dump()},
        {"rules", json::array({model::to_string(departure.found.key.rule)}).dump()},
        {"summary", json(fmt::format("{}: {}; allowed: {}", programs::step_words(run.steps.back()),
                                     programs::outcome_words(departure.found.did),
                                     programs::allowed_by_manual(departure.found.did).text))
                        .dump()},
        {"apic", programs::apic_text(run.machine)},
    };
    return programs::write_program(program);
}

} // namespace lapicheck::prove
