// The messages of an access program: what a step puts on the bus, whom it reaches for certain or perhaps, and
// what must come of it.
#include <algorithm>

#include "checker/audit/program_judge.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {
namespace {

using traces::GuestAccess;
using traces::Step;
namespace delivery_mode = model::delivery_mode;

bool touches_icr(const GuestAccess& access) {
    const u64 offset = access.address & (model::window_bytes - 1);
    const u64 icr = model::offset_of(Reg::icr);
    return offset < icr + 0x10 && offset + access.size > icr;
}

Worlds::Message message_to(Known<u32> destination, Known<u32> x2apic_destination, u32 command) {
    return {destination, x2apic_destination, command, false, true};
}

} // namespace

void ProgramJudge::send(Vcpu& sender, const GuestAccess& access, bool certain) {
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
        send_command(sender, model::low_half(access.value), sender.worlds.stored(Reg::icr_high) >> 24, false,
                     certain);
        return;
    }
    for (Vcpu& vcpu : vcpus_) vcpu.worlds.forget_interrupts();
}

void ProgramJudge::send_command(Vcpu& sender, u32 command, Known<u32> destination, bool by_msr,
                                bool certain) {
    const model::Addressees whom = model::addressees(command);
    Worlds::Message message = message_to(destination, destination, command);
    message.from_apic = true;
    const bool undefined = model::is_undefined_command(command, !sender.facts.amd.is_false());
    message.certain = certain && !undefined;
    // Broadcasts between the modes are not defined.
    if (!by_msr && destination.admits(model::everybody(false))) message.x2apic_destination = {};
    if (whom != model::Addressees::by_destination) {
        message.destination = model::everybody(false);
        message.x2apic_destination = model::everybody(true);
        message.command &= ~model::icr::logical;
    }
    if (undefined)
        for (Vcpu& vcpu : vcpus_)
            vcpu.worlds.on_accept(command & model::icr::vector, false, (command & model::icr::trigger) != 0);
    switch (whom) {
    case model::Addressees::self:
        if ((command & model::icr::delivery_mode) == delivery_mode::init) {
            sender.init_maybe = true;
            return;
        }
        if (message.certain)
            sender.attribution.asked(command & model::icr::vector, rule_of_way(message, sender));
        sender.worlds.receive(message, sender.facts);
        return;
    case model::Addressees::others: message.except = &sender.worlds; break;
    case model::Addressees::by_destination:
    case model::Addressees::all: break;
    }
    deliver(message);
}

// To whom it concerns. Of several who may take one of lowest priority one does (I13); that a broadcast of it
// reaches anybody is not said (I26).
void ProgramJudge::deliver(const Worlds::Message& message) {
    const u32 mode = message.command & model::icr::delivery_mode;
    Worlds::Message sent = message;
    if (mode == delivery_mode::lowest_priority) {
        const auto candidates = std::ranges::count_if(vcpus_, [&](const Vcpu& vcpu) {
            return &vcpu.worlds != message.except && vcpu.worlds.may_be_addressed(message);
        });
        const bool broadcast = message.destination.admits(model::everybody(false)) ||
                               message.x2apic_destination.admits(model::everybody(true));
        if (candidates > 1 || broadcast) sent.certain = false;
    }
    for (Vcpu& vcpu : vcpus_) {
        if (&vcpu.worlds == message.except) continue;
        if (mode == delivery_mode::fixed || mode == delivery_mode::lowest_priority) {
            if (vcpu.worlds.may_be_addressed(message))
                vcpu.attribution.asked(message.command & model::icr::vector, rule_of_way(message, vcpu));
            vcpu.worlds.receive(sent, vcpu.facts);
        } else {
            expect(vcpu, sent, mode);
        }
    }
}

// What goes past IRR: whether it has taken effect the outcome says.
void ProgramJudge::expect(Vcpu& vcpu, const Worlds::Message& message, u32 mode) {
    const bool level = (message.command & model::icr::trigger) != 0;
    const bool deasserts =
        mode == delivery_mode::init && level && (message.command & model::icr::assert_level) == 0;
    if (!vcpu.worlds.may_be_addressed(message) || deasserts) return;
    const bool certain = message.certain && vcpu.worlds.must_be_addressed(message);
    const auto due = certain ? std::optional{rule_of_way(message, vcpu)} : std::nullopt;
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
Rule ProgramJudge::rule_of_way(const Worlds::Message& message, const Vcpu& vcpu) {
    const u32 mode = message.command & model::icr::delivery_mode;
    const bool queues = mode == delivery_mode::fixed || mode == delivery_mode::lowest_priority;
    const bool level = (message.command & model::icr::trigger) != 0;
    if (queues && message.from_apic && level && vcpu.facts.amd.is_false()) return Rule::I18;
    if (mode == delivery_mode::lowest_priority) return Rule::I13;
    const Known<u32> svr = vcpu.worlds.stored(Reg::svr);
    if (!queues && has_any(svr, model::svr::enable).is_false()) return Rule::V09;
    if ((message.command & model::icr::logical) == 0) return queues ? Rule::P01 : Rule::I09;
    if (vcpu.worlds.mode() == Mode::x2apic) return Rule::I12;
    constexpr u32 flat_model = ~u32{0} << 28;
    const Known<u32> model = vcpu.worlds.stored(Reg::dfr) & flat_model;
    return equal(model, Known<u32>{flat_model}).is_true() ? Rule::I10 : Rule::I11;
}

void ProgramJudge::send_msi(const Step& step) {
    constexpr u64 redirection_hint = 8;
    constexpr u64 logical = 4;
    if ((step.address & 0xfff0'0000) != 0xfee0'0000) { // no message
        for (Vcpu& vcpu : vcpus_) vcpu.worlds.forget_interrupts();
        return;
    }
    const u32 destination = model::low_half((step.address >> 12 & 0xff) | (step.address >> 32 & 0xffff'ff00));
    u32 command = model::low_half(step.value) & 0xffff & ~model::icr::logical;
    if ((step.address & logical) != 0) command |= model::icr::logical;
    Worlds::Message message = message_to(destination, destination, command);
    if (destination == model::everybody(false)) message.x2apic_destination = {};
    const bool deasserts = (command & model::icr::trigger) != 0 && (command & model::icr::assert_level) == 0;
    message.certain =
        (step.address & redirection_hint) == 0 && !deasserts && !model::is_undefined_command(command, false);
    deliver(message);
}

// To whoever has this vCPU's ID; to it alone, most often.
Worlds::Message ProgramJudge::to_id_of(const Vcpu& vcpu, u32 command) {
    const Known<u32> id = vcpu.worlds.bus_id();
    Worlds::Message message = message_to(id, id, command);
    if (!id.admits(model::everybody(false))) return message;
    message.certain = false;
    message.x2apic_destination = {};
    return message;
}

} // namespace lapicheck::checker
