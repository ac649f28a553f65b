// The drivers of the step. Rule code asks its driver for each decision, so that the same text runs on
// plain values and on partly known ones:
//
//     if (p(Rule::X01, negate(in_x2apic(s)))) return gp(Rule::X01);
//
// p(rule, condition)      a rule applies if the condition holds. Known bits: both, if unknown.
// p.open(rule, proposal)  the manual leaves it open: what an implementation does here. Known bits: both.
// p.open_value(rule, v)   the same for a word or a condition kept in the state; Known bits: unknown.
// p.exact(address)        the address as a plain value.
#pragma once

#include <array>
#include <cassert>

#include "model/known_bits.hpp"
#include "model/registers.hpp"

namespace lapicheck::model {

// An implementation that does as the rules propose where the manual is open.
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
    // The register whose 16 bytes of the window hold `offset`, or null.
    constexpr const RegisterRow* row_at(u32 offset) const {
        const int index = offset < 0x400 ? register_at_slot[offset >> 4] : -1;
        return index < 0 ? nullptr : &table()[static_cast<std::size_t>(index)];
    }

    constexpr bool operator()(Rule, bool condition) const { return condition; }
    constexpr bool open(Rule rule, bool proposal) { return choices_.choose(rule, proposal); }
    constexpr bool open_value(Rule rule, bool proposal) { return choices_.choose(rule, proposal); }
    constexpr u32 open_value(Rule rule, u32 proposal) { return choices_.choose(rule, proposal); }
    constexpr u64 open_value(Rule rule, u64 proposal) { return choices_.choose(rule, proposal); }
    constexpr u64 exact(u64 address) const { return address; }

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
    constexpr const RegisterRow* row_at(u32 offset) const {
        const int index = offset < 0x400 ? register_at_slot[offset >> 4] : -1;
        return index < 0 ? nullptr : &table()[static_cast<std::size_t>(index)];
    }

    // As if the condition of `waived` did not hold, which the observation has already disproved: see
    // replay's taking over of a divergence.
    constexpr void waive(Rule rule) {
        waived_ = rule;
        has_waived_ = true;
    }

    constexpr bool operator()(Rule rule, KnownBool condition) {
        if (has_waived_ && rule == waived_) return false;
        return condition.known ? condition.value : fork();
    }
    constexpr bool open(Rule, bool) { return fork(); }
    template <class T>
    constexpr T open_value(Rule, T) {
        return {};
    }
    // Addresses and indices of a trace are always known.
    constexpr u64 exact(Known<u64> address) const { return address.value; }

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
