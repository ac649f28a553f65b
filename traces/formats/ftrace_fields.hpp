// What the texts of several tracepoints have in common.
#pragma once

#include <cstdint>
#include <string_view>

#include "traces/event.hpp"
#include "traces/formats/name_table.hpp"
#include "traces/formats/scanner.hpp"

namespace lapicheck::traces {

// Why a payload could not be read; empty if it could.
using Fault = std::string_view;
inline constexpr Fault no_fault{};

// kvm_deliver_mode of include/trace/events/kvm.h
inline constexpr NamedValue<DeliveryMode> delivery_mode_rows[] = {
    {"Fixed", DeliveryMode::fixed},  {"LowPrio", DeliveryMode::lowest_priority},
    {"SMI", DeliveryMode::smi},      {"Res3", DeliveryMode::reserved3},
    {"NMI", DeliveryMode::nmi},      {"INIT", DeliveryMode::init},
    {"SIPI", DeliveryMode::startup}, {"ExtINT", DeliveryMode::extint},
};
inline constexpr NameTable delivery_modes(delivery_mode_rows);

// The name up to `end`, looked up in `table`.
template <class Value, std::size_t N>
bool take_name(Scanner& s, char end, const NameTable<Value, N>& table, Value& value) {
    const std::string_view rest = s.rest();
    const std::size_t length = rest.find(end);
    if (length == std::string_view::npos) return false;
    const Value* const found = table.find(rest.substr(0, length));
    if (found == nullptr) return false;
    value = *found;
    s.skip(length + 1);
    return true;
}

// "yes<end>" or "no<end>".
template <std::size_t Yes, std::size_t No>
bool take_either(Scanner& s, const char (&yes)[Yes], const char (&no)[No], bool& value) {
    value = s.take(yes);
    return value || s.take(no);
}

inline bool take_vector(Scanner& s, std::uint64_t& vector) { return s.decimal(vector) && vector <= 255; }

} // namespace lapicheck::traces
