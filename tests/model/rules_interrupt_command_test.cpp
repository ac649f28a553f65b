// Group I as far as one APIC decides it: what a write of the ICR or SELF IPI sends, and what it logs.
#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

TEST_CASE("I01 I02: the write of ICR low, or of the MSR, sends, and nothing else but SELF IPI does") {
    for (const Mode mode : both_modes)
        for (const RegisterRow& row : sdm_registers)
            for (const u64 value : {u64{0}, u64{0x31}}) {
                Machine m(mode);
                const auto out = m.put(row.reg, value);
                const bool is_command =
                    row.reg == Reg::icr || (row.reg == Reg::self_ipi && mode == Mode::x2apic);
                CAPTURE(row.reg);
                CHECK(out.sends_ipi == is_command);
                if (row.reg == Reg::icr) CHECK(out.rule == (mode == Mode::xapic ? Rule::M07 : Rule::I02));
                CHECK_FALSE(m.get(row.reg).sends_ipi);
            }
}

TEST_CASE("I03: software does not set the delivery status by writing ICR low") {
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        m.put(Reg::icr, 0x10f1);
        CHECK(m.s[Reg::icr] == 0xf1);
    }
}

TEST_CASE("I04: a fixed IPI with a vector below 16 is logged by its sender, by ICR and by SELF IPI") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes)
            for (u32 vector = 0; vector < 16; ++vector)
                for (const u32 elsewhere : {u32{0}, 0x4'0000U, 0xc'0000U, 0x800U, 0xc000U}) {
                    Machine m(mode, habit);
                    const auto out = m.put(Reg::icr, vector | elsewhere);
                    CHECK_FALSE(out.gp);
                    CHECK(m.s.esr_pending == esr::send_illegal_vector);
                    CHECK(m.s[Reg::irr0] == 0);
                    if (mode == Mode::xapic) continue;
                    Machine self(mode, habit);
                    CHECK_FALSE(self.put(Reg::self_ipi, vector).gp); // E08
                    CHECK(self.s.esr_pending == esr::send_illegal_vector);
                    CHECK(self.s[Reg::irr0] == 0);
                }
}

TEST_CASE("I04: what was logged before stays logged") {
    Machine m;
    m.s.esr_pending = esr::illegal_register;
    m.put(Reg::icr, 0x3);
    CHECK(m.s.esr_pending == (esr::illegal_register | esr::send_illegal_vector));
}

TEST_CASE("I19 I24: an IPI of another mode may be refused, which only the bits for sending show") {
    for (const Mode mode : both_modes)
        for (const u32 delivery_mode : {0x100U, 0x200U, 0x300U, 0x400U, 0x500U, 0x600U, 0x700U}) {
            const auto pending = [=](Habit habit) {
                Machine m(mode, habit);
                CHECK(m.put(Reg::icr, delivery_mode | 0x3).sends_ipi);
                return m.s.esr_pending;
            };
            CHECK(pending(Habit::never) == 0);
            CHECK(pending(Habit::always) == (esr::send_illegal_vector | esr::redirectable_ipi));
        }
}

TEST_CASE("I16: SELF IPI sends its vector and leaves the ICR as it is") {
    for (const Habit habit : habits) {
        Machine m(Mode::x2apic, habit);
        m.fill();
        State<Concrete> expected = m.s;
        const auto out = m.put(Reg::self_ipi, 0xf1);
        CHECK(out.sends_ipi);
        CHECK(out.reg == Reg::self_ipi);
        expected.esr_pending = m.s.esr_pending;
        CHECK(is_same(m.s, expected));
    }
}

TEST_CASE("I22: ICR high keeps the destination for every later write of ICR low") {
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        const auto out = m.put(Reg::icr_high, 0x12ab'cdef);
        CHECK_FALSE(out.sends_ipi);
        m.put(Reg::icr, 0xf1);
        m.put(Reg::icr, 0xf2);
        CHECK((m.get(Reg::icr_high).value & icr::destination) == 0x1200'0000);
        CHECK(m.s[Reg::icr_high] == 0x1200'0000);
    }
}

TEST_CASE("I02: each x2APIC command brings its own destination") {
    Machine m(Mode::x2apic);
    m.put(Reg::icr, 0xffff'ffff'0000'00f1);
    CHECK(m.s[Reg::icr_high] == 0xffff'ffff);
    m.put(Reg::icr, 0xf2);
    CHECK(m.s[Reg::icr_high] == 0);
}

} // namespace
} // namespace lapicheck::model
