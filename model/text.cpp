#include "model/text.hpp"

#include <fmt/format.h>

#include "model/delivery_mode.hpp"

namespace lapicheck::model {
namespace {

std::string with_name(std::string place, Reg reg) {
    const std::string_view name = register_name(reg);
    return name.empty() ? place : fmt::format("{} ({})", place, name);
}

std::string bytes_at(u64 address, u32 size, Reg reg) {
    return with_name(fmt::format("{} byte{} at {:#x}", size, size == 1 ? "" : "s", address), reg);
}

std::string msr_text(u64 index, Reg reg) { return with_name(fmt::format("{:X}H", index), reg); }

} // namespace

std::string_view mode_text(Mode mode) {
    switch (mode) {
    case Mode::disabled: return "APIC disabled";
    case Mode::xapic: return "xAPIC mode";
    case Mode::x2apic: break;
    }
    return "x2APIC mode";
}

std::string_view mode_text(u64 apic_base) {
    const bool enabled = (apic_base & apic_base::enable) != 0;
    const bool extd = (apic_base & apic_base::extd) != 0;
    if (!enabled) return extd ? "the invalid mode" : "disabled";
    return mode_text(extd ? Mode::x2apic : Mode::xapic);
}

std::string access_text(AccessKind kind, u64 address, u32 size, u64 value, Reg reg) {
    switch (kind) {
    case AccessKind::mmio_read: return fmt::format("MMIO read, {}", bytes_at(address, size, reg));
    case AccessKind::mmio_write:
        return fmt::format("MMIO write of {:#x}, {}", value & size_mask(size), bytes_at(address, size, reg));
    case AccessKind::rdmsr: return fmt::format("RDMSR {}", msr_text(address, reg));
    case AccessKind::wrmsr: return fmt::format("WRMSR {} = {:#x}", msr_text(address, reg), value);
    case AccessKind::cr8_read: return "MOV from CR8";
    case AccessKind::cr8_write: return fmt::format("MOV to CR8 of {:#x}", value);
    case AccessKind::message: return message_text(address, value);
    case AccessKind::take_interrupt: return "the processor takes an interrupt";
    case AccessKind::timer_expires: return "the timer expires";
    case AccessKind::hardware: return "hardware event (bus error, counter overflow)";
    case AccessKind::init: return "INIT";
    case AccessKind::reset: break;
    }
    return "RESET";
}

std::string access_text(AccessKind kind, u64 address, u32 size, u64 value) {
    const bool outside = is_mmio(kind) && (address & apic_base::page) != apic_base::reset_page;
    const bool unaligned = is_mmio(kind) && (address & 0xf) != 0;
    const bool names = (is_mmio(kind) || is_msr(kind)) && !outside && !unaligned;
    return access_text(kind, address, size, value, names ? register_addressed(kind, address) : Reg::none);
}

std::string message_text(u64 destination, u64 command) {
    const u32 word = low_half(command);
    return fmt::format("{} for {} destination {:#x}: {}, vector {:02X}H, {}",
                       (command & by_device) != 0 ? "MSI" : "message",
                       (word & icr::logical) != 0 ? "logical" : "physical", low_half(destination),
                       to_string(delivery_mode_of(word)), word & icr::vector,
                       (word & icr::trigger) == 0        ? "edge-triggered"
                       : (word & icr::assert_level) == 0 ? "level-triggered, de-assert"
                                                         : "level-triggered");
}

std::string dotted_hex(Known<u64> value) {
    if (value.is_exact()) return fmt::format("{:#x}", value.value);
    std::string digits;
    bool leading = true;
    for (int shift = 60; shift >= 0; shift -= 4) {
        const u64 known = (value.known >> shift) & 0xf;
        const u64 nibble = (value.value >> shift) & 0xf;
        if (leading && known == 0xf && nibble == 0 && shift > 0) continue;
        leading = false;
        digits += known == 0xf ? fmt::format("{:x}", nibble) : ".";
    }
    return "0x" + digits;
}

} // namespace lapicheck::model
