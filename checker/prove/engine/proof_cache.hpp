// What a thread remembers from one implementation to the next: most of them differ from the reference in a
// few steps, and what is shown of a step holds for all that take it.
#pragma once

#include <map>
#include <set>

#include "checker/prove/engine/symbolic_tables.hpp"
#include "checker/prove/result.hpp"
#include "checker/prove/symbolic/paths.hpp"
#include "checker/prove/symbolic/solver.hpp"
#include "programs/sim/scenario.hpp"

namespace lapicheck::prove {

using programs::ChoiceValues;
using programs::MachineFacts;

// What a property says of all paths of a case.
struct CaseVerdict {
    bool concerned = false;
    SolverResult violated = SolverResult::unsat;
};

class ProofCache {
  public:
    explicit ProofCache(unsigned budget) : solver(budget) {}
    ProofCache(const ProofCache&) = delete;
    ProofCache& operator=(const ProofCache&) = delete;

    // A number that two lists of paths share if they are the same formulas: for the same number what is known
    // of one holds for the other. `place` tells what the paths are of.
    unsigned number_of(const std::string& place, const std::vector<Path>& paths);

    // Of a case's paths (by number), with what is assumed of the state before.
    struct Key {
        unsigned paths;
        Z3_ast assumed;

        friend auto operator<=>(const Key&, const Key&) = default;
    };
    Key key_of(unsigned paths, const Conditions& assumed);
    // Whether this obligation was not told before.
    bool is_new(const z3::expr& obligation);

    Solver solver;
    std::map<std::pair<Key, const PropertyEntry*>, CaseVerdict> verdicts;
    std::vector<Scenario> runs; // whose last step met a property's premise
    // Of invariants those that a case keeps. They are part of the key: what is assumed does not show the ones
    // that are true in the case's mode anyway, and one that was dropped must not come back.
    using Invariants = std::vector<const InvariantEntry*>;
    std::map<std::pair<Key, Invariants>, Invariants> kept;

  private:
    std::map<std::string, std::vector<std::pair<unsigned, std::vector<Path>>>> known_;
    std::set<Z3_ast> told_;
    std::vector<z3::expr> alive_; // so that no other formula takes over an identity
    unsigned count_ = 0;
};

// Whether two paths are the same formulas, word by word.
bool is_same_path(const Path& a, const Path& b);

} // namespace lapicheck::prove
