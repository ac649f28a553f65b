#include "checker/replay/deliveries.hpp"

#include "model/command.hpp"

namespace lapicheck::checker {

using traces::GuestAccess;

std::optional<std::vector<u64>> Acceptances::of(const GuestAccess& access) const {
    if (overflown_) return std::nullopt;
    std::vector<u64> ids;
    for (const Acceptance& acceptance : items_)
        if (acceptance.line > access.ipi_line && acceptance.vector == access.ipi_vector &&
            acceptance.mode == access.ipi.delivery_mode)
            ids.push_back(acceptance.id);
    return ids;
}

std::optional<Worlds::Message> message_of(const GuestAccess& access, const Vcpu& sender) {
    const traces::Interrupt& ipi = access.ipi;
    if (ipi.shorthand == traces::Shorthand::unknown || ipi.delivery_mode == traces::DeliveryMode::unknown)
        return std::nullopt;
    const bool by_msr = !model::is_mmio(access.kind);
    Worlds::Message message;
    // Whether it queues does not matter, only whom it addresses.
    message.command = model::delivery_mode::nmi | (ipi.logical ? model::icr::logical : 0);
    message.destination = model::low_half(access.ipi_destination);
    message.x2apic_destination = message.destination;
    // Between the modes broadcasts, and destinations of more than a byte, are not defined.
    if (by_msr && (sender.worlds().mode() != Mode::x2apic || access.ipi_destination >= 0xff))
        message.destination = {};
    if (!by_msr && access.ipi_destination == model::everybody(false)) message.x2apic_destination = {};
    if (ipi.shorthand != traces::Shorthand::none) {
        message.destination = model::everybody(false);
        message.x2apic_destination = model::everybody(true);
        message.command &= ~model::icr::logical;
    }
    return message;
}

Rule rule_of_addressing(const Worlds::Message& message, u32 shorthand, const Vcpu& receiver) {
    if (shorthand != 0) return Rule::I05;
    const bool x2apic = receiver.worlds().mode() == Mode::x2apic;
    const Known<u32> destination = x2apic ? message.x2apic_destination : message.destination;
    if (equal(destination, Known<u32>{model::everybody(x2apic)}).is_true()) return Rule::I08;
    if ((message.command & model::icr::logical) == 0) return Rule::I09;
    if (x2apic) return Rule::I12;
    constexpr u32 flat_model = ~u32{0} << 28;
    const Known<u32> model = receiver.worlds().stored(Reg::dfr) & flat_model;
    return equal(model, Known<u32>{flat_model}).is_true() ? Rule::I10 : Rule::I11;
}

} // namespace lapicheck::checker
