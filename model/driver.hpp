// The drivers of the step. Rule code asks its driver for each decision, so that the same text runs on
// plain values and on partly known ones:
//
//     if (p(Rule::X01, negate(in_x2apic(s)))) return gp(Rule::X01);
//
// p(rule, condition)      a rule applies if the condition holds. Known bits: both, if unknown.
// - p.unspecified(rule, proposal): the manual does not specify it; what an implementation does here. Known
//   bits: both.
// - p.unspecified_value(rule, v): the same for a word or a condition kept in the state. Known bits: unknown.
// - p.passes_over(condition): whether what is asked only where the condition holds may be left out. Known
//   bits: if it does not hold; the other drivers name and count what they are asked.
// - p.index(address): the address as a value that is known, if the domain has such.
// - p.row_at(offset): the register at a place of the window.
// - p.elsewhere(...): what answers where nothing of the APIC does.
// - p.amend(...): what an implementation does besides the rules, after the step.
// - p.begins(access): which access is carried out, for implementations that ask.
//
// Each application of a rule has a place in the text, by which an implementation (implementation.hpp)
// may single it out.
#pragma once

#include <array>
#include <cassert>

#include "model/domains/known_bits.hpp"
#include "model/state.hpp"

namespace lapicheck::model {

// Where in the rules' text a driver is asked. A line asks of one rule once. (Not std::source_location, which
// clang-tidy 14 cannot read.)
struct Place {
    const char* file = nullptr;
    unsigned line = 0;

    static constexpr Place current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
        return {file, line};
    }
};

constexpr const RegisterRow* find_row(const RegisterTable& table, u32 offset) {
    const Reg reg = register_at(offset);
    return reg == Reg::none ? nullptr : &table[index_of(reg)];
}

// An implementation that does as the rules propose where the manual does not specify.
struct AsProposed {
    constexpr bool choose(Rule, bool proposal) const { return proposal; }
    constexpr u32 choose(Rule, u32 proposal) const { return proposal; }
    constexpr u64 choose(Rule, u64 proposal) const { return proposal; }
};

template <class Choices = AsProposed>
class ConcreteDriver {
  public:
    using D = Concrete;

    explicit constexpr ConcreteDriver(Choices choices = {}, const RegisterTable& table = sdm_registers)
        : choices_(choices), table_(&table) {}

    constexpr const RegisterTable& table() const { return *table_; }
    constexpr const RegisterRow& row(Reg reg) const { return (*table_)[index_of(reg)]; }
    constexpr const RegisterRow* row_at(u32 offset) const { return find_row(*table_, offset); }
    static constexpr const RegisterRow* row_of(const RegisterTable& table, u32 offset) {
        return find_row(table, offset);
    }

    constexpr bool operator()(Rule, bool condition, Place = Place::current()) const { return condition; }
    constexpr bool unspecified(Rule rule, bool proposal, Place = Place::current()) {
        return choices_.choose(rule, proposal);
    }
    constexpr bool unspecified_value(Rule rule, bool proposal, Place = Place::current()) {
        return choices_.choose(rule, proposal);
    }
    constexpr u32 unspecified_value(Rule rule, u32 proposal, Place = Place::current()) {
        return choices_.choose(rule, proposal);
    }
    constexpr u64 unspecified_value(Rule rule, u64 proposal, Place = Place::current()) {
        return choices_.choose(rule, proposal);
    }
    constexpr bool passes_over(bool) const { return false; }
    constexpr u64 index(u64 address) const { return address; }
    constexpr void elsewhere(const State<D>&, const Access<D>&, Outcome<D>&) const {}
    constexpr void amend(const State<D>&, const Access<D>&, Outcome<D>&, State<D>&) const {}
    constexpr void begins(const Access<D>&) const {}

  private:
    Choices choices_;
    const RegisterTable* table_;
};

// Runs the step once for each way its unknown conditions may fall: start the first path, run the
// step, then next_path() until it says there is none.
class ForkingDriver {
  public:
    using D = KnownBits;
    // More unknown conditions than this on one path never occur (a test holds the step to it); the
    // bound keeps a path's record on the stack.
    static constexpr unsigned max_depth = 24;

    constexpr const RegisterTable& table() const { return sdm_registers; }
    constexpr const RegisterRow& row(Reg reg) const { return sdm_registers[index_of(reg)]; }
    // The register whose 16 bytes of the window hold `offset`, or null.
    constexpr const RegisterRow* row_at(u32 offset) const { return find_row(sdm_registers, offset); }
    static constexpr const RegisterRow* row_of(const RegisterTable& table, u32 offset) {
        return find_row(table, offset);
    }

    // As if the condition of `waived` did not hold, which the observation has already disproved: see
    // replay's taking over of a divergence.
    constexpr void waive(Rule rule) {
        waived_ = rule;
        has_waived_ = true;
    }

    constexpr bool operator()(Rule rule, KnownBool condition, Place = Place::current()) {
        if (has_waived_ && rule == waived_) return false;
        return condition.known ? condition.value : fork();
    }
    constexpr bool unspecified(Rule, bool, Place = Place::current()) { return fork(); }
    template <class T>
    constexpr T unspecified_value(Rule, T, Place = Place::current()) {
        return {};
    }
    constexpr bool passes_over(KnownBool condition) const { return condition.is_false(); }
    // Addresses and indices of a trace are always known.
    constexpr u64 index(Known<u64> address) const { return address.value; }
    constexpr void elsewhere(const State<D>&, const Access<D>&, Outcome<D>&) const {}
    constexpr void amend(const State<D>&, const Access<D>&, Outcome<D>&, State<D>&) const {}
    constexpr void begins(const Access<D>&) const {}

    constexpr bool next_path() {
        while (depth_ > 0 && !path_[depth_ - 1]) --depth_;
        if (depth_ == 0) return false;
        path_[depth_ - 1] = false;
        decided_ = depth_;
        depth_ = 0;
        return true;
    }
    constexpr bool has_forked() const { return depth_ > 0; }

  private:
    constexpr bool fork() {
        if (depth_ < decided_) return path_[depth_++];
        assert(depth_ < max_depth);
        path_[depth_++] = true;
        decided_ = depth_;
        return true;
    }

    std::array<bool, max_depth> path_{};
    unsigned depth_ = 0;   // decisions taken on this path so far
    unsigned decided_ = 0; // decisions that this path takes over from the last one
    Rule waived_ = Rule::M14;
    bool has_waived_ = false;
};

} // namespace lapicheck::model
