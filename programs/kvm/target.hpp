// The KVM of this machine as a target: runs access programs on /dev/kvm in a tiny guest of its own.
//
// All vCPUs run on the calling thread, one at a time: step i+1 begins after step i is done, and a program
// always runs in the same order. Steps of one vCPU in a row are one KVM_RUN.
//
// What a step's outcome holds besides the guest's answer:
// - An interrupt is reported with the step after which it was taken. While a vCPU has its interrupts
//   open, it is given the chance to take them after each step of any vCPU. The handlers write the vector
//   down and return; EOI is the program's to do.
// - A vCPU that INIT or SIPI restarts goes on with its next step, whatever the vector says, with its
//   interrupts closed; an AP that INIT stopped does none until a SIPI comes. (Except for the action `init`,
//   after which it goes on.)
// - A window or other address that KVM leaves to userspace (KVM_EXIT_MMIO) is read as all ones and
//   swallows what is written.
// - Waiting has a bound: Bounds.
#pragma once

#include <memory>

#include "programs/kvm/bounds.hpp"
#include "programs/target.hpp"

namespace lapicheck::programs {

class KvmRunner;

class KvmTarget : public Target {
  public:
    using Bounds = KvmBounds;

    KvmTarget();
    explicit KvmTarget(const Bounds& bounds);
    ~KvmTarget() override;

    std::string name() const override { return "kvm"; }
    Execution run(const Program& program) override;
    Execution run_again(const Program& program) override;

  private:
    Bounds bounds_;
    std::unique_ptr<KvmRunner> kept_; // for run_again()
};

} // namespace lapicheck::programs
