// Dumps of one local APIC's state: not what happened, but how things stand. QEMU's `info lapic`, and the page
// of KVM_GET_LAPIC as 1 KiB of bytes or as a hex dump of them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/state.hpp"

namespace lapicheck::traces {

struct StateDump {
    std::string what;       // "QEMU's info lapic"
    std::string vcpu;       // "CPU 1"; empty: not told
    std::uint64_t line = 1; // where it begins
    std::optional<model::Mode> mode;
    // By model::Reg, as the register reads; what the dump does not show is left out.
    std::array<std::optional<std::uint32_t>, model::window_register_count> registers{};
    // Bits of a register that is shown in part: which of them are.
    std::array<std::uint32_t, model::window_register_count> shown{};
    std::vector<std::string> notes;

    void set(model::Reg reg, std::uint32_t value, std::uint32_t bits = ~std::uint32_t{0}) {
        registers[model::index_of(reg)] = value;
        shown[model::index_of(reg)] |= bits;
    }
};

// All that are in it; none: nothing here is a dump.
std::vector<StateDump> read_state_dumps(std::string_view bytes);

} // namespace lapicheck::traces
