#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "checker/audit/audit.hpp"
#include "checker/judge/divergence_text.hpp"
#include "programs/tool_json.hpp"

namespace lapicheck::checker {

using json = nlohmann::ordered_json;

std::string audit_program_text(const Audit& audit, const AuditDeparture& departure) {
    programs::Program program = departure.program;
    const auto add = [&program](std::string key, const json& value) {
        program.others.emplace_back(std::move(key), value.dump());
    };
    add("tool", programs::tool_json());
    add("party", audit.target);
    add("host", {{"kernel", audit.kernel.empty() ? json(nullptr) : json(audit.kernel)}});
    add("rules", json::array({model::to_string(departure.key.rule)}));
    add("summary", fmt::format("{}; allowed: {}", observed_text(departure.divergence),
                               expected_text(departure.divergence)));
    if (departure.outcome) program.notes[program.steps.size() - 1].outcome = departure.outcome;
    return programs::write_program(program);
}

} // namespace lapicheck::checker
