// The words of the JSON form of access programs, shared by its reader and its writer.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "programs/program.hpp"

namespace lapicheck::programs {

// The words of a step, in the order they are written.
enum class Word : std::uint8_t {
    address,
    msr,
    size,
    destination,
    value,
    data,
    vector,
    trigger,
    microseconds
};
inline constexpr std::array<std::string_view, 9> word_names = {
    "address", "msr", "size", "destination", "value", "data", "vector", "trigger", "microseconds"};
constexpr std::string_view to_string(Word word) { return word_names[static_cast<std::size_t>(word)]; }

// The words that an action takes, all of them required.
std::span<const Word> words_of(Do what);

// `; did you mean "wrmsr" or "rdmsr"?`, or nothing if none is near.
std::string near_text(std::string_view word, std::span<const std::string_view> known);

} // namespace lapicheck::programs
