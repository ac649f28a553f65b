#include "programs/sim/target.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "model/command.hpp"
#include "model/step.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/step_access.hpp"

namespace lapicheck::programs {
namespace {

using model::Access;
using model::AccessKind;
using model::Concrete;
using model::Reg;
using model::Rule;

bool is_x2apic(const PlainState& state) { return model::in_x2apic(state); }

u64 value_mask(const Step& step) {
    return step.what == Do::mmio_read ? model::size_mask(step.size) : ~u64{0};
}

// What a counter shows while it counts is a matter of time, or not said.
bool counts(const PlainState& state, const PlainOutcome& out) {
    if (out.reg == Reg::current_count && out.rule == Rule::T04) return state[Reg::initial_count] != 0;
    return out.rule == Rule::T01;
}

} // namespace

ModelMachine::ModelMachine(const PlainImplementation& implementation, const Machine& machine,
                           MachineFacts facts, const Found& found)
    : implementation_(implementation), choices_(facts.reset_choices), locked_x2apic_(facts.locked_x2apic),
      shows_eois_(machine.split_irqchip) {
    if (machine.vendor == GuestVendor::either && found.amd) facts.amd = *found.amd;
    if (!machine.maxphyaddr && found.maxphyaddr) facts.address_bits = *found.maxphyaddr;
    for (unsigned i = 0; i < machine.apic_ids.size(); ++i) {
        ModelVcpu& vcpu = vcpus_.emplace_back();
        vcpu.cpu = cpu_of(facts, machine.apic_ids[i]);
        vcpu.state[Reg::version] = i < found.versions.size() ? found.versions[i] : facts.version;
        reset(vcpu);
        starts_disabled_ = !model::is_enabled(vcpu.state);
    }
}

// Which vCPU is the bootstrap processor the machine says, whatever software wrote.
void ModelMachine::reset(ModelVcpu& vcpu) {
    vcpu.state.apic_base = number_of(vcpu) == 0 ? model::apic_base::bsp : 0;
    step(vcpu, {AccessKind::reset, 0});
}

Found ModelMachine::found() const {
    Found found;
    found.amd = vcpus_.front().cpu.amd;
    found.maxphyaddr = static_cast<std::uint8_t>(std::bit_width(vcpus_.front().cpu.address_mask));
    found.locked_x2apic = locked_x2apic_;
    found.starts_disabled = starts_disabled_;
    for (const ModelVcpu& vcpu : vcpus_) found.versions.push_back(vcpu.state[Reg::version]);
    return found;
}

PlainOutcome ModelMachine::step(ModelVcpu& vcpu, const Access<Concrete>& access) {
    model::Surroundings<Concrete> around{std::move(vcpu.page), std::move(shared_)};
    model::As<ScriptedDriver> driver(implementation_, around, vcpu.cpu, choices_);
    PlainOutcome out;
    if (watch_) {
        const PlainState before = vcpu.state;
        const auto around_before = around;
        out = model::amended_step(driver, vcpu.state, vcpu.cpu, access);
        watch_({vcpu.cpu, before, access, out, vcpu.state, around_before, around});
    } else {
        out = model::amended_step(driver, vcpu.state, vcpu.cpu, access);
    }
    const bool fixed = (vcpu.state[Reg::lvt_error] & model::icr::delivery_mode) == 0;
    if (out.raises_error && fixed) model::fire(driver, vcpu.state, Reg::lvt_error);
    vcpu.page = std::move(around.own);
    shared_ = std::move(around.shared);
    return out;
}

StepOutcome ModelMachine::take(const Step& step, const ChoiceValues& choices) {
    StepOutcome outcome;
    choices_ = choices;
    ModelVcpu& vcpu = vcpus_[step.vcpu];
    if (step.what >= Do::wait) {
        act(vcpu, step, outcome);
    } else if (vcpu.waits_for_sipi) {
        outcome.end(Ending::not_run, fmt::format("vCPU {} waits for a SIPI", step.vcpu));
    } else if (vcpu.halted) {
        outcome.end(Ending::not_run, fmt::format("vCPU {} is in HLT", step.vcpu));
    } else {
        access(vcpu, step, outcome);
    }
    settle(outcome);
    if (is_halt(step.what)) outcome.halted = vcpu.halted;
    return outcome;
}

// ---- the guest's own

void ModelMachine::access(ModelVcpu& vcpu, const Step& step, StepOutcome& outcome) {
    switch (step.what) {
    case Do::enable_interrupts: vcpu.interrupts_enabled = true; return;
    case Do::disable_interrupts: vcpu.interrupts_enabled = false; return;
    case Do::halt: vcpu.halted = true; return;
    case Do::enable_and_halt: vcpu.interrupts_enabled = vcpu.halted = true; return;
    default: break;
    }
    const u32 in_service = model::highest_vector(vcpu.state, Reg::isr0);
    const PlainOutcome out = this->step(vcpu, access_of(step));
    outcome.gp = out.gp;
    if (out.broadcasts_eoi && shows_eois_)
        outcome.eois.push_back({number_of(vcpu), static_cast<std::uint8_t>(in_service)});
    outcome.mmio_exit = out.exits_to_userspace;
    if (is_read(step.what) && !out.gp) {
        outcome.any_value = out.answer == model::Answer::unspecified || counts(vcpu.state, out);
        outcome.value = (out.exits_to_userspace ? ~u64{0} : out.value) & value_mask(step);
    }
    if (out.sends_ipi) send(vcpu, step, outcome);
}

// ---- messages

void ModelMachine::send(ModelVcpu& sender, const Step& step, StepOutcome& outcome) {
    const bool by_msr = step.what == Do::wrmsr;
    const Reg reg =
        model::register_addressed(by_msr ? AccessKind::wrmsr : AccessKind::mmio_write, step.address);
    u32 command = model::low_half(step.value);
    u32 destination = by_msr ? model::high_half(step.value) : sender.state[Reg::icr_high] >> 24;
    if (reg == Reg::self_ipi) command = model::self_ipi_command(command);
    model::Surroundings<Concrete> around;
    model::As<ScriptedDriver> driver(implementation_, around, sender.cpu, choices_);
    command = model::as_sent(driver, sender.cpu, command);
    const auto route = model::route_of(command, destination);
    const Message message{route.destination, route.x2apic_destination, route.command};
    std::vector<ModelVcpu*> to = everybody_but(nullptr);
    if (route.whom == model::Shorthand::self) to = {&sender};
    if (route.whom == model::Shorthand::all_but_self) to = everybody_but(&sender);
    deliver(message, to, outcome);
}

void ModelMachine::send_msi(const Step& step, StepOutcome& outcome) {
    const model::MsiMessage msi = model::decode_msi(step.address, step.value);
    if (!model::is_msi(step.address) || msi.has_redirection_hint) {
        outcome.end(Ending::not_run,
                    "a model takes only MSIs to 0xfee00000-0xfeefffff without the redirection hint");
        return;
    }
    const bool broadcast = msi.destination == model::everybody(false);
    deliver({msi.destination, broadcast ? model::everybody(true) : msi.destination,
             msi.command | model::by_device},
            everybody_but(nullptr), outcome);
}

ModelMachine::Message ModelMachine::to_id_of(const ModelVcpu& vcpu, u32 command) {
    const u32 id = is_x2apic(vcpu.state) ? vcpu.state.x2apic_id : vcpu.state[Reg::id] >> 24;
    return {id, id == model::everybody(false) ? model::everybody(true) : id, command};
}

std::vector<ModelMachine::ModelVcpu*> ModelMachine::everybody_but(const ModelVcpu* vcpu) {
    std::vector<ModelVcpu*> all;
    for (ModelVcpu& v : vcpus_)
        if (&v != vcpu) all.push_back(&v);
    return all;
}

bool ModelMachine::is_for(const ModelVcpu& vcpu, const Message& message) const {
    ModelVcpu tried = vcpu;
    model::Surroundings<Concrete> around;
    model::As<ScriptedDriver> driver(implementation_, around, tried.cpu, choices_);
    const u32 destination = is_x2apic(vcpu.state) ? message.x2apic_destination : message.destination;
    const Access<Concrete> arrival{AccessKind::message, destination, 4, message.command};
    driver.begins(arrival);
    const auto out = model::receive(driver, tried.state, tried.cpu, arrival);
    return out.answer == model::Answer::apic;
}

// I13: of lowest priority one takes it.
void ModelMachine::deliver(const Message& message, const std::vector<ModelVcpu*>& to, StepOutcome& outcome) {
    const u32 mode = message.command & model::icr::delivery_mode;
    if (mode != model::delivery_mode::lowest_priority) {
        for (ModelVcpu* vcpu : to) receive(*vcpu, message, outcome);
        return;
    }
    std::vector<ModelVcpu*> candidates;
    for (ModelVcpu* vcpu : to)
        if (is_for(*vcpu, message)) candidates.push_back(vcpu);
    if (candidates.empty()) return;
    receive(*candidates[(message.command & model::icr::vector) % candidates.size()], message, outcome);
}

void ModelMachine::receive(ModelVcpu& vcpu, const Message& message, StepOutcome& outcome) {
    const u32 destination = is_x2apic(vcpu.state) ? message.x2apic_destination : message.destination;
    const auto out = step(vcpu, {AccessKind::message, destination, 4, message.command});
    if (out.answer != model::Answer::apic) return;
    switch (message.command & model::icr::delivery_mode) {
    case model::delivery_mode::nmi: vcpu.nmi_pending = true; break;
    case model::delivery_mode::init: {
        const bool deassert =
            (message.command & model::icr::trigger) != 0 && (message.command & model::icr::assert_level) == 0;
        if (!deassert) init(vcpu, outcome);
        break;
    }
    case model::delivery_mode::startup:
        if (!vcpu.waits_for_sipi) break; // I14
        vcpu.waits_for_sipi = false;
        outcome.restarted.push_back(
            {number_of(vcpu), static_cast<std::uint8_t>(message.command & model::icr::vector)});
        break;
    default: break;
    }
}

// R05: the bootstrap processor goes on at once.
void ModelMachine::init(ModelVcpu& vcpu, StepOutcome& outcome) {
    if (!vcpu.waits_for_sipi) outcome.restarted.push_back({number_of(vcpu), {}});
    vcpu.waits_for_sipi = (vcpu.state.apic_base & model::apic_base::bsp) == 0;
    vcpu.interrupts_enabled = vcpu.halted = vcpu.nmi_pending = false;
}

// ---- what the host does, and what comes from outside

void ModelMachine::act(ModelVcpu& vcpu, const Step& step, StepOutcome& outcome) {
    switch (step.what) {
    case Do::reset:
        reset(vcpu);
        vcpu.interrupts_enabled = vcpu.halted = vcpu.waits_for_sipi = vcpu.nmi_pending = false;
        break;
    case Do::init: {
        const Message message = to_id_of(vcpu, model::delivery_mode::init);
        for (ModelVcpu* other : everybody_but(&vcpu)) receive(*other, message, outcome); // of the same ID
        this->step(vcpu, {AccessKind::init, 0});
        vcpu.waits_for_sipi = false;
        init(vcpu, outcome);
        vcpu.waits_for_sipi = false; // the step is both
        break;
    }
    case Do::interrupt: {
        constexpr u32 level = model::icr::trigger | model::icr::assert_level;
        Message message = to_id_of(vcpu, step.vector | (step.level ? level : 0));
        message.command |= model::by_device;
        deliver(message, everybody_but(nullptr), outcome);
        break;
    }
    case Do::msi: send_msi(step, outcome); break;
    case Do::message: {
        const u32 destination = model::low_half(step.address);
        receive(vcpu, {destination, destination, step.value}, outcome);
        break;
    }
    case Do::take_interrupt: take_interrupt(vcpu, outcome); break;
    case Do::hardware: this->step(vcpu, {AccessKind::hardware, 0}); break;
    case Do::save_load: implementation_.save_and_load(vcpu.state); break;
    case Do::timer_expires: fire_timer(vcpu, outcome); break;
    default: break; // nothing of an APIC
    }
}

void ModelMachine::fire_timer(ModelVcpu& vcpu, StepOutcome& outcome) {
    const bool deadline = model::in_deadline_mode(vcpu.state, vcpu.cpu);
    if (deadline ? vcpu.state.tsc_deadline == 0 : vcpu.state[Reg::initial_count] == 0) {
        outcome.end(Ending::not_run, "the timer does not run, or has fired already");
        return;
    }
    step(vcpu, {AccessKind::timer_expires, 0});
}

// ---- interrupts

bool ModelMachine::take_interrupt(ModelVcpu& vcpu, StepOutcome& outcome) {
    const auto out = step(vcpu, {AccessKind::take_interrupt, 0});
    if (out.answer != model::Answer::apic) return false;
    outcome.taken.push_back({number_of(vcpu), static_cast<std::uint8_t>(out.value)});
    vcpu.halted = false;
    return true;
}

// All that are open take what comes, until nothing is left that may.
void ModelMachine::settle(StepOutcome& outcome) {
    constexpr std::uint8_t nmi = 2;
    for (ModelVcpu& vcpu : vcpus_) {
        if (vcpu.waits_for_sipi) continue;
        if (std::exchange(vcpu.nmi_pending, false)) {
            outcome.taken.push_back({number_of(vcpu), nmi});
            vcpu.halted = false;
        }
        while (vcpu.interrupts_enabled && take_interrupt(vcpu, outcome)) {
        }
    }
}

Execution ModelTarget::run(const Program& program) {
    const bool by_module = like_.module && entry_.with_module != nullptr;
    const auto implementation = by_module ? entry_.with_module(*like_.module) : entry_.concrete();
    ModelMachine machine(*implementation, program.machine, facts_of(program), like_);
    Execution run;
    run.found = machine.found();
    run.outcomes.reserve(program.steps.size());
    for (std::size_t i = 0; i < program.steps.size(); ++i)
        run.outcomes.push_back(program.notes.empty()
                                   ? machine.take(program.steps[i])
                                   : machine.take(program.steps[i], choices_of(program, i)));
    return run;
}

} // namespace lapicheck::programs
