// Group D: APIC ID, LDR and DFR.
#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

TEST_CASE("D01: the xAPIC ID is in bits 31:24, and nothing is said of the others") {
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        CHECK((m.read(0x020).value & xapic_id_field) == 0x4500'0000);
    }
    CHECK(is_unspecified(
        [](Habit habit) { return Machine(Mode::xapic, habit).read(0x020).value & 0xff'ffff; }));
}

TEST_CASE("D02: the x2APIC ID has 32 bits and cannot be written") {
    for (const Habit habit : habits) {
        Machine m(Mode::x2apic, habit);
        m.s[Reg::id] = 0x7700'0000;
        CHECK(m.rdmsr(0x802).value == 0x0001'2345);
        CHECK(m.wrmsr(0x802, 0x0001'2345).rule == Rule::X02);
    }
}

TEST_CASE("D03: after RESET the xAPIC ID is the low byte of the x2APIC ID") {
    for (const u32 id : {u32{0}, 0xfeU, 0x100U, 0xabcd'ef12U}) {
        Machine m;
        m.cpu.hardware_id = id;
        m.reset();
        CHECK((m.read(0x020).value & xapic_id_field) == (id & 0xff) << 24);
        m.go(Mode::x2apic);
        CHECK(m.rdmsr(0x802).value == id);
    }
}

TEST_CASE("D04: the x2APIC LDR is the cluster ID[19:4] and one bit for ID[3:0]") {
    struct Identity {
        u32 id, ldr;
    };
    for (const Identity i : {Identity{0, 0x1}, Identity{1, 0x2}, Identity{0xf, 0x8000},
                             Identity{0x10, 0x1'0001}, Identity{0x35, 0x3'0020}, Identity{0xff, 0xf'8000},
                             Identity{0x0001'2345, 0x1234'0020}, Identity{0x000f'fff0, 0xffff'0001},
                             Identity{0x0010'0000, 0x1}, Identity{0xffff'fffe, 0xffff'4000}}) {
        Machine m(Mode::x2apic, Habit::always);
        m.s.x2apic_id = i.id;
        m.s[Reg::ldr] = 0xff00'0000; // what it was in xAPIC mode
        CAPTURE(i.id);
        CHECK(m.rdmsr(0x80d).value == i.ldr);
        CHECK(x2apic_ldr(i.id) == i.ldr);
    }
}

TEST_CASE("D05: the x2APIC LDR cannot be written") {
    Machine m(Mode::x2apic);
    const auto out = m.wrmsr(0x80d, 0x1234'0020);
    CHECK(out.gp);
    CHECK(out.rule == Rule::X02);
}

TEST_CASE("D06: the xAPIC LDR keeps bits 31:24; what the others read is open") {
    const auto read = [](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.write(0x0d0, 0x89ab'cdef);
        return m.read(0x0d0).value;
    };
    CHECK(read(Habit::proposed) == 0x8900'0000);
    CHECK((read(Habit::never) ^ read(Habit::always)) == 0x00ff'ffff);
}

TEST_CASE("D07: bits 27:0 of DFR read as ones whatever is written") {
    for (const Habit habit : habits)
        for (const u32 model_bits : {u32{0}, 0x1234'5678U, 0xffff'ffffU}) {
            Machine m(Mode::xapic, habit);
            m.write(0x0e0, model_bits);
            CHECK(m.read(0x0e0).value == (model_bits | 0x0fff'ffff));
        }
}

TEST_CASE("D08: there is no DFR in x2APIC mode") {
    Machine m(Mode::x2apic);
    CHECK(m.rdmsr(0x80e).gp);
    CHECK(m.wrmsr(0x80e, 0xffff'ffff).gp);
    CHECK(m.rdmsr(0x80e).rule == Rule::X04);
}

TEST_CASE("D09: whether software can change the xAPIC ID is open; no other bit can be changed") {
    const auto id_after_write = [](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.write(0x020, 0xa5ff'ffff);
        return m.s[Reg::id];
    };
    CHECK(id_after_write(Habit::never) == 0x4500'0000);
    CHECK(id_after_write(Habit::always) == 0xa500'0000);
}

TEST_CASE("D11: entering x2APIC mode brings the hardware's ID back on Intel; on AMD one that was written may "
          "stay") {
    const auto id_in_x2apic = [](bool amd, bool written) {
        return [amd, written](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.cpu.amd = amd;
            if (written) m.s[Reg::id] = 0x7700'0000;
            m.go(Mode::x2apic);
            return m.rdmsr(0x802).value;
        };
    };
    for (const Habit habit : habits) {
        CHECK(id_in_x2apic(false, true)(habit) == 0x0001'2345);
        CHECK(id_in_x2apic(false, false)(habit) == 0x0001'2345);
        CHECK(id_in_x2apic(true, false)(habit) == 0x0001'2345);
    }
    CHECK(id_in_x2apic(true, true)(Habit::proposed) == 0x77);
    CHECK(is_unspecified(id_in_x2apic(true, true)));
}

TEST_CASE("D11: LDR follows the ID, on either vendor's CPUs") {
    for (const Habit habit : habits)
        for (const bool amd : {false, true}) {
            Machine m(Mode::xapic, habit);
            m.cpu.amd = amd;
            m.s[Reg::id] = 0x7700'0000;
            m.go(Mode::x2apic);
            const u32 id = low_half(m.rdmsr(0x802).value);
            CHECK(m.rdmsr(0x80d).value == x2apic_ldr(id));
        }
}

TEST_CASE("D12 D13: entering x2APIC mode keeps all but ID, LDR, DFR and ICR[63:32]") {
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        m.fill();
        m.s[Reg::id] = 0x4500'0000;
        m.s.tsc_deadline = 77;
        m.s.cleared_by_software = true;
        const State<Concrete> before = m.s;
        REQUIRE_FALSE(m.go(Mode::x2apic).gp);
        for (const RegisterRow& row : sdm_registers) {
            if (row.reg == Reg::ldr || row.reg == Reg::dfr || row.reg == Reg::icr_high) continue;
            CAPTURE(row.reg);
            CHECK(m.s[row.reg] == before[row.reg]);
        }
        CHECK(m.s.x2apic_id == before.x2apic_id);
        CHECK(m.s.tsc_deadline == before.tsc_deadline);
        CHECK(m.s.esr_pending == before.esr_pending);
        CHECK(m.s.cleared_by_software == before.cleared_by_software);
    }
    for (const Reg reg : {Reg::ldr, Reg::dfr, Reg::icr_high}) {
        CAPTURE(reg);
        CHECK(is_unspecified([reg](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.go(Mode::x2apic);
            return m.s[reg];
        }));
    }
}

} // namespace
} // namespace lapicheck::model
