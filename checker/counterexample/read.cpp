#include "checker/counterexample/counterexample.hpp"

#include <algorithm>
#include <array>

#include "checker/judge/messages.hpp"
#include "programs/json_place.hpp"
#include "programs/sim/scenario_json.hpp"
#include "specs/properties/names.hpp"

namespace lapicheck::checker {
namespace {

using programs::At;
using programs::json;

// The string under a key that must be there.
std::string text_at(const programs::Program& program, std::string_view key) {
    const std::string* text = programs::find_key(program, key);
    if (text == nullptr)
        programs::refuse("", fmt::format("has no \"{}\"; name a file that 'prove --export' wrote", key));
    const json parsed = json::parse(*text);
    return At(parsed, fmt::format("/{}", key)).text();
}

Shows read_kind(const programs::Program& program) {
    const std::string kind = text_at(program, "kind");
    for (const Shows shows : {Shows::counterexample, Shows::witness, Shows::divergence, Shows::departure})
        if (kind == to_string(shows)) return shows;
    programs::refuse(
        "/kind",
        fmt::format(R"("{}" is none of "counterexample", "witness", "divergence" and "departure")", kind));
}

// Its machine is the program's.
programs::Scenario other_run_of(const std::string& other, const programs::Scenario& run,
                                const programs::Program& program) {
    const json parsed = json::parse(other);
    const At at(parsed, "/other_run");
    at.must_be_object();
    if (!parsed.contains("steps")) at.refuse_it("has no \"steps\"");
    programs::Program shell;
    shell.machine = program.machine;
    json whole = json::parse(programs::write_program(shell));
    whole["steps"] = parsed["steps"];
    const programs::ProgramText text = programs::read_program(whole.dump(), "/other_run");
    if (!text.error.empty()) throw programs::Refusal(text.error);
    programs::Scenario other_run = programs::run_of(text.program);
    other_run.machine = run.machine;
    return other_run;
}

const model::ImplementationEntry* implementation_of(const programs::Program& program) {
    const std::string name = text_at(program, "impl");
    const model::ImplementationEntry* found = model::find_implementation(name);
    if (found == nullptr) programs::refuse("/impl", specs::unknown_implementation(name));
    return found;
}

void read_proof(ScenarioFile& file, const programs::Program& program) {
    file.implementation = implementation_of(program);
    const std::string property = text_at(program, "property");
    file.property = specs::find_property(property);
    if (file.property == nullptr) programs::refuse("/property", specs::unknown_property(property));
    const std::string* other = programs::find_key(program, "other_run");
    const bool compares = file.property->scope != specs::Scope::step && file.shows == Shows::counterexample;
    if (compares && other == nullptr)
        programs::refuse("", "has no \"other_run\", with which the property compares; export it again");
    if (compares) file.runs.other_run = other_run_of(*other, file.runs.run, program);
}

Rule rule_of(const programs::Program& program) {
    const std::string* text = programs::find_key(program, "rules");
    if (text == nullptr) programs::refuse("", "has no \"rules\"; export it again");
    const json rules = json::parse(*text);
    const At at(rules, "/rules");
    at.must_be_array();
    if (rules.size() != 1) at.refuse_it("a divergence or departure has one rule");
    const std::string id = At(rules[0], 0, at).text();
    const auto found = std::ranges::find(model::rule_ids, id);
    if (found == model::rule_ids.end())
        programs::refuse("/rules/0", fmt::format("there is no rule '{}'; see 'lapicheck list rules'", id));
    return static_cast<Rule>(found - model::rule_ids.begin());
}

void read_observed(traces::GuestAccess& access, const At& at) {
    at.must_be_object();
    const json& object = at.value();
    const auto member = [&](const char* key) {
        if (!object.contains(key)) at.refuse_it(fmt::format("has no \"{}\"", key));
        return At(object[key], key, at);
    };
    access.reached_apic = member("reached_apic").boolean();
    access.apic_offset = static_cast<model::u32>(member("apic_offset").number(0, model::window_bytes - 1));
    access.apic_value = member("apic_value").hex(~model::u64{0});
    access.ipis = static_cast<std::uint8_t>(member("ipis").number(0, 255));
    access.ipi_vector = member("ipi_vector").number(0, 255);
    if (object.contains("ipi_icr")) {
        access.ipi = interrupt_of(static_cast<model::u32>(member("ipi_icr").hex(~model::u32{0})));
        access.ipi_destination = member("ipi_destination").hex(~model::u32{0});
    }
    access.ended_interrupt = object.contains("ended");
    if (!access.ended_interrupt) return;
    access.eoi_vector = object["ended"].is_null() ? ~model::u64{0} : member("ended").number(0, 255);
}

void read_divergence(ScenarioFile& file, const programs::Program& program) {
    constexpr std::array cpus = {GuestCpu::either, GuestCpu::intel,
                                 GuestCpu::amd}; // as programs::GuestVendor
    DivergenceScenario run{
        file.runs.run, {}, rule_of(program), cpus.at(static_cast<std::size_t>(program.machine.vendor))};
    const programs::ScenarioStep& last = run.run.steps.back();
    const auto notes = program.notes.find(program.steps.size() - 1);
    if (notes == program.notes.end() || !notes->second.outcome)
        programs::refuse(fmt::format("/steps/{}", program.steps.size() - 1),
                         "has no \"outcome\", the recorded one; export it again");
    const programs::StepOutcome& outcome = *notes->second.outcome;
    run.observed.kind = last.kind;
    run.observed.address = last.address;
    run.observed.size = last.size;
    run.observed.gp = outcome.gp;
    run.observed.value = model::is_write(last.kind) ? last.value : outcome.value.value_or(0);
    const std::string* observed = programs::find_key(program, "observed");
    if (observed == nullptr) programs::refuse("", "has no \"observed\"; export it again");
    const json parsed = json::parse(*observed);
    read_observed(run.observed, At(parsed, "/observed"));
    file.divergence = std::move(run);
}

void read_departure(ScenarioFile& file, const programs::Program& program) {
    file.implementation = implementation_of(program);
    file.rule = rule_of(program);
}

// Nobody exported it to be executed again: a program that 'run' takes.
bool is_plain_program(const programs::Program& program) {
    constexpr std::array<std::string_view, 3> written_by_export{"kind", "property", "observed"};
    return std::ranges::none_of(
        written_by_export, [&](std::string_view key) { return programs::find_key(program, key) != nullptr; });
}

ScenarioFile file_of(const programs::Program& program) {
    ScenarioFile file;
    file.shows = read_kind(program);
    file.runs.run = programs::run_of(program);
    switch (file.shows) {
    case Shows::divergence: read_divergence(file, program); break;
    case Shows::departure: read_departure(file, program); break;
    default: read_proof(file, program); break;
    }
    return file;
}

} // namespace

ScenarioFileText read_scenario_file(std::string_view text, const std::string& name) {
    const programs::ProgramText read = programs::read_program(text, name);
    if (!read.error.empty()) return {{}, read.error};
    try {
        if (is_plain_program(read.program))
            return {{},
                    fmt::format("{0} is an access program; run it with: lapicheck run {0} --on kvm", name)};
        return {file_of(read.program), {}};
    } catch (const programs::Refusal& refusal) {
        return {{}, fmt::format("{}: {}", name, refusal.what())};
    } catch (const json::exception& error) { // of a key whose text was read once already
        return {{}, fmt::format("{}: {}", name, error.what())};
    }
}

} // namespace lapicheck::checker
