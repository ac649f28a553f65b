// One vCPU under replay: what may be true of it, on what evidence, and the other explanations that are
// still open.
//
// Userspace may reset or load a vCPU without any event. Where that is plausible a second explanation
// runs beside the first; a divergence that it would explain stays pending until one of them breaks.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <vector>

#include "checker/judge/abstract_state.hpp"
#include "checker/judge/attribution.hpp"
#include "checker/judge/monitor.hpp"
#include "checker/replay/accept_log.hpp"
#include "checker/replay/doubts.hpp"
#include "checker/replay/host_notes.hpp"
#include "checker/replay/hypotheses.hpp"
#include "checker/replay/machines.hpp"
#include "checker/replay/timer_watch.hpp"

namespace lapicheck::checker {

// The register in whose slot the access begins.
inline Reg register_touched(const traces::GuestAccess& access) {
    constexpr u64 slot = 0xf;
    return model::register_addressed(access.kind,
                                     model::is_mmio(access.kind) ? access.address & ~slot : access.address);
}

struct VcpuVerdict {
    bool determined = false;
    std::vector<Divergence> divergences; // no explanation is left
    bool pending = false;                // would diverge, but a reset by userspace explains it
    std::vector<Divergence> settled;     // were pending, and nothing explains them any more
};

class ReplayedVcpu {
  public:
    static constexpr u64 no_descriptor = ~u64{0};

    ReplayedVcpu(u32 thread, const CpuFacts& facts) : thread_(thread), initial_facts_(facts), facts_(facts) {}
    const CpuFacts& facts() const { return facts_; }
    void on_host(const Host& host, bool virtualized) { attribution_.on_host(host, virtualized); }
    // An interrupt with a vector below 16 was sent that may be for this vCPU.
    void low_vector_sent(u32 vector) { attribution_.low_vector_sent(vector); }
    Circumstances circumstances_of(const Mismatch& mismatch) const {
        return attribution_.circumstances_of(mismatch, main_, facts_);
    }

    // `monitors`: hold it against the properties too, whether or not it is explained.
    VcpuVerdict judge(const traces::GuestAccess& access, const Visibility& seen, bool monitors = false);
    // Keeps what one observation contradicts until the other explanation breaks.
    void hold(std::vector<Divergence> divergences, bool is_access);

    // Userspace may have reset this vCPU since its last access.
    void host_may_have_reset();
    // Userspace has set IA32_APIC_BASE and CR8, mostly to what they were.
    void host_has_set_sregs();
    void host_has_loaded();
    void host_has_set_msrs() {
        tsc_was_written(); // it may be among them
        for_each_hypothesis([](AbstractState& w) { w.forget(Reg::lvt_timer); });
    }
    void on_lost();
    // Another thread's acceptance of the vector for this vCPU; `time`: its stamp.
    bool may_lack_request() const { return lacked_request_; }
    void requested_late(u32 vector, u64 time);
    // An INIT was sent that may be for this vCPU. True: what is known of it has changed.
    bool init_sent(u64 line);
    void startup_sent(u32 vector) { startup_vector_ = vector; }
    // A level de-assert of INIT was sent that may be for this vCPU, which does nothing.
    void deassert_sent(u64 line);
    // The guest enters at `rip`; `goes_on`: where it was left.
    void enters(u64 rip, bool goes_on);
    // Whether a message is for this vCPU, by every explanation that is still open.
    bool may_be_addressed(const AbstractState::Message& message) const;
    bool must_be_addressed(const AbstractState::Message& message) const;
    // A message that it accepted or not (`due`), and should not have or should; to be decided at its next
    // event, when all that it did before has been seen.
    struct Delivery {
        AbstractState::Message message;
        bool due = false;
        Divergence divergence;
        bool to_itself = false; // a command to all others reached its sender
    };
    void expect(Delivery delivery);
    bool expects_deliveries() const { return !deliveries_.empty(); }
    std::vector<Divergence> settle_deliveries();
    // Its ID as KVM names it, where there is no doubt.
    std::optional<u64> sure_id() const;
    bool is_surely(u64 id) const { return sure_id() == id; }

