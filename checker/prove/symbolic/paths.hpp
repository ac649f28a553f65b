// All paths of one step of an implementation, from a state given as formulas.
#pragma once

#include <tuple>
#include <vector>

#include "checker/prove/symbolic/driver.hpp"
#include "model/implementation.hpp"
#include "specs/properties/property.hpp"

namespace lapicheck::prove {

using model::AccessKind;
using model::Mode;

using SymState = model::State<Symbolic>;
using SymCpu = model::Cpu<Symbolic>;
using SymAccess = model::Access<Symbolic>;
using SymOutcome = model::Outcome<Symbolic>;
using SymSurroundings = model::Surroundings<Symbolic>;
using SymImplementation = model::Implementation<Symbolic>;

// What a step begins with. The mode's bits of `state` are known.
struct Start {
    SymCpu cpu;
    SymState state;
    SymSurroundings around;
};

struct Path {
    std::vector<Decision> decisions;
    std::vector<Choice> choices;
    SymOutcome out;
    SymState after; // its mode's bits are known
    SymSurroundings around;
    bool invalid_mode = false; // EXTD without EN
    Known<u64> address_bits;   // what the decisions say of the access's address

    // The decisions' conditions, all of them.
    z3::expr condition() const;
    // Whether a condition is the very opposite of a decision; false says nothing.
    bool excludes(const z3::expr& condition) const;
    // The access as this path knows it.
    SymAccess taken(const SymAccess& access) const;
};

// A path as properties see it. Lives as long as what it was made of.
class PathTransition {
  public:
    PathTransition(const Path& path, const Start& start, const SymAccess& access)
        : access_(path.taken(access)), path_(path), start_(start) {}
    operator specs::Transition<Symbolic>() const { // NOLINT(*-explicit-*): it is one
        return {start_.cpu, start_.state, access_, path_.out, path_.after, start_.around, path_.around};
    }

  private:
    SymAccess access_;
    const Path& path_;
    const Start& start_;
};

// Whether a path takes a way that the other has excluded: then no run takes both.
bool exclude_each_other(const Path& a, const Path& b);

// Any state in `mode` (names begin with `prefix`), and any CPU. Runs that share a prefix share the variables.
SymCpu any_cpu();
SymState any_state(Mode mode, const std::string& prefix);
SymSurroundings any_surroundings(const std::string& prefix);
SymAccess any_access(AccessKind kind, u32 size, const std::string& prefix);

// In the order of the decisions, "yes" before "no".
std::vector<Path> paths_of(const SymImplementation& implementation, const Start& start,
                           const SymAccess& access, const std::string& choice_prefix);

// The mode whose bits `state` is known to have.
Mode known_mode(const SymState& state);

// Merges the paths from the first to the last decision, so that conditions that paths share are told once.
// `leaf(path)` is what a path gives; `merge(condition, yes, no)` joins two.
template <class Value, class Leaf, class Merge>
Value merged(std::span<const Path> paths, Leaf leaf, Merge merge, std::size_t depth = 0) {
    if (paths.size() == 1) return leaf(paths.front());
    // The alternatives exclude each other: the last is taken where no other is.
    std::size_t last = 0;
    while (paths[last].decisions[depth].chosen != paths.back().decisions[depth].chosen) ++last;
    auto value = merged<Value>(paths.subspan(last), leaf, merge, depth + 1);
    while (last > 0) {
        std::size_t first = last - 1;
        const unsigned chosen = paths[first].decisions[depth].chosen;
        while (first > 0 && paths[first - 1].decisions[depth].chosen == chosen) --first;
        const auto part = merged<Value>(paths.subspan(first, last - first), leaf, merge, depth + 1);
        value = merge(paths[first].decisions[depth].condition(), part, value);
        last = first;
    }
    return value;
}

SymState select_state(const SymBool& condition, const SymState& if_true, const SymState& if_false);

} // namespace lapicheck::prove
