#include "checker/replay/vcpu.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace lapicheck::checker {
namespace {

using traces::GuestAccess;

constexpr std::array all_modes = {Mode::disabled, Mode::xapic, Mode::x2apic};

bool is_window_fault(const Mismatch& mismatch) {
    return mismatch.fault == Fault::answered_by_apic || mismatch.fault == Fault::reached_apic;
}

// Whether it was said beforehand which value would be read, which vector an EOI would end, or that a write
// would reach the APIC. Where a value is out of bounds all of it had to be said.
bool predicts(const Judgement& judgement, const Mismatch& mismatch) {
    if (mismatch.fault == Fault::eoi_vector) return judgement.predicted_service;
    if (mismatch.fault == Fault::value) {
        const u64 bits = mismatch.bits != 0 ? mismatch.bits : 0xffff'ffff;
        return (bits & ~judgement.predicted_bits) == 0;
    }
    if (mismatch.fault == Fault::reached_apic) return judgement.predicted;
    constexpr u64 low_seven_bits = 0x7f;
    return mismatch.fault == Fault::answered_by_apic &&
           (judgement.predicted_bits & low_seven_bits) == low_seven_bits;
}

// An entry of the LVT, or what decides which of them are masked.
bool is_about_lvt(Reg reg) { return model::is_lvt(reg) || reg == Reg::svr || reg == Reg::apic_base; }

u64 telling_line(const GuestAccess& access, Fault fault) {
    const bool about_ipi = fault == Fault::ipi_sent || fault == Fault::ipi_differs ||
                           fault == Fault::not_accepted || fault == Fault::accepted_unaddressed ||
                           fault == Fault::accepted_by_several || fault == Fault::accepted_twice;
    if (about_ipi) return access.ipi_line;
    return fault == Fault::eoi_vector ? access.eoi_line : access.line;
}

} // namespace

VcpuVerdict ReplayedVcpu::judge(const GuestAccess& access, const Visibility& seen, bool monitors) {
    Visibility visible = seen;
    visible.nested = runs_guest_;
    visible.no_exits =
        seen.no_exits && access.ended_interrupt && access.eoi_vector <= 0xff && announced_[access.eoi_vector];
    visible.registers = shows_registers_;
    const Reg touched = register_touched(access);
    VcpuVerdict verdict = judge_access(access, touched, visible, monitors);
    if (visible.interrupts()) note_service(verdict, access, touched);
    else doubts_.clear();
    if (visible.accelerated) timer_.forget();
    else note_timer(verdict, access, touched);
    return verdict;
}

