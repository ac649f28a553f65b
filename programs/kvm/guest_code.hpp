// The machine code of steps. Of each batch the host writes straight-line code; the guest runs it and
// leaves what it saw in a slot a step.
//
// Where ring 0 is interpreted, KVM knows few instructions and each costs about a microsecond: MOV, ADD,
// AND, CMP, PUSH, POP, jumps, IRETQ, STI, CLI, NOP, HLT, OUT, RDMSR and WRMSR are all that is used.
#pragma once

#include "programs/kvm/guest_memory.hpp"
#include "programs/kvm/machine_code.hpp"

namespace lapicheck::programs::guest {

// A batch of one vCPU's own steps (not of the host's actions).
class BatchCode {
  public:
    BatchCode(Memory& memory, std::size_t vcpu) : memory_(memory), vcpu_(vcpu) {}

    // False if the tables cannot hold the step's address; nothing is added then.
    bool add(const Step& step);
    // The guest comes out here, and once more if it took interrupts when it came back.
    void add_sync();
    // The guest comes out here again and again. Writes the code to the guest's RAM and clears the slots.
    void finish();

    std::size_t size() const { return ends_.size(); } // in steps
    // Where the guest goes on after step `index` of the batch.
    std::uint64_t end_of(std::size_t index) const { return ends_[index]; }

  private:
    void add_coming_out();
    void add_mmio(const Step& step, std::uint64_t linear);
    std::uint64_t here() const { return Memory::area_address(vcpu_) + code_.size(); }

    Memory& memory_;
    std::size_t vcpu_;
    Assembly code_;
    std::vector<std::uint64_t> ends_;
    std::uint32_t syncs_ = 0;
};

} // namespace lapicheck::programs::guest
