// What a command, written to the ICR or to SELF IPI, puts on the bus (group I): for whom it is, and the word
// that each receiver is given (messages.hpp). SDM Vol. 3A 325384-059US, 10.6.1 (Table 10-3), 10.6.2,
// 10.12.9, 10.12.11; AMD APM Vol. 2, 16.5 (Table 16-4).
#pragma once

#include "model/messages.hpp"

namespace lapicheck::model {

// SELF IPI's vector as a command (I16).
constexpr u32 self_ipi_command(u32 vector) { return (vector & icr::vector) | icr_bits(Shorthand::self); }

// Trigger mode level, level de-assert.
constexpr bool is_deassert(u32 command) {
    return (command & icr::trigger) != 0 && (command & icr::assert_level) == 0;
}

// I06, I24: a pair of delivery mode and shorthand, or a delivery mode, of which it is not said what it does;
// `x2apic`: in the ICR of x2APIC mode. I18, I07: level de-assert of which AMD does not say it, start-up alone
// excepted.
constexpr bool is_undefined_command(u32 command, bool amd, bool x2apic) {
    const DeliveryMode mode = delivery_mode_of(command);
    if (mode == DeliveryMode::reserved3 || mode == DeliveryMode::extint) return true;
    if (x2apic && mode == DeliveryMode::lowest_priority) return true;
    if (amd && mode != DeliveryMode::startup && is_deassert(command)) return true;
    const Shorthand whom = shorthand_of(command);
    return (whom == Shorthand::self || whom == Shorthand::all) && mode != DeliveryMode::fixed;
}

// Everybody, in the format of a receiver's mode (I08).
constexpr u32 everybody(bool x2apic) { return x2apic ? ~u32{0} : u32{0xff}; }

// I18: on Intel every fixed or lowest-priority IPI is taken as edge-triggered.
template <class P, class D>
constexpr u32 as_sent(P& p, const Cpu<D>& cpu, u32 command) {
    if (!is_queued(delivery_mode_of(command)) || !p(Rule::I18, negate(cpu.amd))) return command;
    return command & ~(icr::trigger | icr::assert_level);
}

// Where a command goes: for whom it is, and its destination as receivers in each mode read it (I05, I08).
// What goes from one mode to the other is up to those who ask.
template <class U32>
struct Route {
    Shorthand whom = Shorthand::none;
    U32 destination{};        // for receivers in xAPIC mode
    U32 x2apic_destination{}; // and in x2APIC mode
    u32 command = 0;
};
template <class U32>
constexpr Route<U32> route_of(u32 command, U32 destination) {
    const Shorthand whom = shorthand_of(command);
    if (whom == Shorthand::none) return {whom, destination, destination, command};
    return {whom, U32{everybody(false)}, U32{everybody(true)}, command & ~icr::logical}; // I20
}

// Message-signalled interrupts: SDM Vol. 3A 325384-059US, 10.11.1, 10.11.2.
namespace msi {
inline constexpr u64 base = 0xfee0'0000;
inline constexpr u64 redirection_hint = 1U << 3;
inline constexpr u64 logical = 1U << 2;
} // namespace msi
constexpr bool is_msi(u64 address) { return (address & 0xfff0'0000) == msi::base; }

// What a write of `data` to `address` puts on the bus: a command as ICR[31:0] has it, and its destination
// (bits 63:40 of the address are those above 7:0, as KVM's X2APIC_API has them).
struct MsiMessage {
    u32 destination = 0;
    u32 command = 0;
    bool has_redirection_hint = false;
};
constexpr MsiMessage decode_msi(u64 address, u64 data) {
    constexpr u32 in_data = icr::vector | icr::delivery_mode | icr::assert_level | icr::trigger;
    MsiMessage message;
    message.destination = low_half((address >> 12 & 0xff) | (address >> 32 & 0xffff'ff00));
    message.command = (low_half(data) & in_data) | ((address & msi::logical) != 0 ? icr::logical : 0);
    message.has_redirection_hint = (address & msi::redirection_hint) != 0;
    return message;
}

} // namespace lapicheck::model
