// How doctest prints the model's words when a test fails.
#pragma once

#include <string>

#include <doctest/doctest.h>

#include "model/domains/known_bits.hpp"
#include "model/state.hpp"

namespace lapicheck::model {

inline doctest::String toString(Rule rule) { return std::string(to_string(rule)).c_str(); }
inline doctest::String toString(Mode mode) { return std::string(to_string(mode)).c_str(); }
inline doctest::String toString(Answer answer) {
    constexpr std::array names = {"apic", "elsewhere", "open"};
    return names[static_cast<std::size_t>(answer)];
}
inline doctest::String toString(Reg reg) {
    if (index_of(reg) >= window_register_count) return "no register of the window";
    return std::string(sdm_registers[index_of(reg)].name).c_str();
}

} // namespace lapicheck::model

namespace doctest {

template <class T>
struct StringMaker<lapicheck::model::Known<T>> {
    static String convert(const lapicheck::model::Known<T>& word) {
        std::string text;
        for (unsigned bit = 8 * sizeof(T); bit-- > 0;)
            text += (word.known >> bit & 1) == 0 ? '?' : (word.value >> bit & 1) != 0 ? '1' : '0';
        return text.c_str();
    }
};
template <>
struct StringMaker<lapicheck::model::KnownBool> {
    static String convert(lapicheck::model::KnownBool condition) {
        return !condition.known ? "unknown" : condition.value ? "true" : "false";
    }
};

} // namespace doctest
