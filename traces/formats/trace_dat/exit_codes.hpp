// The exit codes of VMX and SVM that matter here, as kvm_exit records them.
#pragma once

#include <cstdint>

#include "traces/event.hpp"

namespace lapicheck::traces::trace_dat {

struct ExitCode {
    std::uint32_t code;
    ExitReason reason;
};

// arch/x86/include/uapi/asm/vmx.h; SDM Vol. 3D, Appendix C VMX Basic Exit Reasons. CR_ACCESS does not tell
// CR8.
inline constexpr ExitCode vmx_codes[] = {
    {2, ExitReason::shutdown},          // TRIPLE_FAULT
    {12, ExitReason::hlt},              // HLT
    {18, ExitReason::hypercall},        // VMCALL
    {20, ExitReason::nested},           // VMLAUNCH
    {24, ExitReason::nested},           // VMRESUME
    {30, ExitReason::io},               // IO_INSTRUCTION
    {31, ExitReason::msr},              // MSR_READ
    {32, ExitReason::msr},              // MSR_WRITE
    {44, ExitReason::mmio},             // APIC_ACCESS
    {45, ExitReason::apic_accelerated}, // EOI_INDUCED
    {48, ExitReason::mmio},             // EPT_VIOLATION
    {49, ExitReason::mmio},             // EPT_MISCONFIG
    {56, ExitReason::apic_accelerated}, // APIC_WRITE
    {84, ExitReason::msr},              // MSR_READ_IMM
    {85, ExitReason::msr},              // MSR_WRITE_IMM
};

// arch/x86/include/uapi/asm/svm.h; APM Vol. 2, Appendix C SVM Intercept Exit Codes.
inline constexpr ExitCode svm_codes[] = {
    {0x018, ExitReason::cr8_write},        // WRITE_CR8
    {0x078, ExitReason::hlt},              // HLT
    {0x07b, ExitReason::io},               // IOIO
    {0x07c, ExitReason::msr},              // MSR
    {0x07f, ExitReason::shutdown},         // SHUTDOWN
    {0x080, ExitReason::nested},           // VMRUN
    {0x081, ExitReason::hypercall},        // VMMCALL
    {0x098, ExitReason::cr8_write},        // CR8_WRITE_TRAP
    {0x400, ExitReason::mmio},             // NPF
    {0x401, ExitReason::apic_accelerated}, // AVIC_INCOMPLETE_IPI
    {0x402, ExitReason::apic_accelerated}, // AVIC_UNACCELERATED_ACCESS
};

inline ExitReason exit_reason(std::uint32_t code, std::uint32_t isa) {
    constexpr std::uint32_t vmx = 1; // KVM_ISA_VMX
    constexpr std::uint32_t basic = 0xffff;
    const auto find = [](const auto& codes, std::uint32_t wanted) {
        for (const ExitCode& one : codes)
            if (one.code == wanted) return one.reason;
        return ExitReason::other;
    };
    return isa == vmx ? find(vmx_codes, code & basic) : find(svm_codes, code);
}

} // namespace lapicheck::traces::trace_dat
