#include "checker/prove/symbolic/driver.hpp"

namespace lapicheck::prove {

using model::RegisterRow;
using model::RegisterTable;

void SymbolicDriver::learn(const z3::expr& condition, bool holds) {
    kept_.push_back(condition); // as long as it lives, no other formula has its identity
    decided_[condition] = holds;
    if (condition.is_eq() && holds) learn_address(condition);
    if (condition.is_not()) learn(condition.arg(0), !holds);
    else if (condition.is_and() && holds)
        for (unsigned i = 0; i < condition.num_args(); ++i) learn(condition.arg(i), true);
    else if (condition.is_or() && !holds)
        for (unsigned i = 0; i < condition.num_args(); ++i) learn(condition.arg(i), false);
}

// "address == number", or some of its bits.
void SymbolicDriver::learn_address(const z3::expr& equality) {
    const z3::expr word = equality.arg(0);
    if (!equality.arg(1).is_numeral() || watched_.is_exact()) return;
    const z3::expr address = watched_.formula();
    if (z3::eq(word, address)) {
        address_bits_ = equality.arg(1).get_numeral_uint64();
        return;
    }
    const bool masked = word.is_app() && word.decl().decl_kind() == Z3_OP_BAND && word.num_args() == 2 &&
                        z3::eq(word.arg(0), address) && word.arg(1).is_numeral();
    if (!masked) return;
    const u64 mask = word.arg(1).get_numeral_uint64();
    address_bits_ = address_bits_.refined_by({equality.arg(1).get_numeral_uint64(), mask});
}

unsigned SymbolicDriver::fork(std::vector<z3::expr> alternatives) {
    const std::size_t depth = decisions_.size();
    if (depth == plan_.size()) plan_.push_back(0);
    decisions_.push_back({std::move(alternatives), plan_[depth]});
    return plan_[depth];
}

bool SymbolicDriver::decide(const SymBool& condition) {
    if (condition.known().known) return condition.known().value;
    const z3::expr formula = condition.formula();
    const z3::expr opposite = formula.is_not() ? formula.arg(0) : !formula;
    if (const auto found = decided_.find(formula); found != decided_.end()) return found->second;
    if (const auto found = decided_.find(opposite); found != decided_.end()) return !found->second;
    const bool holds = fork({formula, opposite}) == 0;
    learn(formula, holds);
    return holds;
}

bool SymbolicDriver::next_path() {
    while (!plan_.empty() && plan_.back() + 1 == decisions_[plan_.size() - 1].alternatives.size())
        plan_.pop_back();
    if (plan_.empty()) return false;
    ++plan_.back();
    decisions_.clear();
    choices_.clear();
    decided_.clear();
    kept_.clear();
    namer_.clear();
    address_bits_ = {};
    slot_.reset();
    return true;
}

const RegisterRow* SymbolicDriver::row_of(const RegisterTable& table, const SymU32& offset) {
    if (offset.is_exact()) return model::find_row(table, offset.known().value);
    std::vector<const RegisterRow*> rows;
    std::vector<z3::expr> alternatives;
    const z3::expr slot = offset.formula().extract(31, 4);
    z3::expr none = context().bool_val(true);
    for (const RegisterRow& row : table) {
        if (((offset.known().value ^ row.offset) & offset.known().known & ~u32{0xf}) != 0) continue;
        const z3::expr here = slot == context().bv_val(row.offset >> 4, 28);
        rows.push_back(&row);
        alternatives.push_back(here);
        none = none && !here;
    }
    rows.push_back(nullptr);
    alternatives.push_back(none);
    const RegisterRow* row = rows[fork(std::move(alternatives))];
    if (row != nullptr) slot_ = row->offset >> 4;
    return row;
}

std::string SymbolicDriver::name(Rule rule, ChoiceSort sort) { return prefix_ + namer_.next(rule, sort); }

bool SymbolicDriver::unspecified(Rule rule, bool proposal, Place) {
    const z3::expr variable = context().bool_const(name(rule, ChoiceSort::way).c_str());
    choices_.push_back({variable, context().bool_val(proposal)});
    const unsigned way = fork({proposal ? variable : !variable, proposal ? !variable : variable});
    return (way == 0) == proposal;
}

SymBool SymbolicDriver::unspecified_value(Rule rule, const SymBool& proposal, Place) {
    const z3::expr variable = context().bool_const(name(rule, ChoiceSort::condition).c_str());
    choices_.push_back({variable, proposal.formula()});
    return SymBool{variable};
}

SymU32 SymbolicDriver::unspecified_value(Rule rule, const SymU32& proposal, Place) {
    const SymU32 variable = SymU32::variable(name(rule, ChoiceSort::word));
    choices_.push_back({variable.formula(), proposal.formula()});
    return variable;
}

SymU64 SymbolicDriver::unspecified_value(Rule rule, const SymU64& proposal, Place) {
    const SymU64 variable = SymU64::variable(name(rule, ChoiceSort::wide_word));
    choices_.push_back({variable.formula(), proposal.formula()});
    return variable;
}

} // namespace lapicheck::prove
