#include <array>

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "checker/prove/counterexample.hpp"
#include "checker/report/check.hpp"
#include "programs/sim/execution_text.hpp"
#include "programs/sim/scenario_json.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

// A path need not be UTF-8.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string solver() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned build = 0;
    unsigned revision = 0;
    Z3_get_version(&major, &minor, &build, &revision);
    return fmt::format("Z3 {}.{}.{}", major, minor, build);
}

std::string section_of(Rule id) {
    const specs::Rule* rule = specs::find_rule(model::to_string(id));
    if (rule == nullptr || rule->citations.empty()) return {};
    const specs::Citation& c = rule->citations.front();
    return fmt::format("{}, {}{}{} ({})", c.manual, c.number, c.number.empty() ? "" : " ", c.title,
                       c.revision);
}

std::string summary_of(const proof::Result& result, Shows shows, const proof::Run& run,
                       const std::vector<proof::Executed>& executed) {
    return fmt::format("{} {}: {} The last step: {} -> {}", result.implementation->name,
                       shows == Shows::witness ? "keeps" : "breaks", result.property->statement,
                       step_words(run.steps.back()), outcome_words(executed.back()));
}

std::string other_run_text(const proof::PlainImplementation& implementation, const proof::Run& run) {
    const traces::Program program = program_of(run, execute(implementation, run));
    return fmt::format("{{\n    \"steps\": {}\n  }}", traces::write_steps(program, "    "));
}

// What a step's outcome has no words for.
json observed_json(const traces::GuestAccess& access) {
    json out;
    out["reached_apic"] = access.reached_apic;
    out["apic_offset"] = access.apic_offset;
    out["apic_value"] = fmt::format("{:#x}", access.apic_value);
    out["ipis"] = access.ipis;
    out["ipi_vector"] = access.ipi_vector & 0xff;
    if (access.ended_interrupt)
        out["ended"] = access.eoi_vector > 0xff ? json(nullptr) : json(access.eoi_vector);
    return out;
}

traces::StepOutcome recorded_outcome(const traces::GuestAccess& access) {
    traces::StepOutcome outcome;
    outcome.gp = access.gp;
    if (!model::is_write(access.kind) && !access.gp) outcome.value = access.value;
    return outcome;
}

} // namespace

std::string_view to_string(Shows shows) {
    constexpr std::array words = {"counterexample", "witness", "divergence", "departure"};
    return words.at(static_cast<std::size_t>(shows));
}

std::string counterexample_text(const proof::Result& result, Shows shows) {
    const proof::Run& run = shows == Shows::witness ? *result.witness : result.counterexample->run;
    const auto implementation = result.implementation->concrete();
    const std::vector<proof::Executed> executed = execute(*implementation, run);
    traces::Program program = program_of(run, executed);
    json rules = json::array();
    for (const model::Rule rule : result.property->rules) rules.push_back(model::to_string(rule));
    program.others = {
        {"kind", text_of(to_string(shows))},
        {"tool", text_of({{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}})},
        {"solver", text_of(solver())},
        {"impl", text_of(result.implementation->name)},
        {"property", text_of(result.property->id)},
        {"rules", text_of(rules)},
        {"section", text_of(section_of(result.property->rules.front()))},
        {"summary", text_of(summary_of(result, shows, run, executed))},
        {"apic", apic_text(run.machine)},
    };
    if (shows == Shows::counterexample && result.counterexample->other_run)
        program.others.emplace_back("other_run",
                                    other_run_text(*implementation, *result.counterexample->other_run));
    return traces::write_program(program);
}

std::string divergence_text(const DivergenceRun& run, const Divergence& divergence, const std::string& path) {
    const auto manual = proof::implementations().front().concrete();
    traces::Program program = program_of(run.run, execute(*manual, run.run));
    program.machine.vendor =
        run.cpu == GuestCpu::either ? traces::GuestVendor::either : program.machine.vendor;
    program.notes[program.steps.size() - 1].outcome = recorded_outcome(run.observed);
    program.others = {
        {"kind", text_of(to_string(Shows::divergence))},
        {"tool", text_of({{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}})},
        {"rules", text_of(json::array({model::to_string(run.rule)}))},
        {"section", text_of(section_of(run.rule))},
        {"summary", text_of(fmt::format("{}: {}; allowed: {}", access_text(divergence),
                                        observed_text(divergence), expected_text(divergence)))},
        {"trace", text_of({{"path", path}, {"line", divergence.line}})},
        {"observed", text_of(observed_json(run.observed))},
        {"apic", apic_text(run.run.machine)},
    };
    return traces::write_program(program);
}

} // namespace lapicheck::checker
