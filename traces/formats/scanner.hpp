// Reads one line from left to right: literals, numbers, blanks. Nothing here allocates or throws.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "traces/formats/text_word.hpp"

namespace lapicheck::traces {

// Value of each hexadecimal digit, 0xff for all other bytes. The kernel prints small letters, but
// a person who edits a trace may not.
inline constexpr std::array<std::uint8_t, 256> hex_values = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(0xff);
    for (std::uint8_t digit = 0; digit < 10; ++digit) values['0' + digit] = digit;
    for (std::uint8_t digit = 10; digit < 16; ++digit)
        values['a' + digit - 10] = values['A' + digit - 10] = digit;
    return values;
}();

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Every take...() returns false, and the scan is over, when the text goes on differently.
class Scanner {
  public:
    explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

    bool done() const { return at_ == end_; }
    char peek() const { return done() ? '\0' : *at_; }
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    std::string_view rest() const { return {at_, left()}; }
    void skip(std::size_t bytes) { at_ += bytes; }

    template <std::size_t N>
    bool take(const char (&literal)[N]) {
        constexpr std::size_t length = N - 1;
        if (left() < length || std::memcmp(at_, literal, length) != 0) return false;
        at_ += length;
        return true;
    }

    std::size_t skip_blanks() {
        const char* const start = at_;
        while (at_ != end_ && *at_ == ' ') ++at_;
        return static_cast<std::size_t>(at_ - start);
    }

    // How many bytes stand before the next `c`, or before the end.
    std::size_t find(char c) const {
        const char* at = at_;
        for (; end_ - at >= 8; at += 8)
            if (const unsigned byte = find_byte(load_eight(at), c); byte < 8)
                return static_cast<std::size_t>(at - at_) + byte;
        while (at != end_ && *at != c) ++at;
        return static_cast<std::size_t>(at - at_);
    }

    // Everything up to the next blank or the end; may be empty.
    std::string_view word() {
        const char* const start = at_;
        at_ += find(' ');
        return {start, static_cast<std::size_t>(at_ - start)};
    }

    // Hexadecimal digits without 0x, at most 64 bits of them.
    bool hex(std::uint64_t& value) {
        const char* const start = at_;
        std::uint64_t sum = 0;
        for (; at_ != end_; ++at_) {
            const std::uint8_t digit = hex_values[static_cast<std::uint8_t>(*at_)];
            if (digit == 0xff) break;
            sum = sum << 4 | digit;
        }
        value = sum;
        const auto digits = at_ - start;
        return digits >= 1 && digits <= 16;
    }

    // Decimal digits, at most as many as can never overflow.
    bool decimal(std::uint64_t& value) {
        const char* const start = at_;
        std::uint64_t sum = 0;
        for (; at_ != end_ && is_digit(*at_); ++at_) sum = sum * 10 + static_cast<std::uint64_t>(*at_ - '0');
        value = sum;
        const auto digits = at_ - start;
        return digits >= 1 && digits <= 19;
    }

    // The end of the payload. trace-cmd may leave blanks there.
    bool ends() {
        skip_blanks();
        return done();
    }

  private:
    const char* at_;
    const char* end_;
};

} // namespace lapicheck::traces
