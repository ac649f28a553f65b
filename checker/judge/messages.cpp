#include "checker/judge/messages.hpp"

#include "model/command.hpp"

namespace lapicheck::checker {

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

} // namespace lapicheck::checker
