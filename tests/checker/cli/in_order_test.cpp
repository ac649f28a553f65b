#include "checker/cli/in_order.hpp"

#include <atomic>
#include <stdexcept>

#include <doctest/doctest.h>

namespace lapicheck::checker {
namespace {

TEST_CASE("results come out in the order of the inputs, whatever the threads, and few wait") {
    for (const unsigned threads : {1U, 2U, 5U, 64U}) {
        constexpr std::size_t count = 300;
        std::atomic<std::size_t> begun = 0;
        std::atomic<std::size_t> taken = 0;
        std::atomic<std::size_t> most_ahead = 0;
        std::vector<std::size_t> order;
        in_order<std::size_t>(
            count, threads,
            [&](std::size_t i) {
                const std::size_t ahead = ++begun - taken;
                for (std::size_t most = most_ahead;
                     ahead > most && !most_ahead.compare_exchange_weak(most, ahead);) {
                }
                if (i % 7 == 0) std::this_thread::yield();
                return i * i;
            },
            [&](std::size_t i, std::size_t&& square) {
                CHECK(square == i * i);
                order.push_back(i);
                ++taken;
            });
        REQUIRE(order.size() == count);
        for (std::size_t i = 0; i < count; ++i) CHECK(order[i] == i);
        CHECK(most_ahead <= std::size_t{5} * threads + 1);
    }
}

TEST_CASE("what a worker throws is thrown where the results are taken, and the others stop") {
    std::size_t taken = 0;
    const auto work = [](std::size_t i) {
        if (i == 10) throw std::runtime_error("ten");
        return i;
    };
    CHECK_THROWS_WITH(in_order<std::size_t>(1000, 4, work, [&](std::size_t, std::size_t&&) { ++taken; }),
                      "ten");
    CHECK(taken == 10);
}

TEST_CASE("no input is no work") {
    in_order<int>(
        0, 4, [](std::size_t) { return 1; }, [](std::size_t, int&&) { CHECK(false); });
}

} // namespace
} // namespace lapicheck::checker
