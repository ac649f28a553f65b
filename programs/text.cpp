#include "programs/text.hpp"

#include <fmt/format.h>

#include "model/text.hpp"
#include "programs/step_access.hpp"

namespace lapicheck::programs {
std::string step_text(const Step& step) {
    switch (step.what) {
    case Do::mmio_read:
    case Do::mmio_write:
    case Do::rdmsr:
    case Do::wrmsr:
    case Do::cr8_read:
    case Do::cr8_write:
        return model::access_text(access_kind(step.what), step.address, step.size, step.value);
    case Do::enable_interrupts: return "STI";
    case Do::disable_interrupts: return "CLI";
    case Do::halt: return "HLT";
    case Do::enable_and_halt: return "STI; HLT";
    case Do::wait: return fmt::format("wait {} us", step.value);
    case Do::reset: return "RESET";
    case Do::init: return "INIT arrives";
    case Do::save_load: return "APIC state saved and loaded";
    case Do::interrupt:
        return fmt::format("interrupt, vector {:02X}H, {}-triggered", step.vector,
                           step.level ? "level" : "edge");
    case Do::msi: return fmt::format("MSI with data {:#x} to {:#x}", step.value, step.address);
    case Do::message: return fmt::format("message {:#x} for destination {:#x}", step.value, step.address);
    case Do::take_interrupt: return model::access_text(model::AccessKind::take_interrupt, 0, 0, 0);
    case Do::hardware: return "hardware event (bus error, counter overflow)";
    case Do::timer_expires: break;
    }
    return "wait until the timer expires";
}

std::string outcome_text(const Step& step, const StepOutcome& outcome) {
    std::string text = "ok";
    if (!outcome.is_done()) text = ending_text(outcome);
    else if (outcome.gp) text = "#GP";
    else if (outcome.halted) text = "still halted";
    else if (is_read(step.what) && outcome.value) text = fmt::format("{:#x}", *outcome.value);
    if (outcome.mmio_exit)
        text += step.what == Do::mmio_read ? ", from userspace (KVM_EXIT_MMIO)"
                                           : ", to userspace (KVM_EXIT_MMIO)";
    for (const Taken& taken : outcome.taken)
        text += fmt::format("; vCPU {} takes vector {:02X}H", taken.vcpu, taken.vector);
    for (const EoiBroadcast& eoi : outcome.eois)
        text += fmt::format("; EOI of vector {:02X}H is broadcast to the I/O APIC", eoi.vector);
    for (const Restarted& restarted : outcome.restarted)
        text += restarted.sipi_vector ? fmt::format("; vCPU {} starts with SIPI vector {:02X}H",
                                                    restarted.vcpu, *restarted.sipi_vector)
                                      : fmt::format("; vCPU {} receives INIT", restarted.vcpu);
    return text;
}

namespace {

constexpr std::string_view not_run_prefix = "not run: ";
constexpr std::string_view lost_prefix = "not known: ";

} // namespace

std::string ending_text(const StepOutcome& outcome) {
    switch (outcome.ending) {
    case Ending::done: return {};
    case Ending::not_run: return fmt::format("{}{}", not_run_prefix, outcome.reason);
    case Ending::lost: return fmt::format("{}{}", lost_prefix, outcome.reason);
    case Ending::stopped:
    case Ending::stopped_after: break;
    }
    return outcome.reason;
}

void read_ending(std::string_view text, StepOutcome& outcome) {
    if (text.empty()) return;
    if (text.starts_with(not_run_prefix))
        return outcome.end(Ending::not_run, std::string(text.substr(not_run_prefix.size())));
    if (text.starts_with(lost_prefix))
        return outcome.end(Ending::lost, std::string(text.substr(lost_prefix.size())));
    // Another vCPU's stop names it.
    outcome.end(text.starts_with("vCPU ") ? Ending::stopped_after : Ending::stopped, std::string(text));
}

} // namespace lapicheck::programs
