#include "checker/judge/messages.hpp"

#include <bit>

#include "model/command.hpp"

namespace lapicheck::checker {
namespace {

constexpr u32 cluster = 0xf0;
constexpr u32 member = 0x0f;

// LDR[31:24].
Known<u32> logical_id(const AbstractState& apic) { return apic.stored(Reg::ldr) >> 24; }

bool has_flat_model(const AbstractState& apic) { return rule_of_logical_addressing(apic) == Rule::I10; }

} // namespace

AbstractState::Message message_of_command(u32 command, Known<u32> destination, bool by_msr,
                                          bool from_x2apic) {
    const auto route = model::route_of(command, destination);
    AbstractState::Message message;
    message.destination = route.destination;
    message.x2apic_destination = route.x2apic_destination;
    message.command = route.command;
    message.from = AbstractState::Message::From::apic;
    if (route.whom != model::Shorthand::none) return message;
    const bool narrow = destination.greatest() < model::everybody(false);
    if (by_msr && (!from_x2apic || !narrow)) message.destination = {};
    if (!by_msr && destination.admits(model::everybody(false))) message.x2apic_destination = {};
    return message;
}

bool is_lowest_priority_defined(const AbstractState::Message& message, model::KnownBool amd,
                                const AbstractState& addressing) {
    // I26
    const bool broadcast = message.destination.admits(model::everybody(false)) ||
                           message.x2apic_destination.admits(model::everybody(true));
    const bool logical = (message.command & model::icr::logical) != 0;
    if (broadcast || (!logical && message.from != AbstractState::Message::From::apic)) return false;
    return amd.is_false() || (logical && rule_of_logical_addressing(addressing) == Rule::I10);
}

Rule rule_of_addressing(const AbstractState::Message& message, const AbstractState& receiver) {
    const bool x2apic = receiver.mode() == Mode::x2apic;
    const Known<u32> destination = x2apic ? message.x2apic_destination : message.destination;
    if (equal(destination, Known<u32>{model::everybody(x2apic)}).is_true()) return Rule::I08;
    if ((message.command & model::icr::logical) == 0) return Rule::I09;
    return rule_of_logical_addressing(receiver);
}

Rule rule_of_logical_addressing(const AbstractState& receiver) {
    if (receiver.mode() == Mode::x2apic) return Rule::I12;
    constexpr u32 flat_model = ~u32{0} << 28;
    const Known<u32> model = receiver.stored(Reg::dfr) & flat_model;
    return equal(model, Known<u32>{flat_model}).is_true() ? Rule::I10 : Rule::I11;
}

u32 icr_of(const traces::Interrupt& sent) {
    return model::icr_bits(sent.delivery_mode) | (sent.logical ? model::icr::logical : 0) |
           (sent.assert_level ? model::icr::assert_level : 0) |
           (sent.level_triggered ? model::icr::trigger : 0) | model::icr_bits(sent.shorthand);
}

traces::Interrupt interrupt_of(u32 icr) {
    return {model::delivery_mode_of(icr), model::shorthand_of(icr), (icr & model::icr::logical) != 0,
            (icr & model::icr::assert_level) != 0, (icr & model::icr::trigger) != 0};
}

bool has_one_logical_bit(const AbstractState& apic) {
    const Known<u32> id = logical_id(apic);
    constexpr u32 all = cluster | member;
    const u32 bits = has_flat_model(apic) ? all : member;
    return (id.known & all) == all && std::has_single_bit(id.value & bits);
}

bool may_have_same_logical_bit(const AbstractState& apic, const AbstractState& other) {
    const Known<u32> own = logical_id(apic);
    const Known<u32> theirs = logical_id(other);
    if (has_flat_model(apic)) return !is_zero(own & theirs & (cluster | member)).is_true();
    return !is_zero(own & theirs & member).is_true() && !equal(own & cluster, theirs & cluster).is_false();
}

} // namespace lapicheck::checker
