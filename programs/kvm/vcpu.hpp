// One vCPU of a Vm: its processor state in the guest that carries out access programs, and the APIC
// state that the host reads and sets.
#pragma once

#include <cstdint>
#include <optional>

#include "programs/kvm/vm.hpp"

namespace lapicheck::programs {

class KvmVcpu {
  public:
    // Ready to run the guest's code, whether BSP or AP. Throws KvmRefused, as all that follows.
    KvmVcpu(const Vm& vm, std::uint32_t apic_id);

    int fd() const { return fd_.get(); }
    kvm_run& run_state() const { return *reinterpret_cast<kvm_run*>(run_.data()); }
    // KVM_RUN once: 0, or errno (EINTR: a signal came).
    int run() const;

    // The guest's processor state from the beginning; the APIC is left as it is.
    void enter_guest_mode() const;
    void go_to(std::uint64_t rip, std::uint64_t slot, std::uint64_t stack, bool interrupts_enabled) const;
    std::uint64_t slot() const; // address of the slot that the guest has in RDI
    std::uint64_t rip() const;

    // RESET of the APIC as userspace makes it, in QEMU's order (target/i386/kvm/kvm.c,
    // kvm_arch_put_registers): IA32_APIC_BASE, local APIC, IA32_TSC_DEADLINE. The values are those that
    // KVM itself gave this vCPU when it was made.
    void reset_apic() const;
    // What a migration reads out and loads: IA32_APIC_BASE, CR8, local APIC, pending events,
    // IA32_TSC_DEADLINE.
    void save_and_load() const;

    // Takes pending INITs and SIPIs into account.
    std::uint32_t mp_state() const;
    void set_mp_state(std::uint32_t state) const;
    // Real mode, in which the guest never is: INIT or SIPI restarted the processor. At the reset
    // vector, or at the page that a SIPI names.
    struct RealMode {
        std::optional<std::uint8_t> sipi_vector;
    };
    std::optional<RealMode> in_real_mode() const;

    kvm_lapic_state lapic() const;
    std::uint32_t apic_id() const; // as the APIC has it now
    std::uint64_t apic_base() const;
    std::uint64_t tsc_deadline() const;

  private:
    kvm_sregs sregs() const;
    std::optional<std::uint64_t> msr(std::uint32_t index) const;
    void set_msr(std::uint32_t index, std::uint64_t value) const;
    void load_apic(const kvm_sregs& sregs, const kvm_lapic_state& lapic, const kvm_vcpu_events& events,
                   std::optional<std::uint64_t> deadline) const;

    traces::FileDescriptor fd_;
    Mapping run_;
    bool wide_ids_ = false;
    std::uint32_t hardware_id_ = 0;
    kvm_lapic_state reset_lapic_{};
    std::uint64_t reset_apic_base_ = 0;
};

std::uint32_t register_of(const kvm_lapic_state& lapic, std::uint32_t offset);

} // namespace lapicheck::programs