VcpuVerdict ReplayedVcpu::judge_access(const GuestAccess& access, Reg touched, const Visibility& visible,
                                       bool monitors) {
    shows_registers_ = shows_registers_ || (model::is_mmio(access.kind) && access.reached_apic);
    note_tpr(access, touched);
    note_eoi(access, touched);
    const bool shows_lvt = is_about_lvt(touched);
    for_each_hypothesis([&](AbstractState& state) { state.elapse(facts_, visible, shows_lvt); });
    if (!visible.accepts || visible.accelerated) attribution_.any_low_vectors_sent();
    const Observation observation{access, facts_, visible, !userspace_apic_ || !model::is_mmio(access.kind)};
    const auto before = Attribution::before(main_);

    VcpuVerdict verdict;
    const std::optional<AbstractState> watched = monitors ? std::optional(main_) : std::nullopt;
    Judgement judgement = main_.judge(observation);
    verdict.determined = judgement.determined;
    std::optional<Judgement> by_init; // mostly there is none to be made
    std::vector<Mismatch> departures_by_init;
    if (init_) {
        by_init = init_->judge(observation);
        if (!by_init->explained) {
            // What is wrong either way, and what KVM is known to do, speaks neither for nor against it.
            departures_by_init = departures_after_init(by_init->mismatch, access);
            if (!departures_by_init.empty() || contradict_by_same_rule(*by_init, judgement))
                init_->resync(access, facts_, by_init->mismatch);
            else init_.reset();
        }
    }
    std::optional<Hypotheses::Verdict> by_others; // by the others, most often there are none
    if (!others_.empty()) {
        by_others = others_.judge(observation, judgement);
        settle(verdict);
    }
    if (!init_doubt_.empty() && !others_.has_other()) init_doubt_.clear();
    if (judgement.explained) {
        if (touched == Reg::apic_base) learn_x2apic(access);
        if (touched == Reg::id) judge_ids(verdict, access.line);
        attribution_.note(access, before, main_);
        attribution_.confirm(access);
        note_window_answer(access, before.modes);
        if (init_ && ++init_age_ > init_patience) give_up_init();
        if (!others_.empty() && pending_.empty()) others_.expire();
        if (watched) watch(verdict, broken_properties({*watched, main_, observation}), access);
        for (Divergence& divergence : verdict.divergences) divergence.mismatch.unseen_wrmsr = !visible.msrs;
        return verdict;
    }
    if (!init_doubt_.empty() && by_others && by_others->judgement.explained) { // There was no INIT.
        if (const auto other = others_.take_other()) main_ = *other;
        attribution_.evidence().init(0);
        attribution_.note(access, before, main_);
        verdict.divergences = std::exchange(init_doubt_, {});
        return verdict;
    }
    const Mismatch whole = attribution_.refined(judgement.mismatch, main_);
    const std::vector<Mismatch> parts = attribution_.parts(judgement.mismatch, access, main_, facts_);
    const bool init_departs = !departures_by_init.empty() && !are_departures(parts);
    if (init_ && (init_departs || predicts(*by_init, judgement.mismatch))) { // The INIT has taken effect.
        main_.resync(access, facts_, judgement.mismatch);
        others_.add_other(main_); // if the INIT was for another vCPU
        main_ = *std::exchange(init_, std::nullopt);
        // What KVM is known to do does not tell whether there was an INIT.
        if (are_departures(parts))
            for (const Mismatch& part : parts) init_doubt_.push_back(divergence_of(access, part));
        attribution_.evidence().init(init_line_);
        for (const Mismatch& part : departures_by_init)
            verdict.divergences.push_back(divergence_of(access, part));
        attribution_.note(access, before, main_);
        return verdict;
    }
    for (const Mismatch& part : parts) verdict.divergences.push_back(divergence_of(access, part));
    const Hypotheses::Verdict others = by_others.value_or(Hypotheses::Verdict{});
    if (others.besides) verdict.settled.push_back(divergence_of(access, *others.besides));
    verdict.pending = others.besides || (others.shared ? predicts(others.judgement, whole)
                                                       : is_excused(others.judgement, whole));
    if (auto unrequested = take_unrequested(whole, access)) verdict.divergences = {std::move(*unrequested)};
    if (auto opened = take_window_answer(whole, visible)) verdict.divergences = {std::move(*opened)};
    note_basis(verdict, observation);
    if (!visible.msrs) leave_unspecified(verdict, observation);
    const AbstractState was = main_;
    const auto besides = carried_out_wrongly(observation, whole);
    if (besides)
        for (const Mismatch& part : attribution_.parts(*besides, access, main_, facts_))
            verdict.divergences.push_back(divergence_of(access, part));
    main_.resync(access, facts_, besides.value_or(whole));
    const Watched seen_so{was, main_, observation};
    for (Divergence& divergence : verdict.divergences)
        for (const specs::PropertyEntry* property : broken_properties(seen_so, divergence.mismatch.rule))
            divergence.properties.push_back(property->id);
    attribution_.note(access, before, main_);
    return verdict;
}

// What should have been refused was carried out, and otherwise than it should be where it is allowed.
std::optional<Mismatch> ReplayedVcpu::carried_out_wrongly(const Observation& seen,
                                                          const Mismatch& mismatch) const {
    if (mismatch.fault != Fault::gp_missing || !is_write(seen.access.kind)) return std::nullopt;
    const auto besides = main_.wrong_besides(seen, mismatch.rule);
    return besides && besides->fault == Fault::eoi_vector ? besides : std::nullopt;
}

// A CPU that was let into x2APIC mode has it, whether CPUID was seen or not: until another virtual machine
// may run in its place.
void ReplayedVcpu::learn_x2apic(const GuestAccess& access) {
    const bool accepted = access.kind == model::AccessKind::wrmsr && !access.gp;
    if (!accepted || facts_.has_x2apic.known || main_.mode() != Mode::x2apic) return;
    facts_.has_x2apic = true;
    has_shown_x2apic_ = true;
}

// What the access shows by the explanation that the INIT has taken effect, if all of it is what KVM is known
// to do.
std::vector<Mismatch> ReplayedVcpu::departures_after_init(const Mismatch& mismatch,
                                                          const GuestAccess& access) const {
    Attribution taken = attribution_;
    taken.evidence().init(init_line_);
    std::vector<Mismatch> parts = taken.parts(mismatch, access, *init_, facts_);
    if (!are_departures(parts)) parts.clear();
    return parts;
}

