// Runs programs on one VM, one after the other: batches of the guest's steps, the host's actions between
// them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "programs/kvm/bounds.hpp"
#include "programs/kvm/deadline.hpp"
#include "programs/kvm/guest_code.hpp"
#include "programs/kvm/vcpu.hpp"
#include "programs/target.hpp"

namespace lapicheck::programs {

class KvmRunner {
  public:
    // Throws KvmAbsent, KvmRefused or std::system_error.
    KvmRunner(const Machine& machine, const KvmBounds& bounds);

    const Machine& machine() const { return machine_; }
    // What the machine is once it is made.
    const Found& found() const { return found_; }
    // `program`: its machine is this one.
    std::vector<StepOutcome> run(const Program& program);
    // RESET of all vCPUs before another program; false: KVM refuses, and no other can be run.
    bool reset();

  private:
    // Straight-line code ends; only a fault in KVM or in this program can make it take so long.
    static constexpr std::chrono::microseconds stuck_after{5'000'000};

    struct RunningVcpu {
        KvmVcpu kvm;
        std::string stopped;  // what ended it; empty: nothing
        bool entered = false; // KVM has run it
        bool parked = false;  // at a sync point
        bool interrupts_enabled = false;
        bool halted = false;         // in HLT
        bool waits_for_sipi = false; // an AP after INIT
        bool timer_started = false;  // and not waited for since
    };
    // The guest is out again:
    enum class Out : std::uint8_t {
        sync,    // at a sync point
        late,    // the deadline passed
        stopped, // it cannot go on; Vcpu::stopped says why
    };
    // The batch that a vCPU carries out.
    struct Batch {
        std::size_t vcpu = 0;
        std::size_t first = 0; // step of the program
        guest::BatchCode code;
        std::vector<std::size_t> syncs; // the steps that a sync point follows; the last one always
        std::size_t last() const { return first + code.size() - 1; }
    };

    Found look() const;

    // kvm_runner.cpp: batches.
    std::size_t run_batch(std::size_t first);
    Batch write_batch(std::size_t first);
    void execute(Batch& batch);
    void finish_step(const Batch& batch, std::size_t step);
    void read_slot(const Batch& batch, std::size_t step);
    bool can_run(std::size_t vcpu, StepOutcome& outcome) const;
    bool may_touch(const Step& step, StepOutcome& outcome) const;
    bool someone_listens(std::size_t vcpu) const;
    Out come_out(std::size_t vcpu, const Batch* batch);
    std::size_t step_at(const Batch& batch) const;
    void on_mmio(const Batch* batch, kvm_run& state);
    void on_eoi(std::size_t vcpu, const Batch* batch, std::uint8_t vector);
    void on_fault(const Batch& batch);
    void abandon(const Batch& batch, std::size_t from);

    // kvm_runner_host.cpp: interrupts, restarts and what the host does.
    // Lets all take interrupts who may; `everyone`: even those who are closed to all but NMIs. Not the
    // one that is `busy` with a batch.
    void settle(std::size_t step, bool everyone = false, std::optional<std::size_t> busy = {});
    void let_take(std::size_t vcpu, std::size_t step); // lets one
    bool collect_taken(std::size_t vcpu, std::size_t step, const Batch* batch);
    void notice_restarts(std::size_t step);
    void restart(std::size_t vcpu);
    void act(std::size_t step);
    void reset(std::size_t vcpu);
    void init(std::size_t vcpu, StepOutcome& outcome);
    void interrupt(const Step& step);
    void wait(std::size_t step);
    void await_timer(std::size_t step);

    Machine machine_;
    const Program* program_ = nullptr; // being run
    std::size_t settled_ = 0;          // the step after which vCPUs take interrupts
    KvmBounds bounds_;
    Vm vm_;
    guest::Memory memory_;
    Deadline deadline_;
    std::vector<RunningVcpu> vcpus_;
    std::vector<StepOutcome> outcomes_;
    Found found_;
};

} // namespace lapicheck::programs
