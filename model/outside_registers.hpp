// The registers of the local APIC that have no place in its window, as the register table describes the
// others: rules and reports name them.
//
// Sources: SDM Vol. 3A 325384-059US, 10.4.3 and 10.12.1 (IA32_APIC_BASE), 10.5.4.1
// (IA32_TSC_DEADLINE), 10.8.6 (CR8); SDM Vol. 4 335592-084US, 2.1 (IA32_XAPIC_DISABLE_STATUS).
#pragma once

#include <span>
#include <string_view>

#include "model/registers.hpp"

namespace lapicheck::model {

struct OutsideField {
    std::string_view name;
    u64 mask = 0;
    std::string_view kind; // "writable"
};

struct OutsideRegister {
    std::string_view name;     // as rules and reports name it: "apic_base"
    std::string_view sdm_name; // "IA32_APIC_BASE"
    std::string_view title;
    u32 msr = 0; // 0: it is no MSR
    std::string_view access;
    u64 reset = 0;
    std::string_view reset_note; // where RESET does not give each processor the same; empty: it does
    std::span<const OutsideField> fields;

    u64 reserved() const;
};

std::span<const OutsideRegister> outside_registers();
// By either name; null if there is none.
const OutsideRegister* find_outside_register(std::string_view name);

} // namespace lapicheck::model