// Nothing but an answer of the window has told the mode.
void ReplayedVcpu::note_window_answer(const GuestAccess& access, unsigned modes_before) {
    if (main_.count() != 1) return mode_shown_by_.reset();
    if (modes_before == 1) return;
    mode_shown_by_.reset();
    if (model::is_mmio(access.kind) && access.reached_apic) mode_shown_by_ = access;
}

// The MSRs show x2APIC mode, and only the window's answer spoke against it: then it should not have answered.
std::optional<Divergence> ReplayedVcpu::take_window_answer(const Mismatch& mismatch,
                                                           const Visibility& visible) {
    const bool shows_x2apic = (mismatch.rule == Rule::X01 && mismatch.fault == Fault::gp_missing) ||
                              (mismatch.reg == Reg::apic_base && mismatch.fault == Fault::value &&
                               (mismatch.bits & ~mismatch.expected.value & model::apic_base::extd) != 0);
    if (!mode_shown_by_ || !shows_x2apic) return std::nullopt;
    const GuestAccess opened = *std::exchange(mode_shown_by_, std::nullopt);
    AbstractState in_x2apic = AbstractState::unknown_in(Mode::x2apic, opened.address);
    const AbstractState before = in_x2apic;
    const Observation answer{opened, facts_, visible};
    const Judgement judgement = in_x2apic.judge(answer);
    if (judgement.explained || !is_window_fault(judgement.mismatch)) return std::nullopt;
    Divergence divergence = divergence_of(opened, judgement.mismatch);
    const Watched seen_so{before, main_, answer};
    for (const specs::PropertyEntry* property : broken_properties(seen_so, judgement.mismatch.rule))
        divergence.properties.push_back(property->id);
    divergence.rests_on = opened.first_line;
    return divergence;
}

// The guest writes TPR and does not run before kvm_entry.
void ReplayedVcpu::note_tpr(const GuestAccess& access, Reg touched) {
    tpr_.reset();
    if (!is_write(access.kind) || access.gp) return;
    const bool by_cr8 = access.kind == model::AccessKind::cr8_write;
    const bool reached = !model::is_mmio(access.kind) || access.reached_apic;
    if (by_cr8) tpr_ = model::low_half(access.value << 4) & model::tpr::task_class;
    else if (reached && touched == Reg::tpr) tpr_ = model::low_half(access.value) & model::tpr::task_class;
}

void ReplayedVcpu::writes_cr8(const GuestAccess& access, const Visibility& visible) {
    if (access.value <= 15) judge(access, visible); // else #GP (P15)
}

void ReplayedVcpu::runs_guest() {
    runs_guest_ = true;
    forget_interrupts();
}

std::optional<Mismatch> ReplayedVcpu::wrong_in_any_state(const Observation& seen) const {
    AbstractState any = AbstractState::unknown();
    any.keep(Reg::version, main_);
    const Judgement judgement = any.judge(seen);
    if (judgement.explained) return std::nullopt;
    return judgement.mismatch;
}

// What only the state speaks against holds unless a WRMSR that the trace does not show has changed it.
void ReplayedVcpu::leave_unspecified(VcpuVerdict& verdict, const Observation& seen) const {
    const std::optional<Mismatch> wrong = wrong_in_any_state(seen);
    for (Divergence& divergence : verdict.divergences) {
        Mismatch& mismatch = divergence.mismatch;
        mismatch.unseen_wrmsr =
            !wrong || (mismatch.fault == Fault::value && (mismatch.bits & ~wrong->bits) != 0);
    }
}

void ReplayedVcpu::note_basis(VcpuVerdict& verdict, const Observation& seen) const {
    const std::optional<Mismatch> wrong = wrong_in_any_state(seen);
    for (Divergence& divergence : verdict.divergences) {
        const Mismatch& mismatch = divergence.mismatch;
        const bool in_any_state =
            wrong && (mismatch.fault == Fault::value ? (mismatch.bits & ~wrong->bits) == 0
                                                     : mismatch.rule == wrong->rule);
        const bool is_alone = in_any_state || is_of_access_alone(mismatch);
        divergence.rests_on =
            is_alone ? divergence.access.first_line : attribution_.evidence().last_confirmed(mismatch);
    }
}

