// The domain of all values at once: a word is a Z3 bit-vector, a condition a Z3 formula.
//
// Beside the formula each word carries which of its bits are known (a reduced product with KnownBits).
// What is known decides without the solver, and keeps formulas small: a state whose mode is fixed takes the
// ways of that mode only. Both halves come from the same operation, and a test holds them together.
//
// All formulas of a thread live in one context (context()).
#pragma once

#include <optional>
#include <utility>

#include <z3++.h>

#include "model/domains/known_bits.hpp"

namespace lapicheck::prove {

using model::Known;
using model::KnownBool;
using model::u32;
using model::u64;
using model::u8;

// The thread's context.
z3::context& context();

class SymBool {
  public:
    SymBool() = default;                                      // false
    SymBool(std::same_as<bool> auto exact) : known_(exact) {} // NOLINT(*-explicit-*): a fact is a condition
    explicit SymBool(const z3::expr& formula);

    const KnownBool& known() const { return known_; }
    bool is_true() const { return known_.is_true(); }
    bool is_false() const { return known_.is_false(); }
    z3::expr formula() const;

  private:
    KnownBool known_{false};
    std::optional<z3::expr> formula_; // empty if it is known
};

template <class T>
class Sym {
  public:
    static constexpr unsigned width = sizeof(T) * 8;

    Sym() = default;                                   // 0
    Sym(std::same_as<T> auto exact) : known_(exact) {} // NOLINT(*-explicit-*): as for Known
    Sym(const z3::expr& formula, Known<T> known);
    static Sym variable(const std::string& name);

    const Known<T>& known() const { return known_; }
    bool is_exact() const { return known_.is_exact(); }
    z3::expr formula() const;
    // The same word, where more of its bits are known: on a path that has decided about them.
    Sym refined(Known<T> more) const {
        const Known<T> known = known_.refined_by(more);
        return known.is_exact() ? Sym{known.value} : Sym{formula(), known};
    }
    // The same formula: equal whatever the variables are. False says nothing.
    bool is_same(const Sym& other) const;

    Sym& operator&=(const Sym& other) { return *this = *this & other; }
    Sym& operator|=(const Sym& other) { return *this = *this | other; }
    friend Sym operator&(const Sym& a, const Sym& b) { return a.conjunction(b); }
    friend Sym operator|(const Sym& a, const Sym& b) { return a.disjunction(b); }
    friend Sym operator^(const Sym& a, const Sym& b) { return a.difference(b); }
    friend Sym operator~(const Sym& a) { return a.complement(); }
    friend Sym operator+(const Sym& a, const Sym& b) { return a.sum(b); }
    friend Sym operator<<(const Sym& a, unsigned shift) { return a.left(shift); }
    friend Sym operator>>(const Sym& a, unsigned shift) { return a.right(shift); }

  private:
    Sym conjunction(const Sym& other) const;
    Sym disjunction(const Sym& other) const;
    Sym difference(const Sym& other) const;
    Sym complement() const;
    Sym sum(const Sym& other) const;
    Sym left(unsigned shift) const;
    Sym right(unsigned shift) const;

    Known<T> known_{T{0}};
    std::optional<z3::expr> formula_; // empty if all bits are known
};
extern template class Sym<u32>;
extern template class Sym<u64>;

using SymU32 = Sym<u32>;
using SymU64 = Sym<u64>;

// A page of cache (model/domains/page.hpp) as an array of bytes.
class SymPage {
  public:
    SymPage(); // all bytes 0
    explicit SymPage(z3::expr bytes) : bytes_(std::move(bytes)) {}
    static SymPage variable(const std::string& name);

    SymU64 read(const SymU64& address, u32 size) const;
    void write(const SymU64& address, u32 size, const SymU64& value);
    const z3::expr& bytes() const { return bytes_; }
    bool is_same(const SymPage& other) const { return z3::eq(bytes_, other.bytes_); }

  private:
    z3::expr bytes_;
};

struct Symbolic {
    using U32 = SymU32;
    using U64 = SymU64;
    using Bool = SymBool;
    using Page = SymPage;
};

SymU32 low_half(const SymU64& a);
SymU32 high_half(const SymU64& a);
SymU64 zero_extend(const SymU32& a);

SymBool both(const SymBool& a, const SymBool& b);
SymBool either(const SymBool& a, const SymBool& b);
SymBool negate(const SymBool& a);
inline bool is_ruled_out(const SymBool& condition) { return condition.is_false(); }
SymBool equal(const SymBool& a, const SymBool& b);
SymBool select(const SymBool& condition, const SymBool& if_true, const SymBool& if_false);
SymBool equal(const SymPage& a, const SymPage& b);
SymPage select(const SymBool& condition, const SymPage& if_true, const SymPage& if_false);

template <class T>
SymBool has_any(const Sym<T>& a, std::type_identity_t<T> mask);
template <class T>
SymBool equal(const Sym<T>& a, const std::type_identity_t<Sym<T>>& b);
template <class T>
SymBool less(const Sym<T>& a, const std::type_identity_t<Sym<T>>& b);
template <class T>
SymBool is_zero(const Sym<T>& a) {
    return equal(a, Sym<T>{T{0}});
}
template <class T>
Sym<T> select(const SymBool& condition, const Sym<T>& if_true, const std::type_identity_t<Sym<T>>& if_false);

SymU32 power_of_two(const SymU32& exponent);
SymU32 without_highest_bit(const SymU32& a);
SymU32 highest_bit(const SymU32& a);

#define LAPICHECK_SYM_EXTERN(T)                                                                              \
    extern template SymBool has_any<T>(const Sym<T>&, T);                                                    \
    extern template SymBool equal<T>(const Sym<T>&, const Sym<T>&);                                          \
    extern template SymBool less<T>(const Sym<T>&, const Sym<T>&);                                           \
    extern template Sym<T> select<T>(const SymBool&, const Sym<T>&, const Sym<T>&);
LAPICHECK_SYM_EXTERN(u32)
LAPICHECK_SYM_EXTERN(u64)
#undef LAPICHECK_SYM_EXTERN

} // namespace lapicheck::prove
