// Which vCPU of which virtual machine an event speaks of.
#pragma once

#include "checker/replay/vcpu.hpp"

namespace lapicheck::checker::ledger {

// The VM that a vCPU belongs to: vCPUs of one number are told apart by it. Replay does not group vCPUs yet,
// so all are of one; two that bear the same number are then not told apart.
inline u32 machine_of(const ReplayedVcpu& /*vcpu*/) { return 0; }

// What tells the accounts of one recording apart.
struct VcpuKey {
    u32 thread = 0;
    u64 id = unknown;         // as KVM names it
    u64 descriptor = unknown; // where the ID is not known, and one thread runs several in turn
    static constexpr u64 unknown = ~u64{0};
    friend bool operator==(const VcpuKey&, const VcpuKey&) = default;
    friend auto operator<=>(const VcpuKey&, const VcpuKey&) = default;
};

} // namespace lapicheck::checker::ledger