void ReplayedVcpu::watch(VcpuVerdict& verdict, const BrokenProperties& broken,
                         const GuestAccess& access) const {
    for (const specs::PropertyEntry* property : broken) {
        Mismatch mismatch;
        mismatch.rule = property->rules.front();
        mismatch.fault = Fault::property;
        mismatch.reg = model::register_addressed(access.kind, access.address);
        mismatch.mode = main_.mode().value_or(Mode::xapic);
        mismatch.detail.format = property->id;
        verdict.divergences.push_back(divergence_of(access, mismatch));
        verdict.divergences.back().properties = {property->id};
    }
}

// A reset excuses an observation only if it predicted what was then seen, not if it leaves all unspecified; a
// second one also if it merely allows it.
bool ReplayedVcpu::is_excused(const Judgement& by_others, const Mismatch& mismatch) const {
    if (others_.empty()) return false;
    return held_ != 0 || others_.any_sregs() || predicts(by_others, mismatch);
}

void ReplayedVcpu::hold(std::vector<Divergence> divergences, bool is_access) {
    others_.excused();
    ++(is_access ? held_ : held_events_);
    if (pending_.size() < most_pending) std::ranges::move(divergences, std::back_inserter(pending_));
    if (!pending_is_decisive() || others_.empty()) return;
    // What was set before is contradicted in several ways, and a reset by userspace explains all.
    main_ = others_.best();
    others_.clear();
    reset_line_ = pending_.front().access.line;
    attribution_.evidence().reset_by_host(reset_line_);
    drop_pending();
}

void ReplayedVcpu::drop_pending() {
    attributed_to_reset_ += held_;
    forget_pending();
}

// One register's wrong value may be that register's fault, a window that answers shows again and again,
// and a missing #GP says nothing of the state. Values of several registers speak for a reset.
bool ReplayedVcpu::pending_is_decisive() const {
    std::set<Reg> registers;
    bool window_only = true;
    for (const Divergence& divergence : pending_) {
        const Mismatch& mismatch = divergence.mismatch;
        if (mismatch.fault != Fault::value && mismatch.fault != Fault::answered_by_apic) continue;
        registers.insert(mismatch.reg);
        window_only = window_only && is_window_fault(mismatch);
    }
    return !window_only && registers.size() >= 2;
}

void ReplayedVcpu::settle(VcpuVerdict& verdict) {
    if (pending_.empty() || others_.have_excused()) return;
    verdict.settled = std::move(pending_);
    forget_pending();
}

void ReplayedVcpu::forget_pending() {
    pending_.clear();
    held_ = 0;
    held_events_ = 0;
}

void ReplayedVcpu::host_may_have_reset() {
    doubts_.may_forget_waiting();
    timer_.may_be_stopped();
    if (std::exchange(has_shown_x2apic_, false)) facts_.has_x2apic = initial_facts_.has_x2apic;
    CpuFacts facts = facts_;
    if (const std::optional<u64> id = sure_id()) facts.hardware_id = model::low_half(*id);
    others_.add_reset(facts);
}

void ReplayedVcpu::host_has_loaded() {
    init_doubt_.clear();
    doubts_.clear();
    timer_.forget();
    mode_shown_by_.reset();
    eoi_is_suppressed_ = false;
    deliveries_.clear();
    shown_ids_.clear();
    main_ = AbstractState::unknown();
    attribution_ = attribution_.forgotten();
    others_.clear();
    init_.reset();
    drop_pending();
}

void ReplayedVcpu::host_has_set_sregs() {
    AbstractState first = main_;
    if (init_) first.merge(*init_);
    others_.add_sregs(first);
}

void ReplayedVcpu::on_lost() {
    host_has_loaded();
    was_given_.reset();
    facts_ = initial_facts_;
    startup_vector_.reset();
    unrequested_.clear(); // who requested it may be among what is lost
    announced_.reset();   // and that it was given
}

// Whether an earlier INIT has taken effect the vCPU has not shown until now: what it does from this one on
// must be predicted from either state, so the two are one from here on.
bool ReplayedVcpu::init_sent(u64 line) {
    doubts_.clear();
    timer_.forget();
    // Nothing was seen of the vCPU since the last one, as with the de-assert behind it, where that is not
    // known to do nothing (I07): both of them leave the same.
    if (init_ && init_age_ == 0) {
        init_line_ = line;
        // INIT after INIT leaves what the first one did, so from the second on there is nothing to add.
        if (std::exchange(init_repeats_, true)) return false;
        AbstractState again = *init_;
        again.apply_init();
        init_->merge(again);
        return true;
    }
    if (init_) give_up_init();
    init_ = main_;
    init_->apply_init();
    others_.for_each([](AbstractState& state) {
        AbstractState after = state;
        after.apply_init();
        state.merge(after);
    });
    init_age_ = 0;
    init_repeats_ = false;
    init_line_ = line;
    startup_vector_.reset();
    return true;
}

