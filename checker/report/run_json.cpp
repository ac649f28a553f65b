#include "checker/judge/divergence_text.hpp"
#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"
#include "programs/text.hpp"

namespace lapicheck::checker {
namespace {

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json divergence_json(const Divergence& divergence) {
    const auto id = model::to_string(divergence.mismatch.rule);
    const std::string_view name = model::register_name(divergence.mismatch.reg);
    json out;
    out["rule"] = id;
    out["name"] = slug_of(divergence.mismatch.rule);
    out["level"] = level_of(divergence.mismatch.rule);
    out["known"] = divergence.known == nullptr ? json(nullptr) : json(divergence.known->id);
    out["vcpu"] = divergence.vcpu;
    out["mode"] = model::to_string(divergence.mismatch.mode);
    out["register"] = text_or_null(name);
    out["observed"] = observed_text(divergence);
    out["expected"] = expected_text(divergence);
    out["because"] = json::array();
    for (const Because& because : divergence.because)
        out["because"].push_back({{"step", because.line - 1}, {"what", because.what}});
    return out;
}

std::string judgement_text(const StepVerdict& verdict) {
    switch (verdict.kind) {
    case StepVerdict::Kind::ok: return R"({"verdict":"ok"})";
    case StepVerdict::Kind::not_judged: return dumped({{"verdict", "not-judged"}, {"why", verdict.why}});
    case StepVerdict::Kind::divergence: break;
    }
    json out = {{"verdict", "divergence"}, {"divergences", json::array()}};
    for (const Divergence& divergence : verdict.divergences)
        out["divergences"].push_back(divergence_json(divergence));
    return dumped(out);
}

void put_judgements(programs::Program& program, const std::vector<StepVerdict>& verdicts) {
    constexpr std::string_view key = "judgement";
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        auto& others = program.notes[i].others;
        std::erase_if(others, [&](const auto& entry) { return entry.first == key; });
        others.emplace_back(key, judgement_text(verdicts[i]));
    }
}

json outcome_json(const programs::Step& step, const programs::StepOutcome& outcome) {
    json out;
    out["text"] = programs::outcome_text(step, outcome);
    out["value"] = outcome.value ? json(fmt::format("{:#x}", *outcome.value)) : json(nullptr);
    out["gp"] = outcome.gp;
    return out;
}

} // namespace

void write_run_json(std::ostream& out, const JudgedRun& judged, const Presentation&) {
    programs::Program program = judged.program;
    auto& others = program.others;
    std::erase_if(others, [](const auto& entry) {
        return entry.first == "tool" || entry.first == "party" || entry.first == "host" ||
               entry.first == "judgement";
    });
    const RunCount n = count(judged.verdicts);
    const json judgement = {{"profile", to_string(judged.profile)},
                            {"verdict", to_string(verdict_of(n))},
                            {"conform", n.ok},
                            {"diverge", n.diverging},
                            {"known", n.known},
                            {"not_judged", n.not_judged}};
    const json host = {{"kernel", judged.kernel.empty() ? json(nullptr) : json(judged.kernel)}};
    const std::pair<std::string, std::string> head[] = {{"tool", dumped(programs::tool_json())},
                                                        {"party", dumped(judged.target)},
                                                        {"host", dumped(host)},
                                                        {"judgement", dumped(judgement)}};
    others.insert(others.begin(), std::begin(head), std::end(head));
    put_judgements(program, judged.verdicts);
    out << programs::write_program(program, judged.run.outcomes);
}

void write_compare_json(std::ostream& out, const TargetComparison& compared, const Presentation&) {
    json root = report_head();
    root["parties"] = {compared.first, compared.second};
    root["seed"] = compared.seed ? json(*compared.seed) : json(nullptr);
    root["steps"] = compared.steps;
    root["module"] = compared.module ? json(to_string(*compared.module)) : json(nullptr);
    root["differences"] = json::array();
    for (const TargetDifference& difference : compared.differences) {
        const programs::Step& step = compared.program.steps[difference.step];
        root["differences"].push_back(
            {{"step", difference.step},
             {"vcpu", step.vcpu},
             {"what", programs::step_text(step)},
             {"first", outcome_json(step, compared.first_run.outcomes[difference.step])},
             {"second", outcome_json(step, compared.second_run.outcomes[difference.step])}});
    }
    root["not_compared"] = json::array();
    for (const Exclusion& exclusion : compared.exclusions)
        root["not_compared"].push_back({{"what", exclusion.what}, {"count", exclusion.count}});
    root["left_out"] = compared.left_out;
    root["program"] =
        compared.differences.empty() ? json(nullptr) : json::parse(programs::write_program(compared.program));
    print(out, root);
}

void write_random_json(std::ostream& out, const RandomFindings& found, const Presentation&) {
    json root = report_head();
    root["party"] = found.target;
    root["profile"] = to_string(found.profile);
    root["verdict"] = to_string(verdict_of(found.count));
    root["seed"] = found.seed;
    root["steps"] = found.steps;
    root["conform"] = found.count.ok;
    root["diverge"] = found.count.diverging;
    root["known"] = found.count.known;
    root["not_judged"] = found.count.not_judged;
    root["divergences"] = json::array();
    for (const RandomFinding& finding : found.findings) {
        json out_one = divergence_json(finding.divergence);
        out_one["count"] = finding.count;
        out_one["program"] = json::parse(programs::write_program(finding.program));
        root["divergences"].push_back(std::move(out_one));
    }
    root["left_out"] = found.left_out;
    print(out, root);
}

} // namespace lapicheck::checker
