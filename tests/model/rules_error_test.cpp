// Group E: the error status register.
#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

TEST_CASE("E01 E02: a write shows what was recorded and empties the record; a read does neither") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m(mode, habit);
            m.s.esr_pending = esr::receive_illegal_vector;
            CHECK(low_half(m.get(Reg::esr).value) == 0);
            CHECK_FALSE(m.put(Reg::esr, 0).gp);
            CHECK(m.s.esr_pending == 0);
            CHECK(m.get(Reg::esr).value == esr::receive_illegal_vector);
            CHECK(m.get(Reg::esr).value == esr::receive_illegal_vector);
            m.s.esr_pending = esr::illegal_register;
            CHECK(m.get(Reg::esr).value == esr::receive_illegal_vector);
        }
}

TEST_CASE("E01: in xAPIC mode the value that is written does not matter") {
    for (const u32 value : {u32{0}, 0x20U, 0xffff'ffffU}) {
        Machine m;
        m.s.esr_pending = esr::illegal_register;
        m.put(Reg::esr, value);
        CHECK(m.s[Reg::esr] == esr::illegal_register);
    }
}

TEST_CASE("E03: bits 31:8 read 0, in the window too") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes)
            CHECK((Machine(mode, habit).get(Reg::esr).value & ~u64{0xff}) == 0);
}

TEST_CASE("E04: no access in x2APIC mode records an illegal register address") {
    for (const Habit habit : habits)
        for (const bool amd : {false, true}) {
            Machine m(Mode::x2apic, habit);
            m.cpu.amd = amd;
            for (u32 msr = 0x800; msr <= 0x8ff; ++msr) {
                if (msr == 0x828) continue; // ESR itself
                m.rdmsr(msr);
                m.wrmsr(msr, 0);
                m.wrmsr(msr, 0xffff'ffff);
            }
            for (u32 offset = 0; offset < window_bytes; offset += 16) {
                m.read(offset);
                m.write(offset, 0);
            }
            CHECK((m.s.esr_pending & esr::illegal_register) == 0);
            CHECK((m.s[Reg::esr] & esr::illegal_register) == 0);
        }
}

TEST_CASE("E05: the first error since ESR was written fires the error entry, if it is not masked") {
    constexpr u32 illegal = 0x0d;
    constexpr u32 self = u32{1} << 18;
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m(mode, habit);
            m.put(Reg::svr, 0x1ff);
            m.put(Reg::lvt_error, 0x57 | lvt::mask);
            m.put(Reg::esr, 0);
            CHECK_FALSE(m.put(Reg::icr, illegal | self).raises_error);
            CHECK(m.s.esr_pending == esr::send_illegal_vector); // E07
            m.put(Reg::esr, 0);
            CHECK_FALSE(m.put(Reg::lvt_error, 0x57).raises_error);
            CHECK(m.put(Reg::icr, illegal | self).raises_error);
            CHECK_FALSE(m.put(Reg::icr, illegal | self).raises_error); // it is recorded already
            m.put(Reg::esr, 0);
            CHECK(m.put(Reg::icr, illegal | self).raises_error);
            m.put(Reg::esr, 0);
            m.put(Reg::svr, 0x0ff); // masks the entry
            CHECK_FALSE(m.put(Reg::icr, illegal | self).raises_error);
        }
}

TEST_CASE("E05: whether another error before the next write of ESR fires the entry again is open") {
    bool fired = false;
    bool silent = false;
    for (const Habit habit : habits) {
        Machine m(Mode::xapic, habit);
        m.put(Reg::svr, 0x1ff);
        m.put(Reg::lvt_error, 0x57);
        m.put(Reg::esr, 0);
        m.put(Reg::icr, 0x0d | u32{1} << 18);
        const bool again = m.read(0x40).raises_error;
        fired = fired || again;
        silent = silent || !again;
    }
    CHECK(fired);
    CHECK(silent);
}

TEST_CASE("E06: a second write without new errors leaves 0") {
    for (const Mode mode : both_modes) {
        Machine m(mode);
        m.s.esr_pending = 0xf0;
        m.put(Reg::esr, 0);
        m.put(Reg::esr, 0);
        CHECK(m.get(Reg::esr).value == 0);
    }
}

TEST_CASE("E07: errors are recorded though LVT Error is masked") {
    Machine m;
    m.s[Reg::lvt_error] = lvt::mask;
    m.read(0x040);
    m.put(Reg::esr, 0);
    CHECK(m.get(Reg::esr).value == esr::illegal_register);
}

TEST_CASE("E08: WRMSR of a vector below 16 to SELF IPI is no #GP") {
    for (const Habit habit : habits)
        for (u32 vector = 0; vector < 256; ++vector)
            CHECK_FALSE(Machine(Mode::x2apic, habit).wrmsr(0x83f, vector).gp);
}

TEST_CASE("E01: errors from the bus may come in at any time, those of one's own accesses do not") {
    const auto pending = [](Mode mode, bool amd, Habit habit) {
        Machine m(mode, habit);
        m.cpu.amd = amd;
        m.elapse();
        CHECK(m.s[Reg::esr] == 0);
        return m.s.esr_pending;
    };
    for (const Mode mode : both_modes)
        for (const bool amd : {false, true}) CHECK(pending(mode, amd, Habit::never) == 0);
    CHECK(pending(Mode::xapic, false, Habit::always) == (0x0f | esr::receive_illegal_vector));
    CHECK(pending(Mode::xapic, true, Habit::always) == (0x0c | esr::receive_illegal_vector));
    for (const bool amd : {false, true})
        CHECK(pending(Mode::x2apic, amd, Habit::always) == esr::receive_illegal_vector);
}

TEST_CASE("X11: on AMD bits 4, 1 and 0 of ESR read 0 in x2APIC mode") {
    for (const Habit habit : habits)
        for (const bool amd : {false, true}) {
            Machine m(Mode::x2apic, habit);
            m.cpu.amd = amd;
            m.s[Reg::esr] = 0xff;
            CHECK(m.get(Reg::esr).value == (amd ? 0xec : 0xff));
        }
}

TEST_CASE("L04a: a write of an illegal vector to a fixed LVT entry may record it, others do not") {
    const auto recorded = [](Reg entry, u32 value, Habit habit) {
        Machine m(Mode::xapic, habit);
        m.put(entry, value);
        return m.s.esr_pending;
    };
    for (const Reg entry : lvt_entries) {
        CAPTURE(entry);
        CHECK(recorded(entry, lvt::mask | 5, Habit::never) == 0);
        CHECK(recorded(entry, lvt::mask | 5, Habit::always) == esr::receive_illegal_vector);
        CHECK(recorded(entry, lvt::mask | 0x31, Habit::always) == 0);
    }
    CHECK(recorded(Reg::lvt_lint1, 0x400, Habit::always) == 0); // an NMI has none
}

} // namespace
} // namespace lapicheck::model
