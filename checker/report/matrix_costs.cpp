#include <algorithm>
#include <numeric>
#include <ostream>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/report/matrix.hpp"

namespace lapicheck::checker {

void write_costs(std::ostream& out, const Matrix& matrix) {
    constexpr std::size_t shown = 20;
    std::vector<std::size_t> order(matrix.results.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return matrix.milliseconds[i]; });
    fmt::print(out, "\n{:>12} {:>10}  {}\n", "milliseconds", "questions", "the most expensive results");
    for (std::size_t i = 0; i < std::min(shown, order.size()); ++i) {
        const proof::Result& result = matrix.results[order[i]];
        fmt::print(out, "{:>12.1f} {:>10}  {} {}\n", matrix.milliseconds[order[i]], result.questions,
                   result.implementation->name, result.property->id);
    }
    std::uint64_t questions = 0;
    for (const proof::Result& result : matrix.results) questions += result.questions;
    fmt::print(out, "{:>12.1f} {:>10}  all {}\n",
               std::accumulate(matrix.milliseconds.begin(), matrix.milliseconds.end(), 0.0), questions,
               matrix.results.size());
}

} // namespace lapicheck::checker
