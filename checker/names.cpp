#include "checker/names.hpp"

#include <fmt/format.h>

#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

constexpr std::string_view everything = "all";

std::string unknown(std::string_view what, std::string_view list, std::string_view name,
                    const std::vector<std::string_view>& known) {
    const auto near = specs::near_names(name, known);
    return fmt::format("there is no {} '{}'{}{}; see 'lapicheck list {}'", what, name,
                       near.empty() ? "" : "; near: ", fmt::join(near, ", "), list);
}

} // namespace

std::string unknown_implementation(std::string_view name) {
    std::vector<std::string_view> known;
    for (const auto& entry : proof::implementations()) known.push_back(entry.name);
    return unknown("implementation", "implementations", name, known);
}

std::string unknown_property(std::string_view id) {
    std::vector<std::string_view> known;
    for (const auto& entry : proof::properties()) known.push_back(entry.id);
    return unknown("property", "properties", id, known);
}

std::vector<const proof::ImplementationEntry*> implementations_named(std::string_view name) {
    std::vector<const proof::ImplementationEntry*> found;
    for (const auto& entry : proof::implementations())
        if (name == everything || name == entry.name) found.push_back(&entry);
    return found;
}

std::vector<const proof::PropertyEntry*> properties_named(std::string_view id) {
    std::vector<const proof::PropertyEntry*> found;
    for (const auto& entry : proof::properties())
        if (id == everything || id == entry.id) found.push_back(&entry);
    return found;
}

} // namespace lapicheck::checker
