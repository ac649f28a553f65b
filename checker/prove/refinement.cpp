#include "checker/prove/refinement.hpp"

#include <algorithm>
#include <map>
#include <type_traits>

#include "checker/prove/allowed_steps.hpp"
#include "model/implementations/sdm.hpp"
#include "model/step.hpp"

namespace lapicheck::proof {
namespace {

using model::Concrete;
using model::KnownBits;
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
    const int word = contrast.word < 5 ? contrast.word
                                       : static_cast<int>(model::index_of(whole(
                                             register_of_word(static_cast<std::size_t>(contrast.word))))) +
                                             5;
    return {allowed.rule, whole(allowed.reg), word, path.out.gp, allowed.gp, key.mode, key.kind};
}

model::State<KnownBits> exact(const PlainState& s) {
    model::State<KnownBits> k{s.apic_base, s.tsc_deadline, s.x2apic_id,
                              {},          s.esr_pending,  s.cleared_by_software};
    for (std::size_t i = 0; i < s.regs.size(); ++i) k.regs[i] = s.regs[i];
    return k;
}

bool admits(const model::State<KnownBits>& k, const PlainState& s) {
    for (std::size_t i = 0; i < s.regs.size(); ++i)
        if (!no_answer_shows(static_cast<Reg>(i)) && !k.regs[i].admits(s.regs[i])) return false;
    return k.apic_base.admits(s.apic_base) && k.tsc_deadline.admits(s.tsc_deadline) &&
           k.x2apic_id.admits(s.x2apic_id) && k.esr_pending.admits(s.esr_pending) &&
           k.cleared_by_software.admits(s.cleared_by_software);
}

bool admits(AccessKind kind, const model::Outcome<KnownBits>& k, const PlainOutcome& did) {
    if (did.sends_msi) return false;
    if (k.answer == model::Answer::open) return true;
    if (model::is_mmio(kind) && did.answer != k.answer) return false;
    if (did.gp != k.gp || did.sends_ipi != k.sends_ipi || did.ends_interrupt != k.ends_interrupt)
        return false;
    if (!k.broadcasts_eoi.admits(did.broadcasts_eoi)) return false;
    if (!k.raises_error.admits(did.raises_error)) return false;
    if (k.answer != model::Answer::apic || did.gp || model::is_write(kind)) return true;
    if (!k.value.admits(did.value)) return false;
    if (k.bounded && did.value > k.limit.greatest()) return false;
    return !k.exceeds || did.value > k.limit.least();
}

// The rules of the reference, and the answers of an implementation to what they leave open.
class AnswersOf : public PlainImplementation {
  public:
    explicit AnswersOf(const PlainImplementation& implementation) : implementation_(&implementation) {}

    std::optional<bool> decides(Rule rule, bool proposal) const override {
        return implementation_->decides(rule, proposal);
    }
    std::optional<bool> chooses(Rule rule, const bool& proposal) const override {
        return implementation_->chooses(rule, proposal);
    }
    std::optional<u32> chooses(Rule rule, const u32& proposal) const override {
        return implementation_->chooses(rule, proposal);
    }
    std::optional<u64> chooses(Rule rule, const u64& proposal) const override {
        return implementation_->chooses(rule, proposal);
    }

