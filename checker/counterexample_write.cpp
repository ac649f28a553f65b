#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "checker/counterexample.hpp"
#include "checker/program_run.hpp"
#include "checker/run_words.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

std::string text_of(const json& value) { return value.dump(); }

std::string solver() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned build = 0;
    unsigned revision = 0;
    Z3_get_version(&major, &minor, &build, &revision);
    return fmt::format("Z3 {}.{}.{}", major, minor, build);
}

std::string section_of(const proof::PropertyEntry& property) {
    if (property.rules.empty()) return {};
    const specs::Rule* rule = specs::find_rule(model::to_string(property.rules.front()));
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

} // namespace

std::string_view to_string(Shows shows) { return shows == Shows::witness ? "witness" : "counterexample"; }

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
        {"section", text_of(section_of(*result.property))},
        {"summary", text_of(summary_of(result, shows, run, executed))},
        {"apic", apic_text(run.machine)},
    };
    if (shows == Shows::counterexample && result.counterexample->other_run)
        program.others.emplace_back("other_run",
                                    other_run_text(*implementation, *result.counterexample->other_run));
    return traces::write_program(program);
}

} // namespace lapicheck::checker
