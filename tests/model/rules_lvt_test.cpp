// Group L: the local vector table.
#include <doctest/doctest.h>

#include "tests/model/expected_registers.hpp"
#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

constexpr u32 hardware_bits(Reg entry) {
    return entry == Reg::lvt_lint0 || entry == Reg::lvt_lint1 ? lvt::delivery_status | lvt::remote_irr
                                                              : lvt::delivery_status;
}

TEST_CASE("L01: after RESET and after INIT every LVT entry reads 10000H") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m(mode, habit);
            m.fill();
            m.init();
            for (const Reg entry : lvt_entries) CHECK(m.s[entry] == 0x1'0000);
            m.fill();
            m.reset();
            for (const Reg entry : lvt_entries) CHECK(m.s[entry] == 0x1'0000);
        }
}

TEST_CASE("L02: a write does not change delivery status and remote IRR of an entry that stays masked") {
    for (const Habit habit : habits)
        for (const Reg entry : lvt_entries)
            for (const u32 held : {u32{0}, hardware_bits(entry)})
                for (const u32 written : {u32{0}, hardware_bits(entry)}) {
                    Machine m(Mode::xapic, habit);
                    m.s[entry] = lvt::mask | held;
                    m.put(entry, lvt::mask | written | 0x42);
                    CAPTURE(entry);
                    CHECK((m.s[entry] & hardware_bits(entry)) == held);
                    CHECK((m.s[entry] & lvt::vector) == 0x42);
                }
}

TEST_CASE(
    "L02: what the hardware shows in an entry that is or was unmasked is open, and is no writable bit") {
    for (const Reg entry : lvt_entries)
        for (const u32 before : {u32{0}, lvt::mask})
            for (const u32 after : {u32{0}, lvt::mask}) {
                if (before != 0 && after != 0) continue;
                const auto stored = [=](Habit habit) {
                    Machine m(Mode::xapic, habit);
                    m.s[entry] = before;
                    m.put(entry, after | 0x42);
                    return m.s[entry];
                };
                CAPTURE(entry);
                CHECK((stored(Habit::never) ^ stored(Habit::always)) == hardware_bits(entry));
            }
}

// An interrupt can come in at any time, and remote IRR is set when a level is accepted (L06).
TEST_CASE("L02 L06: delivery status and remote IRR of an unmasked entry may change without an access") {
    for (const Reg entry : {Reg::lvt_lint0, Reg::lvt_lint1}) {
        CAPTURE(entry);
        CHECK(is_unspecified([entry](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.s[entry] = lvt::trigger | 0x42;
            m.elapse();
            return m.s[entry] & hardware_bits(entry);
        }));
    }
}

TEST_CASE("L02: whether WRMSR of 1 to a read-only bit raises #GP is open") {
    for (const Reg entry : lvt_entries)
        for (const u32 bit : {lvt::delivery_status, lvt::remote_irr}) {
            if ((hardware_bits(entry) & bit) == 0) continue;
            CAPTURE(entry);
            CHECK(is_unspecified([=](Habit habit) {
                Machine m(Mode::x2apic, habit);
                return m.put(entry, lvt::mask | bit).gp;
            }));
        }
}

TEST_CASE("L02: whether WRMSR of 1 to a read-only bit raises #GP is open although the bit is 1 already") {
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::x2apic, habit);
        m.s[Reg::lvt_lint0] = lvt::mask | lvt::remote_irr;
        return m.put(Reg::lvt_lint0, lvt::mask | lvt::remote_irr).gp;
    }));
}

