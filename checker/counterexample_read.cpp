#include "checker/counterexample.hpp"
#include "checker/names.hpp"
#include "checker/program_run.hpp"
#include "traces/json_place.hpp"

namespace lapicheck::checker {
namespace {

using traces::At;
using traces::json;

// The string under a key that must be there.
std::string text_at(const traces::Program& program, std::string_view key) {
    const std::string* text = find_key(program, key);
    if (text == nullptr)
        traces::refuse("", fmt::format("has no \"{}\"; this is no file that 'prove --export' wrote", key));
    const json parsed = json::parse(*text);
    return At(parsed, fmt::format("/{}", key)).text();
}

Shows read_kind(const traces::Program& program) {
    const std::string kind = text_at(program, "kind");
    for (const Shows shows : {Shows::counterexample, Shows::witness})
        if (kind == to_string(shows)) return shows;
    traces::refuse("/kind", fmt::format("\"{}\" is none of \"counterexample\" and \"witness\"", kind));
}

// Its machine is the program's.
proof::Run other_run_of(const std::string& other, const proof::Run& run, const traces::Program& program) {
    const json parsed = json::parse(other);
    const At at(parsed, "/other_run");
    at.must_be_object();
    if (!parsed.contains("steps")) at.refuse_it("has no \"steps\"");
    traces::Program shell;
    shell.machine = program.machine;
    json whole = json::parse(traces::write_program(shell));
    whole["steps"] = parsed["steps"];
    const traces::ProgramText text = traces::read_program(whole.dump(), "/other_run");
    if (!text.error.empty()) throw traces::Refusal(text.error);
    proof::Run other_run = run_of(text.program);
    other_run.machine = run.machine;
    return other_run;
}

RunFile file_of(const traces::Program& program) {
    RunFile file;
    file.shows = read_kind(program);
    file.implementation = text_at(program, "impl");
    if (proof::find_implementation(file.implementation) == nullptr)
        traces::refuse("/impl", unknown_implementation(file.implementation));
    file.property = text_at(program, "property");
    const proof::PropertyEntry* property = proof::find_property(file.property);
    if (property == nullptr) traces::refuse("/property", unknown_property(file.property));
    file.runs.run = run_of(program);
    const std::string* other = find_key(program, "other_run");
    const bool compares = property->scope != specs::Scope::step && file.shows == Shows::counterexample;
    if (compares && other == nullptr)
        traces::refuse("", "has no \"other_run\", which the property compares with");
    if (compares) file.runs.other_run = other_run_of(*other, file.runs.run, program);
    return file;
}

} // namespace

RunFileText read_run_file(std::string_view text, const std::string& name) {
    const traces::ProgramText read = traces::read_program(text, name);
    if (!read.error.empty()) return {{}, read.error};
    try {
        return {file_of(read.program), {}};
    } catch (const traces::Refusal& refusal) {
        return {{}, fmt::format("{}: {}", name, refusal.what())};
    } catch (const json::exception& error) { // of a key whose text was read once already
        return {{}, fmt::format("{}: {}", name, error.what())};
    }
}

} // namespace lapicheck::checker
