#include "checker/prove/symbolic/symbolic.hpp"

namespace lapicheck::prove {
namespace {

template <class T>
z3::expr constant(T value) {
    return context().bv_val(static_cast<std::uint64_t>(value), Sym<T>::width);
}

template <class T>
T zeros(const Known<T>& k) {
    return static_cast<T>(k.known & ~k.value);
}

z3::expr bit(const z3::expr& word, unsigned number) { return word.extract(number, number); }

} // namespace

z3::context& context() {
    static thread_local z3::context the_context;
    return the_context;
}

SymBool::SymBool(const z3::expr& formula) {
    if (formula.is_true()) known_ = true;
    else if (formula.is_false()) known_ = false;
    else {
        known_ = {};
        formula_ = formula;
    }
}

z3::expr SymBool::formula() const { return formula_ ? *formula_ : context().bool_val(known_.value); }

template <class T>
Sym<T>::Sym(const z3::expr& formula, Known<T> known) : known_(known) {
    if (!known_.is_exact()) formula_ = formula;
}

template <class T>
Sym<T> Sym<T>::variable(const std::string& name) {
    return {context().bv_const(name.c_str(), width), Known<T>{}};
}

template <class T>
z3::expr Sym<T>::formula() const {
    return formula_ ? *formula_ : constant(known_.value);
}

template <class T>
bool Sym<T>::is_same(const Sym& other) const {
    if (is_exact() || other.is_exact()) return known_ == other.known_;
    return z3::eq(*formula_, *other.formula_);
}

template <class T>
Sym<T> Sym<T>::conjunction(const Sym& other) const {
    const Known<T> known = known_ & other.known_;
    if (known.is_exact()) return {known.value};
    constexpr T all = static_cast<T>(~T{0});
    // Bits that are known to be 0 need no mask.
    if (other.is_exact() && static_cast<T>(other.known_.value | zeros(known_)) == all) return *this;
    if (is_exact() && static_cast<T>(known_.value | zeros(other.known_)) == all) return other;
    return {formula() & other.formula(), known};
}

template <class T>
Sym<T> Sym<T>::disjunction(const Sym& other) const {
    const Known<T> known = known_ | other.known_;
    if (known.is_exact()) return {known.value};
    if (other.is_exact() && (other.known_.value & ~known_.value) == 0) return *this;
    if (is_exact() && (known_.value & ~other.known_.value) == 0) return other;
    return {formula() | other.formula(), known};
}

template <class T>
Sym<T> Sym<T>::difference(const Sym& other) const {
    if (is_same(other)) return {T{0}};
    const Known<T> known = known_ ^ other.known_;
    if (known.is_exact()) return {known.value};
    return {formula() ^ other.formula(), known};
}

template <class T>
Sym<T> Sym<T>::complement() const {
    const Known<T> known = ~known_;
    if (known.is_exact()) return {known.value};
    return {~formula(), known};
}

template <class T>
Sym<T> Sym<T>::sum(const Sym& other) const {
    if (is_exact() && other.is_exact()) return {static_cast<T>(known_.value + other.known_.value)};
    if (other.is_exact() && other.known_.value == 0) return *this;
    return {formula() + other.formula(), Known<T>{}};
}

template <class T>
Sym<T> Sym<T>::left(unsigned shift) const {
    const Known<T> known = known_ << shift;
    if (known.is_exact()) return {known.value};
    return {z3::shl(formula(), static_cast<int>(shift)), known};
}

template <class T>
Sym<T> Sym<T>::right(unsigned shift) const {
    const Known<T> known = known_ >> shift;
    if (known.is_exact()) return {known.value};
    return {z3::lshr(formula(), static_cast<int>(shift)), known};
}

template class Sym<u32>;
template class Sym<u64>;

SymU32 low_half(const SymU64& a) {
    const Known<u32> known = model::low_half(a.known());
    return known.is_exact() ? SymU32{known.value} : SymU32{a.formula().extract(31, 0), known};
}

SymU32 high_half(const SymU64& a) {
    const Known<u32> known = model::high_half(a.known());
    return known.is_exact() ? SymU32{known.value} : SymU32{a.formula().extract(63, 32), known};
}

SymU64 zero_extend(const SymU32& a) {
    const Known<u64> known = model::zero_extend(a.known());
    return known.is_exact() ? SymU64{known.value} : SymU64{z3::zext(a.formula(), 32), known};
}

SymBool both(const SymBool& a, const SymBool& b) {
    if (a.is_false() || b.is_true()) return a;
    if (b.is_false() || a.is_true()) return b;
    if (z3::eq(a.formula(), b.formula())) return a;
    return SymBool{a.formula() && b.formula()};
}

SymBool either(const SymBool& a, const SymBool& b) {
    if (a.is_true() || b.is_false()) return a;
    if (b.is_true() || a.is_false()) return b;
    if (z3::eq(a.formula(), b.formula())) return a;
    return SymBool{a.formula() || b.formula()};
}

SymBool negate(const SymBool& a) {
    if (a.known().known) return !a.known().value;
    const z3::expr formula = a.formula();
    return SymBool{formula.is_not() ? formula.arg(0) : !formula};
}

SymBool equal(const SymBool& a, const SymBool& b) {
    if (a.known().known) return a.known().value ? b : negate(b);
    if (b.known().known) return b.known().value ? a : negate(a);
    if (z3::eq(a.formula(), b.formula())) return true;
    return SymBool{a.formula() == b.formula()};
}

SymBool select(const SymBool& condition, const SymBool& if_true, const SymBool& if_false) {
    if (condition.known().known) return condition.known().value ? if_true : if_false;
    return either(both(condition, if_true), both(negate(condition), if_false));
}

template <class T>
SymBool has_any(const Sym<T>& a, std::type_identity_t<T> mask) {
    const KnownBool known = model::has_any(a.known(), mask);
    if (known.known) return known.value;
    const T open = static_cast<T>(mask & ~a.known().known);
    if (std::has_single_bit(open)) {
        const auto number = static_cast<unsigned>(std::countr_zero(open));
        // Simplified, so that a bit that passed through masks is recognised as the same bit.
        return SymBool{(bit(a.formula(), number) == context().bv_val(1, 1)).simplify()};
    }
    return SymBool{(a.formula() & constant(open)) != constant(T{0})};
}

template <class T>
SymBool equal(const Sym<T>& a, const std::type_identity_t<Sym<T>>& b) {
    if (a.is_same(b)) return true;
    const KnownBool known = model::equal(a.known(), b.known());
    if (known.known) return known.value;
    return SymBool{a.formula() == b.formula()};
}

template <class T>
SymBool less(const Sym<T>& a, const std::type_identity_t<Sym<T>>& b) {
    const KnownBool known = model::less(a.known(), b.known());
    if (known.known) return known.value;
    return SymBool{z3::ult(a.formula(), b.formula())};
}

template <class T>
Sym<T> select(const SymBool& condition, const Sym<T>& if_true, const std::type_identity_t<Sym<T>>& if_false) {
    if (condition.known().known) return condition.known().value ? if_true : if_false;
    if (if_true.is_same(if_false)) return if_true;
    const Known<T> known = if_true.known().join(if_false.known());
    return {z3::ite(condition.formula(), if_true.formula(), if_false.formula()), known};
}

#define LAPICHECK_SYM_DEFINE(T)                                                                              \
    template SymBool has_any<T>(const Sym<T>&, T);                                                           \
    template SymBool equal<T>(const Sym<T>&, const Sym<T>&);                                                 \
    template SymBool less<T>(const Sym<T>&, const Sym<T>&);                                                  \
    template Sym<T> select<T>(const SymBool&, const Sym<T>&, const Sym<T>&);
LAPICHECK_SYM_DEFINE(u32)
LAPICHECK_SYM_DEFINE(u64)
#undef LAPICHECK_SYM_DEFINE

SymU32 power_of_two(const SymU32& exponent) {
    const Known<u32> known = model::power_of_two(exponent.known());
    if (known.is_exact()) return {known.value};
    return {z3::shl(constant(u32{1}), exponent.formula() & constant(u32{31})), known};
}

SymU32 without_highest_bit(const SymU32& a) {
    const Known<u32> known = model::without_highest_bit(a.known());
    if (known.is_exact()) return {known.value};
    z3::expr smeared = a.formula();
    for (const int shift : {1, 2, 4, 8, 16}) smeared = smeared | z3::lshr(smeared, shift);
    return {a.formula() & z3::lshr(smeared, 1), known};
}

SymU32 highest_bit(const SymU32& a) {
    const Known<u32> known = model::highest_bit(a.known());
    if (known.is_exact()) return {known.value};
    z3::expr number = constant(u32{0});
    z3::expr rest = a.formula();
    for (const unsigned step : {16U, 8U, 4U, 2U, 1U}) {
        const z3::expr above = rest.extract(2 * step - 1, step) != context().bv_val(0, step);
        number = z3::ite(above, number | constant(u32{step}), number);
        rest = z3::ite(above, z3::lshr(rest, static_cast<int>(step)), rest);
    }
    return {number, known};
}

SymPage::SymPage() : bytes_(z3::const_array(context().bv_sort(12), context().bv_val(0, 8))) {}

SymPage SymPage::variable(const std::string& name) {
    z3::context& c = context();
    return SymPage{c.constant(name.c_str(), c.array_sort(c.bv_sort(12), c.bv_sort(8)))};
}

namespace {
z3::expr place(const SymU64& address, u32 index) {
    return address.formula().extract(11, 0) + context().bv_val(index, 12);
}
} // namespace

SymU64 SymPage::read(const SymU64& address, u32 size) const {
    const u32 bytes = std::min(size, 8U);
    z3::expr value = z3::select(bytes_, place(address, 0));
    for (u32 i = 1; i < bytes; ++i) value = z3::concat(z3::select(bytes_, place(address, i)), value);
    if (bytes == 8) return {value, Known<u64>{}};
    return {z3::zext(value, 64 - 8 * bytes), Known<u64>{0, ~((u64{1} << (8 * bytes)) - 1)}};
}

void SymPage::write(const SymU64& address, u32 size, const SymU64& value) {
    for (u32 i = 0; i < std::min(size, 8U); ++i)
        bytes_ = z3::store(bytes_, place(address, i), value.formula().extract(8 * i + 7, 8 * i));
}

SymBool equal(const SymPage& a, const SymPage& b) {
    if (a.is_same(b)) return true;
    return SymBool{a.bytes() == b.bytes()};
}

SymPage select(const SymBool& condition, const SymPage& if_true, const SymPage& if_false) {
    if (condition.known().known) return condition.known().value ? if_true : if_false;
    if (if_true.is_same(if_false)) return if_true;
    return SymPage{z3::ite(condition.formula(), if_true.bytes(), if_false.bytes())};
}

} // namespace lapicheck::prove
