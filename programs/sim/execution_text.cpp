#include "programs/sim/execution_text.hpp"

#include <array>

#include <fmt/format.h>

#include "checker/judge/evidence.hpp"
#include "model/messages.hpp"
#include "programs/sim/state_text.hpp"

namespace lapicheck::checker {
namespace {

using model::Answer;

std::string name_suffix(const proof::RunStep& step) {
    const bool in_window =
        !model::is_mmio(step.kind) ||
        (step.address & model::apic_base::page) == (model::apic_base::reset_page & model::apic_base::page);
    const auto name = in_window ? register_name(model::register_addressed(step.kind, step.address)) : "";
    return name.empty() ? "" : fmt::format(" ({})", name);
}

std::string message_words(u64 destination, u64 value) {
    constexpr std::array modes = {"fixed", "lowest priority", "SMI",   "delivery mode 3", "NMI",
                                  "INIT",  "start-up",        "ExtINT"};
    const auto command = model::low_half(value);
    return fmt::format("message for {} destination {:#x}: {}, vector {:#x}, {}",
                       (command & model::icr::logical) != 0 ? "logical" : "physical",
                       model::low_half(destination), modes.at((command & model::icr::delivery_mode) >> 8),
                       command & model::icr::vector,
                       (command & model::icr::trigger) == 0        ? "edge"
                       : (command & model::icr::assert_level) == 0 ? "level, de-assert"
                                                                   : "level");
}

u64 value_seen(const proof::Executed& step) {
    const u64 mask = model::is_mmio(step.access.kind) ? model::size_mask(step.access.size) : ~u64{0};
    return step.out.value & mask;
}

std::string read_words(const proof::Executed& step) {
    const u64 value = value_seen(step);
    if (step.out.exits_to_userspace) return fmt::format("leaves for userspace, which gives {:#x}", value);
    if (step.out.answer == Answer::apic)
        return fmt::format("{:#x}{}", value,
                           model::is_mmio(step.access.kind) ? ", from the APIC's register" : "");
    if (step.out.answer == Answer::open) return fmt::format("{:#x}, which the manual leaves open", value);
    return fmt::format("{:#x}, not from the APIC", value);
}

} // namespace

std::string step_words(const proof::RunStep& step) {
    using enum model::AccessKind;
    switch (step.kind) {
    case mmio_read:
        return fmt::format("MMIO read, {} byte{} at {:#x}{}", step.size, step.size == 1 ? "" : "s",
                           step.address, name_suffix(step));
    case mmio_write:
        return fmt::format("MMIO write of {:#x}, {} byte{} at {:#x}{}",
                           step.value & model::size_mask(step.size), step.size, step.size == 1 ? "" : "s",
                           step.address, name_suffix(step));
    case rdmsr: return fmt::format("RDMSR {:X}H{}", step.address, name_suffix(step));
    case wrmsr: return fmt::format("WRMSR {:X}H{} = {:#x}", step.address, name_suffix(step), step.value);
    case cr8_read: return "MOV from CR8";
    case cr8_write: return fmt::format("MOV to CR8 of {:#x}", step.value);
    case message: return message_words(step.address, step.value);
    case take_interrupt: return "the processor takes an interrupt";
    case timer_expires: return "the timer expires";
    case hardware: return "hardware acts by itself (bus errors, a counter's overflow)";
    case init: return "INIT";
    case reset: break;
    }
    return "RESET";
}

std::string outcome_words(const proof::Executed& step) {
    const auto& out = step.out;
    if (out.gp) return "#GP";
    using enum model::AccessKind;
    const auto kind = step.access.kind;
    std::vector<std::string> words;
    if (kind == mmio_read || kind == rdmsr || kind == cr8_read) words.push_back(read_words(step));
    else if (kind == take_interrupt && out.answer == Answer::apic)
        words.push_back(fmt::format("vector {:#x}", out.value));
    else if (out.exits_to_userspace) words.emplace_back("leaves for userspace");
    if (out.sends_msi) words.emplace_back("an MSI is made of it");
    for (std::string& change : change_words(step.before, known_state(step.after)))
        words.push_back(std::move(change));
    if (out.sends_ipi) words.emplace_back("an interrupt is sent");
    if (out.broadcasts_eoi) words.emplace_back("the EOI is broadcast");
    if (out.raises_error) words.emplace_back("the error interrupt is raised");
    if (!equal(step.around_before.own, step.around_after.own))
        words.emplace_back("this vCPU's page keeps it");
    if (!equal(step.around_before.shared, step.around_after.shared))
        words.emplace_back("the page that all vCPUs share keeps it");
    return words.empty() ? "nothing changes" : fmt::format("{}", fmt::join(words, "; "));
}

std::string recorded_words(const traces::GuestAccess& access) {
    if (access.gp) return "#GP, as recorded";
    std::string words = model::is_write(access.kind) ? "accepted" : fmt::format("{:#x}", access.value);
    if (access.ended_interrupt)
        words += access.eoi_vector > 0xff ? ", nothing was ended"
                                          : fmt::format(", vector {:#x} was ended", access.eoi_vector);
    if (access.ipis != 0) words += ", an interrupt was sent";
    if (access.reached_apic && model::is_mmio(access.kind)) words += ", by the APIC's register (kvm_apic)";
    return words + ", as recorded";
}

std::string choice_words(const proof::ChoiceValues& choices) {
    std::vector<std::string> words;
    for (const auto& [name, value] : choices) words.push_back(fmt::format("{} = {:#x}", name, value));
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string machine_words(const proof::MachineFacts& machine) {
    const proof::MachineFacts plain;
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
        words.push_back(fmt::format("RESET with {}", choice_words(machine.reset_choices)));
    return fmt::format("{}", fmt::join(words, ", "));
}

} // namespace lapicheck::checker
