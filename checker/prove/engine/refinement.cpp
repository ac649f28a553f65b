#include "checker/prove/engine/refinement.hpp"

#include <algorithm>
#include <map>
#include <type_traits>

#include "checker/prove/engine/allowed_steps.hpp"
#include "model/implementations/sdm.hpp"
#include "model/step.hpp"
#include "programs/sim/allowed.hpp"

namespace lapicheck::prove {
namespace {

using model::Concrete;
using model::Reg;
using model::Rule;

// What a departure looks like on formulas. Several may turn out to be one once they are carried out.
struct Label {
    Rule rule;
    Reg reg;
    int word; // of the state; -1: the outcome
    bool gp;  // the implementation's
    bool allowed_gp;
    Mode mode;
    AccessKind kind;

    friend auto operator<=>(const Label&, const Label&) = default;
};

// The words of ISR, TMR and IRR are of one register each.
Reg whole(Reg reg) {
    if (!model::is_bitmap(reg)) return reg;
    const u32 word = (model::index_of(reg) - model::index_of(Reg::isr0)) % 8;
    return model::offset_by(reg, 0U - word);
}

Label label_of(const CaseKey& key, const Path& path, const Reference::Contrast& contrast) {
    const SymOutcome& allowed = contrast.allowed->out;
    // The words of a bitmap are one; those that are no register's keep their place.
    constexpr int first_register = model::state_word_count - model::window_register_count;
    const Reg reg = register_of_word(static_cast<std::size_t>(std::max(contrast.word, 0)));
    const int word = contrast.word < first_register
                         ? contrast.word
                         : static_cast<int>(model::index_of(whole(reg))) + first_register;
    return {allowed.rule, whole(allowed.reg), word, path.out.gp, allowed.gp, key.mode, key.kind};
}

// The rules of the reference, and the answers of an implementation to what they leave open.
class AnswersOf : public PlainImplementation {
  public:
    using Here = model::Application<Concrete>;
    explicit AnswersOf(const PlainImplementation& implementation) : implementation_(&implementation) {}

    std::optional<bool> decides(const Here& here, bool proposal) const override {
        return implementation_->decides(here, proposal);
    }
    std::optional<bool> chooses(const Here& here, const bool& proposal) const override {
        return implementation_->chooses(here, proposal);
    }
    std::optional<u32> chooses(const Here& here, const u32& proposal) const override {
        return implementation_->chooses(here, proposal);
    }
    std::optional<u64> chooses(const Here& here, const u64& proposal) const override {
        return implementation_->chooses(here, proposal);
    }

  private:
    const PlainImplementation* implementation_;
};

// What the reference does in the place of an implementation, with the implementation's answers.
struct Expected {
    PlainOutcome out;
    PlainState after;
};

Expected expected_of(const ExecutedStep& step, const PlainImplementation& implementation) {
    static const programs::ChoiceValues none;
    const AnswersOf reference(implementation);
    Expected expected{{}, step.before};
    model::Surroundings<Concrete> around = step.around_before;
    model::As<programs::ScriptedDriver> driver(reference, around, step.cpu, none);
    expected.out = model::amended_step(driver, expected.after, step.cpu, step.access);
    return expected;
}

// The first word of the state that differs, and in which bits.
std::optional<std::pair<Reg, u32>> differing_word(const PlainState& did, const PlainState& allowed) {
    for (std::size_t i = 0; i < did.regs.size(); ++i)
        if (!model::no_answer_shows(static_cast<Reg>(i)) && did.regs[i] != allowed.regs[i])
            return std::pair{static_cast<Reg>(i), did.regs[i] ^ allowed.regs[i]};
    if (did.apic_base != allowed.apic_base) return std::pair{Reg::apic_base, u32{0}};
    if (did.tsc_deadline != allowed.tsc_deadline) return std::pair{Reg::tsc_deadline, u32{0}};
    if (did.x2apic_id != allowed.x2apic_id) return std::pair{Reg::id, did.x2apic_id ^ allowed.x2apic_id};
    if (did.esr_pending != allowed.esr_pending)
        return std::pair{Reg::esr, did.esr_pending ^ allowed.esr_pending};
    return std::nullopt;
}

Rule rule_of_bits(Reg reg, u32 bits, Rule otherwise, const PlainState& s) {
    if (model::index_of(reg) >= model::window_register_count) return otherwise;
    const model::RegisterRow& row = model::sdm_registers[model::index_of(reg)];
    const Rule rule = model::read_rule(row, bits, model::in_x2apic(s));
    // That the ICR need not read back says nothing of reserved bits, which show in x2APIC mode alone.
    if (rule == Rule::X15 && (bits & ~row.reserved()) == 0) return Rule::X11;
    const bool general = rule == Rule::M06 || rule == Rule::X14;
    return general ? otherwise : rule;
}

Mode mode_of(const PlainState& s) {
    if (!model::is_enabled(s)) return Mode::disabled;
    return model::has_extd(s) ? Mode::x2apic : Mode::xapic;
}

DepartureKey key_of(const ExecutedStep& step, const Expected& expected) {
    const PlainOutcome& did = step.out;
    const PlainOutcome& allowed = expected.out;
    const Reg addressed = model::register_addressed(step.access.kind, step.access.address);
    const Reg reg =
        model::is_mmio(step.access.kind) || model::is_msr(step.access.kind) ? addressed : allowed.reg;
    DepartureKey key{allowed.rule, reg, mode_of(step.before), step.access.kind, Difference::state};
    if (did.gp != allowed.gp) {
        key.difference = allowed.gp ? Difference::gp_missing : Difference::gp_raised;
    } else if (model::is_mmio(step.access.kind) && allowed.answer != model::Answer::unspecified &&
               did.answer != allowed.answer) {
        key.difference = Difference::answered;
    } else if (did.sends_msi || did.sends_ipi != allowed.sends_ipi) {
        key.difference = Difference::sent;
    } else if (const auto word = differing_word(step.after, expected.after)) {
        key.reg = word->first;
        key.rule = rule_of_bits(word->first, word->second, allowed.rule, step.after);
    } else {
        key.difference = Difference::value;
        const auto bits = static_cast<u32>(did.value ^ allowed.value);
        if (!allowed.bounded) key.rule = rule_of_bits(reg, bits, allowed.rule, step.before);
    }
    key.reg = whole(key.reg);
    return key;
}

class Refiner {
  public:
    Refiner(const SymbolicImplementation& implementation, SearchBounds bounds, RefinementProgress progress)
        : progress_(std::move(progress)), symbolic_(implementation.make()),
          plain_(implementation.entry->concrete()), cache_(bounds.budget), solver_(cache_.solver),
          cases_(*symbolic_, cache_), search_(*symbolic_, solver_, bounds) {}

