#include "programs/text.hpp"

#include <fmt/format.h>

#include "model/registers.hpp"

namespace lapicheck::checker {
namespace {

using traces::Do;
using traces::Step;
using traces::StepOutcome;

std::string_view name_at(std::uint64_t slot) {
    if (slot >= model::register_at_slot.size() || model::register_at_slot[slot] < 0) return {};
    return model::sdm_registers[static_cast<std::size_t>(model::register_at_slot[slot])].name;
}

std::string with_name(const std::string& place, std::string_view name) {
    return name.empty() ? place : fmt::format("{} ({})", place, name);
}

std::string msr_text(std::uint64_t msr) {
    std::string_view name;
    if (msr == model::apic_base::msr) name = "apic_base";
    else if (msr == model::tsc_deadline_msr) name = "tsc_deadline";
    else if (msr >= model::x2apic_msr_first && msr <= model::x2apic_msr_last)
        name = name_at(msr - model::x2apic_msr_first);
    return with_name(fmt::format("{:X}H", msr), name);
}

// A register's name where the window is after RESET; elsewhere the address alone says it.
std::string mmio_text(const Step& step) {
    const bool in_window = (step.address & model::apic_base::page) == model::apic_base::reset_page;
    const bool aligned = (step.address & 0xf) == 0;
    const auto slot = (step.address & (model::window_bytes - 1)) >> 4;
    return with_name(fmt::format("{} byte{} at {:#x}", step.size, step.size == 1 ? "" : "s", step.address),
                     in_window && aligned ? name_at(slot) : "");
}

bool is_guests_read(const Step& step) {
    return step.what == Do::mmio_read || step.what == Do::rdmsr || step.what == Do::cr8_read;
}

} // namespace

std::string step_text(const Step& step) {
    switch (step.what) {
    case Do::mmio_read: return fmt::format("MMIO read, {}", mmio_text(step));
    case Do::mmio_write: return fmt::format("MMIO write, {} = {:#x}", mmio_text(step), step.value);
    case Do::rdmsr: return fmt::format("RDMSR {}", msr_text(step.address));
    case Do::wrmsr: return fmt::format("WRMSR {} = {:#x}", msr_text(step.address), step.value);
    case Do::cr8_read: return "MOV from CR8";
    case Do::cr8_write: return fmt::format("MOV to CR8 = {:#x}", step.value);
    case Do::open_interrupts: return "STI";
    case Do::close_interrupts: return "CLI";
    case Do::halt: return "HLT";
    case Do::wait: return fmt::format("wait {} us", step.value);
    case Do::reset: return "RESET";
    case Do::init: return "INIT arrives";
    case Do::save_load: return "state saved and loaded";
    case Do::interrupt:
        return fmt::format("interrupt {:02X}H arrives, {}", step.vector, step.level ? "level" : "edge");
    case Do::msi: return fmt::format("MSI {:#x} to {:#x}", step.value, step.address);
    case Do::message: return fmt::format("message {:#x} for {:#x} arrives", step.value, step.address);
    case Do::take_interrupt: return "the processor takes an interrupt";
    case Do::hardware: return "the APIC's hardware acts by itself";
    case Do::timer_expires: break;
    }
    return "until the timer expires";
}

std::string outcome_text(const Step& step, const StepOutcome& outcome) {
    std::string text = "ok";
    if (!outcome.error.empty()) text = outcome.error;
    else if (outcome.gp) text = "#GP";
    else if (outcome.halted) text = "still halted";
    else if (is_guests_read(step) && outcome.value) text = fmt::format("{:#x}", *outcome.value);
    if (outcome.mmio_exit)
        text +=
            step.what == Do::mmio_read ? ", by userspace (KVM_EXIT_MMIO)" : ", to userspace (KVM_EXIT_MMIO)";
    for (const traces::Taken& taken : outcome.taken)
        text += fmt::format("; vCPU {} takes {:02X}H", taken.vcpu, taken.vector);
    for (const traces::EoiBroadcast& eoi : outcome.eois)
        text += fmt::format("; the I/O APIC is told that {:02X}H has ended", eoi.vector);
    for (const traces::Restarted& restarted : outcome.restarted)
        text += restarted.sipi_vector
                    ? fmt::format("; vCPU {} starts by SIPI {:02X}H", restarted.vcpu, *restarted.sipi_vector)
                    : fmt::format("; vCPU {} is initialized", restarted.vcpu);
    return text;
}

} // namespace lapicheck::checker
