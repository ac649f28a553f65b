// Each operation of the symbolic domain, on every value of a few bits, against the same operation on plain
// values: the formula is built from variables, of which some bits may be known, and then evaluated for every
// choice of the unknown bits. What is carried as known must be right for each of them, and no less than what
// the domain of known bits says.
#include "checker/prove/symbolic/symbolic.hpp"

#include <array>
#include <random>

#include <doctest/doctest.h>

#include "tests/checker/prove/values.hpp"
#include "tests/model/print.hpp"

namespace lapicheck::prove {
namespace {

// Of plain values they are found by name only.
using model::both;
using model::either;
using model::equal;
using model::has_any;
using model::high_half;
using model::highest_bit;
using model::is_zero;
using model::less;
using model::low_half;
using model::negate;
using model::power_of_two;
using model::select;
using model::without_highest_bit;
using model::zero_extend;

// Every word of which `width` bits from `first` on are 0, 1 or unknown. The others are `outside`.
template <class T>
std::vector<Known<T>> words(unsigned width, unsigned first, T outside) {
    std::vector<Known<T>> all;
    const T count = T{1} << width;
    const T inside = static_cast<T>((count - 1) << first);
    for (T known = 0; known < count; ++known)
        for (T bits = 0; bits < count; ++bits)
            if ((bits & ~known) == 0)
                all.push_back({static_cast<T>((bits << first) | (outside & ~inside)),
                               static_cast<T>((known << first) | ~inside)});
    return all;
}

template <class T, class Visit>
void each_choice(Known<T> word, Visit visit) {
    const T unknown = static_cast<T>(~word.known);
    T bits = 0;
    do {
        visit(static_cast<T>(word.value | bits));
        bits = static_cast<T>((bits - unknown) & unknown);
    } while (bits != 0);
}

template <class T>
z3::expr variable_of(const std::string& name) {
    return context().bv_const(name.c_str(), Sym<T>::width);
}

// A word whose unknown bits are those of the variable, made without the domain's own operations.
template <class T>
Sym<T> word_of(const z3::expr& variable, Known<T> known) {
    const z3::sort sort = variable.get_sort();
    if (known.known == 0) return {variable, known};
    return {(variable & number(static_cast<T>(~known.known), sort)) | number(known.value, sort), known};
}

// The results of operations, one after the other, in each of the domains. Every result becomes a number.
class PlainResults {
  public:
    template <class T>
    void operator()(T value) {
        numbers.push_back(value);
    }
    std::vector<u64> numbers;
};

template <class T>
constexpr Known<u64> as_number(Known<T> word) {
    return {word.value, word.known | ~u64{static_cast<T>(~T{0})}};
}
constexpr Known<u64> as_number(KnownBool condition) {
    return {condition.value ? u64{1} : u64{0}, condition.known ? ~u64{0} : ~u64{1}};
}

class KnownResults {
  public:
    template <class Value>
    void operator()(const Value& value) {
        numbers.push_back(as_number(value));
    }
    std::vector<Known<u64>> numbers;
};

class SymbolicResults {
  public:
    template <class Value>
    void operator()(const Value& value) {
        formulas.push_back(value.formula());
        numbers.push_back(as_number(value.known()));
    }
    // Whether what is known of each is at least what the domain of known bits says.
    bool say_enough(const KnownResults& least) const {
        if (numbers.size() != least.numbers.size()) return false;
        for (std::size_t i = 0; i < numbers.size(); ++i)
            if (!least.numbers[i].contains(numbers[i])) return false;
        return true;
    }
    // The first that is not as it is on plain values, by number; none: their count.
    std::size_t first_wrong(const Values& values, const PlainResults& plain) const {
        const std::vector<u64> evaluated = values.of(formulas);
        if (evaluated.size() != plain.numbers.size()) return 0;
        for (std::size_t i = 0; i < evaluated.size(); ++i)
            if (evaluated[i] != plain.numbers[i] || !numbers[i].admits(plain.numbers[i])) return i;
        return evaluated.size();
    }

