#include "checker/prove/engine/cases.hpp"

#include <algorithm>
#include <unordered_set>

namespace lapicheck::prove {

std::vector<CaseKey> all_cases() {
    std::vector<CaseKey> keys;
    for (const Mode mode : modes)
        for (std::size_t k = 0; k < model::access_kind_names.size(); ++k) {
            const auto kind = static_cast<AccessKind>(k);
            if (!model::is_mmio(kind)) keys.push_back({mode, kind, 4});
            else
                for (const u32 size : mmio_sizes) keys.push_back({mode, kind, size});
        }
    return keys;
}

Cases::Cases(const SymImplementation& implementation, ProofCache& cache)
    : implementation_(&implementation), cache_(&cache) {
    for (const CaseKey& key : all_cases()) {
        Case c{key,
               {any_cpu(), any_state(key.mode, "s."), any_surroundings("s.")},
               any_access(key.kind, key.size, "a."),
               {},
               {},
               0};
        c.paths = paths_of(implementation, c.start, c.access, "c.");
        c.number = cache.number_of(
            fmt::format("{} {} {}", model::to_string(key.mode), model::to_string(key.kind), key.size),
            c.paths);
        cases_.push_back(std::move(c));
    }
    find_invariants();
    std::array<Conditions, modes.size()> by_mode;
    for (Case& c : cases_) {
        Conditions& conditions = by_mode[static_cast<std::size_t>(c.key.mode)];
        if (conditions.empty()) conditions = reachable(c.start.cpu, c.start.state);
        c.reachable = conditions;
    }
    modes_are_closed_ = find_mode_closure();
}

const Case& Cases::of(const CaseKey& key) const { return *std::ranges::find(cases_, key, &Case::key); }

Conditions Cases::reachable(const SymCpu& cpu, const SymState& state) const {
    Conditions conditions;
    const auto add = [&conditions](const SymBool& condition) {
        if (!condition.is_true()) conditions.push_back(condition.formula());
    };
    add(valid_cpu(cpu, state));
    for (const InvariantEntry* invariant : invariants_) add(invariant->holds(cpu, state));
    return conditions;
}

namespace {

// The conjuncts of `formula`, apart.
void flatten(const z3::expr& formula, Conditions& into) {
    if (!formula.is_and()) return into.push_back(formula);
    for (unsigned i = 0; i < formula.num_args(); ++i) flatten(formula.arg(i), into);
}

// What of `holds` is not assumed word by word: true if all of it is.
z3::expr left_to_show(const SymBool& holds, const std::unordered_set<Z3_ast>& assumed) {
    Conditions parts;
    flatten(holds.formula(), parts);
    std::erase_if(parts, [&](const z3::expr& part) { return assumed.contains(part); });
    return conjunction(parts);
}

} // namespace

bool Cases::drop_broken(const Conditions& assumed, const z3::expr& path, const SymCpu& cpu,
                        const SymState& after) {
    Solver& solver = cache_->solver;
    Conditions parts;
    for (const z3::expr& condition : assumed) flatten(condition, parts);
    flatten(path, parts);
    const std::unordered_set<Z3_ast> known(parts.begin(), parts.end());
    bool dropped = false;
    while (true) {
        Conditions broken;
        for (const InvariantEntry* invariant : invariants_) {
            const z3::expr holds = left_to_show(invariant->holds(cpu, after), known);
            if (!holds.is_true()) broken.push_back(!holds);
        }
        if (broken.empty()) return dropped;
        if (solver.ask(assumed, {path, disjunction(broken)}) == SolverResult::unsat) return dropped;
        // One by one: which of them it is.
        const auto is_broken = [&](const InvariantEntry* invariant) {
            const z3::expr holds = left_to_show(invariant->holds(cpu, after), known);
            if (holds.is_true()) return false;
            return solver.ask(assumed, {path, !holds}) != SolverResult::unsat;
        };
        // One by one they may be easier for the solver than all at once.
        if (std::erase_if(invariants_, is_broken) == 0) return dropped;
        dropped = true;
    }
}

// After RESET nothing is assumed of what was before.
Conditions Cases::assumed(const Case& c) const {
    if (c.key.kind == AccessKind::reset) return {valid_cpu(c.start.cpu, c.start.state).formula()};
    return reachable(c.start.cpu, c.start.state);
}

Conditions Cases::broken_invariants(const Case& c) const {
    Conditions broken;
    for (const Path& path : c.paths) {
        if (path.invalid_mode) continue;
        Conditions any;
        for (const InvariantEntry* invariant : invariants_) {
            const SymBool holds = invariant->holds(c.start.cpu, path.after);
            if (!holds.is_true()) any.push_back(!holds.formula());
        }
        broken.push_back(path.condition() && disjunction(any));
    }
    return broken;
}

bool Cases::drop_broken_by(const Case& c) {
    Conditions assumed = this->assumed(c);
    // What is assumed after RESET does not tell what is to be shown.
    Conditions shown = reachable(c.start.cpu, c.start.state);
    const auto key = std::pair{cache_->key_of(c.number, shown), invariants_};
    const std::size_t before = invariants_.size();
    if (const auto found = cache_->kept.find(key); found != cache_->kept.end()) {
        invariants_ = found->second;
        return invariants_.size() != before;
    }
    for (const Path& path : c.paths) {
        if (path.invalid_mode) continue;
        if (drop_broken(assumed, path.condition(), c.start.cpu, path.after)) assumed = this->assumed(c);
    }
    cache_->kept.emplace(key, invariants_);
    return invariants_.size() != before;
}

void Cases::find_invariants() {
    for (const InvariantEntry& candidate : prove::invariants()) invariants_.push_back(&candidate);
    bool changed = true;
    while (changed) {
        changed = false;
        for (const Case& c : cases_) changed = drop_broken_by(c) || changed;
    }
}

bool Cases::find_mode_closure() const {
    for (const Case& c : cases_)
        for (const Path& path : c.paths) {
            if (!path.invalid_mode) continue;
            if (cache_->solver.ask(c.reachable, {path.condition()}) != SolverResult::unsat) return false;
        }
    return true;
}

} // namespace lapicheck::prove
