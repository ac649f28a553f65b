#include "checker/counterexample/confirm.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "checker/audit/program_judge.hpp"
#include "checker/audit/target_difference.hpp"
#include "checker/judge/divergence_text.hpp"
#include "programs/json_place.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/sim/target.hpp"
#include "programs/targets/targets.hpp"
#include "programs/text.hpp"

namespace lapicheck::checker {
namespace {

using programs::Do;
using programs::Execution;
using programs::json;
using programs::Program;
using programs::Step;

// What is seen in which step, counted from the last one of the run.
struct Seen {
    std::ptrdiff_t step = 0;
    Rule rule = Rule::M14;
    Reg reg = Reg::none;
    auto operator<=>(const Seen&) const = default;
};

struct Looked {
    Execution run;
    std::set<Seen> seen;
    std::string first; // in words
};

// Each register, by window and by MSR: the one that the mode closes shows nothing.
std::vector<Step> look_at_all(std::uint32_t vcpu, std::uint64_t page) {
    std::vector<Step> steps;
    const auto add = [&](Do what, std::uint64_t address, std::uint8_t size) {
        Step step;
        step.what = what;
        step.vcpu = vcpu;
        step.address = address;
        step.size = size;
        steps.push_back(step);
    };
    add(Do::rdmsr, model::apic_base::msr, 0);
    add(Do::rdmsr, model::tsc_deadline_msr, 0);
    add(Do::cr8_read, 0, 0);
    for (const model::RegisterRow& row : model::sdm_registers) {
        if (row.xapic == model::RegAccess::read_write || row.xapic == model::RegAccess::read_only)
            add(Do::mmio_read, page + row.offset, 4);
        if (row.x2apic == model::RegAccess::read_write || row.x2apic == model::RegAccess::read_only)
            add(Do::rdmsr, row.msr(), 0);
    }
    // Errors show once ESR is written.
    const model::RegisterRow& esr = model::sdm_registers[model::index_of(Reg::esr)];
    add(Do::mmio_write, page + esr.offset, 4);
    add(Do::mmio_read, page + esr.offset, 4);
    add(Do::wrmsr, esr.msr(), 0);
    add(Do::rdmsr, esr.msr(), 0);
    return steps;
}

Looked look(const std::string& target, Program program, std::size_t last, const programs::Found& like) {
    for (const Step& step : look_at_all(program.steps[last].vcpu, model::apic_base::reset_page))
        program.steps.push_back(step);
    Looked looked;
    looked.run = programs::make_target(target, like).target->run(program);
    if (looked.run.status != Execution::Status::ran) return looked;
    const std::vector<StepVerdict> verdicts = judge_run(program, looked.run);
    for (std::size_t i = last; i < verdicts.size(); ++i)
        for (const Divergence& divergence : verdicts[i].divergences) {
            const Mismatch& mismatch = divergence.mismatch;
            looked.seen.insert({static_cast<std::ptrdiff_t>(i - last), mismatch.rule, mismatch.reg});
            if (looked.first.empty())
                looked.first = fmt::format("{}; allowed: {} ({})", headline(divergence),
                                           expected_text(divergence), model::to_string(mismatch.rule));
        }
    return looked;
}

// What is seen without the last step; of its own step nothing is looked at.
std::set<Seen> seen_without_last(const std::string& target, const Program& program,
                                 const programs::Found& like) {
    const std::size_t last = program.steps.size() - 1;
    Program without = program;
    without.notes.erase(last);
    without.steps[last] = {};
    without.steps[last].what = Do::disable_interrupts; // as every vCPU begins
    without.steps[last].vcpu = program.steps[last].vcpu;
    return look(target, without, last, like).seen;
}

void remove(std::set<Seen>& from, const std::set<Seen>& what) {
    for (const Seen& seen : what) from.erase(seen);
}

std::optional<std::string> text_of(const Program& program, std::string_view key) {
    const std::string* text = programs::find_key(program, key);
    if (text == nullptr) return std::nullopt;
    const json parsed = json::parse(*text);
    return parsed.is_string() ? std::optional{parsed.get<std::string>()} : std::nullopt;
}

std::set<std::string> rules_of(const Program& program) {
    const std::string* text = programs::find_key(program, "rules");
    if (text == nullptr) programs::refuse("", "has no \"rules\"; name a file that '--export' wrote");
    const json rules = json::parse(*text);
    std::set<std::string> ids;
    if (rules.is_array())
        for (const json& rule : rules)
            if (rule.is_string()) ids.insert(rule.get<std::string>());
    return ids;
}

// Why the target was not, or did not do, what the run says; empty: it was and did.
std::string what_was_not_done(const Program& program, const Execution& run) {
    if (run.status != Execution::Status::ran) return run.reason;
    if (const std::string* apic = programs::find_key(program, "apic")) {
        const json parsed = json::parse(*apic);
        if (parsed.value("x2apic_locked", false) && !run.found.locked_x2apic)
            return "it has no IA32_XAPIC_DISABLE_STATUS to lock x2APIC mode";
    }
    for (std::size_t i = 0; i < program.steps.size(); ++i)
        if (!run.outcomes[i].is_done())
            return fmt::format("step {}, {}: {}", i, programs::step_text(program.steps[i]),
                               programs::ending_text(run.outcomes[i]));
    return {};
}

Confirmation told(Confirmation::Answer answer, std::string why = {}) {
    return {answer, std::move(why), false};
}

// Of a property of two runs: whether the last step tells them apart.
Confirmation compare_runs(const Program& program, const std::string& other_run, const std::string& target) {
    json whole = json::parse(programs::write_program({program.machine, {}, {}, {}}));
    whole["steps"] = json::parse(other_run).at("steps");
    const programs::ProgramText other = programs::read_program(whole.dump(), "/other_run");
    if (!other.error.empty()) throw programs::Refusal(other.error);
    const Execution first = programs::make_target(target).target->run(program);
    const Execution second = programs::make_target(target).target->run(other.program);
    for (const auto& [made, run] : {std::pair{&program, &first}, std::pair{&other.program, &second}})
        if (std::string why = what_was_not_done(*made, *run); !why.empty())
            return {Confirmation::Answer::cannot, std::move(why), run->status == Execution::Status::absent};
    if (same_outcome(first.outcomes.back(), second.outcomes.back()))
        return told(Confirmation::Answer::does_not);
    return told(Confirmation::Answer::shows,
                fmt::format("the outcome of the last step is {}, and in the other run {}",
                            programs::outcome_text(program.steps.back(), first.outcomes.back()),
                            programs::outcome_text(other.program.steps.back(), second.outcomes.back())));
}

} // namespace

std::string_view to_string(Confirmation::Answer answer) {
    constexpr std::array words = {std::string_view{"shows it"}, std::string_view{"does not show it"},
                                  std::string_view{"cannot execute it"}};
    return words.at(static_cast<std::size_t>(answer));
}

std::string_view word_of(Confirmation::Answer answer) {
    constexpr std::array words = {std::string_view{"shows"}, std::string_view{"does-not"},
                                  std::string_view{"cannot"}};
    return words.at(static_cast<std::size_t>(answer));
}

Confirmation confirm(const Program& program, const std::string& target) {
    const std::set<std::string> rules = rules_of(program);
    if (program.steps.empty()) programs::refuse("/steps", "there is no step; add one");
    if (const std::string* other = programs::find_key(program, "other_run"))
        return compare_runs(program, *other, target);
    const std::size_t last = program.steps.size() - 1;
    Looked here = look(target, program, last, {});
    if (std::string why = what_was_not_done(program, here.run); !why.empty())
        return {Confirmation::Answer::cannot, std::move(why), here.run.status == Execution::Status::absent};

    std::set<Seen> wanted;
    if (const auto name = text_of(program, "impl")) {
        const std::string model = fmt::format("model:{}", *name);
        if (programs::make_target(model).target == nullptr)
            programs::refuse("/impl", programs::make_target(model).error);
        wanted = look(model, program, last, here.run.found).seen;
        const Do what = program.steps[last].what;
        if (what != Do::reset && what != Do::init) { // after those nothing is as it was
            remove(wanted, seen_without_last(model, program, here.run.found));
            remove(here.seen, seen_without_last(target, program, {}));
        }
        if (wanted.empty())
            return told(Confirmation::Answer::cannot,
                        "the effect of the last step is not visible to a guest");
    } else { // a recording's divergence: its rule, in the last step
        for (const Seen& seen : here.seen)
            if (seen.step == 0 && rules.contains(std::string(model::to_string(seen.rule))))
                wanted.insert(seen);
    }
    const bool shows =
        std::ranges::any_of(wanted, [&](const Seen& seen) { return here.seen.contains(seen); });
    return shows ? told(Confirmation::Answer::shows, here.first) : told(Confirmation::Answer::does_not);
}

} // namespace lapicheck::checker
