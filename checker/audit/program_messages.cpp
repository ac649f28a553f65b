// The messages of an access program: what a step puts on the bus, whom it reaches for certain or perhaps, and
// what must come of it.
#include <algorithm>

#include "checker/audit/program_judge.hpp"
#include "checker/judge/messages.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {
namespace {

using programs::Step;
using traces::GuestAccess;
namespace delivery_mode = model::delivery_mode;

bool touches_icr(const GuestAccess& access) {
    const u64 offset = access.address & (model::window_bytes - 1);
    const u64 icr = model::offset_of(Reg::icr);
    return offset < icr + 0x10 && offset + access.size > icr;
}

using From = AbstractState::Message::From;

AbstractState::Message message_to(Known<u32> destination, Known<u32> x2apic_destination, u32 command) {
    return {destination, x2apic_destination, command, From::device, true};
}

} // namespace

void ProgramJudge::send(JudgedVcpu& sender, const GuestAccess& access, bool certain) {
    if (!model::is_write(access.kind) || access.gp || access.unanswered) return;
    if (!model::is_mmio(access.kind)) {
        const Reg reg = model::register_addressed(access.kind, access.address);
        if (reg == Reg::icr)
            send_command(sender, model::low_half(access.value), model::high_half(access.value), true,
                         certain);
        else if (reg == Reg::self_ipi)
            send_command(sender, model::self_ipi_command(model::low_half(access.value)), u32{0}, true,
                         certain);
        return;
    }
    if (!touches_icr(access)) return;
    if (model::is_aligned_word(access.address, access.size)) {
        send_command(sender, model::low_half(access.value), sender.state.stored(Reg::icr_high) >> 24, false,
                     certain);
        return;
    }
    low_vectors_may_be_sent();
    for (JudgedVcpu& vcpu : vcpus_) vcpu.state.forget_interrupts();
}

void ProgramJudge::low_vectors_may_be_sent() {
    for (JudgedVcpu& vcpu : vcpus_) vcpu.attribution.any_low_vectors_sent();
}

void ProgramJudge::send_command(JudgedVcpu& sender, u32 command, Known<u32> destination, bool by_msr,
                                bool certain) {
    const bool undefined = model::is_undefined_command(command, !sender.facts.amd.is_false(), by_msr);
    AbstractState::Message message =
        message_of_command(command, destination, by_msr, sender.state.mode() == Mode::x2apic);
    message.certain = certain && !undefined;
    if (undefined) {
        low_vectors_may_be_sent();
        for (JudgedVcpu& vcpu : vcpus_)
            vcpu.state.on_accept(command & model::icr::vector, false, (command & model::icr::trigger) != 0);
    }
    switch (model::shorthand_of(command)) {
    case model::Shorthand::self:
        if ((command & model::icr::delivery_mode) == delivery_mode::init) {
            sender.init_maybe = true;
            return;
        }
        if (message.certain)
            sender.attribution.asked(command & model::icr::vector, rule_of_way(message, sender));
        sender.state.receive(message, sender.facts);
        return;
    case model::Shorthand::all_but_self: message.except = &sender.state; break;
    default: break;
    }
    deliver(message);
}

// To whom it concerns. Of several who may take one of lowest priority one does (I13), where that is said
// (I26).
void ProgramJudge::deliver(const AbstractState::Message& message) {
    const u32 mode = message.command & model::icr::delivery_mode;
    AbstractState::Message sent = message;
    if (mode == delivery_mode::lowest_priority) {
        const auto candidates = std::ranges::count_if(vcpus_, [&](const JudgedVcpu& vcpu) {
            return &vcpu.state != message.except && vcpu.state.may_be_addressed(message);
        });
        const bool is_defined = std::ranges::all_of(vcpus_, [&](const JudgedVcpu& vcpu) {
            return is_lowest_priority_defined(message, vcpu.facts.amd, vcpu.state);
        });
        if (candidates > 1 || !is_defined) sent.certain = false;
    }
    for (JudgedVcpu& vcpu : vcpus_) {
        if (&vcpu.state == message.except) continue;
        if (mode == delivery_mode::fixed || mode == delivery_mode::lowest_priority) {
            if (vcpu.state.may_be_addressed(message))
                vcpu.attribution.asked(message.command & model::icr::vector, rule_of_way(message, vcpu));
            vcpu.state.receive(sent, vcpu.facts);
        } else {
            expect(vcpu, sent, mode);
        }
    }
}

// What goes past IRR: whether it has taken effect the outcome says.
void ProgramJudge::expect(JudgedVcpu& vcpu, const AbstractState::Message& message, u32 mode) {
    const bool is_ignored = mode == delivery_mode::init && model::is_deassert(message.command) &&
                            vcpu.facts.amd.is_false(); // I07
    if (!vcpu.state.may_be_addressed(message) || is_ignored) return;
    const bool certain = message.certain && vcpu.state.must_be_addressed(message);
    std::optional<JudgedVcpu::Due> due;
    if (certain) due = {rule_of_way(message, vcpu), (message.command & model::icr::logical) != 0};
    switch (mode) {
    case delivery_mode::init:
        vcpu.init_maybe = true;
        vcpu.init_due = due;
        break;
    case delivery_mode::nmi: vcpu.nmi_due = due; break;
    case delivery_mode::startup: vcpu.startup_due = due; break;
    default: break;
    }
}

// What says that the message comes to this APIC.
Rule ProgramJudge::rule_of_way(const AbstractState::Message& message, const JudgedVcpu& vcpu) {
    const u32 mode = message.command & model::icr::delivery_mode;
    const bool queues = mode == delivery_mode::fixed || mode == delivery_mode::lowest_priority;
    const bool level = (message.command & model::icr::trigger) != 0;
    if (queues && message.from == From::apic && level && vcpu.facts.amd.is_false()) return Rule::I18;
    const bool is_logical = (message.command & model::icr::logical) != 0;
    if (mode == delivery_mode::lowest_priority && is_logical) return Rule::I13;
    const Known<u32> svr = vcpu.state.stored(Reg::svr);
    if (!queues && has_any(svr, model::svr::enable).is_false()) return Rule::V09;
    if (!is_logical) return queues ? Rule::P01 : Rule::I09;
    return rule_of_logical_addressing(vcpu.state);
}

void ProgramJudge::send_msi(const Step& step) {
    if (!model::is_msi(step.address)) {
        low_vectors_may_be_sent();
        for (JudgedVcpu& vcpu : vcpus_) vcpu.state.forget_interrupts();
        return;
    }
    const model::MsiMessage msi = model::decode_msi(step.address, step.value);
    AbstractState::Message message = message_to(msi.destination, msi.destination, msi.command);
    if (msi.destination == model::everybody(false)) message.x2apic_destination = {};
    message.certain = !msi.has_redirection_hint && !model::is_deassert(msi.command) &&
                      !model::is_undefined_command(msi.command, false, false);
    deliver(message);
}

// To whoever has this vCPU's ID; to it alone, most often.
AbstractState::Message ProgramJudge::to_id_of(const JudgedVcpu& vcpu, u32 command) {
    const Known<u32> id = vcpu.state.bus_id();
    AbstractState::Message message = message_to(id, id, command);
    if (!id.admits(model::everybody(false))) return message;
    message.certain = false;
    message.x2apic_destination = {};
    return message;
}

} // namespace lapicheck::checker
