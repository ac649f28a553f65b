// The domain of partly known values: each bit is 0, 1 or unknown, a condition true, false or
// unknown.
//
// Sound: whatever a concrete run does for some choice of the unknown bits is contained in the
// result. Not always the tightest result: the relation between two unknown bits is not kept.
#pragma once

#include <bit>
#include <concepts>

#include "model/domains/concrete.hpp"

namespace lapicheck::model {

template <std::unsigned_integral T>
struct Known {
    T value = 0; // the known bits' values; unknown bits are 0 here
    T known = 0; // 1 where the bit is known

    constexpr Known() = default; // nothing known
    // An integer is a value with all bits known.
    constexpr Known(T exact) : value(exact), known(static_cast<T>(~T{0})) {} // NOLINT(*-explicit-*)
    constexpr Known(T bits, T mask) : value(bits & mask), known(mask) {}

    constexpr bool is_exact() const { return known == static_cast<T>(~T{0}); }
    constexpr bool admits(T candidate) const { return ((candidate ^ value) & known) == 0; }
    constexpr bool contains(Known other) const {
        return (known & ~other.known) == 0 && ((other.value ^ value) & known) == 0;
    }
    constexpr T least() const { return value; }
    constexpr T greatest() const { return static_cast<T>(value | ~known); }
    // Keeps what both say.
    constexpr Known join(Known other) const {
        return {value, static_cast<T>(known & other.known & ~(value ^ other.value))};
    }
    // Adds what is known from elsewhere; where the two disagree, the newer word counts.
    constexpr Known refined_by(Known newer) const {
        return {static_cast<T>((value & ~newer.known) | newer.value), static_cast<T>(known | newer.known)};
    }

    friend constexpr bool operator==(const Known&, const Known&) = default;
    friend constexpr Known operator&(Known a, Known b) {
        const T ones = a.value & b.value;
        const T zeros = static_cast<T>((a.known & ~a.value) | (b.known & ~b.value));
        return {ones, static_cast<T>(ones | zeros)};
    }
    friend constexpr Known operator|(Known a, Known b) {
        const T ones = a.value | b.value;
        const T zeros = static_cast<T>(a.known & ~a.value & b.known & ~b.value);
        return {ones, static_cast<T>(ones | zeros)};
    }
    friend constexpr Known operator^(Known a, Known b) {
        return {static_cast<T>(a.value ^ b.value), static_cast<T>(a.known & b.known)};
    }
    friend constexpr Known operator~(Known a) { return {static_cast<T>(~a.value), a.known}; }
    friend constexpr Known operator<<(Known a, unsigned shift) {
        const T filled = static_cast<T>((T{1} << shift) - 1);
        return {static_cast<T>(a.value << shift), static_cast<T>((a.known << shift) | filled)};
    }
    friend constexpr Known operator>>(Known a, unsigned shift) {
        const T filled = static_cast<T>(~(static_cast<T>(~T{0}) >> shift));
        return {static_cast<T>(a.value >> shift), static_cast<T>((a.known >> shift) | filled)};
    }
    constexpr Known& operator&=(Known other) { return *this = *this & other; }
    constexpr Known& operator|=(Known other) { return *this = *this | other; }
};

struct KnownBool {
    bool value = false;
    bool known = false;

    constexpr KnownBool() = default;
    constexpr KnownBool(std::same_as<bool> auto exact) // NOLINT(*-explicit-*): a fact is a condition
        : value(exact), known(true) {}

    constexpr bool is_true() const { return known && value; }
    constexpr bool is_false() const { return known && !value; }
    constexpr bool admits(bool candidate) const { return !known || value == candidate; }
    constexpr KnownBool join(KnownBool other) const {
        return known && other.known && value == other.value ? *this : KnownBool{};
    }
    friend constexpr bool operator==(const KnownBool&, const KnownBool&) = default;
};

struct KnownBits {
    using U32 = Known<u32>;
    using U64 = Known<u64>;
    using Bool = KnownBool;
    using Page = BytePage<Known<u8>>; // page.hpp
};

constexpr Known<u32> low_half(Known<u64> a) { return {low_half(a.value), low_half(a.known)}; }
constexpr Known<u32> high_half(Known<u64> a) { return {high_half(a.value), high_half(a.known)}; }
constexpr Known<u64> zero_extend(Known<u32> a) { return {a.value, a.known | 0xffff'ffff'0000'0000}; }

template <class T>
constexpr KnownBool has_any(Known<T> a, std::type_identity_t<T> mask) {
    if ((a.value & mask) != 0) return true;
    if ((mask & ~a.known) == 0) return false;
    return {};
}
template <class T>
constexpr KnownBool equal(Known<T> a, std::type_identity_t<Known<T>> b) {
    if (((a.value ^ b.value) & a.known & b.known) != 0) return false;
    if (a.is_exact() && b.is_exact()) return true;
    return {};
}
constexpr bool is_ruled_out(KnownBool condition) { return condition.is_false(); }
constexpr KnownBool equal(KnownBool a, KnownBool b) {
    return a.known && b.known ? KnownBool{a.value == b.value} : KnownBool{};
}
template <class T>
constexpr KnownBool is_zero(Known<T> a) {
    return equal(a, Known<T>{T{0}});
}
template <class T>
constexpr KnownBool less(Known<T> a, std::type_identity_t<Known<T>> b) {
    if (a.greatest() < b.least()) return true;
    if (a.least() >= b.greatest()) return false;
    return {};
}
constexpr KnownBool both(KnownBool a, KnownBool b) {
    if (a.is_false() || b.is_false()) return false;
    if (a.is_true() && b.is_true()) return true;
    return {};
}
constexpr KnownBool negate(KnownBool a) { return a.known ? KnownBool{!a.value} : a; }
constexpr KnownBool either(KnownBool a, KnownBool b) { return negate(both(negate(a), negate(b))); }
template <class T>
constexpr Known<T> select(KnownBool condition, Known<T> if_true, std::type_identity_t<Known<T>> if_false) {
    if (!condition.known) return if_true.join(if_false);
    return condition.value ? if_true : if_false;
}
constexpr Known<u32> power_of_two(Known<u32> exponent) {
    // Bit n may be set only if the exponent may be n.
    u32 possible = 0;
    unsigned candidates = 0;
    for (u32 n = 0; n < 32; ++n) {
        if (!Known<u32>{exponent.value & 31, exponent.known & 31}.admits(n)) continue;
        possible |= u32{1} << n;
        ++candidates;
    }
    return candidates == 1 ? Known<u32>{possible} : Known<u32>{0, ~possible};
}
constexpr Known<u32> without_highest_bit(Known<u32> a) {
    // The first bit from above that is known to be set is the highest one, unless an unknown bit
    // above it may be; what lies below it does not change.
    const u32 first = std::bit_floor(a.value);
    const u32 unknown_above = ~a.known & ~(first | (first - 1));
    if (first == 0) return a; // any bit still set after the step was unknown before it
    if (unknown_above == 0) return {a.value & ~first, a.known};
    return {a.value & ~first, a.known & ~first};
}
constexpr Known<u32> highest_bit(Known<u32> a) {
    const u32 least = highest_bit(a.least());
    const u32 greatest = highest_bit(a.greatest());
    // All candidates share the bits above the first one in which the ends of the range differ.
    const u32 differ = least ^ greatest;
    const u32 varying = differ == 0 ? 0 : (std::bit_floor(differ) << 1) - 1;
    return {least, ~varying};
}

} // namespace lapicheck::model
