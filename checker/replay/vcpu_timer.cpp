// The timer of one vCPU under replay.
#include <algorithm>

#include "checker/replay/vcpu.hpp"
#include "model/timer_divisor.hpp"

namespace lapicheck::checker {
namespace {

using traces::GuestAccess;

// 0 if it is not known.
u32 divisor_of(Known<u32> divide) {
    const bool is_known = (divide.known & model::divide_bits) == model::divide_bits;
    return is_known ? model::timer_divisor(divide.value) : 0;
}

TimerWatch::Mode mode_of_timer(Known<u32> entry) {
    using enum TimerWatch::Mode;
    if ((entry.known & model::lvt::timer_mode) != model::lvt::timer_mode) return unknown;
    switch (entry.value & model::lvt::timer_mode) {
    case 0: return one_shot;
    case model::lvt::timer_periodic: return periodic;
    case model::lvt::timer_deadline: return deadline;
    default: return unknown; // reserved
    }
}

} // namespace

bool ReplayedVcpu::is_surely_enabled() const {
    const auto mode = main_.mode();
    return mode && *mode != Mode::disabled && has_any(main_.stored(Reg::svr), model::svr::enable).is_true() &&
           !init_;
}

void ReplayedVcpu::note_timer_entry() {
    const Known<u32> entry = main_.stored(Reg::lvt_timer);
    const auto masked = has_any(entry, model::lvt::mask);
    const Known<u32> vector = entry & model::lvt::vector;
    TimerWatch::Entry now;
    now.mode = mode_of_timer(entry);
    // Whether CPUID has the deadline mode may not be known; what is written then tells.
    const auto written = attribution_.evidence().value_of(Reg::lvt_timer);
    if (now.mode == TimerWatch::Mode::unknown && written)
        now.mode = mode_of_timer(Known<u32>{model::low_half(*written)});
    // Where it has none, bit 18 is reserved.
    if (now.mode == TimerWatch::Mode::deadline && facts_.has_tsc_deadline.is_false())
        now.mode = TimerWatch::Mode::unknown;
    now.masked = masked.is_true();
    now.unmasked = masked.is_false();
    now.vector = vector.is_exact() && vector.value >= model::first_legal_vector ? vector.value : 0;
    timer_.set_entry(now);
}

void ReplayedVcpu::note_timer(VcpuVerdict& verdict, const GuestAccess& access, Reg touched) {
    const bool reached = !model::is_mmio(access.kind) || access.reached_apic;
    if (access.gp || !reached) return;
    const TimerWatch::Place at{access.time, access.line};
    const u32 value = model::low_half(access.value);
    const bool is_word = !model::is_mmio(access.kind) || model::is_aligned_word(access.address, access.size);
    if (is_write(access.kind)) {
        switch (touched) {
        case Reg::lvt_timer:
        case Reg::svr:
        case Reg::apic_base: return note_timer_entry();
        case Reg::initial_count:
            if (is_word) timer_.start(value, divisor_of(main_.stored(Reg::dcr)), at);
            else timer_.forget();
            return;
        case Reg::dcr: return timer_.divisor_was_written();
        case Reg::tsc_deadline: return timer_.start_deadline(access.value, at);
        case Reg::eoi: return timer_.interrupt_ended();
        default: return;
        }
    }
    std::optional<TimerFault> fault;
    if (touched == Reg::lvt_timer) note_timer_entry();
    else if (touched == Reg::tsc_deadline && access.value == 0 && // T10: it was met
             timer_.entry().mode == TimerWatch::Mode::deadline) {
        for_each_hypothesis([](AbstractState& state) { state.deadline_is_over(); });
        timer_.reads_no_deadline(at);
    } else if (touched == Reg::current_count && is_word) fault = timer_.count_read(value, at);
    else if (model::is_bitmap(touched) && is_word && !(touched >= Reg::tmr0 && touched <= Reg::tmr7)) {
        const bool irr = touched >= Reg::irr0;
        const Reg first = irr ? Reg::irr0 : Reg::isr0;
        const auto word = static_cast<u32>(model::index_of(touched) - model::index_of(first));
        fault = timer_.shown(irr, word, value, is_surely_enabled());
    }
    if (fault) add_timer_fault(verdict, access, *fault);
}

VcpuVerdict ReplayedVcpu::accepts_own(const GuestAccess& shown_by, u32 vector, bool by_timer) {
    VcpuVerdict verdict;
    const bool is_timer = by_timer && vector == timer_vector();
    if (is_timer) attribution_.evidence().timer_fired(shown_by.line, vector);
    if (const auto fault = timer_.fired(vector, {shown_by.time, shown_by.line}, by_timer))
        add_timer_fault(verdict, shown_by, *fault);
    if (timer_.early_is_confirmed() && early_deadline_)
        verdict.divergences.push_back(*std::exchange(early_deadline_, std::nullopt));
    if (is_timer && timer_.is_deadline_over())
        for_each_hypothesis([](AbstractState& state) { state.deadline_is_over(); });
    return verdict;
}

VcpuVerdict ReplayedVcpu::timer_has_not_fired(const GuestAccess& shown_by, const Visibility& seen) {
    VcpuVerdict verdict;
    const bool accepts_shown = seen.accepts && !seen.accelerated;
    if (const auto fault = timer_.overdue(is_surely_enabled() && others_.empty(), accepts_shown))
        add_timer_fault(verdict, shown_by, *fault);
    return verdict;
}

void ReplayedVcpu::add_timer_fault(VcpuVerdict& verdict, const GuestAccess& shown_by,
                                   const TimerFault& fault) {
    using What = TimerFault::What;
    Mismatch mismatch;
    mismatch.rule = fault.rule;
    mismatch.mode = main_.mode().value_or(Mode::xapic);
    mismatch.reg = Reg::lvt_timer;
    mismatch.detail = {"vector {:02X}H", fault.vector};
    switch (fault.what) {
    case What::again: mismatch.fault = Fault::timer_again; break;
    case What::masked: mismatch.fault = Fault::timer_masked; break;
    case What::missing:
        mismatch.fault = Fault::timer_missing;
        mismatch.needs_all_cpus = true;
        mismatch.unseen_cause = true;
        break;
    case What::counting:
        mismatch.fault = Fault::value;
        mismatch.reg = Reg::current_count;
        mismatch.bits = shown_by.value;
        mismatch.expected = Known<u64>{u64{0}};
        mismatch.detail = {};
        break;
    case What::rising:
        mismatch.fault = Fault::value;
        mismatch.reg = Reg::current_count;
        mismatch.bounded = true;
        mismatch.bits = shown_by.value;
        mismatch.expected = Known<u64>{u64{fault.before}};
        mismatch.detail = {};
        break;
    case What::early:
        mismatch.fault = Fault::timer_early;
        mismatch.detail.second = fault.came;
        mismatch.expected = Known<u64>{fault.due};
        break;
    }
    Divergence divergence = divergence_of(shown_by, mismatch);
    if (fault.line != 0) divergence.line = fault.line;
    if (fault.what == What::early && fault.rule == Rule::T16) { // the next one confirms it
        early_deadline_ = std::move(divergence);
        return;
    }
    verdict.divergences.push_back(std::move(divergence));
}

} // namespace lapicheck::checker
