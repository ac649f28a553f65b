#include "model/field_text.hpp"

#include <bit>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/outside_registers.hpp"

namespace lapicheck::model {
namespace {

constexpr u64 low_word = 0xffff'ffff;

std::string field_value(const NamedBits& field, u64 required) {
    const u64 value = (required & field.mask) >> std::countr_zero(field.mask);
    return field.name == "vector" ? fmt::format("{:02X}H", value) : fmt::format("{:#x}", value);
}

// `name` says what each of `bits` is.
template <class Name>
void add_required(std::vector<std::string>& parts, u64 required, u64 bits, Name name) {
    for (const int value : {1, 0}) {
        const u64 alike = bits & (value == 1 ? required : ~required);
        if (alike == 0) continue;
        const std::string named = name(alike);
        parts.push_back(fmt::format("{} must be {}{}", bits_text(alike), value,
                                    named.empty() ? "" : fmt::format(" ({})", named)));
    }
}

std::vector<NamedBits> fields_of(const OutsideRegister& reg) {
    std::vector<NamedBits> fields;
    for (const OutsideField& field : reg.fields) fields.push_back({field.name, field.mask});
    return fields;
}

std::string vectors_text(u64 first, u64 bits) {
    constexpr int most_listed = 4;
    std::vector<std::string> vectors;
    for (u64 bit = 0; bit < 32; ++bit)
        if ((bits >> bit & 1) != 0) vectors.push_back(fmt::format("{:02X}H", first + bit));
    if (std::popcount(bits) > most_listed)
        return fmt::format("{} vectors, {} to {}", vectors.size(), vectors.front(), vectors.back());
    return fmt::format("vector{} {}", vectors.size() == 1 ? "" : "s", fmt::join(vectors, ", "));
}

} // namespace

std::vector<NamedBits> fields_of(Reg reg, Mode mode) {
    const std::string_view name = register_name(reg);
    std::vector<NamedBits> fields;
    if (const OutsideRegister* const outside = find_outside_register(name); outside != nullptr) {
        fields = fields_of(*outside);
    } else if (reg == Reg::ldr && mode == Mode::x2apic) {
        fields = {{"logical x2APIC ID in the cluster", 0xffff}, {"cluster", 0xffff'0000}};
    } else if (reg != Reg::none) {
        for (const Field& field : sdm_registers[index_of(reg)].fields)
            fields.push_back({field.name, field.mask});
        if (reg == Reg::icr && mode == Mode::x2apic) fields.push_back({"destination", ~low_word});
    }
    // One field that fills the register tells no more than its value.
    const bool fills = fields.size() == 1 && (fields[0].mask == low_word || fields[0].mask == ~u64{0});
    if (fills) fields.clear();
    return fields;
}

std::vector<NamedBits> fields_of_cr8() { return fields_of(*find_outside_register("cr8")); }

std::string bits_text(u64 bits) {
    std::vector<std::string> ranges;
    for (int high = 63; high >= 0; --high) {
        if ((bits >> high & 1) == 0) continue;
        int low = high;
        while (low > 0 && (bits >> (low - 1) & 1) != 0) --low;
        ranges.push_back(low == high ? fmt::format("{}", high) : fmt::format("{}:{}", high, low));
        high = low;
    }
    if (ranges.size() < 2)
        return fmt::format("{} {}", std::popcount(bits) == 1 ? "bit" : "bits", fmt::join(ranges, ""));
    const std::string last = ranges.back();
    ranges.pop_back();
    return fmt::format("bits {} and {}", fmt::join(ranges, ", "), last);
}

std::string required_bits_text(const std::vector<NamedBits>& fields, Known<u64> required, u64 bits) {
    std::vector<std::string> parts;
    u64 unnamed = bits;
    for (const NamedBits& field : fields) {
        unnamed &= ~field.mask;
        const u64 here = bits & field.mask;
        if (here == 0) continue;
        const bool whole = (required.known & field.mask) == field.mask && std::popcount(field.mask) > 1;
        if (whole)
            parts.push_back(fmt::format("{} must be {} ({})", bits_text(field.mask),
                                        field_value(field, required.value), field.name));
        else add_required(parts, required.value, here, [&](u64) { return std::string{field.name}; });
    }
    add_required(parts, required.value, unnamed,
                 [&](u64) { return std::string{fields.empty() ? "" : "reserved"}; });
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string required_vectors_text(Reg word, u64 required, u64 bits) {
    const u64 first = (index_of(word) - index_of(Reg::isr0)) % 8 * 32;
    std::vector<std::string> parts;
    add_required(parts, required, bits & low_word, [&](u64 alike) { return vectors_text(first, alike); });
    return fmt::format("{}", fmt::join(parts, ", "));
}

} // namespace lapicheck::model
