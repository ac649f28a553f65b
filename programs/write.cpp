#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "programs/keywords.hpp"
#include "programs/program.hpp"

namespace lapicheck::programs {
namespace {

using json = nlohmann::ordered_json;

std::string hex(std::uint64_t value) { return fmt::format("{:#x}", value); }

json machine_json(const Machine& machine) {
    constexpr std::array vendors = {"either", "intel", "amd"};
    json out;
    out["vcpus"] = json::array();
    for (const std::uint32_t id : machine.apic_ids) out["vcpus"].push_back({{"apic_id", id}});
    out["vendor"] = vendors.at(static_cast<std::size_t>(machine.vendor));
    out["irqchip"] = machine.split_irqchip ? "split" : "kernel";
    out["disabled_quirks"] = machine.disabled_quirks;
    out["cpuid"] = {{"x2apic", machine.x2apic}, {"tsc_deadline", machine.tsc_deadline}};
    if (machine.maxphyaddr) out["cpuid"]["maxphyaddr"] = *machine.maxphyaddr;
    return out;
}

json word_json(const Step& step, Word word) {
    switch (word) {
    case Word::address:
    case Word::msr:
    case Word::destination: return hex(step.address);
    case Word::value:
    case Word::data: return hex(step.value);
    case Word::size: return step.size;
    case Word::vector: return step.vector;
    case Word::trigger: return step.level ? "level" : "edge";
    case Word::microseconds: break;
    }
    return step.value;
}

json outcome_json(const StepOutcome& outcome) {
    json out;
    if (outcome.value) out["value"] = hex(*outcome.value);
    if (outcome.any_value) out["any_value"] = true;
    out["gp"] = outcome.gp;
    if (outcome.mmio_exit) out["exit"] = "mmio";
    if (outcome.halted) out["halted"] = true;
    out["taken"] = json::array();
    for (const Taken& taken : outcome.taken)
        out["taken"].push_back({{"vcpu", taken.vcpu}, {"vector", taken.vector}});
    for (const EoiBroadcast& eoi : outcome.eois)
        out["eois"].push_back({{"vcpu", eoi.vcpu}, {"vector", eoi.vector}});
    for (const Restarted& restarted : outcome.restarted) {
        json entry = {{"vcpu", restarted.vcpu}, {"by", restarted.sipi_vector ? "sipi" : "init"}};
        if (restarted.sipi_vector) entry["vector"] = *restarted.sipi_vector;
        out["restarted"].push_back(std::move(entry));
    }
    if (!outcome.is_done()) out["error"] = ending_text(outcome);
    return out;
}

std::string key_text(std::string_view key) {
    return json(key).dump(-1, ' ', false, json::error_handler_t::replace);
}

// A step on one line. Put together by hand, since what its notes hold is JSON text already.
std::string step_text(const Step& step, const StepNotes* notes, const StepOutcome* outcome) {
    json out;
    out["vcpu"] = step.vcpu;
    out["do"] = to_string(step.what);
    for (const Word word : words_of(step.what)) out[std::string(to_string(word))] = word_json(step, word);
    if (outcome != nullptr) out["outcome"] = outcome_json(*outcome);
    std::string text = out.dump(-1, ' ', false, json::error_handler_t::replace);
    if (notes == nullptr) return text;
    text.pop_back();
    for (const auto& [key, value] : notes->others) text += fmt::format(",{}:{}", key_text(key), value);
    return text + "}";
}

} // namespace

std::string write_steps(const Program& program, std::string_view indent,
                        const std::vector<StepOutcome>& outcomes) {
    std::string text = "[";
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        const auto found = program.notes.find(i);
        const StepNotes* notes = found == program.notes.end() ? nullptr : &found->second;
        const StepOutcome* outcome = i < outcomes.size() ? &outcomes[i] : nullptr;
        if (outcome == nullptr && notes != nullptr && notes->outcome) outcome = &*notes->outcome;
        text +=
            fmt::format("{}\n{}  {}", i == 0 ? "" : ",", indent, step_text(program.steps[i], notes, outcome));
    }
    return program.steps.empty() ? "[]" : fmt::format("{}\n{}]", text, indent);
}

std::string write_program(const Program& program, const std::vector<StepOutcome>& outcomes) {
    std::string text = "{\n  \"schema_version\": 1,\n";
    for (const auto& [key, value] : program.others) text += fmt::format("  {}: {},\n", key_text(key), value);
    return text + fmt::format("  \"machine\": {},\n  \"steps\": {}\n}}\n",
                              machine_json(program.machine).dump(), write_steps(program, "  ", outcomes));
}

} // namespace lapicheck::programs
