// Properties of implementations: proved for all states that can be reached, or refuted by a run from RESET.
//
// Proof: one step from any state in which the invariants hold (cases.hpp). Where that fails, runs from RESET
// are searched, the shortest first (search.hpp); what is found is carried out on plain values before it is
// shown.
#pragma once

#include <memory>

#include "checker/prove/implementations.hpp"
#include "checker/prove/search.hpp"

namespace lapicheck::proof {

enum class Status : std::uint8_t { holds, refuted, bounded, unknown, not_applicable };
std::string_view to_string(Status status);

struct Result {
    const ImplementationEntry* implementation = nullptr;
    const PropertyEntry* property = nullptr;
    Status status = Status::unknown;
    std::string_view method; // how it was decided
    std::size_t depth = 0;   // of a bounded search, or of the run found
    std::optional<Counterexample> counterexample;
    std::optional<Run> witness;  // of a proof: a run whose last step the property speaks of
    std::uint64_t questions = 0; // to the solver
};

struct ProverOptions {
    SearchBounds bounds;
    bool wants_witness = false; // that is short and telling; else any that shows that there is one
    // Is told each obligation as SMT-LIB 2, with the answer found as its status: that no step of a case, from
    // a state that can be reached, violates a property, breaks an invariant or leads into the invalid mode.
    // What several implementations have to show is told once.
    std::function<void(const std::string& name, const std::string& smt2)> dump = {};
};

class Prover {
  public:
    explicit Prover(const ImplementationEntry& implementation, ProverOptions options = {});
    // With what was learnt from other implementations in the same thread.
    Prover(const ImplementationEntry& implementation, std::shared_ptr<Memory> memory, ProverOptions options);

    Result prove(const PropertyEntry& property);
    const Cases& cases() const { return cases_; }
    // Tells the obligations that are no property's: what is assumed of the state before each step.
    void dump_cases() const;
    // Whether the last step of a counterexample really breaks the property, on plain values.
    bool confirms(const PropertyEntry& property, const Counterexample& counterexample) const;

  private:
    // Of the runs found before one whose last step meets the premise here; null if there is none.
    const Run* known_witness(const PropertyEntry& property);
    bool may_meet(const PropertyEntry& property, const CaseKey& key);
    // Tells `options_.dump` that none of `any` may be where `base` holds.
    void dump(const std::string& name, const Conditions& base, const Conditions& any, Answer answer) const;
    CaseVerdict judge(const PropertyEntry& property, const Case& c);
    Result prove_step(const PropertyEntry& property);
    Result prove_pair(const PropertyEntry& property);
    Result prove_vcpus(const PropertyEntry& property);
    // Whether some path of `a` and some path of the same access from `other` may violate the property.
    Answer pair_may_differ(const PropertyEntry& property, const Case& a, const Start& other, Mode mode);
    // Whether what `read` gives may depend on the write of another vCPU.
    Answer read_may_depend(const PropertyEntry& property, const Start& writer, const Path& write,
                           const std::string& name, const Case& read);
    void conclude(Result& result, bool has_unknown, bool has_suspects,
                  std::optional<Counterexample> found) const;

    const ImplementationEntry* entry_;
    std::unique_ptr<SymImplementation> symbolic_;
    std::unique_ptr<PlainImplementation> plain_;
    ProverOptions options_;
    std::shared_ptr<Memory> memory_;
    Oracle& oracle_;
    Cases cases_;
    Search search_;
    std::vector<Executed> last_steps_; // of the memory's runs, carried out here
};

// Whether a counterexample breaks the property when `implementation` carries it out.
bool breaks(const PropertyEntry& property, const Counterexample& counterexample,
            const PlainImplementation& implementation);

} // namespace lapicheck::proof
