#include "checker/replay/deliveries.hpp"

#include "checker/judge/messages.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {

using traces::GuestAccess;

std::optional<AcceptedBy> Acceptances::of(const GuestAccess& access) const {
    if (overflown_) return std::nullopt;
    AcceptedBy by;
    const auto is_of_command = [&](const Acceptance& item) {
        return item.vector == access.ipi_vector && item.mode == access.ipi.delivery_mode;
    };
    const bool slow = std::ranges::any_of(
        items_, [&](const Acceptance& item) { return is_of_command(item) && item.line > access.ipi_line; });
    for (const Acceptance& item : items_) {
        if (!is_of_command(item)) continue;
        // One command takes one of the two ways: what stands before others' may be a timer's of the same
        // vector.
        const bool before = item.line < access.ipi_line;
        if (before && (slow || !is_bounded_)) {
            by.maybe.push_back(item.id);
            continue;
        }
        by.surely.push_back(item.id);
        by.lines.push_back(item.line);
    }
    return by;
}

std::optional<AbstractState::Message> message_of(const GuestAccess& access, const ReplayedVcpu& sender) {
    const traces::Interrupt& ipi = access.ipi;
    if (ipi.shorthand == traces::Shorthand::unknown || ipi.delivery_mode == traces::DeliveryMode::unknown)
        return std::nullopt;
    // Whether it queues does not matter, only whom it addresses.
    const u32 command =
        model::delivery_mode::nmi | model::icr_bits(ipi.shorthand) | (ipi.logical ? model::icr::logical : 0);
    return message_of_command(command, model::low_half(access.ipi_destination), !model::is_mmio(access.kind),
                              sender.state().mode() == Mode::x2apic);
}

Rule rule_of_addressing(const AbstractState::Message& message, u32 shorthand, const ReplayedVcpu& receiver) {
    return shorthand != 0 ? Rule::I05 : rule_of_addressing(message, receiver.state());
}

} // namespace lapicheck::checker
