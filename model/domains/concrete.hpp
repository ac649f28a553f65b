// The domain of plain values: a word is an integer, a condition a bool.
//
// The rule code uses the integers' own operators; what integers have no operator for is named here,
// once for each domain: Concrete below, KnownBits in known_bits.hpp.
#pragma once

#include <bit>
#include <cstdint>

namespace lapicheck::model {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

template <class Byte>
class BytePage;

struct Concrete {
    using U32 = u32;
    using U64 = u64;
    using Bool = bool;
    using Page = BytePage<u8>; // page.hpp
};

constexpr u32 low_half(u64 value) { return static_cast<u32>(value); }
constexpr u32 high_half(u64 value) { return static_cast<u32>(value >> 32); }
constexpr u64 zero_extend(u32 value) { return value; }
constexpr bool is_zero(u32 value) { return value == 0; }
constexpr bool is_zero(u64 value) { return value == 0; }
constexpr bool has_any(u32 value, u32 mask) { return (value & mask) != 0; }
constexpr bool has_any(u64 value, u64 mask) { return (value & mask) != 0; }
constexpr bool equal(u32 left, u32 right) { return left == right; }
constexpr bool equal(u64 left, u64 right) { return left == right; }
constexpr bool equal(bool left, bool right) { return left == right; }
constexpr bool less(u32 left, u32 right) { return left < right; }
constexpr bool both(bool left, bool right) { return left && right; }
constexpr bool either(bool left, bool right) { return left || right; }
constexpr bool negate(bool condition) { return !condition; }
// It is plain that the condition does not hold: what hangs on it need not be looked at.
constexpr bool is_ruled_out(bool condition) { return !condition; }
template <class T>
constexpr T select(bool condition, T if_true, T if_false) {
    return condition ? if_true : if_false;
}
// 2 to the power `exponent`, of which only bits 4:0 count.
constexpr u32 power_of_two(u32 exponent) { return u32{1} << (exponent & 31); }
constexpr u32 without_highest_bit(u32 value) { return value & ~std::bit_floor(value); }
// The number of the highest set bit, 0 for no bit.
constexpr u32 highest_bit(u32 value) { return static_cast<u32>(std::bit_width(value | 1U)) - 1; }

} // namespace lapicheck::model
