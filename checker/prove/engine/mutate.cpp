#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "checker/prove/engine/allowed_steps.hpp"
#include "checker/prove/engine/mutants.hpp"
#include "checker/prove/engine/prover.hpp"
#include "checker/prove/engine/refinement.hpp"
#include "model/implementations/sdm.hpp"

namespace lapicheck::prove {
namespace {

SymBool violation(const Claim<Symbolic>& claim) { return both(claim.premise, negate(claim.holds)); }

bool names_rule(const PropertyEntry& property, model::Rule rule) {
    return std::ranges::find(property.rules, rule) != property.rules.end();
}

// One mutant under judgement.
class Trial {
  public:
    Trial(const Mutant& mutant, const Cases& reference, Solver& solver, const MutationRequest& options)
        : symbolic_(mutant.symbolic()), plain_(mutant.plain()), reference_(reference), solver_(solver),
          options_(options), search_(*symbolic_, solver, options.bounds) {
        for (const Case& c : reference.all()) {
            Case changed{c.key,       c.start, c.access, paths_of(*symbolic_, c.start, c.access, "c."),
                         c.reachable, 0};
            if (differs(changed.paths, c.paths)) changed_.push_back(std::move(changed));
        }
    }

    MutantResult judge(model::Rule rule) {
        MutantResult result;
        if (changed_.empty() || is_allowed_everywhere(result)) {
            result.fate = changed_.empty() || !gave_up_ ? Fate::allowed : Fate::unknown;
            return result;
        }
        std::vector<const PropertyEntry*> order;
        for (const PropertyEntry& property : specs::properties()) order.push_back(&property);
        std::stable_partition(order.begin(), order.end(),
                              [&](const PropertyEntry* p) { return names_rule(*p, rule); });
        for (const PropertyEntry* property : order) {
            if (!kills(*property)) continue;
            result.killers.push_back(property->id);
            if (!options_.all_killers) break;
        }
        std::ranges::sort(result.killers);
        if (!result.killers.empty()) {
            result.fate = Fate::killed;
            result.remark.clear();
        } else {
            result.fate = gave_up_ ? Fate::unknown : Fate::survived;
            result.remark += gave_up_
                                 ? "; the solver gave up on a property"
                                 : "; no property speaks of that, and what it leaves behind shows in none";
        }
        return result;
    }

  private:
    static bool differs(const std::vector<Path>& a, const std::vector<Path>& b) {
        return !std::ranges::equal(a, b, is_same_path);
    }

    bool is_allowed_everywhere(MutantResult& result) {
        for (const Case& c : changed_) {
            const Reference reference(c.start, c.access);
            for (const Path& path : c.paths) {
                if (path.invalid_mode) {
                    if (solver_.ask(c.reachable, {path.condition()}) == SolverResult::unsat) continue;
                    result.remark = "it can reach the invalid mode, EXTD without EN";
                    return false;
                }
                const SymBool allowed = reference.allows(path);
                if (allowed.is_true()) continue;
                const SolverResult answer = solver_.ask(c.reachable, {path.condition(), !allowed.formula()});
                if (answer == SolverResult::unsat) continue;
                gave_up_ = gave_up_ || answer == SolverResult::unknown;
                result.remark =
                    fmt::format("{}{} in {} mode, decided by {}: not what the manual allows",
                                model::to_string(c.key.kind),
                                model::is_mmio(c.key.kind) ? fmt::format(" of {} bytes", c.key.size) : "",
                                model::to_string(c.key.mode), model::to_string(path.out.rule));
                return false;
            }
        }
        return true;
    }

    bool kills(const PropertyEntry& property) {
        const auto check = symbolic(property).step;
        if (property.scope != specs::Scope::step) return false; // they speak of the closed window alone
        std::set<CaseKey> suspects;
        for (const Case& c : changed_) {
            for (const Path& path : c.paths) {
                const SymBool violated = violation(check(PathTransition(path, c.start, c.access)));
                if (violated.is_false() || path.excludes(violated.formula())) continue;
                const SolverResult answer = solver_.ask(c.reachable, {path.condition(), violated.formula()});
                if (answer == SolverResult::unsat) continue;
                gave_up_ = gave_up_ || answer == SolverResult::unknown;
                suspects.insert(c.key);
                break;
            }
        }
        if (suspects.empty() || property.basis == specs::Basis::wish) return false;
        const auto found = search_.step(
            [&](const Start& start, const SymAccess& access, const Path& path) {
                return violation(check(PathTransition(path, start, access)));
            },
            suspects);
        gave_up_ = gave_up_ || search_.gave_up();
        return found && checker::breaks(property, *found, *plain_);
    }

    std::unique_ptr<SymImplementation> symbolic_;
    std::unique_ptr<PlainImplementation> plain_;
    const Cases& reference_;
    Solver& solver_;
    const MutationRequest& options_;
    Search search_;
    std::vector<Case> changed_; // what it does otherwise
    bool gave_up_ = false;
};

// Into so many parts the mutants are divided, whatever the machine.
constexpr std::size_t slices = 2;

// Each slice keeps what its solver has learnt from one mutant to the next.
class Trials {
  public:
    Trials(const std::vector<Mutant>& mutants, const MutationRequest& request)
        : mutants_(mutants), request_(request), results_(mutants.size()) {}

    std::vector<MutantResult> run() {
        {
            std::vector<std::jthread> threads;
            for (std::size_t slice = 0; slice < slices; ++slice)
                threads.emplace_back([this, slice] { judge(slice); });
        }
        if (error_) std::rethrow_exception(error_);
        return std::move(results_);
    }

  private:
    void judge(std::size_t slice) {
        try {
            ProofCache cache(request_.bounds.budget);
            const auto reference = std::make_unique<model::Sdm<Symbolic>>();
            const Cases cases(*reference, cache); // its invariants lead to suspects, a run from RESET decides
            for (std::size_t i = slice; i < mutants_.size(); i += slices) {
                const Mutant& mutant = mutants_[i];
                results_[i] = Trial(mutant, cases, cache.solver, request_).judge(mutant.rule);
                results_[i].mutant = mutant.name;
                results_[i].rule = mutant.rule;
                tell();
            }
        } catch (...) {
            const std::lock_guard lock(mutex_);
            error_ = std::current_exception();
        }
    }
    void tell() {
        const std::lock_guard lock(mutex_);
        ++done_;
        if (request_.progress) request_.progress(done_, mutants_.size());
    }

    const std::vector<Mutant>& mutants_;
    const MutationRequest& request_;
    std::vector<MutantResult> results_;
    std::mutex mutex_;
    std::size_t done_ = 0;
    std::exception_ptr error_;
};

} // namespace

Mutation mutate(const MutationRequest& request) {
    std::vector<Mutant> chosen;
    std::vector<Mutant> all = mutants();
    for (std::size_t i = 0; i < all.size(); i += std::max<std::size_t>(1, request.every))
        chosen.push_back(std::move(all[i]));
    return {Trials(chosen, request).run()};
}

} // namespace lapicheck::prove