TEST_CASE("L03: bits that an entry does not define read 0 in x2APIC mode after a write in xAPIC mode") {
    for (const Habit habit : habits)
        for (const bool amd : {false, true})
            for (const Reg entry : lvt_entries) {
                Machine m(Mode::xapic, habit);
                m.cpu.amd = amd;
                m.cpu.has_tsc_deadline = false;
                m.put(entry, 0xffff'ffff);
                m.go(Mode::x2apic);
                u32 defined = book_rows[index_of(entry)].writable | hardware_bits(entry);
                if (hardware_bits(entry) != lvt::delivery_status) defined |= book_lint_polarity; // AMD: open
                if (entry == Reg::lvt_error && amd) defined |= book_error_mode;
                CAPTURE(entry);
                CHECK((m.get(entry).value & ~u64{defined}) == 0);
            }
}

// What a reserved bit reads back in the window is implementation behaviour; so are those bits that only
// the other vendor's CPUs define, or those with a feature that this CPU lacks.
TEST_CASE(
    "L03: what a reserved bit of an entry reads back in xAPIC mode is open, whosever bit it is elsewhere") {
    struct Foreign {
        Reg entry;
        bool amd;
        u32 bits;
    };
    for (const Foreign f :
         {Foreign{Reg::lvt_timer, false, lvt::timer_deadline},
          Foreign{Reg::lvt_error, false, lvt::delivery_mode}, Foreign{Reg::lvt_lint0, true, lvt::polarity},
          Foreign{Reg::lvt_pmc, false, lvt::trigger}}) {
        const auto read = [f](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.cpu.amd = f.amd;
            m.cpu.has_tsc_deadline = false;
            m.put(f.entry, lvt::mask | f.bits);
            return m.get(f.entry).value & f.bits;
        };
        CAPTURE(f.entry);
        CHECK(read(Habit::never) == 0);
        CHECK(read(Habit::always) == f.bits);
    }
}

TEST_CASE("L05: LVT entries take each delivery mode that they support; another encoding is open") {
    constexpr u32 plain = 0b0001'0101;   // fixed, SMI, NMI
    constexpr u32 of_lint = 0b1011'0101; // and INIT, ExtINT
    struct Supported {
        Reg entry;
        bool amd;
        u32 modes; // one bit each
    };
    for (const Supported& e :
         {Supported{Reg::lvt_cmci, false, plain}, Supported{Reg::lvt_thermal, false, plain},
          Supported{Reg::lvt_pmc, false, plain}, Supported{Reg::lvt_error, true, plain},
          Supported{Reg::lvt_lint0, false, of_lint}, Supported{Reg::lvt_lint1, false, of_lint}})
        for (u32 mode = 0; mode < 8; ++mode) {
            const auto raises_gp = [&](Habit habit) {
                Machine m(Mode::x2apic, habit);
                m.cpu.amd = e.amd;
                return m.put(e.entry, lvt::mask | (mode << 8) | 0x42).gp;
            };
            CAPTURE(e.entry);
            CAPTURE(mode);
            CHECK(is_unspecified(raises_gp) == ((e.modes >> mode & 1) == 0));
            CHECK_FALSE(raises_gp(Habit::never));
        }
}

TEST_CASE("L07: the mask of LVT PMC may be set without an access, and no other") {
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        for (const Reg entry : lvt_entries) m.s[entry] = 0x42;
        m.elapse();
        for (const Reg entry : lvt_entries)
            if (entry != Reg::lvt_pmc) CHECK((m.s[entry] & lvt::mask) == 0);
        CHECK((m.s[Reg::lvt_pmc] & ~lvt::mask & 0xffff'0fff) == 0x42);
    }
    const auto mask = [](bool amd) {
        return [amd](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.cpu.amd = amd;
            m.s[Reg::lvt_pmc] = 0x42;
            m.elapse();
            return m.s[Reg::lvt_pmc] & lvt::mask;
        };
    };
    CHECK(is_unspecified(mask(false)));
    for (const Habit habit : habits) CHECK(mask(true)(habit) == 0); // Intel alone masks
}

TEST_CASE("L07: the interrupt of LVT PMC masks the entry on Intel, and not on AMD") {
    for (const bool amd : {false, true}) {
        Machine m;
        m.cpu.amd = amd;
        m.s[Reg::lvt_pmc] = 0x42;
        ConcreteDriver<> p;
        mask_delivering_pmc(p, m.s, m.cpu);
        CHECK(m.s[Reg::lvt_pmc] == (amd ? 0x42 : 0x42 | lvt::mask));
    }
}

TEST_CASE("L03: whether AMD has the polarity of LINT0 and LINT1 is open, Intel has it") {
    for (const Reg entry : {Reg::lvt_lint0, Reg::lvt_lint1}) {
        const auto write = [entry](bool amd) {
            return [=](Habit habit) {
                Machine m(Mode::x2apic, habit);
                m.cpu.amd = amd;
                return m.put(entry, lvt::mask | lvt::polarity).gp;
            };
        };
        CHECK(is_unspecified(write(true)));
        for (const Habit habit : habits) CHECK_FALSE(write(false)(habit));
    }
}

TEST_CASE("L09: where there is no LVT CMCI its place is not judged, and no register changes") {
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        m.s[Reg::version] = 0x0005'0014;
        State<Concrete> expected = m.s;
        CHECK(m.read(0x2f0).answer == Answer::unspecified);
        const auto out = m.write(0x2f0, 0x42);
        CHECK(out.answer == Answer::unspecified);
        CHECK(out.rule == Rule::L09);
        expected.esr_pending |= m.s.esr_pending & esr::illegal_register; // M11: open
        CHECK(is_same(m.s, expected));
    }
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.s[Reg::version] = 0x0005'0014;
        m.read(0x2f0);
        return m.s.esr_pending;
    }));
}

TEST_CASE("L10: no access but a write to the entry clears its mask") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes)
            for (const RegisterRow& row : sdm_registers)
                for (const u32 value : {u32{0}, 0x1ffU}) {
                    if (is_lvt(row.reg)) continue;
                    Machine m(mode, habit);
                    for (const Reg entry : lvt_entries) m.s[entry] |= lvt::mask;
                    m.put(row.reg, value);
                    m.get(row.reg);
                    m.elapse();
                    for (const Reg entry : lvt_entries) CHECK((m.s[entry] & lvt::mask) != 0);
                }
}

} // namespace
} // namespace lapicheck::model
