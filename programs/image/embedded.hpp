// The guest's binaries, as they were built (guest/).
#pragma once

#include <cstdint>
#include <span>

namespace lapicheck::programs::image {

std::span<const std::uint8_t> payload64(); // long mode
std::span<const std::uint8_t> payload32(); // protected mode, for machines without long mode
std::span<const std::uint8_t> rom();       // the last 512 bytes of a ROM

} // namespace lapicheck::programs::image
