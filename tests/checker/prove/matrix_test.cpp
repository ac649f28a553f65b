// How a matrix ends, and what is printed of each way to end.
#include <sstream>

#include <doctest/doctest.h>

#include "checker/report/text.hpp"
#include "specs/properties/names.hpp"

using namespace lapicheck;
using prove::exit_code_of;
using prove::Matrix;
using prove::Status;

namespace {

// One row of results, as they may come.
Matrix matrix_of(const std::vector<Status>& statuses) {
    Matrix matrix;
    matrix.implementations = {&model::implementations().front()};
    for (std::size_t i = 0; i < statuses.size(); ++i) {
        matrix.properties.push_back(&specs::properties()[i]);
        prove::Result result;
        result.implementation = matrix.implementations.front();
        result.property = matrix.properties.back();
        result.status = statuses[i];
        result.depth = 6;
        matrix.results.push_back(result);
    }
    return matrix;
}

std::string text_of(const Matrix& matrix) {
    std::ostringstream out;
    checker::write_prove_text(out, {matrix, false, {}, {}}, {});
    return out.str();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("prove: the worst result decides the exit status; what is not proved is no success") {
    using enum Status;
    CHECK(exit_code_of(matrix_of({holds, not_applicable})) == 0);
    CHECK(exit_code_of(matrix_of({holds, bounded})) == 4);
    CHECK(exit_code_of(matrix_of({unknown, holds})) == 4);
    CHECK(exit_code_of(matrix_of({unknown, refuted, bounded})) == 1);
}

TEST_CASE("prove: a counterexample that does not stand the trial is our error, whatever else was found") {
    Matrix matrix = matrix_of({Status::refuted, Status::holds});
    matrix.unconfirmed.push_back(matrix.results.data());
    CHECK(exit_code_of(matrix) == 2);
}

TEST_CASE("prove: each way to end has its cell and its line in the legend") {
    using enum Status;
    const std::string text = text_of(matrix_of({holds, refuted, bounded, unknown, not_applicable}));
    for (const char* cell : {"  holds\n", "  refuted 6\n", "  bounded 6\n", "  unknown\n", "  n/a\n"})
        CHECK(contains(text, cell));
    CHECK(contains(text, "\nbounded N  not proved; "));
    CHECK_FALSE(contains(text_of(matrix_of({holds})), "bounded"));
}

TEST_CASE("names: all, one, several, none") {
    CHECK(specs::choose({"all"}, {"all"}).properties.size() == specs::properties().size());
    const specs::Chosen two = specs::choose({"kvm-rfc", "kvm-2018", "kvm-rfc"}, {"mmio-isolation"});
    REQUIRE(two.implementations.size() == 2);
    CHECK(two.implementations[0]->name == "kvm-2018"); // in the order of reports
    CHECK(contains(specs::choose({"kvm-2019"}, {"all"}).error, "near: kvm-2018"));
    CHECK(contains(specs::choose({"all"}, {"isolation"}).error, "near: mmio-isolation"));
}
