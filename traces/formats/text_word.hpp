// Eight bytes of text as one number, the first byte lowest: short fields are compared and turned
// into values without a loop.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace lapicheck::traces {

// Every byte of a word set to `c`.
constexpr std::uint64_t repeated(char c) {
    return std::uint64_t{0x0101'0101'0101'0101} * static_cast<std::uint8_t>(c);
}

// The low `count` bytes of a word, 0 to 8 of them.
constexpr std::uint64_t low_bytes(unsigned count) {
    return count == 0 ? 0 : ~std::uint64_t{0} >> (64 - 8 * count);
}

// The bytes of `text` that a Word holds.
template <class Word>
constexpr std::uint64_t load_word(const char* text) {
    Word word = 0;
    if (std::is_constant_evaluated() || std::endian::native != std::endian::little) {
        for (std::size_t i = 0; i < sizeof(Word); ++i)
            word = static_cast<Word>(word | static_cast<Word>(static_cast<std::uint8_t>(text[i])) << (8 * i));
    } else {
        std::memcpy(&word, text, sizeof(Word));
    }
    return word;
}
constexpr std::uint64_t load_eight(const char* text) { return load_word<std::uint64_t>(text); }

// Index of the first byte equal to `c`; 8: there is none.
constexpr unsigned find_byte(std::uint64_t word, char c) {
    const std::uint64_t difference = word ^ repeated(c);
    const std::uint64_t zeros = (difference - repeated('\x01')) & ~difference & repeated('\x80');
    return static_cast<unsigned>(std::countr_zero(zeros)) / 8;
}

constexpr bool are_digits(std::uint64_t word) {
    const std::uint64_t carried = word + repeated('\x06');
    return ((word | carried) & repeated('\xf0')) == repeated('0') && (word & repeated('0')) == repeated('0');
}

// The value of eight digits, the first the most significant.
constexpr std::uint32_t eight_digits(std::uint64_t word) {
    word = (word & repeated('\x0f')) * 2561 >> 8; // pairs: 2561 = 10 * 256 + 1
    word = (word & 0x00ff'00ff'00ff'00ff) * 6553601 >> 16;
    return static_cast<std::uint32_t>((word & 0x0000'ffff'0000'ffff) * 42949672960001 >> 32);
}

// The low `count` bytes moved up to the end of the word, '0' before them.
constexpr std::uint64_t right_aligned(std::uint64_t word, unsigned count) {
    return count == 0 ? repeated('0') : word << (64 - 8 * count) | (repeated('0') & low_bytes(8 - count));
}

} // namespace lapicheck::traces
