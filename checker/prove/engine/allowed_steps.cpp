#include "checker/prove/engine/allowed_steps.hpp"

#include <unordered_set>

#include "model/implementations/sdm.hpp"

namespace lapicheck::prove {
namespace {

using model::Reg;

const model::Sdm<Symbolic>& sdm() {
    static const model::Sdm<Symbolic> the_sdm;
    return the_sdm;
}

bool contains(const z3::expr& formula, const z3::expr& variable, std::unordered_set<Z3_ast>& seen) {
    if (z3::eq(formula, variable)) return true;
    if (!formula.is_app() || !seen.insert(formula).second) return false;
    for (unsigned i = 0; i < formula.num_args(); ++i)
        if (contains(formula.arg(i), variable, seen)) return true;
    return false;
}

bool contains(const z3::expr& formula, const z3::expr& variable) {
    std::unordered_set<Z3_ast> seen;
    return contains(formula, variable, seen);
}

// A word of the reference's outcome or state beside the implementation's.
struct Word {
    z3::expr allowed;
    z3::expr did;
};

// What an answer that the manual leaves open must be for a word to come out as the implementation's: its
// bits there.
std::optional<z3::expr> witness(const z3::expr& variable, const Word& word) {
    if (variable.is_bool()) {
        if (word.did.is_bool()) return word.did;
        return std::nullopt;
    }
    if (word.did.is_bool()) return std::nullopt;
    const unsigned width = variable.get_sort().bv_size();
    const unsigned has = word.did.get_sort().bv_size();
    if (has == width) return word.did;
    if (has < width) return z3::zext(word.did, width - has);
    // Two words in one: the upper half is the one that is shifted into its place.
    const z3::expr upper = word.allowed.extract(63, 32).simplify();
    return contains(upper, variable) ? word.did.extract(63, 32) : word.did.extract(31, 0);
}

// The truth value that a path gave to an answer it forked on.
std::optional<bool> way_taken(const Path& path, const z3::expr& variable) {
    for (const Decision& decision : path.decisions) {
        if (z3::eq(decision.condition(), variable)) return true;
        if (decision.condition().is_not() && z3::eq(decision.condition().arg(0), variable)) return false;
    }
    return std::nullopt;
}

} // namespace

z3::expr state_word(const SymState& state, std::size_t index) {
    std::size_t at = 0;
    std::optional<z3::expr> formula;
    model::for_each_word(
        [&](model::StateWord, const auto& word) {
            if (at++ == index) formula = word.formula();
        },
        state);
    return *formula;
}

Reg register_of_word(std::size_t index) {
    static const model::State<model::Concrete> any{};
    std::size_t at = 0;
    Reg found = Reg::none;
    model::for_each_word(
        [&](model::StateWord word, const auto&) {
            if (at++ == index) found = word.reg;
        },
        any);
    return found;
}

bool same_outcome(AccessKind kind, const SymOutcome& did, const SymOutcome& allowed) {
    if (did.sends_msi) return false;
    if (allowed.answer == model::Answer::unspecified) return true;
    if (model::is_mmio(kind) && did.answer != allowed.answer) return false;
    return did.gp == allowed.gp && did.sends_ipi == allowed.sends_ipi &&
           did.ends_interrupt == allowed.ends_interrupt;
}

Reference::Reference(const Start& start, const SymAccess& access)
    : access_(access), paths_(paths_of(sdm(), start, access, "d.")) {}

z3::expr Reference::matches(const Path& path, const Path& reference) const {
    const SymOutcome& did = path.out;
    const SymOutcome& allowed = reference.out;
    std::vector<Word> words;
    Conditions conditions;
    const bool reads = !model::is_write(access_.kind) && !did.gp && allowed.answer == model::Answer::apic;
    if (reads) {
        const z3::expr value = did.value.formula();
        if (allowed.bounded) conditions.push_back(z3::ule(value, zero_extend(allowed.limit).formula()));
        else if (allowed.exceeds) conditions.push_back(z3::ugt(value, zero_extend(allowed.limit).formula()));
        words.push_back({allowed.value.formula(), value});
    }
    for (std::size_t i = 0; i < model::state_word_count; ++i) {
        if (model::no_answer_shows(register_of_word(i))) continue;
        const Word word{state_word(reference.after, i), state_word(path.after, i)};
        if (!z3::eq(word.allowed, word.did)) words.push_back(word);
    }
    if (did.ends_interrupt) words.push_back({allowed.broadcasts_eoi.formula(), did.broadcasts_eoi.formula()});
    const Word raises{allowed.raises_error.formula(), did.raises_error.formula()};
    if (!z3::eq(raises.allowed, raises.did)) words.push_back(raises);

    z3::expr_vector from(context());
    z3::expr_vector to(context());
    for (const Choice& choice : reference.choices) {
        std::optional<z3::expr> answer;
        if (choice.variable.is_bool())
            if (const auto way = way_taken(reference, choice.variable)) answer = context().bool_val(*way);
        for (const Word& word : words)
            if (!answer && contains(word.allowed, choice.variable)) answer = witness(choice.variable, word);
        from.push_back(choice.variable);
        to.push_back(answer.value_or(choice.proposal));
    }
    conditions.push_back(reference.condition());
    for (const Word& word : words) conditions.push_back(word.allowed == word.did);
    // Proposals may name other answers; what is then left of them is the reference's own choice.
    return conjunction(conditions).substitute(from, to).simplify();
}

SymBool Reference::allows(const Path& path) const {
    Conditions any;
    for (const Path& reference : paths_) {
        if (!same_outcome(access_.kind, path.out, reference.out) || exclude_each_other(path, reference))
            continue;
        const z3::expr match = matches(path, reference);
        if (!match.is_false()) any.push_back(match);
    }
    if (any.empty()) return false;
    return SymBool{disjunction(any).simplify()};
}

std::vector<Reference::Contrast> Reference::contrasts(const Path& path) const {
    std::vector<Contrast> contrasts;
    for (const Path& reference : paths_) {
        if (exclude_each_other(path, reference)) continue;
        if (!same_outcome(access_.kind, path.out, reference.out)) {
            contrasts.push_back({&reference, -1, reference.condition()});
            continue;
        }
        const bool reads =
            !model::is_write(access_.kind) && !path.out.gp && reference.out.answer == model::Answer::apic;
        if (reads)
            contrasts.push_back(
                {&reference, -1,
                 reference.condition() && path.out.value.formula() != reference.out.value.formula()});
        for (std::size_t i = 0; i < model::state_word_count; ++i) {
            if (model::no_answer_shows(register_of_word(i))) continue;
            const z3::expr did = state_word(path.after, i);
            const z3::expr allowed = state_word(reference.after, i);
            if (z3::eq(did, allowed)) continue;
            contrasts.push_back({&reference, static_cast<int>(i), reference.condition() && did != allowed});
        }
    }
    return contrasts;
}

} // namespace lapicheck::prove
