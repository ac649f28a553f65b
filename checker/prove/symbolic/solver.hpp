// The solver: one question after another, each answered within a budget of steps, never of time.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "checker/prove/symbolic/symbolic.hpp"

namespace lapicheck::prove {

// Whether conditions can hold.
enum class SolverResult : std::uint8_t { unsat, sat, unknown };

// A conjunction.
using Conditions = std::vector<z3::expr>;

class Solver {
  public:
    // `budget`: Z3's rlimit for one question.
    explicit Solver(unsigned budget);

    // Whether all conditions can hold. Remembers its answers. `base` is what many questions in a row have in
    // common: it stays with the solver from one question to the next.
    SolverResult ask(const Conditions& base, const Conditions& conditions);

    struct Cost {
        std::uint64_t asked = 0;      // questions put to the solver
        std::uint64_t remembered = 0; // answered from cache
    };
    const Cost& cost() const { return cost_; }

  private:
    // A solver that has `base` already.
    struct Quick {
        Conditions base;
        z3::solver solver;
    };

    z3::solver& solver_for(const Conditions& base);
    SolverResult decide(const Conditions& base, const Conditions& conditions);

    // Most questions are answered at once by a quick solver; the thorough one is for those that are not, and
    // turns everything into clauses.
    unsigned budget_;
    std::vector<Quick> quick_; // the last one used comes first
    z3::solver thorough_;
    std::unordered_map<Z3_ast, SolverResult> answers_;
    std::vector<z3::expr> kept_; // the formulas answered, so that no other takes over their identity
    Cost cost_;
};

// "Z3 4.8.12".
std::string solver_version();

// The question whether all conditions can hold, as SMT-LIB 2, with the answer found as its status.
std::string smt2_of(const Conditions& conditions, SolverResult answer);

z3::expr conjunction(const Conditions& conditions);
z3::expr disjunction(const Conditions& conditions);

// An open question to which conditions are added one by one, as long as they leave an answer: the way to a
// small and telling example that is the same in every run.
class Example {
  public:
    explicit Example(const Conditions& conditions, unsigned budget);

    // Whether there is an example at all. False also if the solver gave up.
    bool exists() const { return model_.has_value(); }
    // Keeps `condition` if an example has it; false if none does.
    bool prefer(const z3::expr& condition);
    // Makes a word as small as it can be.
    void minimise(const z3::expr& word);
    // The value in the example: of a word, or 0 or 1 of a condition.
    u64 value(const z3::expr& word) const;
    bool is_true(const z3::expr& condition) const;

  private:
    void keep(const z3::expr& condition) { solver_.add(condition); }

    z3::solver solver_;
    std::optional<z3::model> model_;
};

} // namespace lapicheck::prove
