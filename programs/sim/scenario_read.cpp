#include <algorithm>

#include "model/command.hpp"
#include "programs/json_place.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/step_access.hpp"

namespace lapicheck::programs {
namespace {

using model::AccessKind;
using model::u32;
using model::u64;

ChoiceValues choices_at(const At& at) {
    at.must_be_object();
    ChoiceValues choices;
    for (const auto& [name, value] : at.value().items())
        choices.emplace(name, At(value, name, at).hex(~u64{0}));
    return choices;
}

void read_apic(MachineFacts& facts, const At& at) {
    at.must_be_object();
    const auto& object = at.value();
    if (object.contains("version"))
        facts.version = static_cast<u32>(At(object["version"], "version", at).hex(0xffff'ffff));
    if (object.contains("x2apic_locked"))
        facts.locked_x2apic = At(object["x2apic_locked"], "x2apic_locked", at).boolean();
    if (object.contains("reset_choices"))
        facts.reset_choices = choices_at(At(object["reset_choices"], "reset_choices", at));
}

void refuse_other_ids(const Machine& machine) {
    for (std::size_t i = 0; i < machine.apic_ids.size(); ++i)
        if (machine.apic_ids[i] != i)
            refuse(fmt::format("/machine/vcpus/{}/apic_id", i),
                   fmt::format("on a model the APIC ID is the vCPU's number; write {}", i));
}

// The message that a device's write to the bus is.
void put_msi(ScenarioStep& step, const Step& from, std::size_t index) {
    const model::MsiMessage msi = model::decode_msi(from.address, from.value);
    if (!model::is_msi(from.address) || msi.has_redirection_hint)
        refuse(fmt::format("/steps/{}/address", index),
               "a model takes only MSIs to 0xfee00000-0xfeefffff without the redirection hint");
    step.kind = AccessKind::message;
    step.address = msi.destination;
    step.value = msi.command | model::by_device;
}

// A fixed interrupt for this vCPU alone.
void put_interrupt(ScenarioStep& step, const Step& from) {
    constexpr u64 level = model::icr::trigger | model::icr::assert_level;
    step.kind = AccessKind::message;
    step.address = from.vcpu;
    step.value = from.vector | (from.level ? level : 0) | model::by_device;
}

ScenarioStep step_of(const Step& from, std::size_t index) {
    ScenarioStep step;
    step.vcpu = from.vcpu;
    step.address = from.address;
    step.value = from.value;
    if (from.size != 0) step.size = from.size;
    switch (from.what) {
    case Do::mmio_read:
    case Do::mmio_write:
    case Do::rdmsr:
    case Do::wrmsr:
    case Do::cr8_read:
    case Do::cr8_write: step.kind = access_kind(from.what); break;
    case Do::reset: step.kind = AccessKind::reset; break;
    case Do::init: step.kind = AccessKind::init; break;
    case Do::interrupt: put_interrupt(step, from); break;
    case Do::msi: put_msi(step, from, index); break;
    case Do::timer_expires: step.kind = AccessKind::timer_expires; break;
    case Do::message: step.kind = AccessKind::message; break;
    case Do::take_interrupt: step.kind = AccessKind::take_interrupt; break;
    case Do::hardware: step.kind = AccessKind::hardware; break;
    case Do::enable_interrupts:
    case Do::disable_interrupts:
    case Do::halt:
    case Do::enable_and_halt:
    case Do::wait:
    case Do::save_load:
        refuse(fmt::format("/steps/{}/do", index),
               fmt::format("\"{}\" is not possible in an exported run; use 'lapicheck run'",
                           to_string(from.what)));
    }
    return step;
}

} // namespace

const std::string* find_key(const Program& program, std::string_view key) {
    const auto found = std::ranges::find(program.others, key, &std::pair<std::string, std::string>::first);
    return found == program.others.end() ? nullptr : &found->second;
}

MachineFacts facts_of(const Program& program) {
    const Machine& machine = program.machine;
    MachineFacts facts;
    facts.amd = machine.vendor == GuestVendor::amd;
    facts.x2apic = machine.x2apic;
    facts.tsc_deadline = machine.tsc_deadline;
    if (machine.maxphyaddr) facts.address_bits = *machine.maxphyaddr;
    facts.vcpus = static_cast<unsigned>(machine.apic_ids.size());
    if (const std::string* apic = find_key(program, "apic")) {
        const auto parsed = json::parse(*apic);
        read_apic(facts, At(parsed, "/apic"));
    }
    return facts;
}

ChoiceValues choices_of(const Program& program, std::size_t index) {
    const auto notes = program.notes.find(index);
    if (notes == program.notes.end()) return {};
    for (const auto& [key, text] : notes->second.others) {
        if (key != "choices") continue;
        const auto parsed = json::parse(text);
        const std::string path = fmt::format("/steps/{}/choices", index);
        return choices_at(At(parsed, path));
    }
    return {};
}

Scenario run_of(const Program& program) {
    if (program.steps.empty()) refuse("/steps", "there is no step; add one");
    refuse_other_ids(program.machine);
    Scenario run;
    run.machine = facts_of(program);
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        run.steps.push_back(step_of(program.steps[i], i));
        run.steps.back().choices = choices_of(program, i);
    }
    return run;
}

} // namespace lapicheck::programs
