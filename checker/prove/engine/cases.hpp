// One step of an implementation from any state, split by mode and kind of access; and what is true of all
// states that it can reach.
#pragma once

#include "checker/prove/engine/proof_cache.hpp"

namespace lapicheck::prove {

inline constexpr std::array modes = {Mode::disabled, Mode::xapic, Mode::x2apic};
// Sizes of MMIO accesses, in bytes.
inline constexpr std::array<u32, 5> mmio_sizes = {4, 1, 2, 8, 16};

struct CaseKey {
    Mode mode;
    AccessKind kind;
    u32 size; // 4 but for MMIO

    friend bool operator==(const CaseKey&, const CaseKey&) = default;
    // Plain accesses before odd ones, writes before reads, x2APIC mode first: what makes the more telling
    // example.
    friend bool operator<(const CaseKey& a, const CaseKey& b) {
        const auto rank = [](const CaseKey& key) {
            return std::tuple(key.size != 4, !model::is_write(key.kind), key.kind, key.size,
                              key.mode != Mode::x2apic, key.mode);
        };
        return rank(a) < rank(b);
    }
};
// All of them: together they are every step that an APIC can take in a valid mode.
std::vector<CaseKey> all_cases();

struct Case {
    CaseKey key;
    Start start;
    SymAccess access;
    std::vector<Path> paths;
    Conditions reachable; // what is assumed of the state before, see Cases::reachable
    unsigned number = 0;  // ProofCache's, of the paths
};

class Cases {
  public:
    // Paths from any state. The invariants are found here: of the candidates of
    // specs/properties/invariants.hpp those that hold after RESET and that every step keeps, all of them
    // assumed.
    Cases(const SymImplementation& implementation, ProofCache& cache);

    const std::vector<Case>& all() const { return cases_; }
    const Case& of(const CaseKey& key) const;
    const SymImplementation& implementation() const { return *implementation_; }

    // What is assumed of a state that can be reached: the CPU is a valid one, the invariants hold.
    Conditions reachable(const SymCpu& cpu, const SymState& state) const;
    const std::vector<const InvariantEntry*>& invariants() const { return invariants_; }
    // What would break an invariant in the case, path by path: none of it can be.
    Conditions broken_invariants(const Case& c) const;
    // What is assumed of the state before a step that is to keep them.
    Conditions assumed(const Case& c) const;
    // No step leads from a valid mode into the invalid one.
    bool modes_are_closed() const { return modes_are_closed_; }

  private:
    void find_invariants();
    // Drops the invariants that a case does not keep; true if any was dropped.
    bool drop_broken_by(const Case& c);
    // Drops what does not hold in `after`; true if any was dropped.
    bool drop_broken(const Conditions& assumed, const z3::expr& path, const SymCpu& cpu,
                     const SymState& after);
    bool find_mode_closure() const;

    const SymImplementation* implementation_;
    ProofCache* cache_;
    std::vector<Case> cases_;
    std::vector<const InvariantEntry*> invariants_;
    bool modes_are_closed_ = false;
};

} // namespace lapicheck::prove
