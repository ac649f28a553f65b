// Group V: the version register, and the spurious interrupt vector register that enables the APIC.
#include <algorithm>

#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

constexpr u32 on = svr::enable | svr::vector;
constexpr u32 off = svr::vector;

bool all_masked(const Machine& m) {
    return std::ranges::all_of(lvt_entries, [&m](Reg entry) { return (m.s[entry] & lvt::mask) != 0; });
}
void unmask_all(Machine& m) {
    for (const Reg entry : lvt_entries) m.s[entry] = 0x31;
}

template <class Visit>
void each_machine(Visit visit) {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m(mode, habit);
            visit(m);
        }
}

TEST_CASE("V01: the version register never changes and is one in both modes") {
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        const u32 version = m.s[Reg::version];
        m.write(0x030, 0);
        CHECK(m.read(0x030).value == version);
        m.go(Mode::x2apic);
        CHECK(m.rdmsr(0x803).value == version);
        m.init();
        m.go(Mode::disabled);
        m.go(Mode::xapic);
        m.reset();
        m.go(Mode::xapic);
        CHECK(m.s[Reg::version] == version);
    }
}

TEST_CASE("V02: the version's reserved bits read 0 in the window, too") {
    for (const Habit habit : habits)
        CHECK((Machine(Mode::xapic, habit).read(0x030).value & 0x7e00'ff00) == 0);
}

TEST_CASE("V03 L09: LVT CMCI is there from a max LVT entry of 6 on") {
    for (u32 most = 0; most < 0x100; ++most) {
        Machine m;
        m.s[Reg::version] = 0x14 | (most << 16);
        CHECK(has_cmci(m.s) == (most >= 6));
    }
}

TEST_CASE("V04: after RESET and after INIT SVR reads FFH") {
    each_machine([](Machine& m) {
        m.init();
        CHECK((m.get(Reg::svr).value & 0x11ff) == 0xff);
        m.reset();
        CHECK(m.s[Reg::svr] == 0xff);
    });
}

TEST_CASE("V05: SVR bit 12 stays only where bit 24 of the version register is 1") {
    for (const Habit habit : habits)
        for (const bool has_it : {false, true}) {
            Machine m(Mode::xapic, habit);
            m.s[Reg::version] = has_it ? 0x0106'0014 : 0x0006'0014;
            m.write(0x0f0, svr::eoi_suppression | on);
            CHECK((m.read(0x0f0).value & 0x11ff) == (has_it ? 0x11ffU : 0x1ffU));
        }
}

TEST_CASE("V06: clearing SVR[8] masks every LVT entry") {
    each_machine([](Machine& m) {
        unmask_all(m);
        REQUIRE_FALSE(m.put(Reg::svr, off).gp);
        CHECK(all_masked(m));
        for (const Reg entry : lvt_entries) CHECK((m.get(entry).value & 0x100ff) == 0x10031);
    });
}

TEST_CASE("V06: a write that leaves SVR[8] set masks nothing") {
    each_machine([](Machine& m) {
        unmask_all(m);
        const State<Concrete> before = m.s;
        m.put(Reg::svr, svr::enable | 0x50);
        for (const Reg entry : lvt_entries) CHECK(m.s[entry] == before[entry]);
        CHECK((m.s[Reg::svr] & on) == (svr::enable | 0x50));
    });
}

TEST_CASE("V07: while SVR[8] is cleared no LVT entry can be unmasked, LVT CMCI included") {
    each_machine([](Machine& m) {
        m.put(Reg::svr, off);
        for (const Reg entry : lvt_entries) {
            CAPTURE(entry);
            REQUIRE_FALSE(m.put(entry, 0x42).gp);
            CHECK((m.s[entry] & 0x100ff) == 0x10042);
        }
        m.put(Reg::svr, off); // a second time
        m.put(Reg::lvt_lint1, 0x43);
        CHECK(all_masked(m));
    });
}

TEST_CASE("V08: setting SVR[8] clears no mask, software then can") {
    each_machine([](Machine& m) {
        m.put(Reg::svr, off);
        m.put(Reg::svr, on);
        CHECK(all_masked(m));
        CHECK_FALSE(m.s.cleared_by_software);
        for (const Reg entry : lvt_entries) {
            m.put(entry, 0x42);
            CHECK((m.s[entry] & lvt::mask) == 0);
        }
    });
}

TEST_CASE("V10: clearing SVR[8] leaves IRR, ISR and TMR as they are, and all else but the LVT") {
    each_machine([](Machine& m) {
        m.fill();
        for (const Reg entry : lvt_entries) m.s[entry] |= lvt::mask;
        State<Concrete> expected = m.s;
        m.put(Reg::svr, off);
        expected[Reg::svr] = m.s[Reg::svr];
        expected.cleared_by_software = true;
        CHECK(is_same(m.s, expected));
    });
}

TEST_CASE("V11: a software-disabled APIC still sends IPIs") {
    each_machine([](Machine& m) {
        m.put(Reg::svr, off);
        CHECK(m.put(Reg::icr, 0xf1).sends_ipi);
    });
}

TEST_CASE("V13: whether an LVT entry can be unmasked before SVR[8] was ever set is open") {
    for (const Mode mode : both_modes)
        for (const Reg entry : lvt_entries)
            for (const bool by_init : {false, true})
                CHECK(is_unspecified([=](Habit habit) {
                    Machine m(mode, habit);
                    m.s[Reg::svr] = off;
                    if (by_init) m.init();
                    m.put(entry, 0x42);
                    return m.s[entry] & lvt::mask;
                }));
}

TEST_CASE("V13: whether writing 0 to an SVR[8] that RESET left clear masks the table is open") {
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.s[Reg::svr] = off;
        unmask_all(m);
        m.put(Reg::svr, off);
        return all_masked(m);
    }));
}

// The manuals do not specify V07 until SVR[8] was set for the first time; writing another vector does not
// set it.
TEST_CASE("V13: a write of SVR that does not set bit 8 for the first time leaves it open whether V07 holds") {
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.reset();
        m.put(Reg::svr, 0x50);
        m.put(Reg::lvt_lint0, 0x700);
        return m.s[Reg::lvt_lint0] & lvt::mask;
    }));
}

TEST_CASE("V07: after INIT it is open again, not what software had done before") {
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.put(Reg::svr, off);
        m.init();
        m.put(Reg::lvt_lint0, 0x700);
        return m.s[Reg::lvt_lint0] & lvt::mask;
    }));
}

} // namespace
} // namespace lapicheck::model
