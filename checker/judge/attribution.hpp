// What a divergence of one vCPU is laid to: the earlier accesses that matter, the rule that put a wrong bit
// where it should be, and the departures of KVM that it is made of.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "checker/judge/abstract_state.hpp"
#include "checker/judge/departures.hpp"
#include "checker/judge/evidence.hpp"

namespace lapicheck::checker {

class Attribution {
  public:
    Attribution() = default;
    // One that is told all that happens since RESET.
    static Attribution from_reset(bool boot_processor) {
        Attribution attribution;
        attribution.from_reset_ = true;
        attribution.boot_processor_ = boot_processor;
        attribution.low_vectors_ = 0;
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
    // What departures depend on. `state`: before, or after what is judged; it has the registers.
    Circumstances circumstances_of(const Mismatch& mismatch, const AbstractState& state,
                                   const CpuFacts& facts) const;
    // Where only some bits of a value are departures of KVM, or of several, each has its own mismatch.
    std::vector<Mismatch> parts(const Mismatch& mismatch, const traces::GuestAccess& access,
                                const AbstractState& state, const CpuFacts& facts) const;
    // The lines before the access that matter.
    std::vector<Because> because(const Mismatch& mismatch, const traces::GuestAccess& access) const;

    // A message asked for this vector by this rule; told so that one that is missing is laid to it.
    void asked(u32 vector, Rule way) {
        ways_[vector] = way;
        low_vector_sent(vector);
    }
    Rule way_of(u32 vector) const { return ways_[vector]; }

    // Whose KVM it is; whether APICv or AVIC is active.
    void on_host(const Host& host, bool virtualized) {
        host_ = host;
        virtualized_ = virtualized;
    }
    // What the other APICs of the machine are, where that is known.
    struct Others {
        bool all_software_disabled = true; // this one too
        bool logical_id_is_its_own = false;
        bool id_of_another_too = true;
    };
    void among(const Others& others) { others_ = others; }
    // The same of one of which nothing is known yet.
    Attribution forgotten() const {
        Attribution attribution;
        attribution.on_host(host_, virtualized_);
        return attribution;
    }
    // A vector below 16 may have been sent to this APIC.
    void low_vector_sent(u32 vector) {
        if (vector < model::first_legal_vector) low_vectors_ |= u32{1} << vector;
    }
    void any_low_vectors_sent() { low_vectors_ = 0xffff; }

    Evidence& evidence() { return evidence_; }
    const Evidence& evidence() const { return evidence_; }

  private:
    u64 line_that_put(const Mismatch& mismatch) const;
    void note_write(Reg reg, const traces::GuestAccess& access, const AbstractState& state);

    static constexpr std::array<Rule, 256> nothing_asked() {
        std::array<Rule, 256> ways{};
        ways.fill(Rule::P01);
        return ways;
    }
    Rule way_of_vectors(Reg word, u64 vectors) const;
    Rule rule_of_acceptance(const Mismatch& mismatch) const;
    std::optional<Rule> rule_of_left_over(const Mismatch& mismatch, const AbstractState& state) const;

    bool from_reset_ = false;
    std::optional<bool> boot_processor_;           // at RESET, whatever software made of the flag (B15)
    std::array<Rule, 256> ways_ = nothing_asked(); // by vector: how it came last
    Evidence evidence_;
    Host host_;
    Others others_;
    bool virtualized_ = false;
    u32 low_vectors_ = 0xffff;                 // the vectors below 16 that were sent, or may have been
    std::optional<bool> shown_boot_processor_; // by a read of IA32_APIC_BASE before any write
    bool base_was_written_ = false;
    bool was_periodic_ = true; // the timer may have been in periodic mode since it was started
};

} // namespace lapicheck::checker
