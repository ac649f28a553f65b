// Formulas at given values of their variables, by Z3's own evaluation: a second opinion on what the symbolic
// domain builds. The formulas are built from variables first and evaluated afterwards; built from values they
// would be folded before the interesting code is reached.
#pragma once

#include <set>
#include <stdexcept>
#include <vector>

#include "checker/prove/symbolic/paths.hpp"

namespace lapicheck::prove {

using PlainPage = model::BytePage<u8>;

inline z3::expr number(u64 value, const z3::sort& sort) {
    if (sort.is_bool()) return context().bool_val(value != 0);
    return context().bv_val(static_cast<std::uint64_t>(value), sort.bv_size());
}

inline u64 number_of(const z3::expr& value) {
    if (value.is_true()) return 1;
    if (value.is_false()) return 0;
    if (!value.is_numeral())
        throw std::logic_error("depends on a variable without a value: " + value.to_string());
    return value.get_numeral_uint64();
}

// A variable gets its value before anything with it is evaluated: Z3 remembers.
class Values {
  public:
    Values() : model_(context()) {}

    void set(const z3::expr& variable, u64 value) {
        z3::func_decl declaration = variable.decl();
        z3::expr as_number = number(value, variable.get_sort());
        model_.add_const_interp(declaration, as_number);
    }
    template <class Word>
    void set(const Word& variable, u64 value) requires requires {
        variable.formula();
    }
    { set(variable.formula(), value); }
    // The bytes of `page` at `places`, 0 elsewhere.
    void set(const SymPage& variable, const PlainPage& page, const std::vector<u64>& places) {
        z3::expr bytes = z3::const_array(context().bv_sort(12), context().bv_val(0, 8));
        for (const u64 place : places) {
            const auto byte = static_cast<unsigned>(page.read(place, 1));
            if (byte == 0) continue;
            bytes = z3::store(bytes, number(place & 0xfff, context().bv_sort(12)), context().bv_val(byte, 8));
        }
        z3::func_decl declaration = variable.bytes().decl();
        model_.add_const_interp(declaration, bytes);
    }

    // All in one go, which is much faster than one by one.
    std::vector<u64> of(const std::vector<z3::expr>& formulas) const {
        if (formulas.empty()) return {};
        z3::expr_vector arguments(context());
        z3::sort_vector sorts(context());
        for (const z3::expr& formula : formulas) {
            arguments.push_back(formula);
            sorts.push_back(formula.get_sort());
        }
        const z3::expr packed = context().function("pack", sorts, context().bool_sort())(arguments);
        const z3::expr evaluated = model_.eval(packed, false);
        std::vector<u64> values;
        for (unsigned i = 0; i < evaluated.num_args(); ++i) values.push_back(number_of(evaluated.arg(i)));
        return values;
    }
    u64 of(const z3::expr& formula) const { return number_of(model_.eval(formula, false)); }

  private:
    z3::model model_;
};

// The variables of formulas, each once.
class Variables {
  public:
    void add(const z3::expr& formula) {
        if (!formula.is_app() || !seen_.insert(formula).second) return;
        kept_.push_back(formula);
        if (formula.is_const() && formula.decl().decl_kind() == Z3_OP_UNINTERPRETED) all_.push_back(formula);
        for (unsigned i = 0; i < formula.num_args(); ++i) add(formula.arg(i));
    }
    const std::vector<z3::expr>& all() const { return all_; }

  private:
    std::set<Z3_ast> seen_;
    std::vector<z3::expr> kept_; // as long as they live, no other formula has their identity
    std::vector<z3::expr> all_;
};

inline std::string name_of(const z3::expr& variable) { return variable.decl().name().str(); }

} // namespace lapicheck::prove
