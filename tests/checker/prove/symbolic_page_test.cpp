// Pages of the symbolic domain against plain ones: what is written, read, chosen and compared.
#include "checker/prove/symbolic/symbolic.hpp"

#include <array>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "tests/checker/prove/values.hpp"
#include "tests/model/print.hpp"

namespace lapicheck::prove {
namespace {

// Of plain values they are found by name only.
using model::equal;

// Addresses at the page's ends and beyond it, where it begins anew.
constexpr std::array page_addresses = {u64{0}, u64{1}, u64{0x7ff}, u64{0xff9}, u64{0xfff}, u64{0xfee0'0ffe}};
constexpr std::array page_sizes = {1U, 2U, 4U, 8U, 16U};

std::vector<u64> all_places() {
    std::vector<u64> places;
    for (const u64 address : page_addresses)
        for (u64 i = 0; i < 8; ++i) places.push_back((address + i) & 0xfff);
    return places;
}

PlainPage page_of(std::mt19937_64& random) {
    PlainPage page;
    for (const u64 place : all_places()) page.write(place, 1, random() & 0xff);
    return page;
}

TEST_CASE("symbolic: a page gives what was written last, or what it held before") {
    std::mt19937_64 random(3);
    const SymPage page = SymPage::variable("page");
    const SymU64 written_at = SymU64::variable("written_at");
    const SymU64 read_at = SymU64::variable("read_at");
    const SymU64 value = SymU64::variable("value");
    for (const u32 write_size : page_sizes)
        for (const u32 read_size : page_sizes) {
            SymPage after = page;
            after.write(written_at, write_size, value);
            const SymU64 read = after.read(read_at, read_size);
            for (const u64 to : page_addresses)
                for (const u64 from : page_addresses) {
                    Values values;
                    const PlainPage plain = page_of(random);
                    const u64 word = random();
                    values.set(page, plain, all_places());
                    values.set(written_at, to);
                    values.set(read_at, from);
                    values.set(value, word);
                    PlainPage plain_after = plain;
                    plain_after.write(to, write_size, word);
                    const u64 expected = plain_after.read(from, read_size);
                    CAPTURE(write_size);
                    CAPTURE(read_size);
                    CAPTURE(to);
                    CAPTURE(from);
                    REQUIRE(values.of(read.formula()) == expected);
                    REQUIRE(read.known().admits(expected));
                    REQUIRE(values.of(page.read(read_at, read_size).formula()) ==
                            plain.read(from, read_size));
                }
        }
}

TEST_CASE("symbolic: a page is chosen by a condition") {
    std::mt19937_64 random(4);
    const SymPage a = SymPage::variable("a");
    const SymPage b = SymPage::variable("b");
    const SymBool p{context().bool_const("p")};
    const SymU64 address{u64{0x7ff}};
    CHECK(select(SymBool{true}, a, b).is_same(a));
    CHECK(select(SymBool{false}, a, b).is_same(b));
    CHECK(select(p, a, a).is_same(a));
    CHECK(equal(a, a).is_true());
    for (const bool condition : {false, true}) {
        const PlainPage plain_a = page_of(random);
        const PlainPage plain_b = page_of(random);
        Values values;
        values.set(a, plain_a, all_places());
        values.set(b, plain_b, all_places());
        values.set(p, condition ? 1 : 0);
        CHECK(values.of(select(p, a, b).read(address, 8).formula()) ==
              (condition ? plain_a : plain_b).read(0x7ff, 8));
    }
    CHECK(Values{}.of(SymPage{}.read(address, 4).formula()) == 0);
}

// Two pages are one if no byte tells them apart, on formulas as on plain values.
TEST_CASE("symbolic: pages are equal where plain pages are") {
    const SymU64 address = SymU64::variable("address");
    const SymU64 value = SymU64::variable("value");
    SymPage written;
    written.write(address, 4, value);
    SymPage twice = written;
    twice.write(address, 2, value);
    for (const u64 word : {u64{0}, u64{0x100}, u64{0xffff'ffff}, u64{0x1'0000'0000}}) {
        PlainPage plain;
        plain.write(0xffe, 4, word);
        PlainPage plain_twice = plain;
        plain_twice.write(0xffe, 2, word);
        Values values;
        values.set(address, 0xffe);
        values.set(value, word);
        CAPTURE(word);
        CHECK((values.of(equal(SymPage{}, written).formula()) != 0) == equal(PlainPage{}, plain));
        CHECK((values.of(equal(written, twice).formula()) != 0) == equal(plain, plain_twice));
    }
}

} // namespace
} // namespace lapicheck::prove
