// Group R: RESET and INIT.
#include <doctest/doctest.h>

#include "tests/model/expected_registers.hpp"
#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

// Everything else than after RESET.
Machine used_machine(Mode mode, Habit habit) {
    Machine m(mode, habit);
    m.fill();
    m.s.tsc_deadline = 77;
    m.s.cleared_by_software = true;
    return m;
}

void check_reset_values(const Machine& m) {
    for (const BookRow& row : book_rows) {
        if (row.reg == Reg::version || row.reg == Reg::id) continue;
        CAPTURE(row.reg);
        CHECK(m.s[row.reg] == row.reset);
    }
    CHECK(m.s.tsc_deadline == 0);
    CHECK(m.s.esr_pending == 0);
    CHECK_FALSE(m.s.cleared_by_software);
}

TEST_CASE("R01: RESET gives every register its value, and the ID that of the hardware") {
    for (const Habit habit : habits)
        for (const Mode mode : all_modes) {
            Machine m = used_machine(mode, habit);
            m.s.x2apic_id = 0x99;
            m.reset();
            check_reset_values(m);
            CHECK(m.s[Reg::id] == 0x4500'0000);
            CHECK(m.s.x2apic_id == 0x0001'2345);
            CHECK(m.s[Reg::version] == 0x0106'0014);
        }
}

TEST_CASE("B10 B17: RESET leads to xAPIC mode at FEE00000H from every mode; bit 8 tells the BSP") {
    for (const Habit habit : habits)
        for (const Mode mode : all_modes) {
            Machine m(mode, habit);
            m.s.apic_base = (m.s.apic_base & ~apic_base::page) | 0xd000'0000;
            m.reset();
            CHECK((m.s.apic_base & ~apic_base::bsp) == 0xfee0'0800);
        }
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.reset();
        return m.s.apic_base & apic_base::bsp;
    }));
}

TEST_CASE("R08: whether an AMD CPU's APIC is enabled after RESET is open; it is not in x2APIC mode") {
    const auto base = [](Habit habit) {
        Machine m(Mode::x2apic, habit);
        m.cpu.amd = true;
        m.reset();
        return m.s.apic_base & ~apic_base::bsp;
    };
    CHECK(base(Habit::never) == 0xfee0'0800);
    CHECK(base(Habit::always) == 0xfee0'0000);
}

// xAPIC mode unless the platform locks x2APIC.
TEST_CASE("B17: where the platform locks x2APIC mode, RESET need not leave it") {
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::x2apic, habit);
        m.cpu.locked_x2apic = true;
        m.reset();
        return in_x2apic(m.s);
    }));
}

TEST_CASE("R02 R04: INIT gives every register its RESET value but IA32_APIC_BASE and the ID") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m = used_machine(mode, habit);
            const State<Concrete> before = m.s;
            m.init();
            check_reset_values(m);
            CHECK(m.s.apic_base == before.apic_base); // B11
            CHECK(m.s[Reg::id] == before[Reg::id]);
            CHECK(m.s.x2apic_id == before.x2apic_id);
            CHECK(m.s[Reg::version] == before[Reg::version]);
        }
}

TEST_CASE("B11 B17: INIT keeps IA32_APIC_BASE, in every mode and at every place") {
    for (const Habit habit : habits)
        for (const Mode mode : all_modes)
            for (const u64 page : {u64{0xfee0'0000}, u64{0xd000'0000}})
                for (const u64 bsp : {u64{0}, apic_base::bsp}) {
                    Machine m(mode, habit);
                    m.s.apic_base = page | bsp | mode_bits(mode);
                    m.init();
                    CHECK(m.s.apic_base == (page | bsp | mode_bits(mode)));
                }
}

TEST_CASE("R03: INIT in x2APIC mode keeps all 32 bits of the ID, and LDR with it") {
    Machine m(Mode::x2apic);
    m.init();
    CHECK(m.rdmsr(0x802).value == 0x0001'2345);
    CHECK(m.rdmsr(0x80d).value == 0x1234'0020);
}

TEST_CASE("R03: INIT in the disabled state enables nothing; whether it changes anything else is open") {
    for (const Habit habit : habits) {
        Machine m = used_machine(Mode::disabled, habit);
        const State<Concrete> before = m.s;
        m.init();
        CHECK(m.s.apic_base == before.apic_base);
        CHECK(m.s[Reg::id] == before[Reg::id]);
        CHECK(m.s.x2apic_id == before.x2apic_id);
        if (habit == Habit::always) check_reset_values(m);
        else CHECK(is_same(m.s, before));
    }
}

} // namespace
} // namespace lapicheck::model