    std::vector<z3::expr> formulas;
    std::vector<Known<u64>> numbers;
};

// A value of the variable for which word_of() is `word`; known bits are the variable's own.
template <class T>
u64 variable_for(T word, Known<T> known, std::mt19937_64& random) {
    return (word & static_cast<T>(~known.known)) | (static_cast<T>(random()) & known.known);
}

struct Bits {
    unsigned width;
    unsigned first;
};

// `operations(a, out)` on every such word.
template <class T, class Operations>
void check_one_word(Bits bits, T outside, Operations operations) {
    std::mt19937_64 random(7);
    const z3::expr x = variable_of<T>("x");
    for (const Known<T> a : words<T>(bits.width, bits.first, outside)) {
        CAPTURE(a);
        SymbolicResults results;
        operations(word_of(x, a), results);
        KnownResults known;
        operations(a, known);
        REQUIRE(results.say_enough(known));
        each_choice(a, [&](T value) {
            Values values;
            values.set(x, variable_for(value, a, random));
            PlainResults plain;
            operations(value, plain);
            CAPTURE(value);
            REQUIRE(results.first_wrong(values, plain) == plain.numbers.size());
        });
    }
}

// `operations(a, b, out)` on every two such words, which may be one and the same.
template <class T, class Operations>
void check_two_words(Bits bits, T outside, Operations operations) {
    std::mt19937_64 random(11);
    const z3::expr x = variable_of<T>("x");
    const z3::expr y = variable_of<T>("y");
    for (const Known<T> a : words<T>(bits.width, bits.first, outside))
        for (const Known<T> b : words<T>(bits.width, bits.first, outside)) {
            CAPTURE(a);
            CAPTURE(b);
            SymbolicResults results;
            operations(word_of(x, a), word_of(y, b), results);
            KnownResults known;
            operations(a, b, known);
            REQUIRE(results.say_enough(known));
            each_choice(a, [&](T first) {
                each_choice(b, [&](T second) {
                    Values values;
                    values.set(x, variable_for(first, a, random));
                    values.set(y, variable_for(second, b, random));
                    PlainResults plain;
                    operations(first, second, plain);
                    CAPTURE(first);
                    CAPTURE(second);
                    REQUIRE(results.first_wrong(values, plain) == plain.numbers.size());
                });
            });
        }
    check_one_word(bits, outside, [&](const auto& a, auto& out) { operations(a, a, out); });
}

// At both ends and where the halves of a long word meet; the bits beside them are all 0 or all 1.
template <class T, class Check>
void at_all_places(unsigned width, Check check) {
    constexpr unsigned middle = sizeof(T) == 8 ? 31 : 14;
    for (const unsigned first : {0U, middle, Sym<T>::width - width})
        for (const T outside : {T{0}, static_cast<T>(~T{0})}) check(Bits{width, first}, outside);
}

// Two words: fewer bits at most places, for their choices multiply.
template <class T, class Operations>
void check_two_words_everywhere(Operations operations) {
    at_all_places<T>(2, [&](Bits bits, T outside) { check_two_words(bits, outside, operations); });
    check_two_words(Bits{3, 1}, T{0}, operations);
}

TEST_CASE("symbolic: and, or, exclusive or, in place too") {
    const auto operations = [](const auto& a, const auto& b, auto& out) {
        out(a & b);
        out(a | b);
        out(a ^ b);
        auto in_place = a;
        in_place &= b;
        out(in_place);
        in_place |= a;
        out(in_place);
    };
    check_two_words_everywhere<u32>(operations);
    check_two_words_everywhere<u64>(operations);
}

TEST_CASE("symbolic: masks that keep, set and clear what is known anyway") {
    // NOLINTBEGIN(misc-redundant-expression): that they are redundant is what is tested
    const auto operations = [](const auto& a, const auto& b, auto& out) {
        const auto masked = (a & b) & a;
        out(masked);
        out((a | b) & b);
        out((a & b) | b);
        out((a | b) | a);
        out((a ^ b) ^ b);
        out(~(~a & ~b));
    };
    // NOLINTEND(misc-redundant-expression)
    check_two_words_everywhere<u32>(operations);
    check_two_words_everywhere<u64>(operations);
}

// Sums of partly known words are not part of the domain of known bits: nothing is known of them.
template <class T>
T sum(T a, T b) {
    return static_cast<T>(a + b);
}
template <class T>
Known<T> sum(Known<T>, Known<T>) {
    return {};
}
template <class T>
Sym<T> sum(const Sym<T>& a, const Sym<T>& b) {
    return a + b;
}

TEST_CASE("symbolic: sums wrap around") {
    const auto operations = [](const auto& a, const auto& b, auto& out) { out(sum(a, b)); };
    check_two_words_everywhere<u32>(operations);
    check_two_words_everywhere<u64>(operations);
}

TEST_CASE("symbolic: complement and shifts") {
    const auto operations = [](const auto& a, auto& out) {
        out(~a);
        for (const unsigned shift : {0U, 1U, 2U, 3U, 4U, 5U, 8U, 16U, 24U, 28U, 30U, 31U}) {
            out(a << shift);
            out(a >> shift);
            out((a >> shift) << 1U);
        }
    };
    at_all_places<u32>(3, [&](Bits bits, u32 outside) { check_one_word(bits, outside, operations); });
    at_all_places<u64>(3, [&](Bits bits, u64 outside) {
        check_one_word(bits, outside, operations);
        check_one_word(bits, outside, [](const auto& a, auto& out) {
            for (const unsigned shift : {32U, 33U, 40U, 63U}) {
                out(a << shift);
                out(a >> shift);
            }
        });
    });
}

TEST_CASE("symbolic: whether any of some bits is set") {
    const auto check = [](Bits bits, auto outside) {
        using T = decltype(outside);
        check_one_word(bits, outside, [bits](const auto& a, auto& out) {
            for (T mask = 0; mask < 8; ++mask) {
                const T inside = static_cast<T>(mask << bits.first);
                out(has_any(a, inside));
                out(has_any(a, static_cast<T>(inside | T{0x800})));
                out(has_any(a, static_cast<T>(~(T{7} << bits.first) | inside)));
                // Of a word that has passed through masks and shifts.
                out(has_any(a & T{0x7fff'fffe}, inside));
                out(has_any(a | T{2}, inside));
                out(has_any(a >> 1U, inside));
                out(has_any(a << 2U, inside));
            }
        });
    };
    at_all_places<u32>(3, [&](Bits bits, u32 outside) { check(bits, outside); });
    at_all_places<u64>(3, [&](Bits bits, u64 outside) { check(bits, outside); });
}

TEST_CASE("symbolic: equality and order, which knows no sign") {
    const auto equality = [](const auto& a, const auto& b, auto& out) {
        out(equal(a, b));
        out(equal(a & b, b));
        out(is_zero(a));
        out(is_zero(a ^ b));
    };
    const auto order = [](const auto& a, const auto& b, auto& out) {
        out(less(a, b));
        out(less(b, a));
        out(less(a & b, a));
    };
    check_two_words_everywhere<u32>(equality);
    check_two_words_everywhere<u32>(order);
    check_two_words_everywhere<u64>(equality);
}

TEST_CASE("symbolic: words are chosen by conditions that are known and by such that are not") {
    const auto operations = [](const auto& a, const auto& b, auto& out) {
        out(select(is_zero(a), a, b));
        out(select(negate(is_zero(b)), a, b));
        out(select(equal(a, b), a, b));
        out(select(is_zero(a), b, a | b));
        out(select(is_zero(a), select(is_zero(b), a, b), b) & a);
        out(select(is_zero(a), select(equal(a, b), a, a), a ^ b));
    };
    check_two_words_everywhere<u32>(operations);
    check_two_words_everywhere<u64>(operations);
}

TEST_CASE("symbolic: a power of two, of whose exponent bits 4:0 count") {
    const auto operations = [](const auto& a, auto& out) { out(power_of_two(a)); };
    check_one_word<u32>({6, 0}, 0, operations);
    check_one_word<u32>({6, 0}, ~u32{0}, operations);
    check_one_word<u32>({3, 3}, 0x5, operations);
}

TEST_CASE("symbolic: the highest bit and what remains without it") {
    const auto operations = [](const auto& a, auto& out) {
        out(highest_bit(a));
        out(without_highest_bit(a));
        out(without_highest_bit(without_highest_bit(a)));
    };
    for (const unsigned first : {0U, 6U, 13U, 27U}) {
        check_one_word<u32>({5, first}, 0, operations);
        check_one_word<u32>({5, first}, 0x0101'0000, operations);
    }
}

TEST_CASE("symbolic: the halves of a long word, and a short word made long") {
    const auto halves = [](const auto& a, auto& out) {
        out(low_half(a));
        out(high_half(a));
        out(zero_extend(low_half(a)) | (zero_extend(high_half(a)) << 32U));
    };
    at_all_places<u64>(3, [&](Bits bits, u64 outside) { check_one_word(bits, outside, halves); });
    check_one_word<u64>({6, 29}, 0, halves);
    at_all_places<u32>(3, [&](Bits bits, u32 outside) {
        check_one_word(bits, outside, [](const auto& a, auto& out) {
            out(zero_extend(a));
            out(low_half(zero_extend(a)));
            out(high_half(zero_extend(a)));
            out(zero_extend(a) << 32U);
        });
    });
}

// With nothing known no shortcut is taken.
TEST_CASE("symbolic: operations on words of which nothing is known") {
    std::mt19937_64 random(5);
    const auto short_words = [](const auto& a, const auto& b, auto& out) {
        out(a & b);
        out(a | b);
        out(a ^ b);
        out(~a);
        out(sum(a, b));
        out(a << 7U);
        out(a >> 7U);
        out(equal(a, b));
        out(less(a, b));
        out(is_zero(a));
        for (unsigned bit = 0; bit < 32; ++bit) out(has_any(a, u32{1} << bit));
        out(has_any(a, 0x0f0f'0f0fU));
        out(has_any(a, 0U));
        out(select(less(a, b), a, b));
        out(power_of_two(a));
        out(highest_bit(a));
        out(without_highest_bit(a));
        out(zero_extend(a));
    };
    const SymU32 x = SymU32::variable("x");
    const SymU32 y = SymU32::variable("y");
    SymbolicResults results;
    short_words(x, y, results);
    KnownResults known;
    short_words(Known<u32>{}, Known<u32>{}, known);
    REQUIRE(results.say_enough(known));
    for (unsigned repeat = 0; repeat < 2000; ++repeat) {
        const auto draw = [&] {
            const u32 word = static_cast<u32>(random()) >> (random() % 32);
            return repeat % 3 == 0 ? u32{1} << (word % 32) : repeat % 3 == 1 ? ~word : word;
        };
        const u32 a = draw();
        const u32 b = repeat % 10 == 0 ? a : draw();
        Values values;
        values.set(x, a);
        values.set(y, b);
        PlainResults plain;
        short_words(a, b, plain);
        CAPTURE(a);
        CAPTURE(b);
        REQUIRE(results.first_wrong(values, plain) == plain.numbers.size());
    }
}

// Conditions over two variables, in the three domains.
template <class Bool>
std::vector<Bool> conditions_over(const Bool& p, const Bool& q) {
    return {p, q, negate(p), negate(negate(q)), Bool{false}, Bool{true}, both(p, q), either(p, negate(q))};
}

TEST_CASE("symbolic: conditions are joined, turned round, compared and chosen") {
    const auto operations = [](const auto& a, const auto& b, const auto& c, auto& out) {
        out(both(a, b));
        out(either(a, b));
        out(negate(a));
        out(equal(a, b));
        out(select(a, b, c));
        out(both(either(a, b), negate(c)));
        out(equal(select(a, b, c), either(b, c)));
    };
    const SymBool p{context().bool_const("p")};
    const SymBool q{context().bool_const("q")};
    const auto symbolic = conditions_over(p, q);
    for (const bool p_value : {false, true})
        for (const bool q_value : {false, true}) {
            const std::vector<bool> plain = conditions_over(p_value, q_value);
            Values values;
            values.set(p, p_value ? 1 : 0);
            values.set(q, q_value ? 1 : 0);
            for (std::size_t i = 0; i < plain.size(); ++i)
                for (std::size_t j = 0; j < plain.size(); ++j)
                    for (std::size_t k = 0; k < plain.size(); ++k) {
                        CAPTURE(i);
                        CAPTURE(j);
                        CAPTURE(k);
                        SymbolicResults results;
                        operations(symbolic[i], symbolic[j], symbolic[k], results);
                        PlainResults expected;
                        operations(bool{plain[i]}, bool{plain[j]}, bool{plain[k]}, expected);
                        REQUIRE(results.first_wrong(values, expected) == expected.numbers.size());
                    }
        }
}

TEST_CASE("symbolic: of a condition turned round twice the formula is the same again") {
    const SymBool p{context().bool_const("p")};
    CHECK(z3::eq(negate(negate(p)).formula(), p.formula()));
    CHECK(equal(p, p).is_true());
    CHECK(equal(negate(negate(p)), p).is_true());
    CHECK(both(p, SymBool{false}).is_false());
    CHECK(either(p, SymBool{true}).is_true());
    CHECK(SymBool{context().bool_val(true)}.is_true());
    CHECK(SymBool{context().bool_val(false)}.is_false());
    CHECK_FALSE(p.known().known);
}

TEST_CASE("symbolic: words made of each other at random, as long as a step makes them") {
    std::mt19937_64 random(20240229);
    const std::array variables = {variable_of<u32>("x"), variable_of<u32>("y"), variable_of<u32>("z")};
    // The same operations by their numbers, on words of any domain.
    const auto grow = [](auto words, const std::vector<u64>& numbers, auto& out) {
        for (const u64 n : numbers) {
            const auto a = words[n >> 8 & 0xff];
            const auto b = words[n >> 16 & 0xff];
            const u32 mask = static_cast<u32>(n >> 24);
            switch (n % 12) {
            case 0: words.push_back(a & b); break;
            case 1: words.push_back(a | b); break;
            case 2: words.push_back(a ^ b); break;
            case 3: words.push_back(a & mask); break;
            case 4: words.push_back(a | mask); break;
            case 5: words.push_back(~a); break;
            case 6: words.push_back(a << (mask % 32)); break;
            case 7: words.push_back(a >> (mask % 32)); break;
            case 8: words.push_back(select(has_any(a, mask), a, b)); break;
            case 9: words.push_back(select(either(less(a, b), equal(a, b)), b, a)); break;
            case 10:
                words.push_back(select(has_any(b, u32{1} << (mask % 32)), without_highest_bit(a), b));
                break;
            default: words.push_back(low_half((zero_extend(a) << 16U) | zero_extend(b)) & ~mask); break;
            }
            out(words.back());
        }
    };
    for (unsigned repeat = 0; repeat < 1500; ++repeat) {
        std::vector<Known<u32>> known_words;
        std::vector<SymU32> formulas;
        for (const z3::expr& variable : variables) {
            const u32 known = static_cast<u32>(random() | (repeat % 2 == 0 ? random() : 0));
            known_words.emplace_back(static_cast<u32>(random()), repeat % 5 == 0 ? 0 : known);
            formulas.push_back(word_of(variable, known_words.back()));
        }
        std::vector<u64> numbers;
        for (u64 i = 0; i < 12; ++i) {
            const u64 count = variables.size() + i;
            numbers.push_back((random() << 24) | (random() % count) << 16 | (random() % count) << 8 |
                              (random() % 240));
        }
        SymbolicResults results;
        grow(formulas, numbers, results);
        for (unsigned choice = 0; choice < 4; ++choice) {
            Values values;
            std::vector<u32> plain_words;
            for (std::size_t i = 0; i < variables.size(); ++i) {
                const u32 fill = choice == 0 ? 0 : choice == 1 ? ~u32{0} : static_cast<u32>(random());
                plain_words.push_back(known_words[i].value | (fill & ~known_words[i].known));
                values.set(variables[i], variable_for(plain_words.back(), known_words[i], random));
            }
            PlainResults plain;
            grow(plain_words, numbers, plain);
            CAPTURE(repeat);
            REQUIRE(results.first_wrong(values, plain) == plain.numbers.size());
        }
    }
}

} // namespace
} // namespace lapicheck::prove
