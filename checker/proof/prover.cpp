#include "checker/proof/prover.hpp"

#include <list>

#include "checker/proof/example_run.hpp"

namespace lapicheck::proof {
namespace {

// What of a claim would be a violation; constant false if the path cannot violate it.
SymBool violation(const Claim<Symbolic>& claim) { return both(claim.premise, negate(claim.holds)); }

// Whether a path takes a way that the other has excluded: then no run takes both.
bool exclude_each_other(const Path& a, const Path& b) {
    for (const Decision& x : a.decisions)
        for (const Decision& y : b.decisions)
            if (x.chosen != y.chosen && z3::eq(x.alternatives.front(), y.alternatives.front())) return true;
    return false;
}

struct Violation {
    z3::expr condition;
    std::vector<const Path*> paths; // one a final step
    z3::expr guard;
};

z3::expr any_of(const std::vector<Violation>& violations) {
    Conditions conditions;
    for (const Violation& v : violations) conditions.push_back(v.guard && v.condition);
    return disjunction(conditions);
}

std::vector<std::pair<z3::expr, const Path*>> paths_at(const std::vector<Violation>& violations,
                                                       std::size_t final) {
    std::vector<std::pair<z3::expr, const Path*>> paths;
    for (const Violation& v : violations) paths.emplace_back(v.guard, v.paths[final]);
    return paths;
}

SymAccess final_access(const CaseKey& key, const std::string& prefix) {
    return any_access(key.kind, key.size, prefix);
}

} // namespace

std::string_view to_string(Status status) {
    constexpr std::array names = {std::string_view{"holds"}, std::string_view{"refuted"},
                                  std::string_view{"bounded"}, std::string_view{"unknown"},
                                  std::string_view{"not-applicable"}};
    return names[static_cast<std::size_t>(status)];
}

Prover::Prover(const ImplementationEntry& implementation, ProverOptions options)
    : Prover(implementation, implementation.symbolic(), implementation.concrete(), options) {}

Prover::Prover(const ImplementationEntry& implementation, std::unique_ptr<SymImplementation> symbolic,
               std::unique_ptr<PlainImplementation> plain, ProverOptions options)
    : entry_(&implementation), symbolic_(std::move(symbolic)), plain_(std::move(plain)), options_(options),
      oracle_(options.budget), cases_(*symbolic_, oracle_), first_(*symbolic_, "r", true),
      second_(*symbolic_, "q", true), other_vcpu_(*symbolic_, "v", false) {}

Result Prover::prove(const PropertyEntry& property) {
    const std::uint64_t asked = oracle_.cost().asked;
    gave_up_ = false;
    Result result;
    switch (property.scope) {
    case specs::Scope::step: result = prove_step(property); break;
    case specs::Scope::two_runs: result = prove_pair(property); break;
    case specs::Scope::vcpus: result = prove_vcpus(property); break;
    }
    // What the manual leaves open its reference does not decide.
    const bool is_reference = entry_ == &implementations().front();
    if (is_reference && property.basis == specs::Basis::wish) {
        result.status = Status::not_applicable;
        result.method = "the manual leaves it open";
        result.counterexample.reset();
        result.witness.reset();
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
    } else if (has_unknown || gave_up_) {
        result.status = Status::unknown;
        result.method = "the solver gave up";
    } else if (has_suspects) {
        result.status = Status::bounded;
        result.method = "no run from RESET within the bound";
        result.depth = options_.max_depth + 1;
    } else {
        result.status = Status::holds;
        result.method = "induction";
    }
}

Result Prover::prove_step(const PropertyEntry& property) {
    Result result;
    Suspects suspects;
    Suspects concerned;
    bool has_unknown = false;
    for (const Case& c : cases_.all()) {
        if (suspects.contains(c.key)) continue;
        const Conditions reachable = cases_.reachable(c.start.cpu, c.start.state);
        for (const Path& path : c.paths) {
            const Claim<Symbolic> claim = property.step.symbolic(path.transition(c.start, c.access));
            if (claim.premise.is_false()) continue;
            concerned.insert(c.key);
            const SymBool violated = violation(claim);
            if (violated.is_false() || path.excludes(violated.formula())) continue;
            const Answer answer = oracle_.ask(reachable, {path.condition(), violated.formula()});
            if (answer == Answer::no) continue;
            if (answer == Answer::unknown) has_unknown = true;
            suspects.insert(c.key);
            break;
        }
    }
    std::optional<Counterexample> found;
    if (!suspects.empty()) found = search_step(property, suspects, false);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    if (result.status == Status::holds && options_.wants_witness) {
        auto witness = search_step(property, concerned, true);
        if (witness) result.witness = std::move(witness->run);
        else {
            result.status = Status::not_applicable;
            result.method = "no run from RESET meets its premise";
        }
    }
    return result;
}

std::optional<Counterexample> Prover::search_step(const PropertyEntry& property, const Suspects& cases,
                                                  bool witness) {
    for (std::size_t depth = 0; depth <= options_.max_depth; ++depth) {
        const Frame& frame = first_.frame(depth);
        for (const CaseKey& key : cases) {
            const SymAccess access = final_access(key, "f.");
            std::vector<Violation> violations;
            for (std::size_t w = 0; w < frame.worlds.size(); ++w) {
                const World& world = frame.worlds[w];
                if (world.mode != key.mode) continue;
                for (const Path& path : first_.paths(depth, w, access, "g.")) {
                    const Claim<Symbolic> claim =
                        property.step.symbolic(path.transition(world.start, access));
                    const SymBool meets = witness ? claim.premise : violation(claim);
                    if (meets.is_false() || path.excludes(meets.formula())) continue;
                    violations.push_back({path.condition() && meets.formula(), {&path}, world.guard});
                }
            }
            if (violations.empty()) continue;
            const SymState& any = frame.worlds.front().start.state;
            const Conditions question = {valid_cpu(any_cpu(), any).formula(), any_of(violations)};
            const Answer answer = oracle_.ask(question, {});
            if (answer == Answer::unknown) gave_up_ = true;
            if (answer != Answer::yes) continue;
            Example example(question, options_.budget);
            if (!example.exists()) continue;
            const ExampleRun run(example, {{&first_, depth, 0}},
                                 {{access, "g.", paths_at(violations, 0), 0}});
            Counterexample found;
            found.run = {run.machine(), run.segment(0)};
            found.run.steps.push_back(run.final_step(0));
            return found;
        }
    }
    return std::nullopt;
}

Result Prover::prove_pair(const PropertyEntry& property) {
    Result result;
    SuspectPairs suspects;
    bool has_unknown = false;
    bool concerned = false;
    for (const Case& a : cases_.all())
        for (const Mode mode : modes) {
            const Start other{a.start.cpu, any_state(mode, "t."), a.start.around};
            const CaseKey key{mode, a.key.kind, a.key.size};
            {
                const Path& first = a.paths.front();
                const auto t = first.transition(a.start, a.access);
                const specs::Transition<Symbolic> u{other.cpu,   other.state,  a.access,    first.out,
                                                    first.after, other.around, first.around};
                if (property.pair.symbolic(t, u).premise.is_false()) continue;
            }
            concerned = true;
            const std::vector<Path> others = paths_of(*symbolic_, other, a.access, "c.");
            Conditions reachable = cases_.reachable(a.start.cpu, a.start.state);
            for (const z3::expr& condition : cases_.reachable(other.cpu, other.state))
                reachable.push_back(condition);
            const auto may_differ = [&](const Path& x, const Path& y) {
                if (exclude_each_other(x, y)) return false;
                const SymBool violated = violation(
                    property.pair.symbolic(x.transition(a.start, a.access), y.transition(other, a.access)));
                if (violated.is_false()) return false;
                const Answer answer =
                    oracle_.ask(reachable, {x.condition(), y.condition(), violated.formula()});
                has_unknown = has_unknown || answer == Answer::unknown;
                return answer != Answer::no;
            };
            for (const Path& x : a.paths)
                for (const Path& y : others)
                    if (!suspects.contains({a.key, key}) && may_differ(x, y)) suspects.insert({a.key, key});
        }
    std::optional<Counterexample> found;
    if (!suspects.empty()) found = search_pair(property, suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    if (result.status == Status::holds && !concerned) result.status = Status::not_applicable;
    return result;
}

std::optional<Counterexample> Prover::search_pair(const PropertyEntry& property, const SuspectPairs& cases) {
    for (std::size_t total = 0; total <= 2 * options_.max_depth; ++total)
        for (std::size_t d1 = total > options_.max_depth ? total - options_.max_depth : 0; 2 * d1 <= total;
             ++d1) {
            const std::size_t d2 = total - d1;
            for (const auto& [key1, key2] : cases) {
                const SymAccess access = final_access(key1, "f.");
                std::vector<Violation> violations;
                for (std::size_t w1 = 0; w1 < first_.frame(d1).worlds.size(); ++w1)
                    for (std::size_t w2 = 0; w2 < second_.frame(d2).worlds.size(); ++w2) {
                        const World& a = first_.frame(d1).worlds[w1];
                        const World& b = second_.frame(d2).worlds[w2];
                        if (a.mode != key1.mode || b.mode != key2.mode) continue;
                        for (const Path& x : first_.paths(d1, w1, access, "g."))
                            for (const Path& y : second_.paths(d2, w2, access, "g.")) {
                                if (exclude_each_other(x, y)) continue;
                                const SymBool violated = violation(property.pair.symbolic(
                                    x.transition(a.start, access), y.transition(b.start, access)));
                                if (violated.is_false()) continue;
                                violations.push_back({x.condition() && y.condition() && violated.formula(),
                                                      {&x, &y},
                                                      a.guard && b.guard});
                            }
                    }
                if (violations.empty()) continue;
                const SymState& any = first_.frame(0).worlds.front().start.state;
                const Conditions question = {valid_cpu(any_cpu(), any).formula(), any_of(violations)};
                const Answer answer = oracle_.ask(question, {});
                if (answer == Answer::unknown) gave_up_ = true;
                if (answer != Answer::yes) continue;
                Example example(question, options_.budget);
                if (!example.exists()) continue;
                const ExampleRun run(
                    example, {{&first_, d1, 0}, {&second_, d2, 0}},
                    {{access, "g.", paths_at(violations, 0), 0}, {access, "g.", paths_at(violations, 1), 0}});
                Counterexample found;
                found.run = {run.machine(), run.segment(0)};
                found.run.steps.push_back(run.final_step(0));
                found.other_run = {run.machine(), run.segment(1)};
                found.other_run->steps.push_back(run.final_step(1));
                return found;
            }
        }
    return std::nullopt;
}

Result Prover::prove_vcpus(const PropertyEntry& property) {
    Result result;
    SuspectPairs suspects;
    bool has_unknown = false;
    for (const Case& write : cases_.all()) {
        if (write.key.kind != AccessKind::mmio_write) continue;
        const Start other{write.start.cpu, any_state(write.key.mode, "t."), any_surroundings("t.")};
        const SymAccess written = any_access(AccessKind::mmio_write, write.key.size, "b.");
        for (const Path& w : paths_of(*symbolic_, other, written, "d.")) {
            if (w.around.shared.is_same(other.around.shared)) continue;
            for (const Case& read : cases_.all()) {
                if (read.key.kind != AccessKind::mmio_read || suspects.contains({write.key, read.key}))
                    continue;
                Start after = read.start;
                after.around.shared = w.around.shared;
                for (const Path& x : paths_of(*symbolic_, after, read.access, "c."))
                    for (const Path& y : read.paths) {
                        if (exclude_each_other(x, y)) continue;
                        const SymBool violated = violation(property.pair.symbolic(
                            x.transition(after, read.access), y.transition(read.start, read.access)));
                        if (violated.is_false() || suspects.contains({write.key, read.key})) continue;
                        Conditions question = cases_.reachable(read.start.cpu, read.start.state);
                        for (const z3::expr& c : cases_.reachable(other.cpu, other.state))
                            question.push_back(c);
                        for (const Path* path : {&w, &x, &y}) question.push_back(path->condition());
                        question.push_back(violated.formula());
                        const Answer answer = oracle_.ask(question, {});
                        if (answer == Answer::no) continue;
                        has_unknown = has_unknown || answer == Answer::unknown;
                        suspects.insert({write.key, read.key});
                    }
            }
        }
    }
    std::optional<Counterexample> found;
    if (!suspects.empty()) found = search_vcpus(property, suspects);
    conclude(result, has_unknown, !suspects.empty(), std::move(found));
    return result;
}

std::optional<Counterexample> Prover::search_vcpus(const PropertyEntry& property, const SuspectPairs& cases) {
    for (std::size_t total = 0; total <= 2 * options_.max_depth; ++total)
        for (std::size_t d1 = total > options_.max_depth ? total - options_.max_depth : 0;
             d1 <= std::min(total, options_.max_depth); ++d1) {
            const std::size_t d2 = total - d1;
            for (const auto& [write_key, read_key] : cases) {
                const SymAccess written = final_access(write_key, "h.");
                const SymAccess access = final_access(read_key, "f.");
                std::vector<Violation> violations;
                std::list<std::vector<Path>> kept;
                for (std::size_t w2 = 0; w2 < other_vcpu_.frame(d2).worlds.size(); ++w2)
                    for (std::size_t w1 = 0; w1 < first_.frame(d1).worlds.size(); ++w1) {
                        const World& own = first_.frame(d1).worlds[w1];
                        const World& other = other_vcpu_.frame(d2).worlds[w2];
                        if (own.mode != read_key.mode || other.mode != write_key.mode) continue;
                        Start writing = other.start;
                        writing.around.shared = own.start.around.shared;
                        for (const Path& w :
                             kept.emplace_back(paths_of(*symbolic_, writing, written, "i."))) {
                            if (w.around.shared.is_same(writing.around.shared)) continue;
                            Start after = own.start;
                            after.around.shared = w.around.shared;
                            for (const Path& x : kept.emplace_back(paths_of(*symbolic_, after, access, "g.")))
                                for (const Path& y : first_.paths(d1, w1, access, "g.")) {
                                    if (exclude_each_other(x, y)) continue;
                                    const SymBool violated = violation(property.pair.symbolic(
                                        x.transition(after, access), y.transition(own.start, access)));
                                    if (violated.is_false()) continue;
                                    violations.push_back({w.condition() && x.condition() && y.condition() &&
                                                              violated.formula(),
                                                          {&w, &x},
                                                          own.guard && other.guard});
                                }
                        }
                    }
                if (violations.empty()) continue;
                const SymState& any = first_.frame(0).worlds.front().start.state;
                const Conditions question = {valid_cpu(any_cpu(), any).formula(), any_of(violations)};
                const Answer answer = oracle_.ask(question, {});
                if (answer == Answer::unknown) gave_up_ = true;
                if (answer != Answer::yes) continue;
                Example example(question, options_.budget);
                if (!example.exists()) continue;
                const ExampleRun run(example, {{&other_vcpu_, d2, 1}, {&first_, d1, 0}},
                                     {{written, "i.", paths_at(violations, 0), 1},
                                      {access, "g.", paths_at(violations, 1), 0}});
                Counterexample found;
                found.run.machine = run.machine();
                for (const std::size_t part : {std::size_t{0}, std::size_t{1}})
                    for (RunStep& step : run.segment(part)) found.run.steps.push_back(std::move(step));
                found.other_run = found.run;
                found.run.steps.push_back(run.final_step(0));
                found.run.steps.push_back(run.final_step(1));
                found.other_run->steps.push_back(run.final_step(1));
                return found;
            }
        }
    return std::nullopt;
}

bool Prover::confirms(const PropertyEntry& property, const Counterexample& counterexample) const {
    const auto transition = [](const Executed& e) {
        return specs::Transition<model::Concrete>{e.cpu,   e.before,        e.access,      e.out,
                                                  e.after, e.around_before, e.around_after};
    };
    const std::vector<Executed> run = execute(*plain_, counterexample.run);
    Claim<model::Concrete> claim{};
    if (counterexample.other_run) {
        const std::vector<Executed> other = execute(*plain_, *counterexample.other_run);
        claim = property.pair.concrete(transition(run.back()), transition(other.back()));
    } else {
        claim = property.step.concrete(transition(run.back()));
    }
    return claim.premise && !claim.holds;
}

} // namespace lapicheck::proof