    // The line of the only kvm_apic_accept_irq since the vector was given to the processor last; 0 if there
    // is none or more, or if that one is not known to be the only.
    u64 sole_announcement(u32 vector) const {
        return announced_[vector] && was_given_[vector] ? announcement_[vector] : 0;
    }
    // Takes in the interrupts that were sent since it last looked.
    void catch_up(const AcceptLog& log, const Machines& machines) {
        if (accepts_seen_ != log.count()) take_accepted(log, machines);
    }
    // The vCPU has sent this vector by a command.
    void has_commanded(u32 vector) { commanded_.set(vector & 0xff); }
    // What AbstractState::Injection tells of announcement and TPR, the vCPU knows.
    // `all_seen`: the trace shows what is accepted, given and ended.
    VcpuVerdict on_inject(const traces::GuestAccess& shown_by, AbstractState::Injection given,
                          bool shows_entries, bool all_seen);
    // The vector was accepted from its own thread; `by_timer`: from nothing but the timer, if it is the
    // timer's.
    VcpuVerdict accepts_own(const traces::GuestAccess& shown_by, u32 vector, bool by_timer);
    // Something else than its own thread sent it the vector.
    void is_sent(u32 vector) { timer_.fired(vector, {}, false); }
    // The guest runs on: whether the timer must have fired by then, and if so, what that it has not shows.
    bool timer_is_due(u64 time, u64 line) {
        timer_.goes_on(line);
        return timer_.is_due(time);
    }
    VcpuVerdict timer_has_not_fired(const traces::GuestAccess& shown_by, const Visibility& seen);
    u32 timer_vector() const { return timer_.entry().vector; }
    void tsc_was_written() { timer_.tsc_was_written(); }
    // MOV to CR8 where KVM shows it.
    void writes_cr8(const traces::GuestAccess& access, const Visibility& visible);
    // It runs a guest of its own.
    void runs_guest();
    void may_have_ended(u32 vector) {
        for_each_hypothesis([vector](AbstractState& w) { w.may_have_ended(vector); });
    }
    void on_stray_write(Reg reg, u64 value) {
        attribution_.evidence().forget(reg);
        for_each_hypothesis([&](AbstractState& w) { w.on_stray_write(reg, value, facts_); });
    }
    void forget_interrupts() {
        doubts_.clear();
        for_each_hypothesis([](AbstractState& w) { w.forget_interrupts(); });
    }
    // The I/O APIC received the last EOI.
    VcpuVerdict eoi_was_sent(const traces::GuestAccess& shown_by);
    // CPUID was executed: learns what it says of the CPU, checks what it says of the mode.
    struct Cpuid {
        u32 leaf = 0;
        u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
    };
    VcpuVerdict on_cpuid(const traces::GuestAccess& shown_by, const Cpuid& cpuid);
    Divergence divergence_of(const traces::GuestAccess& access, const Mismatch& mismatch) const;
    std::string label() const;
    // Whether KVM's vCPU id `id` may be this one's.
    bool may_be(u64 id) const;
    // The same for an event in this vCPU's own thread.
    bool is_own(u64 id) const;
    void name(std::int32_t number) { number_ = number; }

    // The file that KVM_RUN is called on, where the trace shows it: tells apart what one thread runs in turn.
    void opened_as(u64 descriptor) { descriptor_ = descriptor; }
    u64 descriptor() const { return descriptor_; }
    bool may_be_opened_as(u64 descriptor) const {
        return descriptor_ == no_descriptor || descriptor == no_descriptor || descriptor_ == descriptor;
    }
    // The thread's name alone does not tell which vCPU it is.
    void shares_thread() { shares_thread_ = true; }

    u32 thread() const { return thread_; }
    std::int32_t number() const { return number_; }
    const AbstractState& state() const { return main_; }
    // Observations that were held back and not reported.
    u64 undecided() const { return held_ + attributed_to_reset_; }
    u64 undecided_events() const { return held_events_; } // no accesses
    // The first of those that are held back.
    HostNotes::First first_undecided() const {
        if (pending_.empty()) return {};
        return {pending_.front().mismatch.rule, pending_.front().line};
    }
    // Where userspace must have reset the vCPU, 0 if nowhere.
    u64 reset_line() const { return reset_line_; }
    // Whether userspace may have reset or loaded it without an event, by what it has shown since.
    bool may_have_been_reset() const { return !others_.empty(); }
    bool has_userspace_apic() const { return userspace_apic_; }
    void apic_is_in_userspace() { userspace_apic_ = true; }
    // The mode's window, if it is known where it is.
    bool has_window_at(u64 address) const;

  private:
    static constexpr std::size_t most_pending = 16;
    static constexpr std::size_t most_unrequested = 16;
    // An INIT that makes no difference for so many accesses need not be distinguished.
    static constexpr unsigned init_patience = 256;

