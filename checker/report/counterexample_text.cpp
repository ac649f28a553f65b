#include "checker/report/counterexample_text.hpp"
#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_text.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

constexpr std::string_view indent = "              ";

void write_named_rule(std::ostream& out, model::Rule id) {
    const specs::RuleEntry* rule = specs::find_rule(model::to_string(id));
    if (rule == nullptr) return;
    fmt::print(out, "    rule      {} {} ({}): {}\n", rule->id, rule->slug, specs::letter(rule->level),
               rule->statement);
    for (const specs::Citation& citation : rule->citations)
        fmt::print(out, "{}{}\n", indent, citation_text(citation));
}

// `last`: the last step's outcome, if that is not the executed one's.
void write_run(std::ostream& out, const programs::Scenario& run,
               const std::vector<programs::ExecutedStep>& executed, const std::string& last = {}) {
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        const programs::ScenarioStep& step = run.steps[i];
        fmt::print(out, "    step {:<3}  vCPU {}  {}\n", i + 1, step.vcpu, programs::step_words(step));
        write_choices(out, step.choices);
        const bool told = i + 1 == run.steps.size() && !last.empty();
        fmt::print(out, "{}-> {}\n", indent, told ? last : programs::outcome_words(executed[i]));
    }
}

std::string_view first_heading(specs::Scope scope) {
    return scope == specs::Scope::vcpus ? "with the write" : "first run";
}
std::string_view second_heading(specs::Scope scope) {
    return scope == specs::Scope::vcpus ? "without the write" : "second run";
}

} // namespace

void write_choices(std::ostream& out, const programs::ChoiceValues& choices) {
    for (const auto& [name, value] : choices) {
        const specs::RuleEntry* rule = specs::find_rule(name.substr(0, name.find('.')));
        fmt::print(out, "{}unspecified by {}{}; this run assumes {} = {:#x}\n", indent,
                   rule == nullptr ? std::string_view{"the manual"} : std::string_view{rule->id},
                   rule == nullptr ? std::string{} : fmt::format(" ({})", rule->slug), name, value);
    }
}

void write_property(std::ostream& out, const specs::PropertyEntry& property) {
    fmt::print(out, "  {}\n", property.statement);
    for (const model::Rule rule : property.rules) write_named_rule(out, rule);
}

void write_runs(std::ostream& out, const specs::PropertyEntry& property,
                const programs::PlainImplementation& implementation, const Counterexample& counterexample) {
    const std::string machine = programs::machine_words(counterexample.run.machine);
    if (!machine.empty()) fmt::print(out, "    machine   {}\n", machine);
    const auto executed = execute(implementation, counterexample.run);
    if (counterexample.other_run) fmt::print(out, "    {}\n", first_heading(property.scope));
    write_run(out, counterexample.run, executed);
    if (counterexample.other_run) {
        fmt::print(out, "    {}\n", second_heading(property.scope));
        write_run(out, *counterexample.other_run, execute(implementation, *counterexample.other_run));
        fmt::print(out, "    allowed   the same outcome of the last step in both runs\n");
        return;
    }
    fmt::print(out, "    allowed   {}\n", programs::allowed_by_manual(executed.back()).text);
}

void write_departing_run(std::ostream& out, Rule rule, const programs::Scenario& run,
                         const programs::PlainImplementation& implementation) {
    write_named_rule(out, rule);
    if (const std::string machine = programs::machine_words(run.machine); !machine.empty())
        fmt::print(out, "    machine   {}\n", machine);
    const auto executed = execute(implementation, run);
    write_run(out, run, executed);
    fmt::print(out, "    allowed   {}\n", programs::allowed_by_manual(executed.back()).text);
}

void write_rule_run(std::ostream& out, const DivergenceScenario& run,
                    const programs::PlainImplementation* implementation) {
    write_named_rule(out, run.rule);
    const auto manual = model::implementations().front().concrete();
    const auto executed = execute(implementation != nullptr ? *implementation : *manual, run.run);
    write_run(out, run.run, executed, implementation == nullptr ? recorded_text(run.observed) : "");
    fmt::print(out, "    allowed   {}\n", programs::allowed_by_manual(executed.back()).text);
}

void write_refutation(std::ostream& out, const prove::Result& result) {
    const std::size_t steps = result.counterexample->steps();
    fmt::print(out, "{}: {} is refuted by a run of {} step{} from RESET\n", result.implementation->name,
               result.property->id, steps, plural(steps));
    write_property(out, *result.property);
    if (result.property->basis == specs::Basis::wish)
        fmt::print(out, "    basis     wish: desirable, but not required by the manual\n");
    write_runs(out, *result.property, *result.implementation->concrete(), *result.counterexample);
}

} // namespace lapicheck::checker
