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

u32 errors_of(u32 command, bool amd, Mode mode, Habit habit) {
    Machine m(mode, habit);
    m.cpu.amd = amd;
    CHECK(m.put(Reg::icr, command).sends_ipi);
    return m.s.esr_pending;
}

TEST_CASE("I19 I24: one of lowest priority or of a reserved mode may be refused, which ESR[5:4] show") {
    for (const bool amd : {false, true})
        for (const Mode mode : both_modes)
            for (const u32 delivery_mode : {0x100U, 0x300U, 0x700U}) {
                const u32 redirects = amd ? 0 : esr::redirectable_ipi;
                CHECK(errors_of(delivery_mode | 3, amd, mode, Habit::never) == 0);
                CHECK(errors_of(delivery_mode | 3, amd, mode, Habit::always) ==
                      (esr::send_illegal_vector | redirects));
                CHECK(errors_of(delivery_mode | 0x31, amd, mode, Habit::always) == redirects);
            }
}

TEST_CASE("I04: SMI, NMI, INIT and start-up have no vector that is illegal, nor is one of them redirected") {
    for (const Mode mode : both_modes)
        for (const u32 delivery_mode : {0x200U, 0x400U, 0x500U, 0x600U})
            for (const u32 shorthand : {u32{0}, 0xc'0000U}) // none, all but self
                CHECK(errors_of(delivery_mode | shorthand | 8, false, mode, Habit::always) == 0);
    // What a shorthand does that the mode does not allow is open.
    CHECK(errors_of(0x4'0408, false, Mode::xapic, Habit::always) != 0);
    // A fixed one with a legal vector is neither.
    CHECK(errors_of(0x31, false, Mode::xapic, Habit::always) == 0);
}

TEST_CASE("I04: an MSI with a vector below 16 is recorded by whom it reaches; an IPI may be") {
    const auto recorded = [](u64 value, Habit habit) {
        Machine m(Mode::xapic, habit);
        CHECK(m.run({AccessKind::message, 0x45, 4, value}).answer == Answer::apic);
        CHECK(m.s[Reg::irr0] == 0);
        return m.s.esr_pending;
    };
    for (const u32 delivery_mode : {u32{0}, 0x100U})
        for (u32 vector = 0; vector < 16; ++vector) {
            const u32 command = delivery_mode | vector;
            for (const Habit habit : habits)
                CHECK(recorded(command | by_device, habit) == esr::receive_illegal_vector);
            CHECK(recorded(command, Habit::never) == 0);
            CHECK(recorded(command, Habit::always) == esr::receive_illegal_vector);
        }
    // Not with a legal vector, by no APIC that software has disabled, and not if it is for another one.
    Machine m;
    m.run({AccessKind::message, 0x45, 4, u64{0x31} | by_device});
    m.run({AccessKind::message, 0x46, 4, u64{0x05} | by_device});
    CHECK(m.s.esr_pending == 0);
    m.s[Reg::svr] = 0xff;
    m.run({AccessKind::message, 0x45, 4, u64{0x05} | by_device});
    CHECK(m.s.esr_pending == 0);
}

TEST_CASE("I07: Intel's CPUs ignore a level de-assert of INIT; what AMD's do is open") {
    const auto tpr_after = [](bool amd) {
        return [amd](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.cpu.amd = amd;
            m.s[Reg::tpr] = 0x40;
            m.run({AccessKind::message, 0x45, 4, 0x8500});
            return m.s[Reg::tpr];
        };
    };
    for (const Habit habit : habits) CHECK(tpr_after(false)(habit) == 0x40);
    CHECK(is_unspecified(tpr_after(true)));
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
