// The driver of the step over formulas: it runs the step once for each path, and keeps what was decided.
//
//     do {
//         State<Symbolic> s = before;
//         outcome = step(driver, s, cpu, access);
//         ... driver.decisions(), driver.choices() ...
//     } while (driver.next_path());
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "checker/prove/symbolic/symbolic.hpp"
#include "model/driver.hpp"
#include "programs/sim/choices.hpp"

namespace lapicheck::prove {

using model::Place;
using model::Rule;
using programs::ChoiceNamer;
using programs::ChoiceSort;

// An answer that the manual leaves open, as a path of the step met it.
struct Choice {
    z3::expr variable; // Bool, or a word of 32 or 64 bits
    z3::expr proposal; // of the same sort
};

// One of several alternatives that exclude each other and of which one holds.
struct Decision {
    std::vector<z3::expr> alternatives;
    unsigned chosen = 0;

    const z3::expr& condition() const { return alternatives[chosen]; }
};

class SymbolicDriver {
  public:
    using D = Symbolic;

    // `prefix` keeps the choices of this step apart from those of others. Steps of two runs that are to
    // make the same choices share it.
    explicit SymbolicDriver(std::string prefix = "") : prefix_(std::move(prefix)) {}

    const model::RegisterTable& table() const { return model::sdm_registers; }
    const model::RegisterRow* row_of(const model::RegisterTable& table, const SymU32& offset);
    const model::RegisterRow* row_at(const SymU32& offset) { return row_of(table(), offset); }
    const model::RegisterRow& row(model::Reg reg) const { return table()[model::index_of(reg)]; }

    bool operator()(Rule, const SymBool& condition, Place = Place::current()) { return decide(condition); }
    bool unspecified(Rule rule, bool proposal, Place place = Place::current());
    SymBool unspecified_value(Rule rule, const SymBool& proposal, Place place = Place::current());
    SymU32 unspecified_value(Rule rule, const SymU32& proposal, Place place = Place::current());
    SymU64 unspecified_value(Rule rule, const SymU64& proposal, Place place = Place::current());
    bool passes_over(const SymBool&) const { return false; }
    SymU64 index(const SymU64& address) const { return address; }
    void elsewhere(const model::State<D>&, const model::Access<D>&, model::Outcome<D>&) const {}
    void amend(const model::State<D>&, const model::Access<D>&, model::Outcome<D>&, model::State<D>&) const {}

    void begins(const model::Access<D>&) const {}

    // Follows one way and remembers the other.
    bool decide(const SymBool& condition);
    // Goes on to the next path; false if that was the last.
    bool next_path();

    // What the decisions of this path say of the address that the step asks about.
    void watch(const SymU64& address) { watched_ = address; }
    const Known<u64>& address_bits() const { return address_bits_; }
    // The number of the slot of the window, or the low byte of the MSR's index; none was asked for if empty.
    const std::optional<u32>& slot() const { return slot_; }

    const std::vector<Decision>& decisions() const { return decisions_; }
    const std::vector<Choice>& choices() const { return choices_; }

  private:
    unsigned fork(std::vector<z3::expr> alternatives);
    void learn(const z3::expr& condition, bool holds);
    void learn_address(const z3::expr& equality);
    std::string name(Rule rule, ChoiceSort sort);

    std::string prefix_;
    std::vector<Decision> decisions_; // of this path so far
    std::vector<unsigned> plan_;      // which way to go at each decision that the last path passed
    std::vector<Choice> choices_;
    std::unordered_map<Z3_ast, bool> decided_; // formulas of this path; decisions_ keeps them alive
    std::vector<z3::expr> kept_;
    ChoiceNamer namer_;
    SymU64 watched_;
    Known<u64> address_bits_;
    std::optional<u32> slot_;
};

} // namespace lapicheck::prove
