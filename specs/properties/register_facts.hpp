// What the manual says of the registers, as far as properties need it: SDM Vol. 3A 325384-059US, Tables 10-1
// and 10-6 and the figures of the single registers; AMD APM Vol. 2, chapter 16, where it differs.
//
// Literal, and on purpose not derived from the model's table (model/registers.cpp): a slip there must
// contradict what stands here.
#pragma once

#include <algorithm>
#include <array>

#include "model/registers.hpp"

namespace lapicheck::specs {

using model::Reg;
using model::u32;
using model::u64;
using model::u8;

namespace facts {

inline constexpr u64 apic_base_msr = 0x1b;
inline constexpr u64 base_bsp = 0x100;
inline constexpr u64 base_extd = 0x400;
inline constexpr u64 base_enable = 0x800;
inline constexpr u64 base_reserved = 0x2ff;               // below the address
inline constexpr u64 base_beyond = 0xfff0'0000'0000'0000; // no CPU has these address bits
inline constexpr u64 base_page = 0xffff'ffff'ffff'f000;
inline constexpr u64 base_after_reset = 0xfee0'0800; // and the BSP flag

inline constexpr u64 tsc_deadline_msr = 0x6e0;

inline constexpr u32 version_suppression = 0x0100'0000;
inline constexpr u32 version_reserved = 0x7e00'ff00;

inline constexpr u32 svr_enable = 0x100;
inline constexpr u32 svr_focus = 0x200;      // AMD's; on Intel reserved, or not
inline constexpr u32 lint_polarity = 0x2000; // Intel's; on AMD reserved, or not
inline constexpr u32 svr_suppression = 0x1000;

inline constexpr u32 lvt_mask = 0x1'0000;
inline constexpr u32 lvt_mode = 0x700;
inline constexpr u32 timer_mode = 0x6'0000;
inline constexpr u32 timer_deadline = 0x4'0000; // of timer_mode

inline constexpr u32 icr_status = 0x1000;
inline constexpr u32 icr_reserved = 0xfff3'2000;

inline constexpr u32 redirectable_ipi = 0x10;
inline constexpr u32 send_illegal_vector = 0x20;
inline constexpr u32 receive_illegal_vector = 0x40;
inline constexpr u32 illegal_register = 0x80;
inline constexpr u32 p6_errors = 0x0f;        // on the bus of the P6 family
inline constexpr u32 accept_errors = 0x0c;    // AMD has these of them
inline constexpr u32 esr_reserved_amd = 0x13; // below bit 8

inline constexpr u64 message_by_device = 0x1'0000'0000; // in a message's value

inline constexpr u32 first_legal_vector = 16;

} // namespace facts

// What software may do with a register by one of the two ways.
enum class Use : u8 { none, read, write, both };
constexpr bool is_readable(Use use) { return use == Use::read || use == Use::both; }
constexpr bool is_writable(Use use) { return use == Use::write || use == Use::both; }

struct RegisterFact {
    Reg reg;
    u32 offset; // in the window
    Use window;
    Use msr;      // 800H + offset / 16
    u32 software; // the bits that software writes, whatever the CPU has
    u32 hardware; // the other bits that mean something
    u32 reset;

