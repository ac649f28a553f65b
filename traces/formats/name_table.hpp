// A table from names to values, laid out at compile time so that a look-up is one multiplication,
// one load and one comparison.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "traces/formats/text_word.hpp"

namespace lapicheck::traces {

template <class Value>
struct NamedValue {
    std::string_view name;
    Value value;
};

template <class Value, std::size_t N>
class NameTable {
  public:
    consteval explicit NameTable(const NamedValue<Value> (&rows)[N]) {
        for (std::size_t i = 0; i < N; ++i) rows_[i] = {key(rows[i].name), rows[i].name, rows[i].value};
        while (!fill_slots()) multiplier_ = multiplier_ * 6364136223846793005u + 1442695040888963407u;
    }

    // nullptr: no such name.
    constexpr const Value* find(std::string_view name) const {
        const Key wanted = key(name);
        const std::uint8_t index = slots_[slot(wanted, name.size())];
        if (index == free_slot) return nullptr;
        const Row& row = rows_[index];
        if (row.name.size() != name.size() || row.key != wanted) return nullptr;
        return name.size() <= 16 || name.substr(8) == row.name.substr(8) ? &row.value : nullptr;
    }

  private:
    static_assert(N < 255);
    static constexpr std::uint8_t free_slot = 255;
    static constexpr unsigned slot_bits = std::bit_width(N) + 2;

    // The first and the last eight bytes: up to sixteen, the whole name. Of a shorter name two
    // halves that may overlap.
    struct Key {
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        constexpr bool operator==(const Key&) const = default;
    };

    struct Row {
        Key key;
        std::string_view name;
        Value value{};
    };

    static constexpr Key key(std::string_view name) {
        const std::size_t size = name.size();
        const char* const text = name.data();
        const char* const end = text + size;
        if (size >= 8) return {load_eight(text), load_eight(end - 8)};
        if (size >= 4) return {load_word<std::uint32_t>(text), load_word<std::uint32_t>(end - 4)};
        if (size >= 2) return {load_word<std::uint16_t>(text), load_word<std::uint16_t>(end - 2)};
        return {size == 1 ? load_word<std::uint8_t>(text) : 0, 0};
    }

    constexpr std::size_t slot(const Key& wanted, std::size_t size) const {
        const std::uint64_t mixed = (wanted.first ^ std::rotl(wanted.last, 29)) + size;
        return static_cast<std::size_t>((mixed * multiplier_) >> (64 - slot_bits));
    }

    consteval bool fill_slots() {
        slots_.fill(free_slot);
        for (std::size_t i = 0; i < N; ++i) {
            std::uint8_t& place = slots_[slot(rows_[i].key, rows_[i].name.size())];
            if (place != free_slot) return false;
            place = static_cast<std::uint8_t>(i);
        }
        return true;
    }

    std::array<Row, N> rows_{};
    std::array<std::uint8_t, std::size_t{1} << slot_bits> slots_{};
    std::uint64_t multiplier_ = 0x9e3779b97f4a7c15u;
};

} // namespace lapicheck::traces
