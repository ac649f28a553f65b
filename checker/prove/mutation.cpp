#include <algorithm>

#include "checker/prove/allowed_steps.hpp"
#include "checker/prove/mutants.hpp"
#include "checker/prove/prover.hpp"
#include "checker/prove/refinement.hpp"
#include "model/implementations/sdm.hpp"

namespace lapicheck::proof {
namespace {

SymBool violation(const Claim<Symbolic>& claim) { return both(claim.premise, negate(claim.holds)); }

bool names_rule(const PropertyEntry& property, model::Rule rule) {
    return std::ranges::find(property.rules, rule) != property.rules.end();
}

} // namespace

std::string_view to_string(Fate fate) {
    constexpr std::array names = {std::string_view{"killed"}, std::string_view{"allowed"},
                                  std::string_view{"survived"}, std::string_view{"unknown"}};
    return names[static_cast<std::size_t>(fate)];
}

struct MutationRun::Impl {
    explicit Impl(MutationOptions o)
        : options(o), memory(o.bounds.budget), reference(std::make_unique<model::Sdm<Symbolic>>()),
          cases(*reference, memory) {}

    MutationOptions options;
    Memory memory;
    std::unique_ptr<SymImplementation> reference;
    Cases cases; // of the reference; its invariants lead to suspects, a run from RESET decides
};

MutationRun::MutationRun(MutationOptions options) : impl_(std::make_unique<Impl>(options)) {}
MutationRun::~MutationRun() = default;

namespace {

// One mutant under judgement.
class Trial {
  public:
    Trial(const Mutant& mutant, const Cases& reference, Oracle& oracle, const MutationOptions& options)
        : symbolic_(mutant.symbolic()), plain_(mutant.plain()), reference_(reference), oracle_(oracle),
          options_(options), search_(*symbolic_, oracle, options.bounds) {
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
        for (const PropertyEntry& property : properties()) order.push_back(&property);
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
                    if (oracle_.ask(c.reachable, {path.condition()}) == Answer::no) continue;
                    result.remark = "it can reach the invalid mode, EXTD without EN";
                    return false;
                }
                const SymBool allowed = reference.allows(path);
                if (allowed.is_true()) continue;
                const Answer answer = oracle_.ask(c.reachable, {path.condition(), !allowed.formula()});
                if (answer == Answer::no) continue;
                gave_up_ = gave_up_ || answer == Answer::unknown;
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
        if (property.scope != specs::Scope::step) return false; // they speak of the closed window alone
        std::set<CaseKey> suspects;
        for (const Case& c : changed_) {
            for (const Path& path : c.paths) {
                const SymBool violated =
                    violation(property.step.symbolic(PathTransition(path, c.start, c.access)));
                if (violated.is_false() || path.excludes(violated.formula())) continue;
                const Answer answer = oracle_.ask(c.reachable, {path.condition(), violated.formula()});
                if (answer == Answer::no) continue;
                gave_up_ = gave_up_ || answer == Answer::unknown;
                suspects.insert(c.key);
                break;
            }
        }
        if (suspects.empty() || property.basis == specs::Basis::wish) return false;
        const auto found = search_.step(
            [&](const Start& start, const SymAccess& access, const Path& path) {
                return violation(property.step.symbolic(PathTransition(path, start, access)));
            },
            suspects);
        gave_up_ = gave_up_ || search_.gave_up();
        return found && breaks(property, *found, *plain_);
    }

    std::unique_ptr<SymImplementation> symbolic_;
    std::unique_ptr<PlainImplementation> plain_;
    const Cases& reference_;
    Oracle& oracle_;
    const MutationOptions& options_;
    Search search_;
    std::vector<Case> changed_; // what it does otherwise
    bool gave_up_ = false;
};

} // namespace

MutantResult MutationRun::judge(const Mutant& mutant) {
    return Trial(mutant, impl_->cases, impl_->memory.oracle, impl_->options).judge(mutant.rule);
}

} // namespace lapicheck::proof
