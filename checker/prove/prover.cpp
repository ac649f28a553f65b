#include "checker/prove/prover.hpp"

#include <algorithm>

namespace lapicheck::proof {
namespace {

// What of a claim would be a violation; constant false if the path cannot violate it.
SymBool violation(const Claim<Symbolic>& claim) { return both(claim.premise, negate(claim.holds)); }

Transition<model::Concrete> transition_of(const Executed& e) {
    return {e.cpu, e.before, e.access, e.out, e.after, e.around_before, e.around_after};
}

Answer stronger(Answer a, Answer b) {
    if (a == Answer::yes || b == Answer::yes) return Answer::yes;
    return a == Answer::unknown || b == Answer::unknown ? Answer::unknown : Answer::no;
}

std::string name_of(const CaseKey& key) {
    return fmt::format("{}.{}.{}", model::to_string(key.mode), model::to_string(key.kind), key.size);
}

} // namespace

std::string_view to_string(Status status) {
    constexpr std::array names = {std::string_view{"holds"}, std::string_view{"refuted"},
                                  std::string_view{"bounded"}, std::string_view{"unknown"},
                                  std::string_view{"not-applicable"}};
    return names[static_cast<std::size_t>(status)];
}

Prover::Prover(const ImplementationEntry& implementation, ProverOptions options)
    : Prover(implementation, std::make_shared<Memory>(options.bounds.budget), options) {}

Prover::Prover(const ImplementationEntry& implementation, std::shared_ptr<Memory> memory,
               ProverOptions options)
    : entry_(&implementation), symbolic_(implementation.symbolic()), plain_(implementation.concrete()),
      options_(options), memory_(std::move(memory)), oracle_(memory_->oracle), cases_(*symbolic_, *memory_),
      search_(*symbolic_, oracle_, options.bounds) {}

Result Prover::prove(const PropertyEntry& property) {
    const std::uint64_t asked = oracle_.cost().asked;
    Result result;
    switch (property.scope) {
    case specs::Scope::step: result = prove_step(property); break;
    case specs::Scope::two_runs: result = prove_pair(property); break;
    case specs::Scope::vcpus: result = prove_vcpus(property); break;
    }
    // What the manual leaves open its reference does not decide.
    const bool is_reference = entry_ == &implementations().front();
    if (is_reference && property.basis == specs::Basis::wish) {
        result = {};
        result.status = Status::not_applicable;
        result.method = "the manual leaves it open";
    }
    result.implementation = entry_;
    result.property = &property;
    result.questions = oracle_.cost().asked - asked;
    return result;
}

void Prover::conclude(Result& result, bool has_unknown, bool has_suspects,
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

CaseVerdict Prover::judge(const PropertyEntry& property, const Case& c) {
    const auto key = std::pair{memory_->key_of(c.number, c.reachable), &property};
    if (const auto known = memory_->verdicts.find(key); known != memory_->verdicts.end())
        return known->second;
    Conditions obligations;
    CaseVerdict verdict;
    for (const Path& path : c.paths) {
        const Claim<Symbolic> claim = property.step.symbolic(PathTransition(path, c.start, c.access));
        if (claim.premise.is_false() || path.excludes(claim.premise.formula())) continue;
        verdict.concerned = true;
        const SymBool violated = violation(claim);
        if (violated.is_false() || path.excludes(violated.formula())) continue;
        if (options_.dump) obligations.push_back(path.condition() && violated.formula());
        verdict.violated =
            stronger(verdict.violated, oracle_.ask(c.reachable, {path.condition(), violated.formula()}));
        if (verdict.violated == Answer::yes) break;
    }
    dump(fmt::format("{}.{}", property.id, name_of(c.key)), c.reachable, obligations, verdict.violated);
    memory_->verdicts.emplace(key, verdict);
    return verdict;
}

void Prover::dump(const std::string& name, const Conditions& base, const Conditions& any,
                  Answer answer) const {
    if (!options_.dump || any.empty()) return;
    Conditions all = base;
    all.push_back(disjunction(any));
    if (memory_->is_new(conjunction(all)))
        options_.dump(fmt::format("{}.{}", entry_->name, name), smt2_of(all, answer));
}

void Prover::dump_cases() const {
    if (!options_.dump) return;
    for (const Case& c : cases_.all()) {
        dump("invariants." + name_of(c.key), cases_.assumed(c), cases_.broken_invariants(c), Answer::no);
        Conditions invalid;
        for (const Path& path : c.paths)
            if (path.invalid_mode) invalid.push_back(path.condition());
        dump("valid-modes." + name_of(c.key), c.reachable, invalid,
             cases_.modes_are_closed() ? Answer::no : Answer::unknown);
    }
}

Result Prover::prove_step(const PropertyEntry& property) {
    Result result;
    std::set<CaseKey> suspects;
    std::set<CaseKey> concerned;
    bool has_unknown = false;
    for (const Case& c : cases_.all()) {
        const CaseVerdict verdict = judge(property, c);
        if (verdict.concerned) concerned.insert(c.key);
        if (verdict.violated != Answer::no) suspects.insert(c.key);
        has_unknown = has_unknown || verdict.violated == Answer::unknown;
    }
    std::optional<Counterexample> found;
    if (!suspects.empty())
        found = search_.step(
            [&](const Start& start, const SymAccess& access, const Path& path) {
                return violation(property.step.symbolic(PathTransition(path, start, access)));
            },
            suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    if (result.status != Status::holds) return result;
    const auto premise = [&](const Start& start, const SymAccess& access, const Path& path) {
        return property.step.symbolic(PathTransition(path, start, access)).premise;
    };
    if (options_.wants_witness) {
        if (auto witness = search_.step(premise, concerned)) result.witness = std::move(witness->run);
    } else if (const Run* known = known_witness(property)) {
        result.witness = *known;
    } else if ((result.witness = search_.any_step(
                    premise, concerned, [&](const CaseKey& key) { return may_meet(property, key); }))) {
        memory_->runs.push_back(*result.witness);
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
bool Prover::may_meet(const PropertyEntry& property, const CaseKey& key) {
    const auto c = std::ranges::find(cases_.all(), key, &Case::key);
    return std::ranges::any_of(c->paths, [&](const Path& path) {
        const SymBool premise = property.step.symbolic(PathTransition(path, c->start, c->access)).premise;
        if (premise.is_false() || path.excludes(premise.formula())) return false;
        return oracle_.ask(c->reachable, {path.condition(), premise.formula()}) != Answer::no;
    });
}

const Run* Prover::known_witness(const PropertyEntry& property) {
    for (std::size_t i = 0; i < memory_->runs.size(); ++i) {
        const Run& run = memory_->runs[i];
        if (i == last_steps_.size()) last_steps_.push_back(execute(*plain_, run).back());
        if (property.step.concrete(transition_of(last_steps_[i])).premise) return &run;
    }
    return nullptr;
}

Answer Prover::pair_may_differ(const PropertyEntry& property, const Case& a, const Start& other, Mode mode) {
    const std::vector<Path> others = paths_of(*symbolic_, other, a.access, "c.");
    Conditions reachable = a.reachable;
    for (const z3::expr& condition : cases_.reachable(other.cpu, other.state)) reachable.push_back(condition);
    Answer answer = Answer::no;
    Conditions obligations;
    for (const Path& x : a.paths)
        for (const Path& y : others) {
            if (exclude_each_other(x, y)) continue;
            const SymBool violated = violation(property.pair.symbolic(PathTransition(x, a.start, a.access),
                                                                      PathTransition(y, other, a.access)));
            if (violated.is_false()) continue;
            const Conditions question{x.condition(), y.condition(), violated.formula()};
            if (options_.dump) obligations.push_back(conjunction(question));
            if (answer != Answer::yes) answer = stronger(answer, oracle_.ask(reachable, question));
        }
    dump(fmt::format("{}.{}.{}", property.id, name_of(a.key), model::to_string(mode)), reachable, obligations,
         answer);
    return answer;
}

Result Prover::prove_pair(const PropertyEntry& property) {
    Result result;
    std::set<std::pair<CaseKey, CaseKey>> suspects;
    bool has_unknown = false;
    bool concerned = false;
    for (const Case& a : cases_.all())
        for (const Mode mode : modes) {
            const Start other{a.start.cpu, any_state(mode, "t."), a.start.around};
            const Path& path = a.paths.front(); // the premise speaks of the states before, whatever the path
            if (property.pair
                    .symbolic(PathTransition(path, a.start, a.access), PathTransition(path, other, a.access))
                    .premise.is_false())
                continue;
            concerned = true;
            const Answer answer = pair_may_differ(property, a, other, mode);
            if (answer == Answer::no) continue;
            has_unknown = has_unknown || answer == Answer::unknown;
            suspects.insert({a.key, {mode, a.key.kind, a.key.size}});
        }
    std::optional<Counterexample> found;
    if (!suspects.empty())
        found = search_.pair(
            [&](const auto& a, const auto& b) { return violation(property.pair.symbolic(a, b)); }, suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    if (result.status == Status::holds && !concerned) result.status = Status::not_applicable;
    return result;
}

Answer Prover::read_may_depend(const PropertyEntry& property, const Start& writer, const Path& write,
                               const std::string& name, const Case& read) {
    Start after = read.start;
    after.around.shared = write.around.shared;
    Conditions reachable = read.reachable;
    for (const z3::expr& condition : cases_.reachable(writer.cpu, writer.state))
        reachable.push_back(condition);
    Answer answer = Answer::no;
    Conditions obligations;
    for (const Path& x : paths_of(*symbolic_, after, read.access, "c."))
        for (const Path& y : read.paths) {
            if (exclude_each_other(x, y)) continue;
            const SymBool violated = violation(property.pair.symbolic(
                PathTransition(x, after, read.access), PathTransition(y, read.start, read.access)));
            if (violated.is_false()) continue;
            const Conditions question{write.condition(), x.condition(), y.condition(), violated.formula()};
            if (options_.dump) obligations.push_back(conjunction(question));
            if (answer != Answer::yes) answer = stronger(answer, oracle_.ask(reachable, question));
        }
    dump(fmt::format("{}.{}.{}", property.id, name, name_of(read.key)), reachable, obligations, answer);
    return answer;
}

Result Prover::prove_vcpus(const PropertyEntry& property) {
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
                const Answer answer = read_may_depend(property, writer, path, name, read);
                if (answer == Answer::no) continue;
                has_unknown = has_unknown || answer == Answer::unknown;
                suspects.insert({write.key, read.key});
            }
        }
    }
    std::optional<Counterexample> found;
    if (!suspects.empty())
        found = search_.vcpus(
            [&](const auto& with, const auto& without) {
                return violation(property.pair.symbolic(with, without));
            },
            suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    return result;
}

bool Prover::confirms(const PropertyEntry& property, const Counterexample& counterexample) const {
    return breaks(property, counterexample, *plain_);
}

bool breaks(const PropertyEntry& property, const Counterexample& counterexample,
            const PlainImplementation& implementation) {
    const std::vector<Executed> run = execute(implementation, counterexample.run);
    Claim<model::Concrete> claim{};
    if (counterexample.other_run) {
        const std::vector<Executed> other = execute(implementation, *counterexample.other_run);
        claim = property.pair.concrete(transition_of(run.back()), transition_of(other.back()));
    } else {
        claim = property.step.concrete(transition_of(run.back()));
    }
    return claim.premise && !claim.holds;
}

} // namespace lapicheck::proof
