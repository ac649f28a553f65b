#include "checker/replay/findings.hpp"

#include <algorithm>
#include <utility>

namespace lapicheck::checker {
namespace {

// Repeats of one kind: the same rule broken in the same way and bits, of the same register, in the
// same mode. A window that is alive is one fault, whatever is read through it.
bool same_kind(const Divergence& a, const Divergence& b) {
    const bool window =
        a.mismatch.fault == Fault::answered_by_apic || a.mismatch.fault == Fault::reached_apic;
    const bool same_register = window || a.mismatch.reg == b.mismatch.reg;
    const bool same_place = window || a.mismatch.reg != Reg::none || a.access.address == b.access.address;
    return a.process == b.process && a.mismatch.rule == b.mismatch.rule &&
           a.mismatch.fault == b.mismatch.fault && same_register && a.mismatch.mode == b.mismatch.mode &&
           a.access.kind == b.access.kind && a.mismatch.bits == b.mismatch.bits &&
           a.mismatch.departure == b.mismatch.departure && same_place;
}

} // namespace

bool Findings::is_new_kind(const Divergence& divergence) const {
    const auto same = [&divergence](const Divergence& other) { return same_kind(other, divergence); };
    return std::ranges::none_of(folded_, same) &&
           std::ranges::none_of(recent_, same,
                                [](const Finding& f) -> const Divergence& { return f.divergence; });
}

void Findings::add(Finding finding) {
    const bool may_be_unseen = finding.divergence.mismatch.unseen_wrmsr && !shows_msrs_;
    if (notify_ && !may_be_unseen && is_new_kind(finding.divergence)) notify_(finding.divergence);
    recent_.push_back(std::move(finding));
    if (recent_.size() <= most_recent) return;
    fold(std::move(recent_.front().divergence));
    recent_.pop_front();
}

u64 Findings::withdraw_since(u64 since) {
    return std::erase_if(recent_, [since](const Finding& finding) {
        return finding.line > since && finding.last_gap_line > since;
    });
}

u64 Findings::withdraw_unseen_since(u64 last_line) {
    return std::erase_if(recent_, [last_line](const Finding& finding) {
        return finding.divergence.mismatch.unseen_cause && finding.line > last_line;
    });
}

u64 Findings::withdraw_across_absence_since(u64 last_line) {
    u64 withdrawn = std::erase_if(recent_, [last_line](const Finding& finding) {
        return finding.divergence.is_across_absence && finding.line > last_line;
    });
    std::erase_if(conditional_, [&](const Divergence& divergence) {
        const bool falls = divergence.is_across_absence && divergence.line > last_line;
        if (falls) withdrawn += divergence.count;
        return falls;
    });
    return withdrawn;
}

void Findings::all_cpus_are_seen() {
    for (Finding& finding : recent_) finding.divergence.is_across_absence = false;
    for (Divergence& divergence : std::exchange(conditional_, {})) {
        divergence.is_across_absence = false;
        fold(std::move(divergence));
    }
}

// What was held until now is reported now.
void Findings::msrs_are_shown() {
    if (std::exchange(shows_msrs_, true)) return;
    std::vector<Divergence> found = std::exchange(conditional_, {});
    for (Divergence& divergence : found) {
        if (notify_ && divergence.mismatch.unseen_wrmsr && is_new_kind(divergence)) notify_(divergence);
        divergence.mismatch.unseen_wrmsr = false;
        fold(std::move(divergence));
    }
    for (Finding& finding : std::exchange(recent_, {})) {
        const bool was_held = std::exchange(finding.divergence.mismatch.unseen_wrmsr, false);
        if (notify_ && was_held && is_new_kind(finding.divergence)) notify_(finding.divergence);
        recent_.push_back(std::move(finding));
    }
}

u64 Findings::withdraw_unseen_wrmsrs() {
    if (std::exchange(shows_msrs_, false)) return 0;
    u64 withdrawn = std::erase_if(
        recent_, [](const Finding& finding) { return finding.divergence.mismatch.unseen_wrmsr; });
    for (Divergence& divergence : std::exchange(conditional_, {}))
        if (divergence.mismatch.unseen_wrmsr) withdrawn += divergence.count;
        else conditional_.push_back(std::move(divergence));
    return withdrawn;
}

void Findings::is_met(Condition condition) {
    for (Finding& finding : recent_) finding.divergence.mismatch.*condition = false;
    for (Divergence& divergence : std::exchange(conditional_, {})) {
        divergence.mismatch.*condition = false;
        fold(std::move(divergence));
    }
}

u64 Findings::withdraw_if(Condition condition) {
    u64 withdrawn = std::erase_if(
        recent_, [condition](const Finding& finding) { return finding.divergence.mismatch.*condition; });
    for (Divergence& divergence : std::exchange(conditional_, {}))
        if (divergence.mismatch.*condition) withdrawn += divergence.count;
        else conditional_.push_back(std::move(divergence));
    return withdrawn;
}

u64 Findings::withdraw_of(u32 thread, u64 since) {
    return std::erase_if(recent_, [&](const Finding& finding) {
        return finding.divergence.access.thread == thread && finding.line > since;
    });
}

u64 Findings::withdraw_injection(u32 thread, u32 vector, u64 time) {
    return std::erase_if(recent_, [&](const Finding& finding) {
        return finding.divergence.access.thread == thread &&
               is_requested_late(finding.divergence, vector, time);
    });
}

void Findings::settle() {
    all_cpus_are_seen();
    for (Finding& finding : recent_) fold(std::move(finding.divergence));
    recent_.clear();
    std::stable_sort(folded_.begin(), folded_.end(),
                     [](const Divergence& a, const Divergence& b) { return a.line < b.line; });
}

void Findings::fold(Divergence divergence) {
    fold_into(is_conditional(divergence) ? conditional_ : folded_, std::move(divergence));
}

void Findings::fold_into(std::vector<Divergence>& kinds, Divergence divergence) {
    for (Divergence& known : kinds) {
        if (!same_kind(known, divergence)) continue;
        known.count += divergence.count;
        return;
    }
    if (kinds.size() < most_kinds) kinds.push_back(std::move(divergence));
    else if (&kinds == &folded_) not_listed_ += divergence.count;
}

} // namespace lapicheck::checker
