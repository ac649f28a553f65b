#include "checker/explanations.hpp"

#include <utility>

namespace lapicheck::checker {

void Explanations::add_reset(const CpuFacts& facts) { add({Worlds::after_reset(facts)}); }

void Explanations::add_loaded() {
    clear(); // it explains all that the others do
    add({Worlds::unknown(), true});
}

void Explanations::add(Item item) {
    age_ = 0;
    if (count_ == most) {
        items_[0].worlds.merge(items_[1].worlds);
        items_[0].loaded |= items_[1].loaded;
        --count_;
    }
    items_[count_++] = std::move(item);
}

void Explanations::drop(std::size_t index) {
    for (std::size_t i = index; i + 1 < count_; ++i) items_[i] = items_[i + 1];
    --count_;
}

Judgement Explanations::judge(const traces::GuestAccess& access, const CpuFacts& facts,
                              const Visibility& visible, bool value_is_ours) {
    Judgement together;
    together.explained = false;
    for (std::size_t i = count_; i-- > 0;) {
        const Judgement one = items_[i].worlds.judge(access, facts, visible, value_is_ours);
        if (!one.explained) {
            drop(i);
            continue;
        }
        together.explained = true;
        together.foretold_bits |= one.foretold_bits;
        together.foretold |= one.foretold;
    }
    return together;
}

void Explanations::on_inject(u32 vector) {
    for (std::size_t i = count_; i-- > 0;)
        if (items_[i].worlds.on_inject(vector)) drop(i);
}

bool Explanations::any_loaded() const {
    for (std::size_t i = 0; i < count_; ++i)
        if (items_[i].loaded) return true;
    return false;
}

void Explanations::grow_old() {
    if (++age_ > patience) clear();
}

} // namespace lapicheck::checker
