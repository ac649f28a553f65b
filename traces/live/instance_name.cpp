#include "traces/live/instance_name.hpp"

#include <charconv>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

namespace lapicheck::traces {
namespace {

constexpr std::string_view prefix = "lapicheck-";

// All of `text` as a decimal number.
template <class Number>
std::optional<Number> read_number(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::uint64_t> start_of(std::uint32_t process) {
    std::ifstream file(fmt::format("/proc/{}/stat", process), std::ios::binary);
    return read_start(std::string{std::istreambuf_iterator<char>(file), {}});
}

} // namespace

std::optional<std::uint64_t> read_start(std::string_view stat) {
    // Field 2 is a name in parentheses that may hold anything, more parentheses too.
    const std::size_t name_end = stat.rfind(") ");
    if (name_end == std::string_view::npos) return std::nullopt;
    stat.remove_prefix(name_end + 2);
    for (int field = 3; field < 22; ++field) {
        const std::size_t blank = stat.find(' ');
        if (blank == std::string_view::npos) return std::nullopt;
        stat.remove_prefix(blank + 1);
    }
    return read_number<std::uint64_t>(stat.substr(0, stat.find_first_of(" \n")));
}

Owner this_process() {
    const auto process = static_cast<std::uint32_t>(getpid());
    return {process, start_of(process).value_or(0)};
}

bool is_alive(const Owner& owner) { return start_of(owner.process) == owner.start; }

std::string instance_name(const Owner& owner) {
    return fmt::format("{}{}-{}", prefix, owner.process, owner.start);
}

std::optional<Owner> owner_of_instance(std::string_view name) {
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    const std::size_t dash = name.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto process = read_number<std::uint32_t>(name.substr(0, dash));
    const auto start = read_number<std::uint64_t>(name.substr(dash + 1));
    if (!process || !start) return std::nullopt;
    return Owner{*process, *start};
}

} // namespace lapicheck::traces
