// What one vCPU accepts, is given and ends, under replay.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "checker/judge/service_faults.hpp"
#include "checker/replay/findings.hpp"
#include "checker/replay/vcpu.hpp"

namespace lapicheck::checker {

using traces::GuestAccess;

// What the access tells of vectors in service: an EOI names one, ISR shows them.
void ReplayedVcpu::note_service(VcpuVerdict& verdict, const GuestAccess& access, Reg touched) {
    const bool reached = !model::is_mmio(access.kind) || access.reached_apic;
    if (access.gp || !reached) return;
    const bool writes = is_write(access.kind);
    if (writes && (touched == Reg::svr || touched == Reg::apic_base)) doubts_.forget_waiting();
    // AMD's specific EOI and interrupt enable registers (APM Vol. 2, 16.7).
    if (writes && touched == Reg::none) doubts_.clear();

    std::vector<Divergence> certain;
    const bool is_eoi = writes && access.ended_interrupt;
    if (is_eoi && access.eoi_vector <= 0xff) certain = doubts_.ended(model::low_half(access.eoi_vector));
    const bool shows_isr =
        !writes && touched >= Reg::isr0 && touched <= Reg::isr7 &&
        (!model::is_mmio(access.kind) || model::is_aligned_word(access.address, access.size));
    if (shows_isr)
        certain = doubts_.shown(static_cast<u32>(model::index_of(touched) - model::index_of(Reg::isr0)),
                                model::low_half(access.value));
    if (!certain.empty()) { // The access shows what was wrong before it, and is right itself.
        verdict.divergences.clear();
        verdict.pending = false;
        for (Divergence& divergence : certain) {
            divergence.because.push_back(
                {access.line, is_eoi
                                  ? fmt::format("an EOI ended vector {:02X}H, which therefore was in service",
                                                access.eoi_vector)
                                  : "ISR shows the vector in service"});
            verdict.settled.push_back(std::move(divergence));
        }
    }
    if (!is_eoi || !verdict.divergences.empty()) return;
    const u32 left = doubts_.left_in_service(access.eoi_vector);
    if (left == 0) return;
    doubts_.doubt_eoi(left, [&] {
        Mismatch mismatch;
        mismatch.rule = Rule::P04;
        mismatch.fault = Fault::eoi_vector;
        mismatch.reg = Reg::eoi;
        mismatch.mode = main_.mode().value_or(Mode::xapic);
        mismatch.detail = ended_though_in_service(access.eoi_vector, left);
        return divergence_of(access, mismatch);
    });
}

// P05. An explanation in which the EOI may be sent excuses it.
void ReplayedVcpu::note_eoi(const GuestAccess& access, Reg touched) {
    const auto suppresses = [](const AbstractState& state) {
        return has_any(state.stored(Reg::svr), model::svr::eoi_suppression).is_true();
    };
    const bool reached = !model::is_mmio(access.kind) || access.reached_apic;
    const bool ends = touched == Reg::eoi && is_write(access.kind) && !access.gp && reached;
    eoi_is_suppressed_ = ends && suppresses(main_) && (!init_ || suppresses(*init_)) &&
                         !others_.any([&](const AbstractState& state) { return !suppresses(state); });
}

VcpuVerdict ReplayedVcpu::eoi_was_sent(const GuestAccess& shown_by) {
    VcpuVerdict verdict;
    if (!std::exchange(eoi_is_suppressed_, false)) return verdict;
    Mismatch mismatch;
    mismatch.rule = Rule::P05;
    mismatch.fault = Fault::eoi_broadcast;
    mismatch.reg = Reg::eoi;
    mismatch.mode = main_.mode().value_or(Mode::xapic);
    mismatch.bits = model::svr::eoi_suppression;
    mismatch.detail = {"the I/O APIC received the EOI although SVR[12] is 1"};
    for (const Mismatch& part : attribution_.parts(mismatch, shown_by, main_, facts_))
        verdict.divergences.push_back(divergence_of(shown_by, part));
    return verdict;
}

// The vector that nobody requested was in service: KVM took it to be the APIC's.
std::optional<Divergence> ReplayedVcpu::take_unrequested(const Mismatch& mismatch,
                                                         const GuestAccess& access) {
    if (mismatch.fault != Fault::eoi_vector) return std::nullopt;
    const auto found = std::ranges::find(unrequested_, access.eoi_vector,
                                         [](const Divergence& d) { return d.access.value; });
    if (found == unrequested_.end()) return std::nullopt;
    Divergence divergence = std::move(*found);
    unrequested_.erase(found);
    return divergence;
}

void ReplayedVcpu::requested_late(u32 vector, u64 time) {
    const auto was = [&](const Divergence& divergence) {
        return is_requested_late(divergence, vector, time);
    };
    std::erase_if(unrequested_, was);
    held_events_ -= std::min<u64>(held_events_, std::erase_if(pending_, was));
}

void ReplayedVcpu::take_accepted(const AcceptLog& log, const Machines& machines) {
    const bool complete = log.since(accepts_seen_, [&](const AcceptLog::Entry& entry) {
        if (!may_be(entry.id)) return;
        // What it sent itself stands in IRR before its next access; what others send may come and go.
        const bool own = entry.sender == thread_ && is_own(entry.id) && !entry.level_triggered;
        for_each_hypothesis(
            [&](AbstractState& state) { state.on_accept(entry.vector, own, entry.level_triggered); });
        const u32 vector = entry.vector & 0xff;
        announcement_[vector] = announced_[vector] ? 0 : entry.line;
        if (!announced_[vector]) attribution_.evidence().accepted(entry.line, vector);
        announced_.set(vector);
        if (machines.may_be_one(entry.sender, thread_))
            doubts_.accepted(vector, own, !machines.are_one(entry.sender, thread_));
        const bool in_own_thread = entry.sender == thread_ && !entry.level_triggered;
        if (!in_own_thread || commanded_[vector]) return;
        if (own) note_pmc(entry);
        else pmc_maybe_ = entry;
    });
    if (!complete) {
        doubts_.clear();
        for_each_hypothesis([](AbstractState& state) { state.forget_interrupts(); });
        was_given_.reset();
    }
    accepts_seen_ = log.count();
}

// L07. KVM delivers a performance-monitoring interrupt in the thread of its vCPU, and it is of no command.
// The vector must be that of LVT PMC and of no other entry that may fire.
void ReplayedVcpu::note_pmc(const AcceptLog::Entry& entry) {
    constexpr u32 fields = model::lvt::vector | model::lvt::delivery_mode | model::lvt::mask;
    const auto fires = [&](Reg reg) {
        return (main_.stored(reg) & Known<u32>{fields}) == Known<u32>{entry.vector};
    };
    if (!fires(Reg::lvt_pmc)) return;
    for (const Reg other : model::lvt_entries)
        if (other != Reg::lvt_pmc && fires(other)) return;
    for_each_hypothesis([&](AbstractState& state) { state.pmc_delivered(facts_); });
    attribution_.evidence().pmc_delivered(entry.line);
}

// The higher vector that waits if this one, which is given now, comes from IRR: it does if it is in service
// next, since it is known not to be yet.
u32 ReplayedVcpu::overtaken_by(u32 vector) const {
    const u32 waiting = doubts_.overtaken_by(vector);
    if (waiting == 0 || !doubts_.waits(vector)) return 0;
    const auto is_clear = [this](Reg first, u32 of) {
        const Known<u32> word = main_.stored(model::word_of(first, of));
        return (word.known & ~word.value & model::bit_of(of)) != 0;
    };
    return is_clear(Reg::isr0, vector) && !is_clear(Reg::irr0, waiting) ? waiting : 0;
}

VcpuVerdict ReplayedVcpu::on_inject(const GuestAccess& shown_by, AbstractState::Injection given,
                                    bool shows_entries, bool all_seen) {
    VcpuVerdict verdict;
    if (runs_guest_) return verdict;
    const auto pmc = std::exchange(pmc_maybe_, std::nullopt); // injected here, so it was for this vCPU
    if (pmc && pmc->vector == given.vector) note_pmc(*pmc);
    const u32 overtaken = all_seen && !given.may_be_again ? overtaken_by(given.vector) : 0;
    doubts_.given(given.vector);
    if (!all_seen) doubts_.clear();
    given.announced = announced_[given.vector];
    announced_.reset(given.vector);
    was_given_.set(given.vector);
    if (shows_entries) given.tpr = tpr_;
    const AbstractState::InjectionVerdict gave = main_.on_inject(given);
    others_.on_inject(given);
    settle(verdict);
    if (init_ && init_->on_inject(given).violated) init_.reset();
    lacked_request_ = lacked_request_ || gave.unrequested;
    if (gave.unrequested && unrequested_.size() < most_unrequested)
        unrequested_.push_back(divergence_of(shown_by, *gave.unrequested));
    if (!gave.violated && overtaken != 0)
        doubts_.doubt_overtaking(given.vector, overtaken, [&] {
            return divergence_of(shown_by, overtook(main_.mode().value_or(Mode::xapic), overtaken));
        });
    if (gave.violated) doubts_.forget_waiting();
    if (!gave.violated) {
        if (!gave.unrequested) attribution_.evidence().injected(shown_by.line, given.vector);
        return verdict;
    }
    // A reset allows it, since then the PIC may speak: it predicts nothing, so that what comes next is
    // held against the first explanation all the same.
    verdict.pending = !others_.empty();
    if (verdict.pending) main_.may_have_taken(given.vector);
    else main_.forget_interrupts();
    if (init_) return verdict;
    verdict.divergences.push_back(divergence_of(shown_by, *gave.violated));
    return verdict;
}

} // namespace lapicheck::checker
