#include "checker/replay/hypotheses.hpp"

#include <algorithm>

namespace lapicheck::checker {

bool contradict_by_same_rule(const Judgement& a, const Judgement& b) {
    return !a.explained && !b.explained && a.mismatch.rule == b.mismatch.rule &&
           a.mismatch.reg == b.mismatch.reg;
}

void Hypotheses::add_reset(const CpuFacts& facts) {
    age_ = 0;
    merge_resets(true);
    merge_resets(false);
    if (reset_of_ != facts) {
        reset_of_ = facts;
        after_reset_ = AbstractState::after_reset(facts);
    }
    add({after_reset_, Kind::reset, 0, true});
}

void Hypotheses::entered(bool goes_on) {
    for (std::size_t i = count_; i-- > 0;) {
        if (items_[i].before_entry && goes_on) drop(i);
        else items_[i].before_entry = false;
    }
}

// Those that have excused something become one hypothesis, those that have not another. The latest, which
// predicts most, is kept apart from them until the next comes.
void Hypotheses::merge_resets(bool with_excuse) {
    Item* first = nullptr;
    for (std::size_t i = 0; i < count_; ++i) {
        Item& item = items_[i];
        if (item.kind != Kind::reset || (item.excused != 0) != with_excuse) continue;
        if (first == nullptr) {
            first = &item;
            continue;
        }
        first->state.merge(item.state);
        first->excused = std::max(first->excused, item.excused);
        first->before_entry = first->before_entry && item.before_entry;
        drop(i--);
    }
}

void Hypotheses::add_sregs(const AbstractState& first) {
    Item set{first, Kind::sregs};
    for (std::size_t i = 0; i < count_; ++i) {
        set.state.merge(items_[i].state);
        set.excused = std::max(set.excused, items_[i].excused);
    }
    set.state.host_may_have_set_sregs();
    clear(); // it explains all that the others do
    add(set);
}

void Hypotheses::add_other(const AbstractState& state) {
    for (std::size_t i = count_; i-- > 0;)
        if (items_[i].kind == Kind::other) drop(i);
    add({state, Kind::other});
}

bool Hypotheses::has_other() const {
    return std::any_of(items_.begin(), items_.begin() + count_,
                       [](const Item& item) { return item.kind == Kind::other; });
}

std::optional<AbstractState> Hypotheses::take_other() {
    for (std::size_t i = 0; i < count_; ++i) {
        if (items_[i].kind != Kind::other) continue;
        const AbstractState state = items_[i].state;
        drop(i);
        return state;
    }
    return std::nullopt;
}

void Hypotheses::add(const Item& item) {
    age_ = 0;
    if (count_ < most) items_[count_++] = item;
}

void Hypotheses::drop(std::size_t index) {
    for (std::size_t i = index; i + 1 < count_; ++i) items_[i] = items_[i + 1];
    --count_;
}

Hypotheses::Verdict Hypotheses::judge(const Observation& seen, const Judgement& by_first) {
    Verdict verdict;
    verdict.judgement.explained = false;
    for (std::size_t i = count_; i-- > 0;) {
        const Judgement one = items_[i].state.judge(seen);
        if (one.explained) {
            verdict.judgement.explained = true;
            verdict.judgement.predicted_bits |= one.predicted_bits;
            verdict.judgement.predicted |= one.predicted;
            verdict.judgement.predicted_service |= one.predicted_service;
            continue;
        }
        const bool same = contradict_by_same_rule(one, by_first);
        const bool alone = is_of_access_alone(one.mismatch);
        if (!same && !alone) {
            drop(i);
            continue;
        }
        verdict.shared = verdict.shared || same;
        if (alone && !same) verdict.besides = one.mismatch;
        items_[i].state.resync(seen.access, seen.cpu, one.mismatch);
    }
    return verdict;
}

void Hypotheses::on_inject(const AbstractState::Injection& given) {
    for (std::size_t i = count_; i-- > 0;)
        if (items_[i].state.on_inject(given).violated) drop(i);
}

bool Hypotheses::have_excused() const {
    return std::any_of(items_.begin(), items_.begin() + count_,
                       [](const Item& item) { return item.excused != 0; });
}

bool Hypotheses::any_sregs() const {
    for (std::size_t i = 0; i < count_; ++i)
        if (items_[i].kind == Kind::sregs) return true;
    return false;
}

const AbstractState& Hypotheses::best() const {
    const Item* best = items_.data();
    for (std::size_t i = 1; i < count_; ++i)
        if (items_[i].excused > best->excused) best = &items_[i];
    return best->state;
}

void Hypotheses::expire() {
    if (++age_ > patience) clear();
}

} // namespace lapicheck::checker
