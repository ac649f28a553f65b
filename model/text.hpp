// Accesses, modes and values in words, the same in every report.
#pragma once

#include <string>
#include <string_view>

#include "model/state.hpp"

namespace lapicheck::model {

std::string_view mode_text(Mode mode);     // "x2APIC mode", "APIC disabled"
std::string_view mode_text(u64 apic_base); // the same of IA32_APIC_BASE, "the invalid mode" included

// "MMIO read, 4 bytes at 0xfee00030 (version)", "WRMSR 80FH (svr) = 0x1ff", "INIT". `reg`: the register that
// it reaches, by the mode and base of its time; none: it is not named. Of a message: see message_text.
std::string access_text(AccessKind kind, u64 address, u32 size, u64 value, Reg reg);
// The register is the one at that address of the window where RESET puts it.
std::string access_text(AccessKind kind, u64 address, u32 size, u64 value);
// "message for physical destination 0x1: fixed, vector 0x31, edge": `command` as ICR[31:0].
std::string message_text(u64 destination, u64 command);

// "0x5....14": digits that are not determined are dots.
std::string dotted_hex(Known<u64> value);

} // namespace lapicheck::model
