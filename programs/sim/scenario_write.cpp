#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "model/command.hpp"
#include "programs/sim/allowed.hpp"
#include "programs/sim/scenario_json.hpp"

namespace lapicheck::programs {
namespace {

using json = nlohmann::ordered_json;
using model::AccessKind;

json choices_json(const ChoiceValues& choices) {
    json out = json::object();
    for (const auto& [name, value] : choices) out[name] = fmt::format("{:#x}", value);
    return out;
}

// A message that a device could send too; what the receiver's mode makes of its destination is the same. Who
// sent it matters only of a vector that is illegal (I04).
bool is_msi(const ScenarioStep& step, bool x2apic_mode) {
    const bool queues = model::is_queued(model::delivery_mode_of(model::low_half(step.value)));
    const bool legal = (step.value & model::icr::vector) >= model::first_legal_vector;
    if (queues && !legal && (step.value & model::by_device) == 0) return false;
    constexpr u64 in_msi = model::icr::vector | model::icr::delivery_mode | model::icr::logical |
                           model::icr::assert_level | model::icr::trigger;
    const u64 most = x2apic_mode ? 0xfe : 0xff; // FFH is everybody to one mode and an ID to the other
    return model::low_half(step.address) <= most && (model::low_half(step.value) & ~in_msi) == 0;
}

void put_message(Step& out, const ScenarioStep& step, bool x2apic_mode) {
    const u64 destination = model::low_half(step.address);
    const u64 command = model::low_half(step.value);
    if (!is_msi(step, x2apic_mode)) {
        out.what = Do::message;
        out.address = destination;
        out.value = command | (step.value & model::by_device);
        return;
    }
    out.what = Do::msi;
    out.address = model::msi::base | destination << 12 |
                  ((command & model::icr::logical) != 0 ? model::msi::logical : 0);
    out.value = command & ~u64{model::icr::logical};
}

Step step_of(const ScenarioStep& step, const PlainState& before) {
    Step out;
    out.vcpu = step.vcpu;
    const auto put = [&out](Do what, u64 address, u64 value) {
        out.what = what;
        out.address = address;
        out.value = value;
    };
    switch (step.kind) {
    case AccessKind::mmio_read:
    case AccessKind::mmio_write:
        out.size = static_cast<std::uint8_t>(step.size);
        put(step.kind == AccessKind::mmio_read ? Do::mmio_read : Do::mmio_write, step.address,
            step.kind == AccessKind::mmio_read ? 0 : step.value & model::size_mask(step.size));
        break;
    case AccessKind::rdmsr: put(Do::rdmsr, step.address, 0); break;
    case AccessKind::wrmsr: put(Do::wrmsr, step.address, step.value); break;
    case AccessKind::cr8_read: out.what = Do::cr8_read; break;
    case AccessKind::cr8_write: put(Do::cr8_write, 0, step.value); break;
    case AccessKind::message: put_message(out, step, model::in_x2apic(before)); break;
    case AccessKind::take_interrupt: out.what = Do::take_interrupt; break;
    case AccessKind::timer_expires: out.what = Do::timer_expires; break;
    case AccessKind::hardware: out.what = Do::hardware; break;
    case AccessKind::init: out.what = Do::init; break;
    case AccessKind::reset: out.what = Do::reset; break;
    }
    return out;
}

StepOutcome outcome_of(const ScenarioStep& step, const ExecutedStep& executed) {
    StepOutcome outcome;
    const auto& out = executed.out;
    outcome.gp = out.gp;
    outcome.mmio_exit = out.exits_to_userspace;
    const bool is_read = step.kind == AccessKind::mmio_read || step.kind == AccessKind::rdmsr ||
                         step.kind == AccessKind::cr8_read;
    if (is_read && !out.gp)
        outcome.value = out.value & (model::is_mmio(step.kind) ? model::size_mask(step.size) : ~u64{0});
    if (step.kind == AccessKind::take_interrupt && out.answer == model::Answer::apic)
        outcome.taken.push_back({step.vcpu, static_cast<std::uint8_t>(out.value)});
    return outcome;
}

std::string allowed_text(const Allowed& allowed) {
    json out;
    out["text"] = allowed.text;
    if (allowed.value) out["value"] = fmt::format("{:#x}", *allowed.value);
    if (allowed.gp) out["gp"] = *allowed.gp;
    return out.dump();
}

Machine machine_of(const MachineFacts& facts) {
    Machine machine;
    for (unsigned i = 0; i < facts.vcpus; ++i) machine.apic_ids.push_back(i);
    machine.vendor = facts.amd ? GuestVendor::amd : GuestVendor::intel;
    machine.x2apic = facts.x2apic;
    machine.tsc_deadline = facts.tsc_deadline;
    machine.maxphyaddr = static_cast<std::uint8_t>(facts.address_bits);
    return machine;
}

} // namespace

Program program_of(const Scenario& run, const std::vector<ExecutedStep>& executed) {
    Program program;
    program.machine = machine_of(run.machine);
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        program.steps.push_back(step_of(run.steps[i], executed[i].before));
        StepNotes& notes = program.notes[i];
        notes.outcome = outcome_of(run.steps[i], executed[i]);
        notes.others.emplace_back("allowed", allowed_text(allowed_by_manual(executed[i])));
        if (!run.steps[i].choices.empty())
            notes.others.emplace_back("choices", choices_json(run.steps[i].choices).dump());
    }
    return program;
}

std::string apic_text(const MachineFacts& machine) {
    json out;
    out["version"] = fmt::format("{:#x}", machine.version);
    out["x2apic_locked"] = machine.locked_x2apic;
    out["reset_choices"] = choices_json(machine.reset_choices);
    return out.dump();
}

} // namespace lapicheck::programs
