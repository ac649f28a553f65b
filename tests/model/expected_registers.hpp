// The registers once more, typed from the manuals' register tables and not from model/: a wrong cell
// of one table shows against the other.
#pragma once

#include <array>
#include <string_view>

#include "model/registers.hpp"

namespace lapicheck::model {

struct BookRow {
    Reg reg;
    std::string_view name;
    u32 offset;
    u32 msr; // 0: there is none
    RegAccess xapic;
    RegAccess x2apic;
    u32 writable;  // on every CPU
    u32 read_only; // bits that hardware sets
    u32 reset;
};

inline constexpr RegAccess book_ro = RegAccess::read_only;
inline constexpr RegAccess book_wo = RegAccess::write_only;
inline constexpr RegAccess book_rw = RegAccess::read_write;
inline constexpr RegAccess book_na = RegAccess::absent;
inline constexpr RegAccess book_amd = RegAccess::amd_read_only;

// clang-format off
inline constexpr std::array book_rows = {
    BookRow{Reg::id,            "id",            0x020, 0x802, book_rw, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::version,       "version",       0x030, 0x803, book_ro, book_ro,  0x00000000, 0x81ff00ff, 0},
    BookRow{Reg::tpr,           "tpr",           0x080, 0x808, book_rw, book_rw,  0x000000ff, 0x00000000, 0},
    BookRow{Reg::apr,           "apr",           0x090, 0x809, book_ro, book_amd, 0x00000000, 0x000000ff, 0},
    BookRow{Reg::ppr,           "ppr",           0x0a0, 0x80a, book_ro, book_ro,  0x00000000, 0x000000ff, 0},
    BookRow{Reg::eoi,           "eoi",           0x0b0, 0x80b, book_wo, book_wo,  0x00000000, 0x00000000, 0},
    BookRow{Reg::remote_read,   "remote_read",   0x0c0, 0,     book_ro, book_na,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::ldr,           "ldr",           0x0d0, 0x80d, book_rw, book_ro,  0xff000000, 0x00000000, 0},
    BookRow{Reg::dfr,           "dfr",           0x0e0, 0,     book_rw, book_na,  0xf0000000, 0x00000000, 0xffffffff},
    BookRow{Reg::svr,           "svr",           0x0f0, 0x80f, book_rw, book_rw,  0x000001ff, 0x00000000, 0x000000ff},
    BookRow{Reg::isr0,          "isr",           0x100, 0x810, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::isr1,          "isr",           0x110, 0x811, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::isr2,          "isr",           0x120, 0x812, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::isr3,          "isr",           0x130, 0x813, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::isr4,          "isr",           0x140, 0x814, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::isr5,          "isr",           0x150, 0x815, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::isr6,          "isr",           0x160, 0x816, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::isr7,          "isr",           0x170, 0x817, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr0,          "tmr",           0x180, 0x818, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr1,          "tmr",           0x190, 0x819, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr2,          "tmr",           0x1a0, 0x81a, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr3,          "tmr",           0x1b0, 0x81b, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr4,          "tmr",           0x1c0, 0x81c, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr5,          "tmr",           0x1d0, 0x81d, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr6,          "tmr",           0x1e0, 0x81e, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::tmr7,          "tmr",           0x1f0, 0x81f, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr0,          "irr",           0x200, 0x820, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr1,          "irr",           0x210, 0x821, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr2,          "irr",           0x220, 0x822, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr3,          "irr",           0x230, 0x823, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr4,          "irr",           0x240, 0x824, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr5,          "irr",           0x250, 0x825, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr6,          "irr",           0x260, 0x826, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::irr7,          "irr",           0x270, 0x827, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::esr,           "esr",           0x280, 0x828, book_rw, book_rw,  0x00000000, 0x000000ec, 0},
    BookRow{Reg::lvt_cmci,      "lvt_cmci",      0x2f0, 0x82f, book_rw, book_rw,  0x000107ff, 0x00001000, 0x00010000},
    BookRow{Reg::icr,           "icr",           0x300, 0x830, book_rw, book_rw,  0x000ccfff, 0x00001000, 0},
    BookRow{Reg::icr_high,      "icr_high",      0x310, 0,     book_rw, book_na,  0xff000000, 0x00000000, 0},
    BookRow{Reg::lvt_timer,     "lvt_timer",     0x320, 0x832, book_rw, book_rw,  0x000300ff, 0x00001000, 0x00010000},
    BookRow{Reg::lvt_thermal,   "lvt_thermal",   0x330, 0x833, book_rw, book_rw,  0x000107ff, 0x00001000, 0x00010000},
    BookRow{Reg::lvt_pmc,       "lvt_pmc",       0x340, 0x834, book_rw, book_rw,  0x000107ff, 0x00001000, 0x00010000},
    BookRow{Reg::lvt_lint0,     "lvt_lint0",     0x350, 0x835, book_rw, book_rw,  0x000187ff, 0x00005000, 0x00010000},
    BookRow{Reg::lvt_lint1,     "lvt_lint1",     0x360, 0x836, book_rw, book_rw,  0x000187ff, 0x00005000, 0x00010000},
    BookRow{Reg::lvt_error,     "lvt_error",     0x370, 0x837, book_rw, book_rw,  0x000100ff, 0x00001000, 0x00010000},
    BookRow{Reg::initial_count, "initial_count", 0x380, 0x838, book_rw, book_rw,  0xffffffff, 0x00000000, 0},
    BookRow{Reg::current_count, "current_count", 0x390, 0x839, book_ro, book_ro,  0x00000000, 0xffffffff, 0},
    BookRow{Reg::dcr,           "dcr",           0x3e0, 0x83e, book_rw, book_rw,  0x0000000b, 0x00000000, 0},
    BookRow{Reg::self_ipi,      "self_ipi",      0x3f0, 0x83f, book_na, book_wo,  0x000000ff, 0x00000000, 0},
};
// clang-format on

// Bits that only some CPUs have: who, and what else they are.
inline constexpr u32 book_svr_focus = 0x200;            // AMD; Intel: older ones
inline constexpr u32 book_esr_intel = 0x13;             // AMD reserves them
inline constexpr u32 book_svr_eoi_suppression = 0x1000; // with version[24]
inline constexpr u32 book_timer_deadline = 0x40000;     // with CPUID.1:ECX[24]
inline constexpr u32 book_lint_polarity = 0x2000;       // Intel; AMD's manual contradicts itself
inline constexpr u32 book_error_mode = 0x700;           // AMD

} // namespace lapicheck::model
