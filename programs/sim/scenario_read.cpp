#include <algorithm>

#include "model/messages.hpp"
#include "programs/json_place.hpp"
#include "programs/sim/scenario_json.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;
using model::u32;
using model::u64;
using traces::At;
using traces::Do;

proof::ChoiceValues choices_at(const At& at) {
    at.must_be_object();
    proof::ChoiceValues choices;
    for (const auto& [name, value] : at.value().items())
        choices.emplace(name, At(value, name, at).hex(~u64{0}));
    return choices;
}

void read_apic(proof::MachineFacts& facts, const At& at) {
    at.must_be_object();
    const auto& object = at.value();
    if (object.contains("version"))
        facts.version = static_cast<u32>(At(object["version"], "version", at).hex(0xffff'ffff));
    if (object.contains("x2apic_locked"))
        facts.locked_x2apic = At(object["x2apic_locked"], "x2apic_locked", at).boolean();
    if (object.contains("reset_choices"))
        facts.reset_choices = choices_at(At(object["reset_choices"], "reset_choices", at));
}

void refuse_other_ids(const traces::Machine& machine) {
    for (std::size_t i = 0; i < machine.apic_ids.size(); ++i)
        if (machine.apic_ids[i] != i)
            traces::refuse(fmt::format("/machine/vcpus/{}/apic_id", i),
                           fmt::format("a run's vCPUs are numbered; only {} is possible here", i));
}

// The message that a device's write to the bus is.
void put_msi(proof::RunStep& step, const traces::Step& from, std::size_t index) {
    constexpr u64 redirection_hint = 8;
    constexpr u64 logical = 4;
    if ((from.address & 0xfff0'0000) != 0xfee0'0000 || (from.address & redirection_hint) != 0)
        traces::refuse(fmt::format("/steps/{}/address", index),
                       "a model takes messages to 0xfee..... without redirection hint only");
    step.kind = AccessKind::message;
    step.address = (from.address >> 12 & 0xff) | (from.address >> 32 & 0xffff'ff00);
    step.value =
        (from.value & ~u64{model::icr::logical}) | ((from.address & logical) != 0 ? model::icr::logical : 0);
}

// A fixed interrupt for this vCPU alone.
void put_interrupt(proof::RunStep& step, const traces::Step& from) {
    constexpr u64 level = model::icr::trigger | model::icr::assert_level;
    step.kind = AccessKind::message;
    step.address = from.vcpu;
    step.value = from.vector | (from.level ? level : 0);
}

proof::RunStep step_of(const traces::Step& from, std::size_t index) {
    proof::RunStep step;
    step.vcpu = from.vcpu;
    step.address = from.address;
    step.value = from.value;
    if (from.size != 0) step.size = from.size;
    switch (from.what) {
    case Do::mmio_read: step.kind = AccessKind::mmio_read; break;
    case Do::mmio_write: step.kind = AccessKind::mmio_write; break;
    case Do::rdmsr: step.kind = AccessKind::rdmsr; break;
    case Do::wrmsr: step.kind = AccessKind::wrmsr; break;
    case Do::cr8_read: step.kind = AccessKind::cr8_read; break;
    case Do::cr8_write: step.kind = AccessKind::cr8_write; break;
    case Do::reset: step.kind = AccessKind::reset; break;
    case Do::init: step.kind = AccessKind::init; break;
    case Do::interrupt: put_interrupt(step, from); break;
    case Do::msi: put_msi(step, from, index); break;
    case Do::timer_expires: step.kind = AccessKind::timer_expires; break;
    case Do::message: step.kind = AccessKind::message; break;
    case Do::take_interrupt: step.kind = AccessKind::take_interrupt; break;
    case Do::hardware: step.kind = AccessKind::hardware; break;
    case Do::open_interrupts:
    case Do::close_interrupts:
    case Do::halt:
    case Do::wait:
    case Do::save_load:
        traces::refuse(fmt::format("/steps/{}/do", index),
                       fmt::format("\"{}\" is nothing that a model can be told", to_string(from.what)));
    }
    return step;
}

} // namespace

const std::string* find_key(const traces::Program& program, std::string_view key) {
    const auto found = std::ranges::find(program.others, key, &std::pair<std::string, std::string>::first);
    return found == program.others.end() ? nullptr : &found->second;
}

proof::MachineFacts facts_of(const traces::Program& program) {
    const traces::Machine& machine = program.machine;
    proof::MachineFacts facts;
    facts.amd = machine.vendor == traces::GuestVendor::amd;
    facts.x2apic = machine.x2apic;
    facts.tsc_deadline = machine.tsc_deadline;
    if (machine.maxphyaddr) facts.address_bits = *machine.maxphyaddr;
    facts.vcpus = static_cast<unsigned>(machine.apic_ids.size());
    if (const std::string* apic = find_key(program, "apic")) {
        const auto parsed = traces::json::parse(*apic);
        read_apic(facts, At(parsed, "/apic"));
    }
    return facts;
}

proof::ChoiceValues choices_of(const traces::Program& program, std::size_t index) {
    const auto notes = program.notes.find(index);
    if (notes == program.notes.end()) return {};
    for (const auto& [key, text] : notes->second.others) {
        if (key != "choices") continue;
        const auto parsed = traces::json::parse(text);
        const std::string path = fmt::format("/steps/{}/choices", index);
        return choices_at(At(parsed, path));
    }
    return {};
}

proof::Run run_of(const traces::Program& program) {
    if (program.steps.empty()) traces::refuse("/steps", "there is no step");
    refuse_other_ids(program.machine);
    proof::Run run;
    run.machine = facts_of(program);
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        run.steps.push_back(step_of(program.steps[i], i));
        run.steps.back().choices = choices_of(program, i);
    }
    return run;
}

} // namespace lapicheck::checker
