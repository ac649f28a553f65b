// Reads the local APICs in what Xen's xen-hvmctx prints: for each vCPU a record LAPIC, with IA32_APIC_BASE,
// and a record LAPIC_REGS, the registers.
//
// Source: tools/misc/xen-hvmctx.c, xen/arch/x86/hvm/vlapic.c, Xen 4.0 to 4.21. Xen's debug keys print no
// virtual local APIC.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "traces/formats/dumped_state.hpp"

namespace lapicheck::traces {

class XenDump {
  public:
    // Appends to `dumps` where a record of registers begins. False: the line is not of this form.
    bool take(std::string_view line, std::uint64_t number, std::vector<StateDump>& dumps);

  private:
    bool take_entry(std::string_view line);
    bool take_base(std::string_view line);
    bool take_registers(std::string_view line, StateDump& dump) const;

    std::uint64_t instance_ = 0;                               // of the record, the vCPU
    std::unordered_map<std::uint64_t, std::uint64_t> base_of_; // IA32_APIC_BASE by vCPU
    bool in_registers_ = false;
};

} // namespace lapicheck::traces
