// The registers of the local APIC as one table: what the SDM prints as Tables 10-1 and 10-6 and as
// the figures of the single registers. Code names a register or a field and never repeats a mask.
//
// Sources: SDM Vol. 3A 325384-059US, 10.4.1 (Table 10-1), 10.5, 10.6, 10.8, 10.9, 10.12.1.2
// (Table 10-6); AMD APM Vol. 2 chapter 16 where it differs.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "model/domains/concrete.hpp"
#include "model/rule.hpp"

namespace lapicheck::model {

// What a 32-bit word of APIC state is called. In the order of the window.
enum class Reg : u8 {
    id,
    version,
    tpr,
    apr,
    ppr,
    eoi,
    remote_read,
    ldr,
    dfr,
    svr,
    isr0,
    isr1,
    isr2,
    isr3,
    isr4,
    isr5,
    isr6,
    isr7,
    tmr0,
    tmr1,
    tmr2,
    tmr3,
    tmr4,
    tmr5,
    tmr6,
    tmr7,
    irr0,
    irr1,
    irr2,
    irr3,
    irr4,
    irr5,
    irr6,
    irr7,
    esr,
    lvt_cmci,
    icr,
    icr_high,
    lvt_timer,
    lvt_thermal,
    lvt_pmc,
    lvt_lint0,
    lvt_lint1,
    lvt_error,
    initial_count,
    current_count,
    dcr,
    self_ipi,
    // Not in the window.
    apic_base,
    tsc_deadline,
    none,
};
inline constexpr std::size_t window_register_count = static_cast<std::size_t>(Reg::apic_base);
constexpr std::size_t index_of(Reg reg) { return static_cast<std::size_t>(reg); }
constexpr Reg offset_by(Reg first, u32 words) { return static_cast<Reg>(static_cast<u32>(first) + words); }

enum class RegAccess : u8 { absent, read_only, write_only, read_write, amd_read_only };

enum class FieldKind : u8 {
    writable,   // software's
    read_only,  // hardware's: writes are ignored
    optional,   // writable where the CPU has the feature, else reserved
    intel_only, // hardware's on Intel, reserved on AMD
    amd_only,   // writable on AMD, reserved on Intel
    intel_sure, // writable on Intel; on AMD implementation-defined whether it is there
    amd_sure,   // writable on AMD; on Intel implementation-defined whether it is there
    ones,       // always reads 1 (DFR)
};

struct Field {
    std::string_view name;
    u32 mask = 0;
    FieldKind kind = FieldKind::writable;
    Rule read_rule = Rule::M06; // the rule a wrong value in this field breaks; M06: the register's
};

struct RegisterRow {
    Reg reg;
    std::string_view name;        // the SDM's short name, lower case
    std::string_view kernel_name; // what KVM's tracepoints print, or "" for a bare offset
    u32 offset = 0;               // in the MMIO window, bytes
    RegAccess xapic = RegAccess::absent;
    RegAccess x2apic = RegAccess::absent;
    u32 reset = 0;              // after RESET
    Rule read_rule = Rule::M06; // a wrong value breaks this; M06: M06 by MMIO, X14 by RDMSR
    std::string_view title;     // the SDM's name
    std::span<const Field> fields;
    // The masks of the fields by kind, computed once.
    u32 writable = 0;
    u32 read_only = 0;
    u32 optional = 0;
    u32 intel_only = 0;
    u32 amd_only = 0;
    u32 intel_sure = 0;
    u32 amd_sure = 0;
    u32 ones = 0;

