// What may be true of one vCPU's APIC: a KnownBits state for each mode that is possible.
//
// An access is run in each world on each path that the unknown bits allow; paths that the observation
// refutes are dropped, the rest are merged by mode. Nothing left means that no world explains it.
#pragma once

#include <array>
#include <optional>

#include "checker/judge/divergence.hpp"
#include "checker/judge/mode_state.hpp"
#include "model/driver.hpp"
#include "model/reset.hpp"
#include "model/step.hpp"

namespace lapicheck::checker {

struct Judgement {
    bool explained = true;
    bool determined = false; // the rules left the observation no full freedom
    // What some path that explains the observation had said beforehand: the bits of the value read,
    // and whether it said anything of the access.
    u64 predicted_bits = 0;
    bool predicted = false;
    bool predicted_service = false; // of the vectors in service, of an EOI
    Mismatch mismatch;              // if not explained
};

class AbstractState {
  public:
    // Nothing known: one world a mode.
    static AbstractState unknown();
    // Nothing known but the mode, and where the window is.
    static AbstractState unknown_in(Mode mode, u64 window);
    // Some time after RESET. Of what userspace puts there itself (LINT0) and of interrupts since then
    // nothing is assumed.
    static AbstractState after_reset(const CpuFacts& cpu);
    // At RESET, nothing done since. What the manual leaves to the CPU: `version`, what the version register
    // holds, if that is known; `disabled`: how the APIC comes up, if it may come up so (R08).
    static AbstractState at_reset(const CpuFacts& cpu, std::optional<u32> version, bool bsp, bool disabled);

    Judgement judge(const Observation& seen);
    // What is wrong with the access besides, if it is carried out although `waived` says that it must not be.
    std::optional<Mismatch> wrong_besides(const Observation& seen, Rule waived) const;
    // Takes over what was observed although `mismatch` says that it must not be.
    void resync(const traces::GuestAccess& access, const CpuFacts& cpu, const Mismatch& mismatch);
    // What may have changed since the last access without one.
    // `shows_lvt`: the next access may show an entry of the LVT, or change which are masked.
    void elapse(const CpuFacts& cpu, const Visibility& visible, bool shows_lvt = true);
    void apply_init();
    // KVM_SET_SREGS: IA32_APIC_BASE and CR8 may be others, and with another mode the ID.
    void host_may_have_set_sregs();
    // Errors of the bus may have been collected; nothing else is done by itself.
    void collect_bus_errors(const CpuFacts& cpu);
    // A message on the bus, its destination in the form of each receiver: `x2apic` for those in x2APIC mode.
    // `certain`: it has arrived.
    struct Message {
        enum class From : std::uint8_t { unknown, apic, device }; // device: an MSI, an I/O APIC's message
        Known<u32> destination;
        Known<u32> x2apic_destination;
        u32 command = 0;
        From from = From::unknown;
        bool certain = true;
        const AbstractState* except = nullptr; // the sender, if it is not for it
    };
    void receive(const Message& message, const CpuFacts& cpu);
    // The access was made or not, and nothing tells what came of it.
    void may_step(const traces::GuestAccess& access, const CpuFacts& cpu);
    // Whether the message may be for this APIC.
    bool may_be_addressed(const Message& message) const;
    bool must_be_addressed(const Message& message) const;
    // The performance counters' entry of the local vector table has given its interrupt.
    void pmc_delivered(const CpuFacts& cpu);
    // The timer has fired, or may have.
    void timer_fired(const CpuFacts& cpu);
    void timer_may_have_fired(const CpuFacts& cpu);
    // Whether what was recorded since these errors were all that were pending raises the error interrupt
    // (E05).
    model::KnownBool raises_error(Known<u32> pending_before) const;
    // It was raised, or may have been.
    void error_raised(bool certain);
    // The deadline was met: 6E0H reads 0.
    void deadline_is_over() {
        for_each_mode([](ModeState& mode_state) { mode_state.tsc_deadline = u64{0}; });
    }
    // The vector that the processor takes if it is open, where there is no doubt of it.
    std::optional<u32> interrupt_to_take() const;
    // What PPR reads, as far as it is determined (P03).
    Known<u32> processor_priority() const;
    // Whether an EOI now would be broadcast.
    model::KnownBool broadcasts_eoi() const;
    // What is determined of the APIC's answer to the access if the window were not closed.
    Known<u64> answer_if_open(const traces::GuestAccess& access, const CpuFacts& cpu) const;
    // As if the write to the closed window had reached the APIC.
    void carry_out_though_closed(const traces::GuestAccess& access, const CpuFacts& cpu);
    void merge(const AbstractState& other);