    template <class Visit>
    void for_each_hypothesis(Visit visit) {
        visit(main_);
        others_.for_each(visit);
        if (init_) visit(*init_);
    }
    void take_accepted(const AcceptLog& log, const Machines& machines);
    std::optional<Mismatch> carried_out_wrongly(const Observation& seen, const Mismatch& mismatch) const;
    void note_pmc(const AcceptLog::Entry& entry);
    void note_id(const traces::GuestAccess& shown_by, const Cpuid& cpuid);
    void judge_ids(VcpuVerdict& verdict, u64 line_of_id);
    void watch(VcpuVerdict& verdict, const BrokenProperties& broken, const traces::GuestAccess& access) const;
    void settle(VcpuVerdict& verdict);
    // What is wrong in whatever state unseen accesses may have left; nothing if some such state explains the
    // access.
    std::optional<Mismatch> wrong_in_any_state(const Observation& seen) const;
    void leave_unspecified(VcpuVerdict& verdict, const Observation& seen) const;
    // Divergence::rests_on.
    void note_basis(VcpuVerdict& verdict, const Observation& seen) const;
    bool is_excused(const Judgement& by_others, const Mismatch& mismatch) const;
    bool pending_is_decisive() const;
    void give_up_init();
    std::vector<Mismatch> departures_after_init(const Mismatch& mismatch,
                                                const traces::GuestAccess& access) const;
    void note_tpr(const traces::GuestAccess& access, Reg touched);
    void note_eoi(const traces::GuestAccess& access, Reg touched);
    void learn_x2apic(const traces::GuestAccess& access);
    VcpuVerdict judge_access(const traces::GuestAccess& access, Reg touched, const Visibility& visible,
                             bool monitors);
    void note_service(VcpuVerdict& verdict, const traces::GuestAccess& access, Reg touched);
    u32 overtaken_by(u32 vector) const;
    void note_timer(VcpuVerdict& verdict, const traces::GuestAccess& access, Reg touched);
    void note_timer_entry();
    void add_timer_fault(VcpuVerdict& verdict, const traces::GuestAccess& shown_by, const TimerFault& fault);
    bool is_surely_enabled() const;
    std::optional<Divergence> take_unrequested(const Mismatch& mismatch, const traces::GuestAccess& access);
    void note_window_answer(const traces::GuestAccess& access, unsigned modes_before);
    std::optional<Divergence> take_window_answer(const Mismatch& mismatch, const Visibility& visible);
    void drop_pending();
    void forget_pending();

    u32 thread_;
    std::int32_t number_ = -1;
    u64 descriptor_ = no_descriptor;
    bool shares_thread_ = false;
    CpuFacts initial_facts_;
    CpuFacts facts_;                 // with what CPUID showed
    bool eoi_is_suppressed_ = false; // the last access was an EOI that is not sent on (P05)
    bool has_shown_x2apic_ = false;  // known from the mode it entered, not from CPUID
    AbstractState main_ = AbstractState::unknown();
    Hypotheses others_;                 // as if userspace had reset or loaded the vCPU
    std::optional<AbstractState> init_; // as if an INIT that was sent had taken effect
    // What KVM is known to do, if the INIT that was taken for certain was for another vCPU.
    std::vector<Divergence> init_doubt_;
    u64 accepts_seen_ = 0;
    bool init_repeats_ = false; // nothing was seen between it and another
    unsigned init_age_ = 0;
    std::optional<u32> startup_vector_;
    std::vector<Delivery> deliveries_;
    bool shows_registers_ = false; // kvm_apic stands beside its MMIO accesses
    bool runs_guest_ = false;
    // What CPUID said of the x2APIC ID, whole or its low byte, before that was known.
    struct ShownId {
        traces::GuestAccess shown_by; // its value: the ID
        u32 mask = 0;                 // of the x2APIC ID
    };
    std::vector<ShownId> shown_ids_;
    std::bitset<256> commanded_;                // vectors that it sent by commands
    std::optional<AcceptLog::Entry> pmc_maybe_; // may be a performance-monitoring interrupt of this vCPU
    std::bitset<256> announced_;                // accepted, and not given to the processor since
    std::bitset<256> was_given_;                // to the processor, and all its acceptances since are seen
    std::array<u64, 256> announcement_{};       // the line of the acceptance, if it is the only one; else 0
    Doubts doubts_;
    TimerWatch timer_;
    std::optional<Divergence> early_deadline_; // until the next one confirms that it came early
    std::optional<u32> tpr_;                   // as written last, if the guest has not run since
    bool lacked_request_ = false;              // an injection, as it seemed
    std::vector<Divergence> unrequested_;      // given to the processor, and not seen in service yet
    u64 init_line_ = 0;
    std::optional<traces::GuestAccess>
        mode_shown_by_; // the window's answer, if nothing else has told the mode
    bool userspace_apic_ = false;
    std::vector<Divergence> pending_; // of the observations held back
    u64 held_ = 0;                    // how many of those are accesses,
    u64 held_events_ = 0;             // and how many other events
    u64 attributed_to_reset_ = 0;
    u64 reset_line_ = 0;
    Attribution attribution_;
};

} // namespace lapicheck::checker