    constexpr u64 index() const { return 0x800 + (offset >> 4); }
    constexpr u32 defined() const { return software | hardware; }
};

// By MSR the APR is AMD's alone.
// clang-format off
inline constexpr std::array single_registers = {
    //           register            offset window      MSR         software     hardware     RESET
    RegisterFact{Reg::id,            0x020, Use::both,  Use::read,  0x0000'0000, 0xff00'0000, 0x0000'0000},
    RegisterFact{Reg::version,       0x030, Use::read,  Use::read,  0x0000'0000, 0x81ff'00ff, 0x0000'0000},
    RegisterFact{Reg::tpr,           0x080, Use::both,  Use::both,  0x0000'00ff, 0x0000'0000, 0x0000'0000},
    RegisterFact{Reg::apr,           0x090, Use::read,  Use::read,  0x0000'0000, 0x0000'00ff, 0x0000'0000},
    RegisterFact{Reg::ppr,           0x0a0, Use::read,  Use::read,  0x0000'0000, 0x0000'00ff, 0x0000'0000},
    RegisterFact{Reg::eoi,           0x0b0, Use::write, Use::write, 0x0000'0000, 0x0000'0000, 0x0000'0000},
    RegisterFact{Reg::remote_read,   0x0c0, Use::read,  Use::none,  0x0000'0000, 0xffff'ffff, 0x0000'0000},
    RegisterFact{Reg::ldr,           0x0d0, Use::both,  Use::read,  0xff00'0000, 0x0000'0000, 0x0000'0000},
    RegisterFact{Reg::dfr,           0x0e0, Use::both,  Use::none,  0xf000'0000, 0x0fff'ffff, 0xffff'ffff},
    RegisterFact{Reg::svr,           0x0f0, Use::both,  Use::both,  0x0000'01ff, 0x0000'0000, 0x0000'00ff},
    RegisterFact{Reg::esr,           0x280, Use::both,  Use::both,  0x0000'0000, 0x0000'00ff, 0x0000'0000},
    RegisterFact{Reg::lvt_cmci,      0x2f0, Use::both,  Use::both,  0x0001'07ff, 0x0000'1000, 0x0001'0000},
    RegisterFact{Reg::icr,           0x300, Use::both,  Use::both,  0x000c'cfff, 0x0000'1000, 0x0000'0000},
    RegisterFact{Reg::icr_high,      0x310, Use::both,  Use::none,  0xff00'0000, 0x0000'0000, 0x0000'0000},
    RegisterFact{Reg::lvt_timer,     0x320, Use::both,  Use::both,  0x0003'00ff, 0x0000'1000, 0x0001'0000},
    RegisterFact{Reg::lvt_thermal,   0x330, Use::both,  Use::both,  0x0001'07ff, 0x0000'1000, 0x0001'0000},
    RegisterFact{Reg::lvt_pmc,       0x340, Use::both,  Use::both,  0x0001'07ff, 0x0000'1000, 0x0001'0000},
    RegisterFact{Reg::lvt_lint0,     0x350, Use::both,  Use::both,  0x0001'87ff, 0x0000'5000, 0x0001'0000},
    RegisterFact{Reg::lvt_lint1,     0x360, Use::both,  Use::both,  0x0001'87ff, 0x0000'5000, 0x0001'0000},
    RegisterFact{Reg::lvt_error,     0x370, Use::both,  Use::both,  0x0001'00ff, 0x0000'1000, 0x0001'0000},
    RegisterFact{Reg::initial_count, 0x380, Use::both,  Use::both,  0xffff'ffff, 0x0000'0000, 0x0000'0000},
    RegisterFact{Reg::current_count, 0x390, Use::read,  Use::read,  0x0000'0000, 0xffff'ffff, 0x0000'0000},
    RegisterFact{Reg::dcr,           0x3e0, Use::both,  Use::both,  0x0000'000b, 0x0000'0000, 0x0000'0000},
    RegisterFact{Reg::self_ipi,      0x3f0, Use::none,  Use::write, 0x0000'00ff, 0x0000'0000, 0x0000'0000},
};
// clang-format on

// ISR, TMR and IRR: eight words each of 256 bits, of which the first 16 are reserved.
struct BitmapFact {
    Reg first;
    u32 offset;
};
inline constexpr std::array bitmaps = {
    BitmapFact{Reg::isr0, 0x100},
    BitmapFact{Reg::tmr0, 0x180},
    BitmapFact{Reg::irr0, 0x200},
};

constexpr std::array<RegisterFact, single_registers.size() + 24> list_registers() {
    std::array<RegisterFact, single_registers.size() + 24> list{};
    std::size_t next = 0;
    for (const RegisterFact& fact : single_registers) list[next++] = fact;
    for (const BitmapFact& map : bitmaps)
        for (u32 word = 0; word < 8; ++word)
            list[next++] = {model::offset_by(map.first, word),
                            map.offset + 0x10 * word,
                            Use::read,
                            Use::read,
                            0,
                            word == 0 ? 0xffff'0000 : 0xffff'ffff,
                            0};
    return list;
}
inline constexpr auto register_facts = list_registers();

constexpr const RegisterFact& fact_of(Reg reg) {
    std::size_t at = 0;
    while (register_facts[at].reg != reg) ++at;
    return register_facts[at];
}

// Bits that software can write on some CPUs and that are reserved on the others.
enum class Needs : u8 { eoi_suppression, tsc_deadline, intel, amd };
struct OptionalBits {
    Reg reg;
    u32 mask;
    Needs needs;
};
inline constexpr std::array optional_bits = {
    OptionalBits{Reg::svr, 0x1000, Needs::eoi_suppression},      // version[24]
    OptionalBits{Reg::lvt_timer, 0x4'0000, Needs::tsc_deadline}, // CPUID.1:ECX[24]
    OptionalBits{Reg::lvt_error, 0x700, Needs::amd},
    OptionalBits{Reg::svr, facts::svr_focus, Needs::amd},
    OptionalBits{Reg::lvt_lint0, facts::lint_polarity, Needs::intel},
    OptionalBits{Reg::lvt_lint1, facts::lint_polarity, Needs::intel},
};
// Of those the bits that the other vendor's CPUs may have too.
constexpr u32 unspecified_bits(const RegisterFact& fact) {
    if (fact.reg == Reg::svr) return facts::svr_focus;
    return fact.reg == Reg::lvt_lint0 || fact.reg == Reg::lvt_lint1 ? facts::lint_polarity : 0;
}
// All bits that the register has on some CPU.
constexpr u32 bits_of_any_cpu(const RegisterFact& fact) {
    u32 bits = fact.defined();
    for (const OptionalBits& option : optional_bits)
        if (option.reg == fact.reg) bits |= option.mask;
    return bits;
}

inline constexpr std::array lvt_registers = {Reg::lvt_cmci,  Reg::lvt_timer, Reg::lvt_thermal, Reg::lvt_pmc,
                                             Reg::lvt_lint0, Reg::lvt_lint1, Reg::lvt_error};
constexpr bool is_lvt_register(Reg reg) {
    return std::ranges::find(lvt_registers, reg) != lvt_registers.end();
}

// Where there is no register. AMD's extended space lies in parts of it.
struct Gap {
    u32 first, last;
    bool amd_may_have = false;
};
// Bytes of the window.
inline constexpr std::array reserved_offsets = {
    Gap{0x000, 0x01f}, Gap{0x040, 0x07f},       Gap{0x290, 0x2ef}, Gap{0x3a0, 0x3df},       Gap{0x3f0, 0x3ff},
    Gap{0x430, 0x47f}, Gap{0x400, 0x42f, true}, Gap{0x540, 0xfff}, Gap{0x480, 0x53f, true},
};
// Those that the SDM's Table 10-1 lists, and those that only AMD's manual does.
inline constexpr std::array listed_offsets = {
    Gap{0x000, 0x01f}, Gap{0x040, 0x07f}, Gap{0x290, 0x2ef}, Gap{0x3a0, 0x3df}, Gap{0x3f0, 0x3ff},
};
inline constexpr std::array amd_reserved_offsets = {Gap{0x430, 0x47f}, Gap{0x540, 0xfff}};
inline constexpr std::array reserved_msrs = {
    Gap{0x800, 0x801}, Gap{0x804, 0x807},       Gap{0x809, 0x809, true}, Gap{0x80c, 0x80c},
    Gap{0x80e, 0x80e}, Gap{0x829, 0x82e},       Gap{0x831, 0x831},       Gap{0x83a, 0x83d},
    Gap{0x843, 0x847}, Gap{0x840, 0x842, true}, Gap{0x854, 0x8ff},       Gap{0x848, 0x853, true},
};
inline constexpr std::array read_only_msrs = {
    Gap{0x802, 0x803}, Gap{0x809, 0x809}, Gap{0x80a, 0x80a},
    Gap{0x80d, 0x80d}, Gap{0x810, 0x827}, Gap{0x839, 0x839},
};
inline constexpr std::array write_only_msrs = {Gap{0x80b, 0x80b}, Gap{0x83f, 0x83f}};
// Bytes of the window that belong to read-only registers.
inline constexpr std::array read_only_offsets = {
    Gap{0x030, 0x03f}, Gap{0x090, 0x09f}, Gap{0x0a0, 0x0af},
    Gap{0x0c0, 0x0cf}, Gap{0x100, 0x27f}, Gap{0x390, 0x39f},
};

} // namespace lapicheck::specs