    Refinement run() {
        std::size_t done = 0;
        for (const Case& c : cases_.all()) {
            tell("comparing accesses", done++, cases_.all().size());
            compare(c);
        }
        done = 0;
        for (const auto& [label, keys] : suspects_) {
            tell("searching runs", done++, suspects_.size());
            find(label, keys);
        }
        std::ranges::sort(refinement_.departures, {}, &FoundDeparture::key);
        return std::move(refinement_);
    }

  private:
    void tell(std::string_view what, std::size_t done, std::size_t all) const {
        if (progress_) progress_(what, done, all);
    }

    void compare(const Case& c) {
        const Reference reference(c.start, c.access);
        for (const Path& path : c.paths) {
            const SymBool allowed = reference.allows(path);
            if (allowed.is_true()) continue;
            const z3::expr forbidden = !allowed.formula();
            const SolverResult answer = ask(c.reachable, {path.condition(), forbidden});
            if (answer == SolverResult::unsat) continue;
            for (const auto& contrast : reference.contrasts(path)) {
                const Label label = label_of(c.key, path, contrast);
                if (suspects_.contains(label) && suspects_[label].contains(c.key)) continue;
                if (ask(c.reachable, {path.condition(), forbidden, contrast.differs}) != SolverResult::unsat)
                    suspects_[label].insert(c.key);
            }
        }
    }

    SolverResult ask(const Conditions& base, const Conditions& conditions) {
        const SolverResult answer = solver_.ask(base, conditions);
        refinement_.complete = refinement_.complete && answer != SolverResult::unknown;
        return answer;
    }

    const Reference& reference_of(const Start& start, const SymAccess& access) {
        auto& reference = references_[{&start, access.kind, access.size}];
        if (!reference) reference.emplace(start, access);
        return *reference;
    }

    SymBool shows(const Label& label, const Start& start, const SymAccess& access, const Path& path) {
        const CaseKey key{label.mode, access.kind, access.size};
        const Reference& reference = reference_of(start, access);
        Conditions any;
        for (const auto& contrast : reference.contrasts(path))
            if (label_of(key, path, contrast) == label) any.push_back(contrast.differs);
        if (any.empty()) return false;
        return both(SymBool{disjunction(any)}, negate(reference.allows(path)));
    }

    void find(const Label& label, const std::set<CaseKey>& keys) {
        auto found = search_.step([&](const Start& start, const SymAccess& access,
                                      const Path& path) { return shows(label, start, access, path); },
                                  keys);
        refinement_.complete = refinement_.complete && !search_.gave_up();
        if (!found) return; // cannot be reached within the bound: see `complete`
        const ExecutedStep step = execute(*plain_, found->run).back();
        if (programs::is_allowed(step)) return; // by an answer that was not found on formulas
        const Expected expected = expected_of(step, *plain_);
        const DepartureKey key = key_of(step, expected);
        const auto same = std::ranges::find(refinement_.departures, key, &FoundDeparture::key);
        if (same == refinement_.departures.end())
            refinement_.departures.push_back({key, std::move(*found), step, expected.out, expected.after});
        else if (found->steps() < same->run.steps())
            *same = {key, std::move(*found), step, expected.out, expected.after};
    }

    RefinementProgress progress_;
    std::unique_ptr<SymImplementation> symbolic_;
    std::unique_ptr<PlainImplementation> plain_;
    ProofCache cache_;
    Solver& solver_;
    Cases cases_;
    Search search_;
    std::map<Label, std::set<CaseKey>> suspects_;
    std::map<std::tuple<const Start*, AccessKind, u32>, std::optional<Reference>> references_;
    Refinement refinement_;
};

} // namespace

Refinement refine(const SymbolicImplementation& implementation, SearchBounds bounds,
                  RefinementProgress progress) {
    return Refiner(implementation, bounds, std::move(progress)).run();
}

} // namespace lapicheck::prove
