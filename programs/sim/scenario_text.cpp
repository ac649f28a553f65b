#include "programs/sim/scenario_text.hpp"

#include <fmt/format.h>

#include "model/text.hpp"
#include "programs/sim/state_text.hpp"

namespace lapicheck::programs {
namespace {

using model::Answer;

u64 value_seen(const ExecutedStep& step) {
    const u64 mask = model::is_mmio(step.access.kind) ? model::size_mask(step.access.size) : ~u64{0};
    return step.out.value & mask;
}

std::string read_words(const ExecutedStep& step) {
    const u64 value = value_seen(step);
    if (step.out.exits_to_userspace) return fmt::format("exits to userspace, which returns {:#x}", value);
    if (step.out.answer == Answer::apic)
        return fmt::format("{:#x}{}", value,
                           model::is_mmio(step.access.kind) ? ", from the APIC's register" : "");
    if (step.out.answer == Answer::unspecified)
        return fmt::format("{:#x}, which the manual does not specify", value);
    return fmt::format("{:#x}, not from the APIC", value);
}

} // namespace

std::string step_words(const ScenarioStep& step) {
    return model::access_text(step.kind, step.address, step.size, step.value);
}

std::string outcome_words(const ExecutedStep& step) {
    const auto& out = step.out;
    if (out.gp) return "#GP";
    using enum model::AccessKind;
    const auto kind = step.access.kind;
    std::vector<std::string> words;
    if (kind == mmio_read || kind == rdmsr || kind == cr8_read) words.push_back(read_words(step));
    else if (kind == take_interrupt && out.answer == Answer::apic)
        words.push_back(fmt::format("vector {:02X}H", out.value));
    else if (out.exits_to_userspace) words.emplace_back("exits to userspace");
    if (out.sends_msi) words.emplace_back("userspace makes an MSI of it");
    for (std::string& change : change_words(step.before, model::known_state(step.after)))
        words.push_back(std::move(change));
    if (out.ends_interrupt && words.empty()) words.emplace_back("EOI with ISR empty");
    if (out.sends_ipi) words.emplace_back("an IPI is sent");
    if (out.broadcasts_eoi) words.emplace_back("the EOI is broadcast");
    if (out.raises_error) words.emplace_back("the error interrupt is raised");
    if (!equal(step.around_before.own, step.around_after.own))
        words.emplace_back("the page of this vCPU stores the value");
    if (!equal(step.around_before.shared, step.around_after.shared))
        words.emplace_back("the page that all vCPUs share stores the value");
    return words.empty() ? "nothing changes" : fmt::format("{}", fmt::join(words, "; "));
}

std::string choice_words(const ChoiceValues& choices) {
    std::vector<std::string> words;
    for (const auto& [name, value] : choices) words.push_back(fmt::format("{} = {:#x}", name, value));
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string machine_words(const MachineFacts& machine) {
    const MachineFacts plain;
    std::vector<std::string> words;
    if (machine.amd) words.emplace_back("AMD CPU");
    if (!machine.x2apic) words.emplace_back("no x2APIC");
    if (!machine.tsc_deadline) words.emplace_back("no TSC-deadline timer");
    if (machine.locked_x2apic) words.emplace_back("x2APIC mode is locked (IA32_XAPIC_DISABLE_STATUS)");
    if (machine.address_bits != plain.address_bits)
        words.push_back(fmt::format("MAXPHYADDR {}", machine.address_bits));
    if (machine.version != plain.version)
        words.push_back(fmt::format("version register {:#x}", machine.version));
    if (!machine.reset_choices.empty())
        words.push_back(fmt::format("RESET assuming {}", choice_words(machine.reset_choices)));
    return fmt::format("{}", fmt::join(words, ", "));
}

} // namespace lapicheck::programs
