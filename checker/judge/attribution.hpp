// What a divergence of one vCPU is laid to: the earlier accesses that matter, the rule that put a wrong bit
// where it should be, and the departures of KVM that it is made of.
#pragma once

#include <array>
#include <vector>

#include "checker/judge/abstract_state.hpp"
#include "checker/judge/departures.hpp"
#include "checker/judge/evidence.hpp"

namespace lapicheck::checker {

class Attribution {
  public:
    Attribution() = default;
    // One that is told all that happens since RESET.
    static Attribution from_reset() {
        Attribution attribution;
        attribution.from_reset_ = true;
        return attribution;
    }

    // What is asked of a vCPU before an access is judged.
    struct Before {
        unsigned modes = 0;
        u32 errors = 0;
    };
    static Before before(const AbstractState& state) { return {state.count(), state.pending_errors()}; }

    // Keeps what the access tells. `worlds`: after it.
    void note(const traces::GuestAccess& access, const Before& before, const AbstractState& state);

    // The state explains the access.
    void confirm(const traces::GuestAccess& access);

    // The rule that a wrong value breaks is the one that last put the bit where it should be.
    Mismatch refined(Mismatch mismatch, const AbstractState& state) const;
    // Where only some bits of a value are departures of KVM, or of several, each has its own mismatch.
    std::vector<Mismatch> parts(const Mismatch& mismatch, const traces::GuestAccess& access,
                                const AbstractState& state, const CpuFacts& facts) const;
    // The lines before the access that matter.
    std::vector<Because> because(const Mismatch& mismatch, const traces::GuestAccess& access) const;

    // A message asked for this vector by this rule; told so that one that is missing is laid to it.
    void asked(u32 vector, Rule way) { ways_[vector] = way; }
    Rule way_of(u32 vector) const { return ways_[vector]; }

    Evidence& evidence() { return evidence_; }
    const Evidence& evidence() const { return evidence_; }

  private:
    u64 line_that_put(const Mismatch& mismatch) const;
    void note_write(Reg reg, const traces::GuestAccess& access, const AbstractState& state);
    Circumstances circumstances_of(const Mismatch& mismatch, const AbstractState& state,
                                   const CpuFacts& facts) const;

    static constexpr std::array<Rule, 256> nothing_asked() {
        std::array<Rule, 256> ways{};
        ways.fill(Rule::P01);
        return ways;
    }
    Rule way_of_vectors(Reg word, u64 vectors) const;
    Rule rule_of_acceptance(const Mismatch& mismatch) const;

    bool from_reset_ = false;
    std::array<Rule, 256> ways_ = nothing_asked(); // by vector: how it came last
    Evidence evidence_;
    bool ldr_of_x2apic_ = true; // LDR may hold what it read in x2APIC mode
    bool was_periodic_ = true;  // the timer may have been in periodic mode since it was started
};

} // namespace lapicheck::checker