    constexpr u32 msr() const { return 0x800 + (offset >> 4); }
    constexpr u32 defined() const {
        return writable | read_only | optional | intel_only | amd_only | intel_sure | amd_sure | ones;
    }
    constexpr u32 reserved() const { return ~defined(); }
};

namespace apic_base {
inline constexpr u64 bsp = u64{1} << 8;
inline constexpr u64 extd = u64{1} << 10;
inline constexpr u64 enable = u64{1} << 11;
inline constexpr u64 reserved_low = 0x2ff;           // 7:0 and 9
inline constexpr u64 beyond_address = ~u64{0} << 52; // no CPU has more address bits
inline constexpr u64 page = ~u64{0xfff};
inline constexpr u64 reset_page = 0xfee0'0000;
inline constexpr u32 msr = 0x1b;
} // namespace apic_base

namespace version {
inline constexpr u32 eoi_suppression = u32{1} << 24;
inline constexpr u32 extended_space = u32{1} << 31; // AMD
} // namespace version
namespace svr {
inline constexpr u32 vector = 0xff;
inline constexpr u32 enable = u32{1} << 8;
inline constexpr u32 focus_check_disable = u32{1} << 9;
inline constexpr u32 eoi_suppression = u32{1} << 12;
} // namespace svr
namespace lvt {
inline constexpr u32 vector = 0xff;
inline constexpr u32 delivery_mode = 0x700;
inline constexpr u32 delivery_status = u32{1} << 12;
inline constexpr u32 polarity = u32{1} << 13;
inline constexpr u32 remote_irr = u32{1} << 14;
inline constexpr u32 trigger = u32{1} << 15;
inline constexpr u32 mask = u32{1} << 16;
inline constexpr u32 timer_periodic = u32{1} << 17;
inline constexpr u32 timer_deadline = u32{1} << 18;
inline constexpr u32 timer_mode = timer_periodic | timer_deadline;
inline constexpr u32 extint = 0x700;
} // namespace lvt
namespace icr {
inline constexpr u32 vector = 0xff;
inline constexpr u32 delivery_mode = 0x700;
inline constexpr u32 logical = u32{1} << 11;
inline constexpr u32 delivery_status = u32{1} << 12;
inline constexpr u32 assert_level = u32{1} << 14;
inline constexpr u32 trigger = u32{1} << 15;
inline constexpr u32 shorthand = 0xc'0000;
inline constexpr u32 destination = 0xff00'0000; // of icr_high in xAPIC mode
} // namespace icr
namespace esr {
inline constexpr u32 p6_errors = 0x0f;     // of the bus, on the P6 family
inline constexpr u32 accept_errors = 0x0c; // those of them that AMD has
inline constexpr u32 redirectable_ipi = u32{1} << 4;
inline constexpr u32 send_illegal_vector = u32{1} << 5;
inline constexpr u32 receive_illegal_vector = u32{1} << 6;
inline constexpr u32 illegal_register = u32{1} << 7;
} // namespace esr
namespace tpr {
inline constexpr u32 task_class = 0xf0;
inline constexpr u32 subclass = 0x0f;
} // namespace tpr
inline constexpr u32 xapic_id_field = 0xff00'0000;
inline constexpr u32 first_legal_vector = 16;

inline constexpr u32 tsc_deadline_msr = 0x6e0;
inline constexpr u32 xapic_disable_status_msr = 0xbd;
inline constexpr u32 arch_capabilities_msr = 0x10a;
inline constexpr u32 x2apic_msr_first = 0x800;
inline constexpr u32 x2apic_msr_last = 0x8ff;
inline constexpr u64 window_bytes = 0x1000;

// All rows, by Reg. The table is a value so that a changed copy can be handed to the step.
using RegisterTable = std::array<RegisterRow, window_register_count>;
extern const RegisterTable sdm_registers;
inline u32 offset_of(Reg reg) { return sdm_registers[index_of(reg)].offset; }

// The row's index at a 16-byte slot of the window (offset >> 4, below 0x40), or -1 for a reserved
// one. From 0x400 on there are no registers (but for AMD's extended space).
extern const std::array<signed char, 64> register_at_slot;

const RegisterRow* find_register(std::string_view name);
// As reports name it: "svr", "apic_base"; "" for none.
std::string_view register_name(Reg reg);
// The register whose 16 bytes of the window hold `offset` (below 1000H), or none.
constexpr Reg register_at(u64 offset) {
    const int index = offset < 0x400 ? register_at_slot[offset >> 4] : -1;
    return index < 0 ? Reg::none : static_cast<Reg>(index);
}
// The rule that a read of `reg` breaks if it differs from what it should be in `bits`.
Rule read_rule(const RegisterRow& row, u32 bits, bool x2apic);

} // namespace lapicheck::model
