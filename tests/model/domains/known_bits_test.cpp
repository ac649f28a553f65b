// Each operation of the domain of partly known values, on every value of a few bits and for every
// choice of its unknown bits, against the same operation on plain values.
#include "model/domains/known_bits.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <doctest/doctest.h>

#include "tests/model/print.hpp"

namespace lapicheck::model {
namespace {

using Byte = Known<u8>;
using Word = Known<u32>;

// Every value of `width` bits from bit `first` on; what lies beside them is known to be 0.
template <class T>
std::vector<Known<T>> values(unsigned width, unsigned first = 0) {
    std::vector<Known<T>> all;
    const u32 count = u32{1} << width;
    const auto outside = static_cast<T>(~((u64{count} - 1) << first));
    for (u32 mask = 0; mask < count; ++mask)
        for (u32 bits = 0; bits < count; ++bits)
            if ((bits & ~mask) == 0)
                all.push_back({static_cast<T>(static_cast<T>(bits) << first),
                               static_cast<T>((static_cast<T>(mask) << first) | outside)});
    return all;
}

template <class T, class Visit>
void each_choice(Known<T> word, Visit visit) {
    const auto unknown = static_cast<T>(~word.known);
    T bits = 0;
    do {
        visit(static_cast<T>(word.value | bits));
        bits = static_cast<T>((bits - unknown) & unknown);
    } while (bits != 0);
}

// The most that can be said of all values that were added.
template <class T>
class Tightest {
  public:
    void add(T value) {
        ones_ = static_cast<T>(ones_ & value);
        any_ = static_cast<T>(any_ | value);
    }
    Known<T> word() const { return {ones_, static_cast<T>(~(ones_ ^ any_))}; }

  private:
    T ones_ = static_cast<T>(~T{0});
    T any_ = 0;
};

class TightestBool {
  public:
    void add(bool value) { (value ? may_be_true_ : may_be_false_) = true; }
    KnownBool condition() const {
        return may_be_true_ && may_be_false_ ? KnownBool{} : KnownBool{may_be_true_};
    }

