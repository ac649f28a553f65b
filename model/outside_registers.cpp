#include "model/outside_registers.hpp"

#include <algorithm>
#include <array>

namespace lapicheck::model {
namespace {

constexpr OutsideField apic_base_fields[] = {
    {"BSP flag", apic_base::bsp,
     "1 on the bootstrap processor; whether software can change it is implementation-defined"},
    {"EXTD", apic_base::extd, "x2APIC mode; writable if CPUID.1:ECX[21] is 1, else reserved"},
    {"EN", apic_base::enable, "APIC global enable; writable"},
    {"APIC base", apic_base::page&((u64{1} << 52) - 1), "writable; bits from MAXPHYADDR on are reserved"},
};
constexpr OutsideField cr8_fields[] = {{"TPR[7:4]", 0xf, "writable"}};
constexpr OutsideField tsc_deadline_fields[] = {
    {"deadline", ~u64{0}, "writable in TSC-deadline mode; in other modes it reads 0 and writes are ignored"}};
constexpr OutsideField disable_status_fields[] = {
    {"LEGACY_XAPIC_DISABLED", 1, "read-only; 1: x2APIC mode is locked"}};

constexpr std::array<OutsideRegister, 4> table = {{
    {"apic_base", "IA32_APIC_BASE", "APIC base address and mode", apic_base::msr,
     "read/write by RDMSR and WRMSR in every mode", 0xfee0'0900, "FEE00800H on application processors",
     apic_base_fields},
    {"cr8", "CR8", "Task priority class", 0, "read/write by MOV CR8; the same register as TPR[7:4]", 0, "",
     cr8_fields},
    {"tsc_deadline", "IA32_TSC_DEADLINE", "Timer deadline in TSC-deadline mode", tsc_deadline_msr,
     "read/write by RDMSR and WRMSR if CPUID.1:ECX[24] is 1", 0, "", tsc_deadline_fields},
    {"xapic_disable_status", "IA32_XAPIC_DISABLE_STATUS", "Whether firmware locked x2APIC mode",
     xapic_disable_status_msr, "read-only; present if IA32_ARCH_CAPABILITIES[21] is 1", 0, "",
     disable_status_fields},
}};

} // namespace

u64 OutsideRegister::reserved() const {
    u64 reserved = ~u64{0};
    for (const OutsideField& field : fields) reserved &= ~field.mask;
    return reserved;
}

std::span<const OutsideRegister> outside_registers() { return table; }

const OutsideRegister* find_outside_register(std::string_view name) {
    const auto found = std::ranges::find_if(
        table, [name](const OutsideRegister& r) { return r.name == name || r.sdm_name == name; });
    return found == table.end() ? nullptr : &*found;
}

} // namespace lapicheck::model
