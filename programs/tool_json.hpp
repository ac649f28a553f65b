// Who wrote a JSON file: the key "tool" of programs and reports.
#pragma once

#include <nlohmann/json.hpp>

namespace lapicheck::programs {

inline nlohmann::ordered_json tool_json() { return {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}}; }

} // namespace lapicheck::programs
