// The ioctls of KVM that tell something of a local APIC: which vCPU a thread runs, and what userspace does
// to its state. By command number, as the system call's trace shows it.
//
// Source: include/uapi/linux/kvm.h and arch/x86/include/uapi/asm/kvm.h, Linux 3.6 to 6.18.
#pragma once

#include <cstdint>

namespace lapicheck::traces::ioctls {

inline constexpr std::uint64_t create_vcpu = 0xae41;     // KVM_CREATE_VCPU, of a VM
inline constexpr std::uint64_t run = 0xae80;             // KVM_RUN, and all below: of a vCPU
inline constexpr std::uint64_t set_lapic = 0x4400'ae8f;  // KVM_SET_LAPIC
inline constexpr std::uint64_t set_sregs = 0x4138'ae84;  // KVM_SET_SREGS: IA32_APIC_BASE, CR8
inline constexpr std::uint64_t set_sregs2 = 0x4140'aecd; // KVM_SET_SREGS2
inline constexpr std::uint64_t set_msrs = 0x4008'ae89;   // KVM_SET_MSRS: IA32_APIC_BASE, the deadline

inline constexpr std::uint64_t set_vcpu_events = 0x4040'aea0; // KVM_SET_VCPU_EVENTS
inline constexpr std::uint64_t set_mp_state = 0x4004'ae99;    // KVM_SET_MP_STATE

inline constexpr std::uint64_t all[] = {create_vcpu, run,      set_lapic,       set_sregs,
                                        set_sregs2,  set_msrs, set_vcpu_events, set_mp_state};

} // namespace lapicheck::traces::ioctls
