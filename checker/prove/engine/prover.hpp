// Properties of implementations: proved for all states that can be reached, or refuted by a run from RESET.
//
// Proof: one step from any state in which the invariants hold (cases.hpp). Where that fails, runs from RESET
// are searched, the shortest first (search.hpp); what is found is carried out on plain values before it is
// shown.
#pragma once

#include <memory>

#include "checker/prove/engine/search.hpp"
#include "checker/prove/engine/symbolic_tables.hpp"
#include "checker/prove/result.hpp"

namespace lapicheck::prove {

class PropertyProver {
  public:
    explicit PropertyProver(const SymbolicImplementation& implementation, ProverOptions options = {});
    // With what was learnt from other implementations in the same thread.
    PropertyProver(const SymbolicImplementation& implementation, std::shared_ptr<ProofCache> cache,
                   ProverOptions options);

    Result prove(const SymbolicProperty& property);
    Result prove(const PropertyEntry& property) { return prove(symbolic(property)); }
    const Cases& cases() const { return cases_; }
    // Tells the obligations that are no property's: what is assumed of the state before each step.
    void dump_cases() const;
    // Whether the last step of a counterexample really breaks the property, on plain values.
    bool confirms(const PropertyEntry& property, const Counterexample& counterexample) const;

  private:
    // Of the runs found before one whose last step meets the premise here; null if there is none.
    const Scenario* known_witness(const SymbolicProperty& property);
    bool may_meet(const SymbolicProperty& property, const CaseKey& key);
    // Tells `options_.dump` that none of `any` may be where `base` holds.
    void dump(const std::string& name, const Conditions& base, const Conditions& any,
              SolverResult answer) const;
    CaseVerdict judge(const SymbolicProperty& property, const Case& c);
    Result prove_step(const SymbolicProperty& property);
    Result prove_pair(const SymbolicProperty& property);
    Result prove_vcpus(const SymbolicProperty& property);
    // Whether some path of `a` and some path of the same access from `other` may violate the property.
    SolverResult pair_may_differ(const SymbolicProperty& property, const Case& a, const Start& other,
                                 Mode mode);
    // Whether what `read` gives may depend on the write of another vCPU.
    SolverResult read_may_depend(const SymbolicProperty& property, const Start& writer, const Path& write,
                                 const std::string& name, const Case& read);
    void conclude(Result& result, bool has_unknown, bool has_suspects,
                  std::optional<Counterexample> found) const;

    const ImplementationEntry* entry_;
    std::unique_ptr<SymImplementation> symbolic_;
    std::unique_ptr<PlainImplementation> plain_;
    ProverOptions options_;
    std::shared_ptr<ProofCache> cache_;
    Solver& solver_;
    Cases cases_;
    Search search_;
    std::vector<ExecutedStep> last_steps_; // of the cache's runs, carried out here
};

} // namespace lapicheck::prove