    void on_accept(u32 vector, bool certain, bool level_triggered);
    // An interrupt that KVM gives to the processor, as far as the trace tells of it.
    struct Injection {
        u32 vector = 0;
        bool announced = false;      // its acceptance was shown
        bool may_be_again = false;   // it may have been given before: an event came in between
        bool may_end_itself = false; // the vector may be one that is never in service
        std::optional<u32> tpr;      // if the guest cannot have changed TPR since
    };
    struct InjectionVerdict {
        std::optional<Mismatch> violated; // by what it breaks a rule, in every world
        // In no world the APIC can have asked for it. Not everything that KVM gives comes from there:
        // only if it is then in service, it did.
        std::optional<Mismatch> unrequested;
    };
    InjectionVerdict on_inject(const Injection& given);
    // The same where all is seen.
    std::optional<Mismatch> on_inject(u32 vector);
    // The vector in service may have ended by itself.
    void may_have_ended(u32 vector);
    // The vector was given to the processor, by this APIC or past it.
    void may_have_taken(u32 vector);
    // A write of a register whose way to the APIC the trace does not show: done or not.
    void on_stray_write(Reg reg, u64 value, const CpuFacts& cpu);
    void forget_interrupts();
    void forget(Reg reg);
    // The register holds what it holds in `of`, whatever the mode.
    void keep(Reg reg, const AbstractState& of);

    // All that is in service is known.
    bool knows_service() const;
    bool is_possible(Mode mode) const { return possible_[static_cast<std::size_t>(mode)]; }
    unsigned count() const;
    // The mode, if only one is possible.
    std::optional<Mode> mode() const;
    // The errors that are certainly collected and not yet shown by ESR.
    u32 pending_errors() const;
    // All that may be collected.
    Known<u32> collected_errors() const;
    bool may_be_periodic() const;
    // Of all worlds.
    Known<u32> stored(Reg reg) const;
    Known<u64> tsc_deadline() const;
    Known<u64> apic_base() const;
    // The ID by which messages in the form of the current mode find it.
    Known<u32> bus_id() const;
    const ModeState& mode_state(Mode mode) const { return mode_states_[static_cast<std::size_t>(mode)]; }

  private:
    template <class Visit>
    void for_each_mode(Visit visit) {
        for (std::size_t m = 0; m < model::mode_count; ++m)
            if (possible_[m]) visit(mode_states_[m]);
    }
    void add(const ModeState& mode_state);
    // On each path of each world, with a copy of it.
    template <class Visit>
    void for_each_path(Visit visit) const {
        for (std::size_t m = 0; m < model::mode_count; ++m) {
            if (!possible_[m]) continue;
            model::ForkingDriver p;
            do {
                ModeState mode_state = mode_states_[m];
                visit(p, mode_state);
            } while (p.next_path());
        }
    }
    // Each world becomes what `act` makes of it, on each path.
    template <class Act>
    void transform(Act act) {
        AbstractState next;
        next.interrupts_known_ = interrupts_known_;
        for_each_path([&](model::ForkingDriver& p, ModeState& mode_state) {
            act(p, mode_state);
            next.add(mode_state);
        });
        *this = next;
    }
    template <class Visit>
    void each_arrival(const Message& message, Visit visit) const;
    void clear_in_service(u64 vector);
    Judgement judge_access(const Observation& seen);
    Judgement judge_paths(const Observation& seen);
    void keep_departing(AbstractState& survivors, const std::array<Judgement, model::mode_count>& refuted,
                        const traces::GuestAccess& access, const CpuFacts& cpu);
    static void take_over(const ModeState& before, const traces::GuestAccess& access, const CpuFacts& cpu,
                          const Mismatch& mismatch, AbstractState& next);

    std::array<ModeState, model::mode_count> mode_states_;
    std::array<bool, model::mode_count> possible_{};
    bool interrupts_known_ = false; // some bit of IRR, ISR or TMR may be known
};

} // namespace lapicheck::checker
