// Properties of implementations: proved for all states that can be reached, or refuted by a run from RESET.
//
// Proof: one step from any state in which the invariants hold (cases.hpp). Where that fails, runs from RESET
// are searched, the shortest first (unrolling.hpp); what is found is carried out on plain values before it is
// shown.
#pragma once

#include <memory>
#include <set>

#include "checker/proof/implementations.hpp"
#include "checker/proof/run.hpp"
#include "checker/proof/unrolling.hpp"

namespace lapicheck::proof {

enum class Status : std::uint8_t { holds, refuted, bounded, unknown, not_applicable };
std::string_view to_string(Status status);

// A run whose last step breaks a property. Of a property of two runs: the last steps of both differ where
// they must not.
struct Counterexample {
    Run run;
    std::optional<Run> other_run;

    // The longer run's.
    std::size_t steps() const {
        return std::max(run.steps.size(), other_run ? other_run->steps.size() : std::size_t{0});
    }
};

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
    unsigned budget = 20'000'000; // Z3's rlimit for one question
    std::size_t max_depth = 5;    // steps before the last
    bool wants_witness = true;
};

class Prover {
  public:
    explicit Prover(const ImplementationEntry& implementation, ProverOptions options = {});
    // With another implementation than the named one on formulas and on plain values: a mutant of it.
    Prover(const ImplementationEntry& implementation, std::unique_ptr<SymImplementation> symbolic,
           std::unique_ptr<PlainImplementation> plain, ProverOptions options);

    Result prove(const PropertyEntry& property);
    const Cases& cases() const { return cases_; }
    // Whether the last step of a counterexample really breaks the property, on plain values.
    bool confirms(const PropertyEntry& property, const Counterexample& counterexample) const;

  private:
    // One kind of violation that a proof could not exclude.
    using Suspects = std::set<CaseKey>;
    using SuspectPairs = std::set<std::pair<CaseKey, CaseKey>>;

    Result prove_step(const PropertyEntry& property);
    Result prove_pair(const PropertyEntry& property);
    Result prove_vcpus(const PropertyEntry& property);
    // Runs from RESET to a last step in one of `cases` that violates (or, with `witness`, only concerns) it.
    std::optional<Counterexample> search_step(const PropertyEntry& property, const Suspects& cases,
                                              bool witness);
    std::optional<Counterexample> search_pair(const PropertyEntry& property, const SuspectPairs& cases);
    std::optional<Counterexample> search_vcpus(const PropertyEntry& property, const SuspectPairs& cases);
    void conclude(Result& result, bool has_unknown, bool has_suspects,
                  std::optional<Counterexample> found) const;

    const ImplementationEntry* entry_;
    std::unique_ptr<SymImplementation> symbolic_;
    std::unique_ptr<PlainImplementation> plain_;
    ProverOptions options_;
    Oracle oracle_;
    Cases cases_;
    Unrolling first_;
    Unrolling second_;
    Unrolling other_vcpu_;
    bool gave_up_ = false; // a search met a question that the solver did not answer
};

} // namespace lapicheck::proof