  private:
    const PlainImplementation* implementation_;
};

// Takes both ways where a word decides one thing (V13: the mask of an LVT entry), on which other bits hang:
// of an unknown word it would be forgotten how they go together.
class BothWays : public model::ForkingDriver {
  public:
    template <class T>
    T open_value(Rule rule, T proposal, model::Place place = model::Place::current()) {
        if constexpr (std::is_same_v<T, model::Known<u32>>)
            if (rule == Rule::V13) return open(rule, true, place) ? T{~u32{0}} : T{u32{0}};
        return ForkingDriver::open_value(rule, proposal, place);
    }
};

// What the reference does in the place of an implementation, with the implementation's answers.
struct Expected {
    PlainOutcome out;
    PlainState after;
};

Expected expected_of(const Executed& step, const PlainImplementation& implementation) {
    static const ChoiceValues none;
    const AnswersOf reference(implementation);
    Expected expected{{}, step.before};
    model::Surroundings<Concrete> around = step.around_before;
    model::As<ScriptedDriver> driver(reference, around, step.cpu, none);
    expected.out = model::amended_step(driver, expected.after, step.cpu, step.access);
    return expected;
}

// The first word of the state that differs, and in which bits.
std::optional<std::pair<Reg, u32>> differing_word(const PlainState& did, const PlainState& allowed) {
    for (std::size_t i = 0; i < did.regs.size(); ++i)
        if (!no_answer_shows(static_cast<Reg>(i)) && did.regs[i] != allowed.regs[i])
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

DepartureKey key_of(const Executed& step, const Expected& expected) {
    const PlainOutcome& did = step.out;
    const PlainOutcome& allowed = expected.out;
    const Reg addressed = model::register_addressed(step.access.kind, step.access.address);
    const Reg reg =
        model::is_mmio(step.access.kind) || model::is_msr(step.access.kind) ? addressed : allowed.reg;
    DepartureKey key{allowed.rule, reg, mode_of(step.before), step.access.kind, Difference::state};
    if (did.gp != allowed.gp) {
        key.difference = allowed.gp ? Difference::gp_missing : Difference::gp_raised;
    } else if (model::is_mmio(step.access.kind) && allowed.answer != model::Answer::open &&
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
    Refiner(const ImplementationEntry& implementation, SearchBounds bounds, RefinementProgress progress)
        : progress_(std::move(progress)), symbolic_(implementation.symbolic()),
          plain_(implementation.concrete()), memory_(bounds.budget), oracle_(memory_.oracle),
          cases_(*symbolic_, memory_), search_(*symbolic_, oracle_, bounds) {}

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
            const Answer answer = ask(c.reachable, {path.condition(), forbidden});
            if (answer == Answer::no) continue;
            for (const auto& contrast : reference.contrasts(path)) {
                const Label label = label_of(c.key, path, contrast);
                if (suspects_.contains(label) && suspects_[label].contains(c.key)) continue;
                if (ask(c.reachable, {path.condition(), forbidden, contrast.differs}) != Answer::no)
                    suspects_[label].insert(c.key);
            }
        }
    }

    Answer ask(const Conditions& base, const Conditions& conditions) {
        const Answer answer = oracle_.ask(base, conditions);
        refinement_.complete = refinement_.complete && answer != Answer::unknown;
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
        const Executed step = execute(*plain_, found->run).back();
        if (is_allowed(step)) return; // by an answer that was not found on formulas
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
    Memory memory_;
    Oracle& oracle_;
    Cases cases_;
    Search search_;
    std::map<Label, std::set<CaseKey>> suspects_;
    std::map<std::tuple<const Start*, AccessKind, u32>, std::optional<Reference>> references_;
    Refinement refinement_;
};

} // namespace

std::string_view to_string(Difference difference) {
    constexpr std::array names = {std::string_view{"gp-missing"}, std::string_view{"gp-raised"},
                                  std::string_view{"answered"},   std::string_view{"sent"},
                                  std::string_view{"value"},      std::string_view{"state"}};
    return names[static_cast<std::size_t>(difference)];
}

bool is_allowed(const Executed& step) {
    static const model::Sdm<KnownBits> sdm;
    const model::Cpu<KnownBits> cpu{step.cpu.amd,           step.cpu.has_x2apic,   step.cpu.has_tsc_deadline,
                                    step.cpu.locked_x2apic, step.cpu.address_mask, step.cpu.hardware_id};
    const model::Access<KnownBits> access{step.access.kind, step.access.address, step.access.size,
                                          step.access.value};
    model::Surroundings<KnownBits> around;
    model::As<BothWays> driver(sdm, around, cpu);
    do {
        model::State<KnownBits> state = exact(step.before);
        const auto out = model::amended_step(driver, state, cpu, access);
        if (admits(step.access.kind, out, step.out) && admits(state, step.after)) return true;
    } while (driver.next_path());
    return false;
}

Refinement refine(const ImplementationEntry& implementation, SearchBounds bounds,
                  RefinementProgress progress) {
    return Refiner(implementation, bounds, std::move(progress)).run();
}

} // namespace lapicheck::proof
