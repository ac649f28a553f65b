#include "model/registers.hpp"

namespace lapicheck::model {
namespace {

using enum FieldKind;
constexpr Rule own = Rule::M06; // no rule more special than that of the register

constexpr Field id_fields[] = {{"APIC ID", ~u32{0}, read_only, own}};
constexpr Field version_fields[] = {
    {"version", 0xff, read_only, own},
    {"max LVT entry", 0xff'0000, read_only, own},
    {"EOI-broadcast suppression", version::eoi_suppression, read_only, own},
    {"AMD extended APIC register space", version::extended_space, read_only, own},
};
constexpr Field priority_fields[] = {{"class and subclass", 0xff, writable, own}};
constexpr Field read_priority_fields[] = {{"class and subclass", 0xff, read_only, own}};
constexpr Field eoi_fields[] = {{"EOI", 0, writable, own}};
constexpr Field word_fields[] = {{"word", ~u32{0}, read_only, own}};
constexpr Field ldr_fields[] = {{"logical APIC ID", 0xff00'0000, writable, own}};
constexpr Field dfr_fields[] = {
    {"model", 0xf000'0000, writable, own},
    {"ones", 0x0fff'ffff, ones, Rule::D07},
};
constexpr Field svr_fields[] = {
    {"vector", svr::vector, writable, own},
    {"APIC software enable", svr::enable, writable, own},
    {"focus processor checking", svr::focus_check_disable, amd_sure, own},
    {"EOI-broadcast suppression", svr::eoi_suppression, optional, Rule::V05},
};
constexpr Field esr_fields[] = {
    {"P6 checksum errors", esr::p6_errors & ~esr::accept_errors, intel_only, own},
    {"P6 accept errors", esr::accept_errors, read_only, own},
    {"redirectable IPI", esr::redirectable_ipi, intel_only, own},
    {"send illegal vector", esr::send_illegal_vector, read_only, Rule::I04},
    {"receive illegal vector", esr::receive_illegal_vector, read_only, own},
    {"illegal register address", esr::illegal_register, read_only, Rule::M11},
};
constexpr Field lvt_plain_fields[] = {
    {"vector", lvt::vector, writable, own},
    {"delivery mode", lvt::delivery_mode, writable, own},
    {"delivery status", lvt::delivery_status, read_only, Rule::L02},
    {"mask", lvt::mask, writable, own},
};
constexpr Field lvt_timer_fields[] = {
    {"vector", lvt::vector, writable, own},
    {"delivery status", lvt::delivery_status, read_only, Rule::L02},
    {"mask", lvt::mask, writable, own},
    {"periodic", lvt::timer_periodic, writable, own},
    {"TSC-deadline", lvt::timer_deadline, optional, own},
};
constexpr Field lvt_error_fields[] = {
    {"vector", lvt::vector, writable, own},
    {"delivery mode", lvt::delivery_mode, amd_only, Rule::L05},
    {"delivery status", lvt::delivery_status, read_only, Rule::L02},
    {"mask", lvt::mask, writable, own},
};
constexpr Field lvt_lint_fields[] = {
    {"vector", lvt::vector, writable, own},
    {"delivery mode", lvt::delivery_mode, writable, own},
    {"delivery status", lvt::delivery_status, read_only, Rule::L02},
    {"input pin polarity", lvt::polarity, intel_sure, own},
    {"remote IRR", lvt::remote_irr, read_only, Rule::L02},
    {"trigger mode", lvt::trigger, writable, own},
    {"mask", lvt::mask, writable, own},
};
constexpr Field icr_fields[] = {
    {"vector", icr::vector, writable, own},
    {"delivery mode", icr::delivery_mode, writable, own},
    {"destination mode", icr::logical, writable, own},
    {"delivery status", icr::delivery_status, read_only, Rule::I03},
    {"level", icr::assert_level, writable, own},
    {"trigger mode", icr::trigger, writable, own},
    {"destination shorthand", icr::shorthand, writable, own},
};
constexpr Field icr_high_fields[] = {{"destination", icr::destination, writable, own}};
constexpr Field initial_count_fields[] = {{"count", ~u32{0}, writable, own}};
constexpr Field dcr_fields[] = {{"divide value", 0xb, writable, own}};
constexpr Field self_ipi_fields[] = {{"vector", 0xff, writable, own}};

constexpr u32 mask_of(std::span<const Field> fields, FieldKind kind) {
    u32 mask = 0;
    for (const Field& field : fields)
        if (field.kind == kind) mask |= field.mask;
    return mask;
}

constexpr RegisterRow row(Reg reg, std::string_view name, std::string_view kernel_name, u32 offset,
                          RegAccess xapic, RegAccess x2apic, u32 reset, Rule rule, std::string_view title,
                          std::span<const Field> fields) {
    RegisterRow r{reg, name, kernel_name, offset, xapic, x2apic, reset, rule, title, fields};
    r.writable = mask_of(fields, writable);
    r.read_only = mask_of(fields, read_only);
    r.optional = mask_of(fields, optional);
    r.intel_only = mask_of(fields, intel_only);
    r.amd_only = mask_of(fields, amd_only);
    r.intel_sure = mask_of(fields, intel_sure);
    r.amd_sure = mask_of(fields, amd_sure);
    r.ones = mask_of(fields, ones);
    return r;
}

constexpr RegAccess RO = RegAccess::read_only;
constexpr RegAccess WO = RegAccess::write_only;
constexpr RegAccess RW = RegAccess::read_write;
constexpr RegAccess NA = RegAccess::absent;

constexpr RegisterRow bitmap_row(Reg first, u32 word, std::string_view name, std::string_view kernel_name,
                                 u32 offset, Rule rule, std::string_view title) {
    return row(offset_by(first, word), name, word == 0 ? kernel_name : "", offset + 0x10 * word, RO, RO, 0,
               rule, title, word_fields);
}

constexpr RegisterTable build() {
    using enum Reg;
    RegisterTable t{};
    const auto put = [&t](const RegisterRow& r) { t[index_of(r.reg)] = r; };
    // clang-format off
    put(row(id,            "id",            "ID",       0x020, RW,   RO,   0,           own,       "Local APIC ID",                      id_fields));
    put(row(Reg::version,  "version",       "LVR",      0x030, RO,   RO,   0,           Rule::V01, "Local APIC Version",                 version_fields));
    put(row(Reg::tpr,      "tpr",           "TASKPRI",  0x080, RW,   RW,   0,           own,       "Task Priority",                      priority_fields));
    put(row(apr,           "apr",           "ARBPRI",   0x090, RO,   RegAccess::amd_read_only, 0, own, "Arbitration Priority",             read_priority_fields));
    put(row(ppr,           "ppr",           "PROCPRI",  0x0a0, RO,   RO,   0,           Rule::P03, "Processor Priority",                 read_priority_fields));
    put(row(eoi,           "eoi",           "EOI",      0x0b0, WO,   WO,   0,           own,       "End Of Interrupt",                   eoi_fields));
    put(row(remote_read,   "remote_read",   "RRR",      0x0c0, RO,   NA,   0,           own,       "Remote Read",                        word_fields));
    put(row(ldr,           "ldr",           "LDR",      0x0d0, RW,   RO,   0,           own,       "Logical Destination",                ldr_fields));
    put(row(dfr,           "dfr",           "DFR",      0x0e0, RW,   NA,   0xffff'ffff, own,       "Destination Format",                 dfr_fields));
    put(row(Reg::svr,      "svr",           "SPIV",     0x0f0, RW,   RW,   0xff,        own,       "Spurious Interrupt Vector",          svr_fields));
    for (u32 i = 0; i < 8; ++i) {
        put(bitmap_row(isr0, i, "isr", "ISR", 0x100, Rule::P04, "In-Service"));
        put(bitmap_row(tmr0, i, "tmr", "TMR", 0x180, Rule::P01, "Trigger Mode"));
        put(bitmap_row(irr0, i, "irr", "IRR", 0x200, Rule::P01, "Interrupt Request"));
    }
    put(row(Reg::esr,      "esr",           "ESR",      0x280, RW,   RW,   0,           Rule::E02, "Error Status",                       esr_fields));
    put(row(lvt_cmci,      "lvt_cmci",      "LVTCMCI",  0x2f0, RW,   RW,   lvt::mask,   own,       "LVT CMCI",                           lvt_plain_fields));
    put(row(Reg::icr,      "icr",           "ICR",      0x300, RW,   RW,   0,           Rule::X15, "Interrupt Command, bits 31:0",       icr_fields));
    put(row(icr_high,      "icr_high",      "ICR2",     0x310, RW,   NA,   0,           Rule::I22, "Interrupt Command, bits 63:32",      icr_high_fields));
    put(row(lvt_timer,     "lvt_timer",     "LVTT",     0x320, RW,   RW,   lvt::mask,   own,       "LVT Timer",                          lvt_timer_fields));
    put(row(lvt_thermal,   "lvt_thermal",   "LVTTHMR",  0x330, RW,   RW,   lvt::mask,   own,       "LVT Thermal Sensor",                 lvt_plain_fields));
    put(row(lvt_pmc,       "lvt_pmc",       "LVTPC",    0x340, RW,   RW,   lvt::mask,   own,       "LVT Performance Monitoring Counters", lvt_plain_fields));
    put(row(lvt_lint0,     "lvt_lint0",     "LVT0",     0x350, RW,   RW,   lvt::mask,   own,       "LVT LINT0",                          lvt_lint_fields));
    put(row(lvt_lint1,     "lvt_lint1",     "LVT1",     0x360, RW,   RW,   lvt::mask,   own,       "LVT LINT1",                          lvt_lint_fields));
    put(row(lvt_error,     "lvt_error",     "LVTERR",   0x370, RW,   RW,   lvt::mask,   own,       "LVT Error",                          lvt_error_fields));
    put(row(initial_count, "initial_count", "TMICT",    0x380, RW,   RW,   0,           Rule::T20, "Initial Count",                      initial_count_fields));
    put(row(current_count, "current_count", "TMCCT",    0x390, RO,   RO,   0,           Rule::T04, "Current Count",                      word_fields));
    put(row(dcr,           "dcr",           "TDCR",     0x3e0, RW,   RW,   0,           own,       "Divide Configuration",               dcr_fields));
    put(row(self_ipi,      "self_ipi",      "SELF_IPI", 0x3f0, NA,   WO,   0,           own,       "SELF IPI",                           self_ipi_fields));
    // clang-format on
    return t;
}

constexpr RegisterTable table = build();

constexpr std::array<signed char, 64> slots() {
    std::array<signed char, 64> map{};
    map.fill(-1);
    for (const RegisterRow& r : table) map[r.offset >> 4] = static_cast<signed char>(index_of(r.reg));
    return map;
}

} // namespace

constinit const RegisterTable sdm_registers = table;
constinit const std::array<signed char, 64> register_at_slot = slots();

const RegisterRow* find_register(std::string_view name) {
    for (const RegisterRow& r : sdm_registers)
        if (!name.empty() && (r.name == name || r.kernel_name == name)) return &r;
    return nullptr;
}

std::string_view register_name(Reg reg) {
    switch (reg) {
    case Reg::apic_base: return "apic_base";
    case Reg::tsc_deadline: return "tsc_deadline";
    case Reg::none: return "";
    default: return sdm_registers[index_of(reg)].name;
    }
}

Rule read_rule(const RegisterRow& row, u32 bits, bool x2apic) {
    for (const Field& field : row.fields)
        if (field.read_rule != own && (field.mask & bits) != 0) return field.read_rule;
    const bool first_word = row.reg == Reg::isr0 || row.reg == Reg::tmr0 || row.reg == Reg::irr0;
    if (first_word && (bits & 0xffff) != 0) return Rule::P06;
    if (row.reg == Reg::id) return x2apic ? Rule::D02 : Rule::D01;
    if (row.reg == Reg::ldr && x2apic) return Rule::D04;
    if (row.reg == Reg::esr && (bits & row.defined()) == 0) return Rule::E03;
    if (row.reg == Reg::version && (bits & row.defined()) == 0) return Rule::V02;
    if (x2apic && (bits & row.defined()) == 0) return Rule::X11;
    if (row.read_rule != own) return row.read_rule;
    return x2apic ? Rule::X14 : Rule::M06;
}

} // namespace lapicheck::model
