// The state of one local APIC as a dump shows it, whoever printed it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
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

} // namespace lapicheck::traces
