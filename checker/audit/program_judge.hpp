// Holds what came of an access program, step by step, against the model: the judgement of a recording
// (mode_state.hpp, compare.hpp), in a state that is known since RESET, where everything is seen. Whoever ran
// the program: a KVM, or another implementation.
//
// What is judged: each access of a guest; that nothing of the APIC answers at a closed window; interrupts
// that were taken, and those that had to be. What an interrupt, a timer or an INIT of which it is not certain
// that it has arrived may have changed is unknown from then on. After a divergence the model takes over what
// was observed, so that one fault is one divergence.
#pragma once

#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "checker/judge/attribution.hpp"
#include "programs/target.hpp"

namespace lapicheck::checker {

struct StepVerdict {
    enum class Kind : std::uint8_t { ok, divergence, not_judged };
    Kind kind = Kind::not_judged;
    std::string_view why; // of not_judged
    // Divergence::line and Because::line: the step's index + 1. Divergence::known is left null; what KVM is
    // known to do stands in Divergence::mismatch.departure.
    std::vector<Divergence> divergences;
};

class ProgramJudge {
  public:
    // `found`: what the target said of its machine.
    ProgramJudge(const programs::Machine& machine, const programs::Found& found);

    // Nothing is known of the APICs any more but what these registers were read to hold.
    void begin_anew(const programs::SoftStart& start);
    // The program's steps, in their order.
    StepVerdict judge(const programs::Step& step, const programs::StepOutcome& outcome);

  private:
    // As if writes to the closed window had reached the APIC: what such a write did shows only later.
    struct Reached {
        AbstractState state;
        traces::GuestAccess write; // the last of them
        unsigned age = 0;          // accesses since
    };
    struct JudgedVcpu {
        CpuFacts facts;
        std::optional<u32> version;
        bool bsp = false;
        bool starts_disabled = false;
        AbstractState state = AbstractState::unknown();
        Attribution attribution;
        std::optional<Reached> reached;
        Known<u32> errors_before;        // collected before this step
        bool timer_armed = false;        // since RESET or INIT, perhaps
        bool interrupts_enabled = false; // takes interrupts
        bool waits = false;              // for a SIPI, perhaps
        // Of this step: an INIT was sent that may be for it; what must reach it, by which rule.
        bool init_maybe = false;
        struct Due {
            Rule rule;
            bool logical = false; // by a logical destination
        };
        std::optional<Due> init_due;
        std::optional<Due> nmi_due;
        std::optional<Due> startup_due;
    };

    void reset(JudgedVcpu& vcpu);
    static void forget(JudgedVcpu& vcpu);
    void apply_init(JudgedVcpu& vcpu, bool certain);
    void begin_step();
    static void raise_error(JudgedVcpu& vcpu);

    void judge_access(StepVerdict& verdict, JudgedVcpu& vcpu, const traces::GuestAccess& access);
    bool judge_closed(StepVerdict& verdict, JudgedVcpu& vcpu, const traces::GuestAccess& access);
    void judge_open(StepVerdict& verdict, JudgedVcpu& vcpu, const traces::GuestAccess& access);
    void judge_unfinished(StepVerdict& verdict, const JudgedVcpu& vcpu, traces::GuestAccess access,
                          const programs::StepOutcome& outcome);
    void leave_unspecified(JudgedVcpu& vcpu, const traces::GuestAccess& access);
    void note(JudgedVcpu& vcpu, const traces::GuestAccess& access, const Attribution::Before& before);
    void act(StepVerdict& verdict, const programs::Step& step, const programs::StepOutcome& outcome);

    // program_messages.cpp
    void low_vectors_may_be_sent();
    void send(JudgedVcpu& sender, const traces::GuestAccess& access, bool certain);
    void send_command(JudgedVcpu& sender, u32 command, Known<u32> destination, bool by_msr, bool certain);
    void send_msi(const programs::Step& step);
    static AbstractState::Message to_id_of(const JudgedVcpu& vcpu, u32 command);
    void deliver(const AbstractState::Message& message);
    static void expect(JudgedVcpu& vcpu, const AbstractState::Message& message, u32 mode);
    static Rule rule_of_way(const AbstractState::Message& message, const JudgedVcpu& vcpu);

    void judge_restarts(StepVerdict& verdict, const programs::Step& step,
                        const programs::StepOutcome& outcome);
    void judge_eois(StepVerdict& verdict, const programs::Step& step, const programs::StepOutcome& outcome,
                    model::KnownBool due);
    model::KnownBool eoi_due(const programs::Step& step, const programs::StepOutcome& outcome) const;
    void judge_due(StepVerdict& verdict, const programs::StepOutcome& outcome);
    void judge_taken(StepVerdict& verdict, const programs::Step& step, const programs::StepOutcome& outcome);
    static bool may_be_spurious(const JudgedVcpu& vcpu, u32 vector);
    static model::KnownBool is_above_tpr(const JudgedVcpu& vcpu, u32 vector);
    void miss(StepVerdict& verdict, const JudgedVcpu& vcpu, u32 vector);
    void report(StepVerdict& verdict, const JudgedVcpu& vcpu, const traces::GuestAccess& access,
                const Mismatch& mismatch);
    Attribution::Others others_of(const JudgedVcpu& vcpu) const;
    void report_event(StepVerdict& verdict, const JudgedVcpu& vcpu, u32 what, const Mismatch& mismatch);

    std::vector<JudgedVcpu> vcpus_;
    Host host_;
    bool shows_eois_ = false;      // that go to the I/O APIC
    u64 line_ = 0;                 // the step's index + 1
    std::set<u64> written_closed_; // addresses: who answers there may have kept what was written
};

// All of a run. `program` and `run.outcomes` have one entry a step.
std::vector<StepVerdict> judge_run(const programs::Program& program, const programs::Execution& run);

} // namespace lapicheck::checker
