// The names of lapicheck's ftrace instances. A name tells whose the instance is, so that one that a killed
// process left behind can be told from one that is in use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lapicheck::traces {

// A process. Numbers are used again; number and start together are not.
struct Owner {
    std::uint32_t process = 0;
    std::uint64_t start = 0; // clock ticks after boot: field 22 of /proc/PID/stat
    bool operator==(const Owner&) const = default;
};

// When the process with this number started, from the text of its /proc/PID/stat; none: that is no such text.
std::optional<std::uint64_t> read_start(std::string_view stat);

// This process.
Owner this_process();
// Whether that very process still runs.
bool is_alive(const Owner& owner);

// "lapicheck-4711-123456".
std::string instance_name(const Owner& owner);
// Whose the instance of that name is; none: not lapicheck's.
std::optional<Owner> owner_of_instance(std::string_view name);

} // namespace lapicheck::traces
