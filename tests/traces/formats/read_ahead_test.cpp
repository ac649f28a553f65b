#include "traces/formats/read_ahead.hpp"

#include <stdexcept>

#include <doctest/doctest.h>

namespace lapicheck::traces {
namespace {

// A block of one event each, numbered from 1.
std::function<bool(ReadBlock&)> produce(std::uint64_t count, std::uint64_t throws_at = 0) {
    return [count, throws_at, n = std::uint64_t{0}](ReadBlock& block) mutable {
        if (++n == throws_at) throw std::runtime_error("reader");
        if (n > count) return false;
        block.bytes = n;
        block.events.emplace_back().line = n;
        return true;
    };
}

TEST_CASE("blocks are taken in order, each once, however many batches they fill") {
    for (const std::uint64_t count : {0U, 1U, 15U, 16U, 17U, 1000U}) {
        CAPTURE(count);
        std::uint64_t taken = 0;
        read_ahead(produce(count), [&](ReadBlock& block) {
            ++taken;
            REQUIRE(block.events.size() == 1);
            CHECK(block.events[0].line == taken);
            CHECK(block.bytes == taken);
        });
        CHECK(taken == count);
    }
}

TEST_CASE("what the reader or the taker throws ends both") {
    std::uint64_t taken = 0;
    CHECK_THROWS_WITH(read_ahead(produce(1000, 500), [&](ReadBlock&) { ++taken; }), "reader");
    CHECK(taken < 500);
    CHECK_THROWS_WITH(read_ahead(produce(1000),
                                 [](ReadBlock& block) {
                                     if (block.bytes == 100) throw std::runtime_error("taker");
                                 }),
                      "taker");
}

} // namespace
} // namespace lapicheck::traces
