// The solver's side: answers are neither lost nor confused, giving up is said, examples are the least.
#include "checker/prove/symbolic/solver.hpp"

#include <random>

#include <doctest/doctest.h>

#include "checker/prove/engine/prover.hpp"
#include "tests/checker/prove/values.hpp"

namespace lapicheck::prove {
namespace {

constexpr unsigned ample = 20'000'000;

z3::expr word(const char* name, unsigned width = 32) { return context().bv_const(name, width); }
z3::expr number(u64 value, unsigned width = 32) {
    return context().bv_val(static_cast<std::uint64_t>(value), width);
}

// Formulas are made, asked about and dropped, so that others take over their places in memory and their
// numbers: a memo that does not keep them answers for the wrong formula.
TEST_CASE("no formula is answered for by another one that is gone") {
    Solver oracle(ample);
    std::mt19937_64 random(1);
    const z3::expr x = word("x");
    for (u64 i = 0; i < 2000; ++i) {
        const u64 value = i * 0x1'0001;
        const bool possible = random() % 2 == 0;
        const Conditions base = {z3::ult(x, number(value + 1))};
        const SolverResult answer =
            oracle.ask(i % 3 == 0 ? Conditions{} : base,
                       {x == number(value), z3::ult(x, number(value + (possible ? 1 : 0)))});
        CAPTURE(i);
        REQUIRE(answer == (possible ? SolverResult::sat : SolverResult::unsat));
    }
    CHECK(oracle.cost().asked == 2000);
}

TEST_CASE("a question asked again is remembered, whatever part of it is the base") {
    Solver oracle(ample);
    const z3::expr x = word("x");
    const z3::expr small = z3::ult(x, number(5));
    const z3::expr large = z3::ugt(x, number(9));
    CHECK(oracle.ask({small}, {large}) == SolverResult::unsat);
    CHECK(oracle.ask({small}, {}) == SolverResult::sat);
    CHECK(oracle.ask({}, {small, large}) == SolverResult::unsat);
    CHECK(oracle.ask({small, large}, {}) == SolverResult::unsat);
    CHECK(oracle.cost().asked == 2);
    CHECK(oracle.cost().remembered == 2);
}

TEST_CASE("what one question assumed does not stay for the next") {
    Solver oracle(ample);
    const z3::expr x = word("x");
    for (u64 i = 0; i < 50; ++i) {
        const z3::expr is_i = x == number(i);
        REQUIRE(oracle.ask({is_i}, {x != number(i)}) == SolverResult::unsat);
        REQUIRE(oracle.ask({x != number(i)}, {x != number(i + 1)}) == SolverResult::sat);
        REQUIRE(oracle.ask({}, {is_i}) == SolverResult::sat);
    }
}

TEST_CASE("no conditions can hold, a contradiction cannot") {
    Solver oracle(ample);
    CHECK(oracle.ask({}, {}) == SolverResult::sat);
    CHECK(oracle.ask({}, {context().bool_val(false)}) == SolverResult::unsat);
    CHECK(conjunction({}).is_true());
    CHECK(disjunction({}).is_false());
}

// The factors of a prime number.
Conditions hard_question() {
    const z3::expr x = word("x", 64);
    const z3::expr y = word("y", 64);
    const z3::expr below = number(0x1'0000'0000, 64);
    return {x * y == number(0x7fff'ffff'ffff'ffe7, 64), z3::ult(x, below), z3::ult(y, below)};
}

TEST_CASE("the solver gives up when its budget is spent, and says so, also when asked again") {
    Solver oracle(20'000);
    CHECK(oracle.ask({}, hard_question()) == SolverResult::unknown);
    CHECK(oracle.ask({}, hard_question()) == SolverResult::unknown);
    CHECK(oracle.cost().remembered == 1);
    // What it could not answer does not keep it from answering something else.
    CHECK(oracle.ask({}, {word("x") == number(1)}) == SolverResult::sat);
    CHECK_FALSE(Example(hard_question(), 20'000).exists());
}

TEST_CASE("an example is made as small as it can be") {
    std::mt19937_64 random(9);
    for (unsigned repeat = 0; repeat < 40; ++repeat) {
        const auto mask = static_cast<unsigned>(random() & 0xff);
        const unsigned value = static_cast<unsigned>(random()) & mask;
        const auto above = static_cast<unsigned>(random() & 0xff);
        const auto other = static_cast<unsigned>(random() & 0xff);
        const auto fits = [&](unsigned n) { return (n & mask) == value && n >= above && n != other; };
        unsigned least = 0;
        while (least < 256 && !fits(least)) ++least;
        const z3::expr x = word("x", 8);
        Example example(
            {(x & number(mask, 8)) == number(value, 8), z3::uge(x, number(above, 8)), x != number(other, 8)},
            ample);
        CAPTURE(repeat);
        REQUIRE(example.exists() == (least < 256));
        if (least == 256) continue;
        example.minimise(x);
        REQUIRE(example.value(x) == least);
    }
}

TEST_CASE("what an example prefers first it keeps") {
    const z3::expr x = word("x");
    const z3::expr y = word("y");
    Example example({x + y == number(100), z3::ule(x, number(100)), z3::ule(y, number(100))}, ample);
    REQUIRE(example.exists());
    CHECK(example.prefer(y == number(30)));
    CHECK_FALSE(example.prefer(x == number(60)));
    example.minimise(x);
    CHECK(example.value(x) == 70);
    CHECK(example.value(y) == 30);
    CHECK(example.is_true(x == number(70)));
    Example other({x + y == number(100), z3::ule(x, number(100)), z3::ule(y, number(100))}, ample);
    other.minimise(x);
    other.minimise(y);
    CHECK(other.value(x) == 0);
    CHECK(other.value(y) == 100);
    CHECK(other.value(x == number(0)) == 1);
}

} // namespace
} // namespace lapicheck::prove