void ReplayedVcpu::deassert_sent(u64 line) { attribution_.evidence().deassert(line); }

bool ReplayedVcpu::may_be_addressed(const AbstractState::Message& message) const {
    const auto may = [&](const AbstractState& state) { return state.may_be_addressed(message); };
    return may(main_) || (init_ && may(*init_)) || others_.any(may);
}

bool ReplayedVcpu::must_be_addressed(const AbstractState::Message& message) const {
    const auto may_not = [&](const AbstractState& state) { return !state.must_be_addressed(message); };
    return !may_not(main_) && !(init_ && may_not(*init_)) && !others_.any(may_not);
}

void ReplayedVcpu::expect(Delivery delivery) {
    if (deliveries_.size() < most_pending) deliveries_.push_back(std::move(delivery));
}

std::vector<Divergence> ReplayedVcpu::settle_deliveries() {
    std::vector<Divergence> wrong;
    for (Delivery& delivery : std::exchange(deliveries_, {})) {
        const bool holds = delivery.due ? must_be_addressed(delivery.message)
                                        : delivery.to_itself || !may_be_addressed(delivery.message);
        if (holds) wrong.push_back(std::move(delivery.divergence));
    }
    return wrong;
}

std::optional<u64> ReplayedVcpu::sure_id() const {
    if (number_ >= 0) return static_cast<u64>(number_);
    std::optional<Known<u32>> id;
    for (const Mode mode : all_modes)
        if (main_.is_possible(mode))
            id = id ? id->join(main_.mode_state(mode).x2apic_id) : main_.mode_state(mode).x2apic_id;
    if (!id || !id->is_exact()) return std::nullopt;
    return id->value;
}

void ReplayedVcpu::give_up_init() {
    main_.merge(*init_);
    init_.reset();
}

// A SIPI's vector is the code segment's base in KVM, and the guest enters at 0 in it.
void ReplayedVcpu::enters(u64 rip, bool goes_on) {
    tpr_.reset();
    if (rip == 0xfff0) host_may_have_reset();
    if (!others_.empty()) others_.entered(goes_on);
    if (goes_on) {
        doubts_.was_not_reset();
        timer_.was_not_stopped();
    } else {
        doubts_.may_have_been_reset();
    }
    if (!init_ || !startup_vector_ || goes_on) return;
    if (rip != 0 && rip != u64{*startup_vector_} << 12) return;
    main_ = *std::exchange(init_, std::nullopt);
    attribution_.evidence().init(init_line_);
}

bool ReplayedVcpu::is_own(u64 id) const {
    if (number_ >= 0) return static_cast<u64>(number_) == id;
    const std::optional<Mode> mode = main_.mode();
    return mode && main_.mode_state(*mode).x2apic_id == Known<u32>{static_cast<u32>(id)};
}

bool ReplayedVcpu::may_be(u64 id) const {
    if (number_ >= 0) return static_cast<u64>(number_) == id;
    return std::ranges::any_of(all_modes, [&](Mode mode) {
        return main_.is_possible(mode) && main_.mode_state(mode).x2apic_id.admits(static_cast<u32>(id));
    });
}

bool ReplayedVcpu::has_window_at(u64 address) const {
    return std::ranges::any_of(all_modes, [&](Mode mode) {
        if (!main_.is_possible(mode)) return false;
        const Known<u64> base = main_.mode_state(mode).apic_base & model::apic_base::page;
        return base.is_exact() && base.value == (address & model::apic_base::page);
    });
}

std::string ReplayedVcpu::label() const {
    if (number_ >= 0) return fmt::format("vCPU {} (thread {})", number_, thread_);
    if (shares_thread_) return fmt::format("vCPU with fd {} (thread {})", descriptor_, thread_);
    return fmt::format("thread {}", thread_);
}

Divergence ReplayedVcpu::divergence_of(const GuestAccess& access, const Mismatch& mismatch) const {
    Divergence divergence;
    divergence.mismatch = mismatch;
    divergence.access = access;
    divergence.line = telling_line(access, mismatch.fault);
    divergence.vcpu = label();
    divergence.because = attribution_.because(mismatch, access);
    return divergence;
}

} // namespace lapicheck::checker
