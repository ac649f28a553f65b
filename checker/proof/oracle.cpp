#include "checker/proof/oracle.hpp"

#include <algorithm>

namespace lapicheck::proof {
namespace {

constexpr unsigned quick_budget = 200'000;

z3::solver with_budget(z3::solver solver, unsigned budget) {
    z3::params params(context());
    params.set("rlimit", budget);
    params.set("random_seed", 0U);
    solver.set(params);
    return solver;
}

z3::solver quick_solver(unsigned budget) {
    return with_budget(z3::solver(context(), z3::solver::simple()), budget);
}

z3::solver thorough_solver(unsigned budget) {
    z3::context& c = context();
    const z3::tactic clauses = z3::tactic(c, "simplify") & z3::tactic(c, "propagate-values") &
                               z3::tactic(c, "solve-eqs") & z3::tactic(c, "bit-blast") & z3::tactic(c, "sat");
    return with_budget(clauses.mk_solver(), budget);
}

Answer answer_of(z3::check_result result) {
    switch (result) {
    case z3::unsat: return Answer::no;
    case z3::sat: return Answer::yes;
    case z3::unknown: break;
    }
    return Answer::unknown;
}

} // namespace

z3::expr conjunction(const Conditions& conditions) {
    if (conditions.empty()) return context().bool_val(true);
    z3::expr_vector all(context());
    for (const z3::expr& condition : conditions) all.push_back(condition);
    return z3::mk_and(all);
}

z3::expr disjunction(const Conditions& conditions) {
    if (conditions.empty()) return context().bool_val(false);
    z3::expr_vector all(context());
    for (const z3::expr& condition : conditions) all.push_back(condition);
    return z3::mk_or(all);
}

Oracle::Oracle(unsigned budget)
    : quick_(quick_solver(std::min(budget, quick_budget))), thorough_(thorough_solver(budget)) {}

void Oracle::assume(const Conditions& base) {
    const auto same = [](const z3::expr& a, const z3::expr& b) { return z3::eq(a, b); };
    if (std::ranges::equal(base, base_, same)) return;
    quick_.reset();
    for (const z3::expr& condition : base) quick_.add(condition);
    base_ = base;
}

Answer Oracle::decide(const Conditions& conditions) {
    quick_.push();
    for (const z3::expr& condition : conditions) quick_.add(condition);
    const Answer quick = answer_of(quick_.check());
    quick_.pop();
    if (quick != Answer::unknown) return quick;
    thorough_.reset();
    for (const z3::expr& condition : base_) thorough_.add(condition);
    for (const z3::expr& condition : conditions) thorough_.add(condition);
    return answer_of(thorough_.check());
}

Answer Oracle::ask(const Conditions& base, const Conditions& conditions) {
    Conditions all = base;
    all.insert(all.end(), conditions.begin(), conditions.end());
    const z3::expr question = conjunction(all);
    if (const auto found = answers_.find(question); found != answers_.end()) {
        ++cost_.remembered;
        return found->second;
    }
    ++cost_.asked;
    assume(base);
    const Answer answer = decide(conditions);
    answers_.emplace(question, answer);
    kept_.push_back(question);
    return answer;
}

Example::Example(const Conditions& conditions, unsigned budget) : solver_(quick_solver(budget)) {
    for (const z3::expr& condition : conditions) solver_.add(condition);
    if (solver_.check() == z3::sat) model_ = solver_.get_model();
}

bool Example::prefer(const z3::expr& condition) {
    if (is_true(condition)) {
        keep(condition);
        return true;
    }
    solver_.push();
    keep(condition);
    const bool possible = solver_.check() == z3::sat;
    if (possible) model_ = solver_.get_model();
    solver_.pop();
    if (possible) keep(condition);
    return possible;
}

void Example::minimise(const z3::expr& word) {
    const unsigned width = word.get_sort().bv_size();
    if (prefer(word == context().bv_val(0, width))) return;
    for (unsigned bit = width; bit-- > 0;) {
        const z3::expr is_clear = word.extract(bit, bit) == context().bv_val(0, 1);
        if (!prefer(is_clear)) keep(!is_clear);
    }
}

u64 Example::value(const z3::expr& word) const {
    const z3::expr value = model_->eval(word, true);
    if (value.is_bool()) return value.is_true() ? 1 : 0;
    return value.get_numeral_uint64();
}

bool Example::is_true(const z3::expr& condition) const { return model_->eval(condition, true).is_true(); }

} // namespace lapicheck::proof
