#include "checker/prove/engine/prover.hpp"

#include <algorithm>

namespace lapicheck::prove {
namespace {

// What of a claim would be a violation; constant false if the path cannot violate it.
SymBool violation(const Claim<Symbolic>& claim) { return both(claim.premise, negate(claim.holds)); }

Transition<model::Concrete> transition_of(const ExecutedStep& e) {
    return {e.cpu, e.before, e.access, e.out, e.after, e.around_before, e.around_after};
}

SolverResult stronger(SolverResult a, SolverResult b) {
    if (a == SolverResult::sat || b == SolverResult::sat) return SolverResult::sat;
    return a == SolverResult::unknown || b == SolverResult::unknown ? SolverResult::unknown
                                                                    : SolverResult::unsat;
}

std::string name_of(const CaseKey& key) {
    return fmt::format("{}.{}.{}", model::to_string(key.mode), model::to_string(key.kind), key.size);
}

} // namespace

PropertyProver::PropertyProver(const SymbolicImplementation& implementation, ProverOptions options)
    : PropertyProver(implementation, std::make_shared<ProofCache>(options.bounds.budget), options) {}

PropertyProver::PropertyProver(const SymbolicImplementation& implementation,
                               std::shared_ptr<ProofCache> cache, ProverOptions options)
    : entry_(implementation.entry), symbolic_(implementation.make()), plain_(entry_->concrete()),
      options_(options), cache_(std::move(cache)), solver_(cache_->solver), cases_(*symbolic_, *cache_),
      search_(*symbolic_, solver_, options.bounds) {}

Result PropertyProver::prove(const SymbolicProperty& property) {
    const std::uint64_t asked = solver_.cost().asked;
    Result result;
    switch (property.entry->scope) {
    case specs::Scope::step: result = prove_step(property); break;
    case specs::Scope::two_runs: result = prove_pair(property); break;
    case specs::Scope::vcpus: result = prove_vcpus(property); break;
    }
    // What the manual leaves open its reference does not decide.
    const bool is_reference = entry_->name == model::implementations().front().name;
    if (is_reference && property.entry->basis == specs::Basis::wish) {
        result = {};
        result.status = Status::not_applicable;
        result.method = "the manual leaves it unspecified";
    }
    result.implementation = entry_;
    result.property = property.entry;
    result.questions = solver_.cost().asked - asked;
    return result;
}

void PropertyProver::conclude(Result& result, bool has_unknown, bool has_suspects,
                              std::optional<Counterexample> found) const {
    if (found) {
        result.status = Status::refuted;
        result.method = "run from RESET";
        result.depth = found->steps();
        result.counterexample = std::move(found);
    } else if (has_unknown || (has_suspects && search_.gave_up()) || !cases_.modes_are_closed()) {
        result.status = Status::unknown;
        result.method = cases_.modes_are_closed() ? "the solver gave up" : "the invalid mode can be reached";
    } else if (has_suspects) {
        result.status = Status::bounded;
        result.method = "no run from RESET within the bound";
        result.depth = options_.bounds.max_depth + 1;
    } else {
        result.status = Status::holds;
        result.method = "induction";
    }
}

CaseVerdict PropertyProver::judge(const SymbolicProperty& property, const Case& c) {
    const auto key = std::pair{cache_->key_of(c.number, c.reachable), property.entry};
    if (const auto known = cache_->verdicts.find(key); known != cache_->verdicts.end()) return known->second;
    Conditions obligations;
    CaseVerdict verdict;
    for (const Path& path : c.paths) {
        const Claim<Symbolic> claim = property.step(PathTransition(path, c.start, c.access));
        if (claim.premise.is_false() || path.excludes(claim.premise.formula())) continue;
        verdict.concerned = true;
        const SymBool violated = violation(claim);
        if (violated.is_false() || path.excludes(violated.formula())) continue;
        if (options_.dump) obligations.push_back(path.condition() && violated.formula());
        verdict.violated =
            stronger(verdict.violated, solver_.ask(c.reachable, {path.condition(), violated.formula()}));
        if (verdict.violated == SolverResult::sat) break;
    }
    dump(fmt::format("{}.{}", property.entry->id, name_of(c.key)), c.reachable, obligations,
         verdict.violated);
    cache_->verdicts.emplace(key, verdict);
    return verdict;
}

void PropertyProver::dump(const std::string& name, const Conditions& base, const Conditions& any,
                          SolverResult answer) const {
    if (!options_.dump || any.empty()) return;
    Conditions all = base;
    all.push_back(disjunction(any));
    if (cache_->is_new(conjunction(all)))
        options_.dump(fmt::format("{}.{}", entry_->name, name), smt2_of(all, answer));
}

void PropertyProver::dump_cases() const {
    if (!options_.dump) return;
    for (const Case& c : cases_.all()) {
        dump("invariants." + name_of(c.key), cases_.assumed(c), cases_.broken_invariants(c),
             SolverResult::unsat);
        Conditions invalid;
        for (const Path& path : c.paths)
            if (path.invalid_mode) invalid.push_back(path.condition());
        dump("valid-modes." + name_of(c.key), c.reachable, invalid,
             cases_.modes_are_closed() ? SolverResult::unsat : SolverResult::unknown);
    }
}

Result PropertyProver::prove_step(const SymbolicProperty& property) {
    Result result;
    std::set<CaseKey> suspects;
    std::set<CaseKey> concerned;
    bool has_unknown = false;
    for (const Case& c : cases_.all()) {
        const CaseVerdict verdict = judge(property, c);
        if (verdict.concerned) concerned.insert(c.key);
        if (verdict.violated != SolverResult::unsat) suspects.insert(c.key);
        has_unknown = has_unknown || verdict.violated == SolverResult::unknown;
    }
    std::optional<Counterexample> found;
    if (!suspects.empty())
        found = search_.step(
            [&](const Start& start, const SymAccess& access, const Path& path) {
                return violation(property.step(PathTransition(path, start, access)));
            },
            suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    if (result.status != Status::holds) return result;
    const auto premise = [&](const Start& start, const SymAccess& access, const Path& path) {
        return property.step(PathTransition(path, start, access)).premise;
    };
    if (options_.wants_witness) {
        if (auto witness = search_.step(premise, concerned)) result.witness = std::move(witness->run);
    } else if (const Scenario* known = known_witness(property)) {
        result.witness = *known;
    } else if ((result.witness = search_.any_step(
                    premise, concerned, [&](const CaseKey& key) { return may_meet(property, key); }))) {
        cache_->runs.push_back(*result.witness);
    }
    if (!result.witness && search_.gave_up()) {
        result.status = Status::unknown;
        result.method = "the solver gave up";
    } else if (!result.witness) {
        result.status = Status::not_applicable;
        result.method = "no run from RESET meets its premise";
    }
    return result;
}

// Whether a state that keeps the invariants can meet the premise in this case.
bool PropertyProver::may_meet(const SymbolicProperty& property, const CaseKey& key) {
    const auto c = std::ranges::find(cases_.all(), key, &Case::key);
    return std::ranges::any_of(c->paths, [&](const Path& path) {
        const SymBool premise = property.step(PathTransition(path, c->start, c->access)).premise;
        if (premise.is_false() || path.excludes(premise.formula())) return false;
        return solver_.ask(c->reachable, {path.condition(), premise.formula()}) != SolverResult::unsat;
    });
}

const Scenario* PropertyProver::known_witness(const SymbolicProperty& property) {
    for (std::size_t i = 0; i < cache_->runs.size(); ++i) {
        const Scenario& run = cache_->runs[i];
        if (i == last_steps_.size()) last_steps_.push_back(execute(*plain_, run).back());
        if (property.entry->concrete(transition_of(last_steps_[i])).premise) return &run;
    }
    return nullptr;
}

SolverResult PropertyProver::pair_may_differ(const SymbolicProperty& property, const Case& a,
                                             const Start& other, Mode mode) {
    const std::vector<Path> others = paths_of(*symbolic_, other, a.access, "c.");
    Conditions reachable = a.reachable;
    for (const z3::expr& condition : cases_.reachable(other.cpu, other.state)) reachable.push_back(condition);
    SolverResult answer = SolverResult::unsat;
    Conditions obligations;
    for (const Path& x : a.paths)
        for (const Path& y : others) {
            if (exclude_each_other(x, y)) continue;
            const SymBool violated = violation(
                property.pair(PathTransition(x, a.start, a.access), PathTransition(y, other, a.access)));
            if (violated.is_false()) continue;
            const Conditions question{x.condition(), y.condition(), violated.formula()};
            if (options_.dump) obligations.push_back(conjunction(question));
            if (answer != SolverResult::sat) answer = stronger(answer, solver_.ask(reachable, question));
        }
    dump(fmt::format("{}.{}.{}", property.entry->id, name_of(a.key), model::to_string(mode)), reachable,
         obligations, answer);
    return answer;
}

Result PropertyProver::prove_pair(const SymbolicProperty& property) {
    Result result;
    std::set<std::pair<CaseKey, CaseKey>> suspects;
    bool has_unknown = false;
    bool concerned = false;
    for (const Case& a : cases_.all())
        for (const Mode mode : modes) {
            const Start other{a.start.cpu, any_state(mode, "t."), a.start.around};
            const Path& path = a.paths.front(); // the premise speaks of the states before, whatever the path
            if (property.pair(PathTransition(path, a.start, a.access), PathTransition(path, other, a.access))
                    .premise.is_false())
                continue;
            concerned = true;
            const SolverResult answer = pair_may_differ(property, a, other, mode);
            if (answer == SolverResult::unsat) continue;
            has_unknown = has_unknown || answer == SolverResult::unknown;
            suspects.insert({a.key, {mode, a.key.kind, a.key.size}});
        }
    std::optional<Counterexample> found;
    if (!suspects.empty())
        found = search_.pair([&](const auto& a, const auto& b) { return violation(property.pair(a, b)); },
                             suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    if (result.status == Status::holds && !concerned) result.status = Status::not_applicable;
    return result;
}

SolverResult PropertyProver::read_may_depend(const SymbolicProperty& property, const Start& writer,
                                             const Path& write, const std::string& name, const Case& read) {
    Start after = read.start;
    after.around.shared = write.around.shared;
    Conditions reachable = read.reachable;
    for (const z3::expr& condition : cases_.reachable(writer.cpu, writer.state))
        reachable.push_back(condition);
    SolverResult answer = SolverResult::unsat;
    Conditions obligations;
    for (const Path& x : paths_of(*symbolic_, after, read.access, "c."))
        for (const Path& y : read.paths) {
            if (exclude_each_other(x, y)) continue;
            const SymBool violated = violation(property.pair(PathTransition(x, after, read.access),
                                                             PathTransition(y, read.start, read.access)));
            if (violated.is_false()) continue;
            const Conditions question{write.condition(), x.condition(), y.condition(), violated.formula()};
            if (options_.dump) obligations.push_back(conjunction(question));
            if (answer != SolverResult::sat) answer = stronger(answer, solver_.ask(reachable, question));
        }
    dump(fmt::format("{}.{}.{}", property.entry->id, name, name_of(read.key)), reachable, obligations,
         answer);
    return answer;
}

Result PropertyProver::prove_vcpus(const SymbolicProperty& property) {
    Result result;
    std::set<std::pair<CaseKey, CaseKey>> suspects;
    bool has_unknown = false;
    for (const Case& write : cases_.all()) {
        if (write.key.kind != AccessKind::mmio_write) continue;
        const Start writer{write.start.cpu, any_state(write.key.mode, "t."), any_surroundings("t.")};
        const SymAccess written = any_access(AccessKind::mmio_write, write.key.size, "b.");
        unsigned number = 0;
        for (const Path& path : paths_of(*symbolic_, writer, written, "d.")) {
            const std::string name = fmt::format("{}-{}", name_of(write.key), number++);
            // All that two vCPUs have in common is what lies around them.
            if (path.around.shared.is_same(writer.around.shared)) continue;
            for (const Case& read : cases_.all()) {
                if (read.key.kind != AccessKind::mmio_read || suspects.contains({write.key, read.key}))
                    continue;
                const SolverResult answer = read_may_depend(property, writer, path, name, read);
                if (answer == SolverResult::unsat) continue;
                has_unknown = has_unknown || answer == SolverResult::unknown;
                suspects.insert({write.key, read.key});
            }
        }
    }
    std::optional<Counterexample> found;
    if (!suspects.empty())
        found = search_.vcpus(
            [&](const auto& with, const auto& without) { return violation(property.pair(with, without)); },
            suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    return result;
}

bool PropertyProver::confirms(const PropertyEntry& property, const Counterexample& counterexample) const {
    return checker::breaks(property, counterexample, *plain_);
}

} // namespace lapicheck::prove
