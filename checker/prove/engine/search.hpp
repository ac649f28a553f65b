// The search for runs from RESET that end in something wanted, the shortest first.
#pragma once

#include <functional>
#include <set>

#include "checker/prove/engine/unrolling.hpp"
#include "checker/prove/result.hpp"
#include "programs/sim/scenario.hpp"

namespace lapicheck::prove {

// When a path is what is looked for: constant false if never.
using WantedStep = std::function<SymBool(const Start&, const SymAccess&, const Path&)>;
// The same of the last steps of two runs.
using WantedPair = std::function<SymBool(const Transition<Symbolic>&, const Transition<Symbolic>&)>;

class Search {
  public:
    Search(const SymImplementation& implementation, Solver& solver, SearchBounds bounds);

    // The last step is one of `cases`.
    std::optional<Counterexample> step(const WantedStep& wanted, const std::set<CaseKey>& cases);
    // Any such run that is short; not made small or telling. `may_ever`: asked of a case in which no short
    // run was found; false: no run will be.
    std::optional<Scenario> any_step(const WantedStep& wanted, std::set<CaseKey> cases,
                                     const std::function<bool(const CaseKey&)>& may_ever);
    // Two runs end with the same access, in states of their own.
    std::optional<Counterexample> pair(const WantedPair& wanted,
                                       const std::set<std::pair<CaseKey, CaseKey>>& cases);
    // vCPU 1 ends with a write, then vCPU 0 reads: what it reads, and what it would read without the write.
    std::optional<Counterexample> vcpus(const WantedPair& wanted,
                                        const std::set<std::pair<CaseKey, CaseKey>>& cases);
    // Whether some question of the last search was not answered within the budget.
    bool gave_up() const { return gave_up_; }

  private:
    struct Find;
    std::vector<Find> finds_of_step(const WantedStep& wanted, const CaseKey& key, std::size_t depth);
    std::vector<Find> finds_of_pair(const WantedPair& wanted, const std::pair<CaseKey, CaseKey>& keys,
                                    std::size_t depth, std::size_t other_depth);
    std::vector<Find> finds_of_vcpus(const WantedPair& wanted, const std::pair<CaseKey, CaseKey>& keys,
                                     std::size_t depth, std::size_t other_depth);
    // An example of one of the finds, and which; none if there is none. `accesses` are the last steps'.
    struct Chosen {
        Example example;
        const Find* find;
    };
    bool has_any_of(const std::vector<Find>& finds);
    std::optional<Chosen> choose(const std::vector<Find>& finds, const std::vector<SymAccess>& accesses);
    // The find that makes the most telling example, and what is to be added to its condition for that.
    std::pair<const Find*, Conditions> most_telling(const std::vector<Find>& finds,
                                                    const std::vector<SymAccess>& accesses);

    const SymImplementation& implementation_;
    Solver& solver_;
    SearchBounds bounds_;
    Unrolling first_;
    Unrolling second_;
    Unrolling other_vcpu_;
    z3::expr valid_cpu_; // in every state; what it speaks of does not change
    bool gave_up_ = false;
};

} // namespace lapicheck::prove