  private:
    bool may_be_true_ = false;
    bool may_be_false_ = false;
};

template <class T, class Plain>
Known<T> tightest(Known<T> a, Known<T> b, Plain plain) {
    Tightest<T> all;
    each_choice(a, [&](T x) { each_choice(b, [&](T y) { all.add(static_cast<T>(plain(x, y))); }); });
    return all.word();
}
template <class T, class Plain>
KnownBool tightest_bool(Known<T> a, Known<T> b, Plain plain) {
    TightestBool all;
    each_choice(a, [&](T x) { each_choice(b, [&](T y) { all.add(plain(x, y)); }); });
    return all.condition();
}

constexpr std::array conditions = {KnownBool{}, KnownBool{false}, KnownBool{true}};

template <class Visit>
void each_choice(KnownBool condition, Visit visit) {
    for (const bool value : {false, true})
        if (!condition.known || condition.value == value) visit(value);
}

TEST_CASE("known bits: a word begins with nothing known, a plain value is known whole") {
    CHECK(Byte{} == Byte{0, 0});
    CHECK(Byte{u8{0xa5}} == Byte{0xa5, 0xff});
    CHECK(Byte{0xff, 0x0f} == Byte{0x0f, 0x0f});
    CHECK(Byte{u8{0}}.is_exact());
    CHECK_FALSE(Byte{0, 0x7f}.is_exact());
    CHECK_FALSE(KnownBool{}.known);
    CHECK(KnownBool{true}.is_true());
    CHECK(KnownBool{false}.is_false());
    CHECK_FALSE(KnownBool{}.is_true());
    CHECK_FALSE(KnownBool{}.is_false());
}

TEST_CASE("known bits: a word admits exactly its choices, between its least and its greatest") {
    for (const Byte a : values<u8>(8)) {
        std::array<bool, 256> chosen{};
        u8 least = 0xff;
        u8 greatest = 0;
        each_choice(a, [&](u8 x) {
            chosen[x] = true;
            least = std::min(least, x);
            greatest = std::max(greatest, x);
        });
        for (unsigned x = 0; x < 256; ++x) REQUIRE(a.admits(static_cast<u8>(x)) == chosen[x]);
        REQUIRE(a.least() == least);
        REQUIRE(a.greatest() == greatest);
    }
}

TEST_CASE("known bits: one word contains another if it admits each of its choices") {
    for (const Byte a : values<u8>(5))
        for (const Byte b : values<u8>(5)) {
            bool all = true;
            each_choice(b, [&](u8 y) { all = all && a.admits(y); });
            REQUIRE(a.contains(b) == all);
        }
}

TEST_CASE("known bits: and, or, exclusive or and join are the tightest there are") {
    for (const Byte a : values<u8>(5))
        for (const Byte b : values<u8>(5)) {
            REQUIRE((a & b) == tightest(a, b, [](u8 x, u8 y) { return x & y; }));
            REQUIRE((a | b) == tightest(a, b, [](u8 x, u8 y) { return x | y; }));
            REQUIRE((a ^ b) == tightest(a, b, [](u8 x, u8 y) { return x ^ y; }));
            Byte in_place = a;
            REQUIRE((in_place &= b) == (a & b));
            in_place = a;
            REQUIRE((in_place |= b) == (a | b));
            Tightest<u8> either;
            each_choice(a, [&](u8 x) { either.add(x); });
            each_choice(b, [&](u8 y) { either.add(y); });
            REQUIRE(a.join(b) == either.word());
        }
}

TEST_CASE("known bits: complement and shifts are the tightest there are") {
    for (const Byte a : values<u8>(8)) {
        REQUIRE(~a == tightest(a, Byte{u8{0}}, [](u8 x, u8) { return ~x; }));
        for (unsigned shift = 0; shift <= 8; ++shift) {
            REQUIRE((a << shift) == tightest(a, Byte{u8{0}}, [shift](u8 x, u8) { return x << shift; }));
            REQUIRE((a >> shift) == tightest(a, Byte{u8{0}}, [shift](u8 x, u8) { return x >> shift; }));
        }
    }
}

TEST_CASE("known bits: newer knowledge replaces what is known and adds to it") {
    for (const Byte a : values<u8>(5))
        for (const Byte b : values<u8>(5)) {
            const Byte refined = a.refined_by(b);
            REQUIRE(refined.known == (a.known | b.known));
            REQUIRE(b.contains(refined));
            REQUIRE((refined.value & ~b.known) == (a.value & ~b.known));
            // What both admit stays admitted.
            each_choice(a, [&](u8 x) { REQUIRE((!b.admits(x) || refined.admits(x))); });
        }
}

TEST_CASE("known bits: comparisons are decided exactly where all choices agree") {
    for (const Byte a : values<u8>(5)) {
        REQUIRE(is_zero(a) == tightest_bool(a, Byte{u8{0}}, [](u8 x, u8) { return x == 0; }));
        for (unsigned mask = 0; mask < 32; ++mask)
            REQUIRE(has_any(a, static_cast<u8>(mask)) ==
                    tightest_bool(a, Byte{u8{0}}, [mask](u8 x, u8) { return (x & mask) != 0; }));
        for (const Byte b : values<u8>(5)) {
            REQUIRE(equal(a, b) == tightest_bool(a, b, [](u8 x, u8 y) { return x == y; }));
            REQUIRE(less(a, b) == tightest_bool(a, b, [](u8 x, u8 y) { return x < y; }));
        }
    }
}

TEST_CASE("known bits: three-valued logic is decided exactly where all choices agree") {
    for (const KnownBool a : conditions) {
        TightestBool negated;
        each_choice(a, [&](bool x) { negated.add(!x); });
        CHECK(negate(a) == negated.condition());
        for (const bool x : {false, true}) CHECK(a.admits(x) == (!a.known || a.value == x));
        for (const KnownBool b : conditions) {
            TightestBool conjunction;
            TightestBool disjunction;
            TightestBool joined;
            each_choice(a, [&](bool x) {
                joined.add(x);
                each_choice(b, [&](bool y) {
                    conjunction.add(x && y);
                    disjunction.add(x || y);
                    joined.add(y);
                });
            });
            CHECK(both(a, b) == conjunction.condition());
            CHECK(either(a, b) == disjunction.condition());
            CHECK(a.join(b) == joined.condition());
        }
    }
}

TEST_CASE("known bits: select is the tightest there is") {
    for (const KnownBool condition : conditions)
        for (const Byte a : values<u8>(4))
            for (const Byte b : values<u8>(4)) {
                Tightest<u8> chosen;
                each_choice(condition,
                            [&](bool first) { each_choice(first ? a : b, [&](u8 x) { chosen.add(x); }); });
                REQUIRE(select(condition, a, b) == chosen.word());
            }
}

TEST_CASE("known bits: a power of two is the tightest there is, of the exponent bits 4:0 count") {
    for (const Word a : values<u32>(6))
        REQUIRE(power_of_two(a) == tightest(a, Word{u32{0}}, [](u32 x, u32) { return u32{1} << (x % 32); }));
}

u32 plain_highest_bit(u32 value) {
    for (u32 bit = 32; bit-- > 0;)
        if ((value >> bit & 1) != 0) return bit;
    return 0;
}
u32 plain_without_highest_bit(u32 value) {
    return value == 0 ? 0 : value & ~(u32{1} << plain_highest_bit(value));
}

// These two keep less than could be kept; how much is kept is watched, lest it be nothing.
TEST_CASE("known bits: the highest bit and what remains without it contain every choice") {
    unsigned highest_known = 0;
    unsigned highest_best = 0;
    unsigned rest_known = 0;
    unsigned rest_best = 0;
    const auto known = [](Word word) { return static_cast<unsigned>(std::popcount(word.known)); };
    for (const unsigned first : {0U, 13U, 26U})
        for (const Word a : values<u32>(6, first)) {
            const Word highest = highest_bit(a);
            const Word rest = without_highest_bit(a);
            each_choice(a, [&](u32 x) {
                REQUIRE(highest.admits(plain_highest_bit(x)));
                REQUIRE(rest.admits(plain_without_highest_bit(x)));
            });
            const Word zero{u32{0}};
            highest_known += known(highest);
            highest_best += known(tightest(a, zero, [](u32 x, u32) { return plain_highest_bit(x); }));
            rest_known += known(rest);
            rest_best += known(tightest(a, zero, [](u32 x, u32) { return plain_without_highest_bit(x); }));
            if (a.is_exact()) REQUIRE((highest.is_exact() && rest.is_exact()));
        }
    CHECK(highest_known >= highest_best - highest_best / 200);
    CHECK(rest_known >= rest_best - rest_best / 50);
}

TEST_CASE("known bits: the halves of a long word and a short word made long are the tightest there are") {
    for (const Known<u64> low : values<u64>(3, 0))
        for (const Known<u64> high : values<u64>(3, 32)) {
            const Known<u64> both_halves = low | high;
            REQUIRE(low_half(both_halves) == Word{static_cast<u32>(low.value), static_cast<u32>(low.known)});
            REQUIRE(high_half(both_halves) ==
                    Word{static_cast<u32>(high.value >> 32), static_cast<u32>(high.known >> 32)});
        }
    for (const Word a : values<u32>(4, 28)) {
        Tightest<u64> all;
        each_choice(a, [&](u32 x) { all.add(x); });
        REQUIRE(zero_extend(a) == all.word());
    }
}

TEST_CASE("plain values: the named operations are what their names say") {
    for (u32 value = 0; value < 64; ++value)
        for (const unsigned first : {0U, 26U}) {
            const u32 x = value << first;
            REQUIRE(highest_bit(x) == plain_highest_bit(x));
            REQUIRE(without_highest_bit(x) == plain_without_highest_bit(x));
            REQUIRE(power_of_two(value) == u32{1} << (value % 32));
            REQUIRE(is_zero(x) == (value == 0));
            REQUIRE(is_zero(u64{x} << 32) == (value == 0));
            REQUIRE(high_half(u64{x} << 32 | 5) == x);
            REQUIRE(low_half(u64{5} << 32 | x) == x);
            REQUIRE(zero_extend(x) == u64{x});
            for (u32 other = 0; other < 64; ++other) {
                REQUIRE(less(value, other) == (value < other));
                REQUIRE(equal(value, other) == (value == other));
                REQUIRE(equal(u64{value} << 32, u64{other} << 32) == (value == other));
                REQUIRE(has_any(value, other) == ((value & other) != 0));
                REQUIRE(has_any(u64{value} << 32, u64{other} << 32) == ((value & other) != 0));
                REQUIRE(select(value < other, value, other) == std::min(value, other));
            }
        }
    for (const bool a : {false, true}) {
        CHECK(negate(a) != a);
        for (const bool b : {false, true}) {
            CHECK(both(a, b) == (a && b));
            CHECK(either(a, b) == (a || b));
        }
    }
}

} // namespace
} // namespace lapicheck::model
