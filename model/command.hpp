// What a command, written to the ICR or to SELF IPI, puts on the bus (group I): for whom it is, and the word
// that each receiver is given (messages.hpp). SDM Vol. 3A 325384-059US, 10.6.1 (Table 10-3), 10.6.2,
// 10.12.9, 10.12.11; AMD APM Vol. 2, 16.5 (Table 16-4).
#pragma once

#include "model/messages.hpp"

namespace lapicheck::model {

namespace delivery_mode {
inline constexpr u32 reserved = 0x300;
inline constexpr u32 nmi = 0x400;
inline constexpr u32 startup = 0x600;
inline constexpr u32 extint = 0x700;
} // namespace delivery_mode

enum class Addressees : u8 { by_destination, self, all, others };

// I05.
constexpr Addressees addressees(u32 command) {
    return static_cast<Addressees>((command & icr::shorthand) >> 18);
}
constexpr u32 shorthand_of(Addressees whom) { return static_cast<u32>(whom) << 18; }

// SELF IPI's vector as a command (I16).
constexpr u32 self_ipi_command(u32 vector) { return (vector & icr::vector) | u32{1} << 18; }

// I06, I24: a pair of delivery mode and shorthand, or a delivery mode, of which it is not said what it does.
// I18: level de-assert of what goes through IRR, of which AMD does not say it.
constexpr bool is_undefined_command(u32 command, bool amd) {
    const u32 mode = command & icr::delivery_mode;
    if (mode == delivery_mode::reserved || mode == delivery_mode::extint) return true;
    const bool queues = mode == delivery_mode::fixed || mode == delivery_mode::lowest_priority;
    const bool deasserts = (command & icr::trigger) != 0 && (command & icr::assert_level) == 0;
    if (amd && queues && deasserts) return true;
    const Addressees whom = addressees(command);
    return (whom == Addressees::self || whom == Addressees::all) && mode != delivery_mode::fixed;
}

// Everybody, in the format of a receiver's mode (I08).
constexpr u32 everybody(bool x2apic) { return x2apic ? ~u32{0} : u32{0xff}; }

// I18: on Intel every fixed or lowest-priority IPI is taken as edge-triggered.
template <class P, class D>
constexpr u32 as_sent(P& p, const Cpu<D>& cpu, u32 command) {
    const u32 mode = command & icr::delivery_mode;
    const bool queues = mode == delivery_mode::fixed || mode == delivery_mode::lowest_priority;
    if (!queues || !p(Rule::I18, negate(cpu.amd))) return command;
    return command & ~(icr::trigger | icr::assert_level);
}

} // namespace lapicheck::model
