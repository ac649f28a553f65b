// Delivery modes and destination shorthands, as the ICR, the local vector table and messages encode them.
// SDM Vol. 3A 325384-059US, 10.6.1 Interrupt Command Register (Figure 10-12); AMD APM Vol. 2, 16.5.
#pragma once

#include <array>
#include <string_view>

#include "model/registers.hpp"

namespace lapicheck::model {

// unknown: a trace's text does not tell it.
enum class DeliveryMode : u8 {
    fixed,
    lowest_priority,
    smi,
    reserved3,
    nmi,
    init,
    startup,
    extint,
    unknown = 0xff,
};
enum class Shorthand : u8 { none, self, all, all_but_self, unknown = 0xff };

constexpr DeliveryMode delivery_mode_of(u32 command) {
    return static_cast<DeliveryMode>((command & icr::delivery_mode) >> 8);
}
constexpr u32 icr_bits(DeliveryMode mode) { return static_cast<u32>(mode) << 8; }
constexpr Shorthand shorthand_of(u32 command) {
    return static_cast<Shorthand>((command & icr::shorthand) >> 18);
}
constexpr u32 icr_bits(Shorthand whom) { return static_cast<u32>(whom) << 18; }

constexpr std::string_view to_string(DeliveryMode mode) {
    constexpr std::array names = {std::string_view{"fixed"}, std::string_view{"lowest priority"},
                                  std::string_view{"SMI"},   std::string_view{"reserved delivery mode 3"},
                                  std::string_view{"NMI"},   std::string_view{"INIT"},
                                  std::string_view{"SIPI"},  std::string_view{"ExtINT"}};
    const auto code = static_cast<std::size_t>(mode);
    return code < names.size() ? names[code] : "unknown";
}

// The same codes where they stand in the ICR, for rules that compare words of any domain.
namespace delivery_mode {
inline constexpr u32 fixed = icr_bits(DeliveryMode::fixed);
inline constexpr u32 lowest_priority = icr_bits(DeliveryMode::lowest_priority);
inline constexpr u32 smi = icr_bits(DeliveryMode::smi);
inline constexpr u32 reserved = icr_bits(DeliveryMode::reserved3);
inline constexpr u32 nmi = icr_bits(DeliveryMode::nmi);
inline constexpr u32 init = icr_bits(DeliveryMode::init);
inline constexpr u32 startup = icr_bits(DeliveryMode::startup);
inline constexpr u32 extint = icr_bits(DeliveryMode::extint);
} // namespace delivery_mode

// What goes through IRR (I15).
constexpr bool is_queued(DeliveryMode mode) {
    return mode == DeliveryMode::fixed || mode == DeliveryMode::lowest_priority;
}

} // namespace lapicheck::model
