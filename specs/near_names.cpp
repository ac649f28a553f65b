#include "specs/near_names.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace lapicheck::specs {
namespace {

// Names are ASCII; the C library's tolower would depend on the locale.
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

} // namespace

std::string lowered(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

namespace {

// The least number of insertions, deletions, substitutions and swaps of neighbours that turn one text into
// the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> before(to.size() + 1);
    std::vector<std::size_t> last(to.size() + 1);
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        before = std::exchange(last, row);
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            row[j + 1] = std::min({row[j] + 1, last[j + 1] + 1, last[j] + (from[i] == to[j] ? 0 : 1)});
            if (i > 0 && j > 0 && from[i] == to[j - 1] && from[i - 1] == to[j])
                row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
        }
    }
    return row.back();
}

// How far a name is from what was typed; none if too far to be meant. Half a slug is meant
// more often than it is mistyped, so a part of a slug is as near as one slip.
std::optional<std::size_t> distance_to(const std::string& typed, const std::string& name) {
    if (typed.size() > 2 * name.size() + 4) return std::nullopt; // and no work on a word of megabytes
    if (typed.size() >= 3 && name.find(typed) != std::string::npos) return 1;
    const std::size_t distance = edit_distance(typed, name);
    const std::size_t slips_allowed = std::max<std::size_t>(1, typed.size() / 4);
    if (distance > slips_allowed || distance >= typed.size()) return std::nullopt;
    return distance;
}

} // namespace

std::vector<std::string> near_names(std::string_view name, std::span<const std::string_view> candidates) {
    constexpr std::size_t enough = 5;
    const std::string typed = lowered(name);
    std::vector<std::pair<std::size_t, std::string>> found;
    for (const std::string_view candidate : candidates)
        if (const auto distance = distance_to(typed, lowered(candidate)))
            found.emplace_back(*distance, candidate);
    // The candidates' order decides between equals.
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& left, const auto& right) { return left.first < right.first; });
    if (found.size() > enough) found.resize(enough);
    std::vector<std::string> names;
    names.reserve(found.size());
    for (auto& [distance, candidate] : found) names.push_back(std::move(candidate));
    return names;
}

} // namespace lapicheck::specs
