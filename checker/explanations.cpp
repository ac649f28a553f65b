#include "checker/explanations.hpp"

namespace lapicheck::checker {

void Explanations::add_reset(const CpuFacts& facts) {
    age_ = 0;
    const Item fresh{Worlds::after_reset(facts), Kind::reset};
    Item* older = nullptr;
    Item* newer = nullptr;
    for (std::size_t i = 0; i < count_; ++i) {
        if (items_[i].kind != Kind::reset) continue;
        older = newer;
        newer = &items_[i];
    }
    if (older == nullptr) return add(fresh);
    // One that has begun to explain what is seen is kept as it is.
    if (older->excused == 0) {
        older->worlds.merge(newer->worlds);
        older->excused = newer->excused;
    }
    *newer = fresh;
}

void Explanations::add_loaded() {
    clear(); // it explains all that the others do
    add({Worlds::unknown(), Kind::loaded});
}

void Explanations::add_other(const Worlds& worlds) {
    for (std::size_t i = count_; i-- > 0;)
        if (items_[i].kind == Kind::other) drop(i);
    add({worlds, Kind::other});
}

void Explanations::add(const Item& item) {
    age_ = 0;
    if (count_ < most) items_[count_++] = item;
}

void Explanations::drop(std::size_t index) {
    for (std::size_t i = index; i + 1 < count_; ++i) items_[i] = items_[i + 1];
    --count_;
}

Explanations::Told Explanations::judge(const traces::GuestAccess& access, const CpuFacts& facts,
                                       const Visibility& visible, bool value_is_ours,
                                       const Judgement& by_first) {
    Told told;
    told.judgement.explained = false;
    for (std::size_t i = count_; i-- > 0;) {
        const Judgement one = items_[i].worlds.judge(access, facts, visible, value_is_ours);
        if (one.explained) {
            told.judgement.explained = true;
            told.judgement.foretold_bits |= one.foretold_bits;
            told.judgement.foretold |= one.foretold;
            continue;
        }
        const bool same = !by_first.explained && one.mismatch.rule == by_first.mismatch.rule &&
                          one.mismatch.reg == by_first.mismatch.reg;
        const bool alone = is_of_access_alone(one.mismatch);
        if (!same && !alone) {
            drop(i);
            continue;
        }
        told.shared = told.shared || same;
        if (alone && !same) told.besides = one.mismatch;
        items_[i].worlds.resync(access, facts, one.mismatch);
    }
    return told;
}

void Explanations::on_inject(u32 vector) {
    for (std::size_t i = count_; i-- > 0;)
        if (items_[i].worlds.on_inject(vector)) drop(i);
}

bool Explanations::any_loaded() const {
    for (std::size_t i = 0; i < count_; ++i)
        if (items_[i].kind == Kind::loaded) return true;
    return false;
}

const Worlds& Explanations::best() const {
    const Item* best = &items_[0];
    for (std::size_t i = 1; i < count_; ++i)
        if (items_[i].excused > best->excused) best = &items_[i];
    return best->worlds;
}

void Explanations::grow_old() {
    if (++age_ > patience) clear();
}

} // namespace lapicheck::checker
