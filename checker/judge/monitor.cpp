#include "checker/judge/monitor.hpp"

#include <algorithm>
#include <array>

namespace lapicheck::checker {
namespace {

using model::Answer;
using model::KnownBits;
using specs::PropertyEntry;
using traces::GuestAccess;
using Outcome = model::Outcome<KnownBits>;

constexpr std::array all_modes = {Mode::disabled, Mode::xapic, Mode::x2apic};

// What of an outcome the recording leaves open, as the outcomes that it may have been.
class SeenOutcomes {
  public:
    explicit SeenOutcomes(const Watched& watched)
        : access_(watched.seen.access), visible_(watched.seen.visible),
          value_is_ours_(watched.seen.value_is_ours) {
        for (const Answer answer : {Answer::apic, Answer::elsewhere, Answer::unspecified})
            for (const bool sends : {false, true})
                for (const bool ends : {false, true})
                    if (may_answer(answer) && may_send(sends) && may_end(ends)) add(answer, sends, ends);
    }
    const std::vector<Outcome>& all() const { return all_; }

  private:
    void add(Answer answer, bool sends, bool ends) {
        Outcome out;
        out.answer = answer;
        out.gp = access_.gp;
        out.sends_ipi = sends;
        out.ends_interrupt = ends;
        out.exits_to_userspace = access_.by_userspace;
        out.reg = model::register_addressed(access_.kind, access_.address);
        if (!model::is_write(access_.kind) && !access_.gp && value_is_ours_) out.value = access_.value;
        out.broadcasts_eoi = {};
        out.raises_error = {};
        all_.push_back(out);
    }
    // KVM's own EOI may follow an access that went elsewhere.
    bool may_answer(Answer answer) const {
        const bool ours = access_.reached_apic && !visible_.foreign_eoi && !access_.ended_interrupt;
        return !ours || !model::is_mmio(access_.kind) || answer == Answer::apic;
    }
    bool may_send(bool sends) const {
        if (access_.ipis != 0) return sends;
        const bool would_show = visible_.ipis && !visible_.accelerated && access_.reached_apic &&
                                !access_.begins_late && !access_.ends_early;
        return !sends || (model::is_write(access_.kind) && !access_.gp && !would_show);
    }
    bool may_end(bool ends) const {
        if (access_.ended_interrupt) return ends || visible_.foreign_eoi;
        return !ends || (model::is_write(access_.kind) && !access_.gp);
    }

    const GuestAccess& access_;
    const Visibility& visible_;
    bool value_is_ours_;
    std::vector<Outcome> all_;
};

template <class Visit>
bool holds_in_all_modes(const AbstractState& state, Visit visit) {
    return std::ranges::all_of(
        all_modes, [&](Mode mode) { return !state.is_possible(mode) || visit(state.mode_state(mode)); });
}

template <class Filter>
BrokenProperties broken_among(const Watched& watched, Filter filter) {
    const SeenOutcomes outcomes(watched);
    const model::Access<KnownBits> access = model_access(watched.seen.access);
    const model::Surroundings<KnownBits> around; // recordings do not show it
    const auto is_broken = [&](const PropertyEntry& property) {
        return holds_in_all_modes(watched.before, [&](const ModeState& before) {
            return holds_in_all_modes(watched.after, [&](const ModeState& after) {
                return std::ranges::all_of(outcomes.all(), [&](const Outcome& out) {
                    const auto claim =
                        property.known_bits({watched.seen.cpu, before, access, out, after, around, around});
                    return claim.premise.is_true() && claim.holds.is_false();
                });
            });
        });
    };
    BrokenProperties broken;
    if (watched.before.count() == 0 || watched.after.count() == 0) return broken;
    for (const PropertyEntry& property : specs::properties()) {
        const bool is_claim = property.scope == specs::Scope::step && property.basis == specs::Basis::manual;
        if (is_claim && filter(property) && is_broken(property)) broken.push_back(&property);
    }
    return broken;
}

} // namespace

BrokenProperties broken_properties(const Watched& watched) {
    return broken_among(watched, [](const PropertyEntry&) { return true; });
}

BrokenProperties broken_properties(const Watched& watched, Rule rule) {
    const auto speaks_of_it = [rule](const PropertyEntry& property) {
        return std::ranges::find(property.rules, rule) != property.rules.end();
    };
    BrokenProperties broken = broken_among(watched, speaks_of_it);
    return broken.empty() ? broken_properties(watched) : broken;
}

} // namespace lapicheck::checker
