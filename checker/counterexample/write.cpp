#include <array>

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "checker/counterexample/counterexample.hpp"
#include "checker/judge/divergence_text.hpp"
#include "checker/judge/messages.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/sim/scenario_text.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

// A path need not be UTF-8.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string section_of(Rule id) {
    const specs::RuleEntry* rule = specs::find_rule(model::to_string(id));
    if (rule == nullptr || rule->citations.empty()) return {};
    const specs::Citation& c = rule->citations.front();
    return fmt::format("{}, {}{}{} ({})", c.manual, c.number, c.number.empty() ? "" : " ", c.title,
                       c.revision);
}

std::string summary_of(const ProvedScenario& proved, Shows shows, const programs::Scenario& run,
                       const std::vector<programs::ExecutedStep>& executed) {
    return fmt::format("{} {}: {} The last step: {} -> {}", proved.implementation.name,
                       shows == Shows::witness ? "keeps" : "breaks", proved.property.statement,
                       programs::step_words(run.steps.back()), programs::outcome_words(executed.back()));
}

std::string other_run_text(const programs::PlainImplementation& implementation,
                           const programs::Scenario& run) {
    const programs::Program program = programs::program_of(run, execute(implementation, run));
    return fmt::format("{{\n    \"steps\": {}\n  }}", programs::write_steps(program, "    "));
}

// What a step's outcome has no words for.
json observed_json(const traces::GuestAccess& access) {
    json out;
    out["reached_apic"] = access.reached_apic;
    out["apic_offset"] = access.apic_offset;
    out["apic_value"] = fmt::format("{:#x}", access.apic_value);
    out["ipis"] = access.ipis;
    out["ipi_vector"] = access.ipi_vector & 0xff;
    const bool shows_command = access.ipi.delivery_mode != traces::DeliveryMode::unknown &&
                               access.ipi.shorthand != traces::Shorthand::unknown;
    if (access.ipis > 0 && shows_command) {
        out["ipi_icr"] = fmt::format("{:#x}", icr_of(access.ipi));
        out["ipi_destination"] = fmt::format("{:#x}", access.ipi_destination);
    }
    if (access.ended_interrupt)
        out["ended"] = access.eoi_vector > 0xff ? json(nullptr) : json(access.eoi_vector);
    return out;
}

programs::StepOutcome recorded_outcome(const traces::GuestAccess& access) {
    programs::StepOutcome outcome;
    outcome.gp = access.gp;
    if (!model::is_write(access.kind) && !access.gp) outcome.value = access.value;
    return outcome;
}

} // namespace

std::string counterexample_text(const ProvedScenario& proved, Shows shows) {
    const programs::Scenario& run = proved.run.run;
    const auto implementation = proved.implementation.concrete();
    const std::vector<programs::ExecutedStep> executed = execute(*implementation, run);
    programs::Program program = programs::program_of(run, executed);
    json rules = json::array();
    for (const model::Rule rule : proved.property.rules) rules.push_back(model::to_string(rule));
    program.others = {
        {"kind", text_of(to_string(shows))},
        {"tool", text_of({{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}})},
        {"solver", text_of(proved.solver)},
        {"impl", text_of(proved.implementation.name)},
        {"property", text_of(proved.property.id)},
        {"rules", text_of(rules)},
        {"section", text_of(section_of(proved.property.rules.front()))},
        {"summary", text_of(summary_of(proved, shows, run, executed))},
        {"apic", programs::apic_text(run.machine)},
    };
    if (proved.run.other_run)
        program.others.emplace_back("other_run", other_run_text(*implementation, *proved.run.other_run));
    return programs::write_program(program);
}

std::string divergence_text(const DivergenceScenario& run, const Divergence& divergence,
                            const std::string& path) {
    const auto manual = model::implementations().front().concrete();
    programs::Program program = programs::program_of(run.run, execute(*manual, run.run));
    program.machine.vendor =
        run.cpu == GuestCpu::either ? programs::GuestVendor::either : program.machine.vendor;
    program.notes[program.steps.size() - 1].outcome = recorded_outcome(run.observed);
    program.others = {
        {"kind", text_of(to_string(Shows::divergence))},
        {"tool", text_of({{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}})},
        {"rules", text_of(json::array({model::to_string(run.rule)}))},
        {"section", text_of(section_of(run.rule))},
        {"summary", text_of(fmt::format("{}; allowed: {}", headline(divergence), expected_text(divergence)))},
        {"trace", text_of({{"path", path}, {"line", divergence.line}})},
        {"observed", text_of(observed_json(run.observed))},
        {"apic", programs::apic_text(run.run.machine)},
    };
    return programs::write_program(program);
}

} // namespace lapicheck::checker
