// What a user may have meant by a name that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapicheck::specs {

// Those among `candidates` that are near `name`, the best first; empty if nothing is near.
std::vector<std::string> near_names(std::string_view name, std::span<const std::string_view> candidates);

// In lower case.
std::string lowered(std::string_view text);

} // namespace lapicheck::specs
