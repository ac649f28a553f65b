#include "checker/prove/engine/proof_cache.hpp"

#include <algorithm>

namespace lapicheck::prove {
namespace {

bool is_same_outcome(const SymOutcome& a, const SymOutcome& b) {
    return a.answer == b.answer && a.gp == b.gp && a.sends_ipi == b.sends_ipi && a.sends_msi == b.sends_msi &&
           a.ends_interrupt == b.ends_interrupt && a.exits_to_userspace == b.exits_to_userspace &&
           a.bounded == b.bounded && a.exceeds == b.exceeds && a.rule == b.rule && a.reg == b.reg &&
           a.value.is_same(b.value) && a.limit.is_same(b.limit) &&
           z3::eq(a.broadcasts_eoi.formula(), b.broadcasts_eoi.formula()) &&
           z3::eq(a.raises_error.formula(), b.raises_error.formula());
}

bool is_same_state(const SymState& a, const SymState& b) {
    bool same = true;
    model::for_each_word(
        [&same](model::StateWord, const auto& x, const auto& y) {
            if constexpr (requires { x.is_same(y); }) same = same && x.is_same(y);
            else same = same && z3::eq(x.formula(), y.formula());
        },
        a, b);
    return same;
}

} // namespace

bool is_same_path(const Path& a, const Path& b) {
    return a.invalid_mode == b.invalid_mode && z3::eq(a.condition(), b.condition()) &&
           is_same_outcome(a.out, b.out) && is_same_state(a.after, b.after) &&
           a.around.own.is_same(b.around.own) && a.around.shared.is_same(b.around.shared);
}

unsigned ProofCache::number_of(const std::string& place, const std::vector<Path>& paths) {
    auto& known = known_[place];
    for (const auto& [number, same] : known)
        if (std::ranges::equal(same, paths, is_same_path)) return number;
    known.emplace_back(count_, paths);
    return count_++;
}

bool ProofCache::is_new(const z3::expr& obligation) {
    if (!told_.insert(obligation).second) return false;
    alive_.push_back(obligation);
    return true;
}

ProofCache::Key ProofCache::key_of(unsigned paths, const Conditions& assumed) {
    alive_.push_back(conjunction(assumed));
    return {paths, alive_.back()};
}

} // namespace lapicheck::prove
