#include "checker/prove/result.hpp"

#include <algorithm>

namespace lapicheck::prove {

std::string_view to_string(Status status) {
    switch (status) {
    case Status::holds: return "holds";
    case Status::refuted: return "refuted";
    case Status::bounded: return "bounded";
    case Status::unknown: return "unknown";
    case Status::not_applicable: break;
    }
    return "not-applicable";
}

std::size_t Matrix::count(Status status) const {
    return static_cast<std::size_t>(std::ranges::count(results, status, &Result::status));
}

int exit_code_of(const Matrix& matrix) {
    using enum Status;
    if (!matrix.unconfirmed.empty()) return 2;
    if (matrix.count(refuted) != 0) return 1;
    return matrix.count(bounded) + matrix.count(unknown) != 0 ? 4 : 0;
}

} // namespace lapicheck::prove
