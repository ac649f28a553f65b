#include "checker/prove/symbolic/solver.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lapicheck::prove {
namespace {

constexpr unsigned quick_budget = 200'000;
// The questions of a property go through the three modes, again and again.
constexpr std::size_t kept_solvers = 4;

z3::solver with_budget(z3::solver solver, unsigned budget) {
    z3::params params(context());
    params.set("rlimit", budget);
    params.set("random_seed", 0U);
    params.set("ctrl_c", false); // it ends the program, not one question after another
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

SolverResult answer_of(z3::check_result result) {
    switch (result) {
    case z3::unsat: return SolverResult::unsat;
    case z3::sat: return SolverResult::sat;
    case z3::unknown: break;
    }
    return SolverResult::unknown;
}

} // namespace

std::string solver_version() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned build = 0;
    unsigned revision = 0;
    Z3_get_version(&major, &minor, &build, &revision);
    return fmt::format("Z3 {}.{}.{}", major, minor, build);
}

std::string smt2_of(const Conditions& conditions, SolverResult answer) {
    const char* status = answer == SolverResult::unsat ? "unsat"
                         : answer == SolverResult::sat ? "sat"
                                                       : "unknown";
    std::vector<Z3_ast> assumptions(conditions.begin(), conditions.end());
    return Z3_benchmark_to_smtlib_string(context(), "lapicheck", "QF_ABV", status, "",
                                         static_cast<unsigned>(assumptions.size()), assumptions.data(),
                                         context().bool_val(true));
}

z3::expr conjunction(const Conditions& conditions) {
    if (conditions.empty()) return context().bool_val(true);
    if (conditions.size() == 1) return conditions.front();
    z3::expr_vector all(context());
    for (const z3::expr& condition : conditions) all.push_back(condition);
    return z3::mk_and(all);
}

z3::expr disjunction(const Conditions& conditions) {
    if (conditions.empty()) return context().bool_val(false);
    if (conditions.size() == 1) return conditions.front();
    z3::expr_vector all(context());
    for (const z3::expr& condition : conditions) all.push_back(condition);
    return z3::mk_or(all);
}

Solver::Solver(unsigned budget) : budget_(budget), thorough_(thorough_solver(budget)) {}

z3::solver& Solver::solver_for(const Conditions& base) {
    const auto same = [](const z3::expr& a, const z3::expr& b) { return z3::eq(a, b); };
    const auto found = std::ranges::find_if(
        quick_, [&](const Quick& quick) { return std::ranges::equal(base, quick.base, same); });
    if (found != quick_.end()) {
        std::rotate(quick_.begin(), found, found + 1);
    } else {
        if (quick_.size() == kept_solvers) quick_.pop_back();
        Quick quick{base, quick_solver(std::min(budget_, quick_budget))};
        for (const z3::expr& condition : base) quick.solver.add(condition);
        quick_.insert(quick_.begin(), std::move(quick));
    }
    return quick_.front().solver;
}

SolverResult Solver::decide(const Conditions& base, const Conditions& conditions) {
    z3::solver& solver = solver_for(base);
    solver.push();
    for (const z3::expr& condition : conditions) solver.add(condition);
    const SolverResult quick = answer_of(solver.check());
    solver.pop();
    if (quick != SolverResult::unknown) return quick;
    thorough_.reset();
    for (const z3::expr& condition : base) thorough_.add(condition);
    for (const z3::expr& condition : conditions) thorough_.add(condition);
    return answer_of(thorough_.check());
}

SolverResult Solver::ask(const Conditions& base, const Conditions& conditions) {
    Conditions all = base;
    all.insert(all.end(), conditions.begin(), conditions.end());
    const z3::expr question = conjunction(all);
    if (const auto found = answers_.find(question); found != answers_.end()) {
        ++cost_.remembered;
        return found->second;
    }
    ++cost_.asked;
    const SolverResult answer = decide(base, conditions);
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

} // namespace lapicheck::prove
