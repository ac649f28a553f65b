#include "checker/proof/cases.hpp"

#include <algorithm>

namespace lapicheck::proof {

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

Cases::Cases(const SymImplementation& implementation, Oracle& oracle) : implementation_(&implementation) {
    for (const CaseKey& key : all_cases()) {
        Case c{key,
               {any_cpu(), any_state(key.mode, "s."), any_surroundings("s.")},
               any_access(key.kind, key.size, "a."),
               {}};
        c.paths = paths_of(implementation, c.start, c.access, "c.");
        cases_.push_back(std::move(c));
    }
    find_invariants(oracle);
    modes_are_closed_ = find_mode_closure(oracle);
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

bool Cases::drop_broken(Oracle& oracle, Conditions assumed, const SymCpu& cpu, const SymState& after) {
    bool dropped = false;
    while (true) {
        Conditions broken;
        for (const InvariantEntry* invariant : invariants_) {
            const SymBool holds = invariant->holds(cpu, after);
            if (!holds.is_true()) broken.push_back(!holds.formula());
        }
        if (broken.empty()) return dropped;
        Conditions question = assumed;
        question.push_back(disjunction(broken));
        if (oracle.ask(question) == Answer::no) return dropped;
        // One by one: which of them it is.
        const auto is_broken = [&](const InvariantEntry* invariant) {
            const SymBool holds = invariant->holds(cpu, after);
            if (holds.is_true()) return false;
            Conditions one = assumed;
            one.push_back(!holds.formula());
            return oracle.ask(one) != Answer::no;
        };
        dropped = std::erase_if(invariants_, is_broken) != 0 || dropped;
    }
}

void Cases::find_invariants(Oracle& oracle) {
    for (const InvariantEntry& candidate : proof::invariants()) invariants_.push_back(&candidate);
    bool changed = true;
    while (changed) {
        changed = false;
        for (const Case& c : cases_)
            for (const Path& path : c.paths) {
                if (path.invalid_mode) continue;
                const bool from_reset = c.key.kind == AccessKind::reset;
                Conditions assumed = from_reset ? Conditions{valid_cpu(c.start.cpu, c.start.state).formula()}
                                                : reachable(c.start.cpu, c.start.state);
                assumed.push_back(path.condition());
                changed = drop_broken(oracle, std::move(assumed), c.start.cpu, path.after) || changed;
            }
    }
}

bool Cases::find_mode_closure(Oracle& oracle) const {
    for (const Case& c : cases_)
        for (const Path& path : c.paths) {
            if (!path.invalid_mode) continue;
            Conditions question = reachable(c.start.cpu, c.start.state);
            question.push_back(path.condition());
            if (oracle.ask(question) != Answer::no) return false;
        }
    return true;
}

} // namespace lapicheck::proof
