#include "specs/properties/names.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "specs/near_names.hpp"

namespace lapicheck::specs {
namespace {

constexpr std::string_view everything = "all";

std::string unknown(std::string_view what, std::string_view list, std::string_view name,
                    const std::vector<std::string_view>& known) {
    const auto near = near_names(name, known);
    return fmt::format("there is no {} '{}'{}{}; see 'lapicheck list {}'", what, name,
                       near.empty() ? "" : "; near: ", fmt::join(near, ", "), list);
}

bool names(const std::vector<std::string>& named, std::string_view name) {
    return std::ranges::any_of(named, [name](const std::string& n) { return n == everything || n == name; });
}

} // namespace

std::string unknown_implementation(std::string_view name) {
    std::vector<std::string_view> known;
    for (const auto& entry : model::implementations()) known.push_back(entry.name);
    return unknown("implementation", "implementations", name, known);
}

std::string unknown_property(std::string_view id) {
    std::vector<std::string_view> known;
    for (const auto& entry : specs::properties()) known.push_back(entry.id);
    return unknown("property", "properties", id, known);
}

Chosen choose(const std::vector<std::string>& implementations, const std::vector<std::string>& properties) {
    Chosen chosen;
    for (const std::string& name : implementations)
        if (name != everything && model::find_implementation(name) == nullptr)
            chosen.error = unknown_implementation(name);
    for (const std::string& id : properties)
        if (id != everything && find_property(id) == nullptr) chosen.error = unknown_property(id);
    for (const auto& entry : model::implementations())
        if (names(implementations, entry.name)) chosen.implementations.push_back(&entry);
    for (const auto& entry : specs::properties())
        if (names(properties, entry.id)) chosen.properties.push_back(&entry);
    return chosen;
}

} // namespace lapicheck::specs
