// IA32_APIC_BASE: the modes, the transitions between them, what survives them (group B).
#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

constexpr u64 invalid = apic_base::extd; // EN=0, EXTD=1

Mode mode_of(const Machine& m) {
    if (!is_enabled(m.s)) return Mode::disabled;
    return has_extd(m.s) ? Mode::x2apic : Mode::xapic;
}

struct Transition {
    Mode from;
    u64 to; // EN and EXTD
    bool gp;
    Rule rule;
};
constexpr Transition transitions[] = {
    {Mode::disabled, mode_bits(Mode::disabled), false, Rule::B06},
    {Mode::disabled, mode_bits(Mode::xapic), false, Rule::B06},
    {Mode::disabled, mode_bits(Mode::x2apic), true, Rule::B04},
    {Mode::disabled, invalid, true, Rule::B05},
    {Mode::xapic, mode_bits(Mode::disabled), false, Rule::B06},
    {Mode::xapic, mode_bits(Mode::xapic), false, Rule::B06},
    {Mode::xapic, mode_bits(Mode::x2apic), false, Rule::B06},
    {Mode::xapic, invalid, true, Rule::B05},
    {Mode::x2apic, mode_bits(Mode::disabled), false, Rule::B06},
    {Mode::x2apic, mode_bits(Mode::xapic), true, Rule::B03},
    {Mode::x2apic, mode_bits(Mode::x2apic), false, Rule::B06},
    {Mode::x2apic, invalid, true, Rule::B05},
};

TEST_CASE("B03 B04 B05 B06: of the twelve transitions five raise #GP, on every CPU") {
    for (const Transition& t : transitions)
        for (const Habit habit : habits)
            for (const bool amd : {false, true}) {
                Machine m(t.from, habit);
                m.cpu.amd = amd;
                CAPTURE(t.from);
                CAPTURE(t.to);
                const State<Concrete> before = m.s;
                const u64 value = Machine::window | apic_base::bsp | t.to;
                const auto out = m.wrmsr(apic_base::msr, value);
                CHECK(out.answer == Answer::apic);
                CHECK(out.gp == t.gp);
                CHECK(out.rule == t.rule);
                CHECK_FALSE(out.sends_ipi);
                if (t.gp) CHECK(is_same(m.s, before));
                else CHECK(m.s.apic_base == value);
            }
}

TEST_CASE("B08: RDMSR returns what was last accepted") {
    Machine m(Mode::xapic);
    m.wrmsr(apic_base::msr, Machine::window | invalid | apic_base::bsp); // refused
    CHECK(m.rdmsr(apic_base::msr).value == 0xfee0'0900);
    m.go(Mode::x2apic);
    const auto out = m.rdmsr(apic_base::msr);
    CHECK(out.value == 0xfee0'0d00);
    CHECK(out.rule == Rule::B08);
    CHECK_FALSE(out.gp);
    m.go(Mode::disabled);
    CHECK(m.rdmsr(apic_base::msr).value == 0xfee0'0100);
}

TEST_CASE("B09: no write, INIT or RESET leads to EN=0 with EXTD=1") {
    for (const Habit habit : habits)
        for (const Mode mode : all_modes)
            for (const bool amd : {false, true})
                for (const bool locked : {false, true}) {
                    const auto is_valid = [](const Machine& m) { return is_enabled(m.s) || !has_extd(m.s); };
                    Machine start(mode, habit);
                    start.cpu.amd = amd;
                    start.cpu.locked_x2apic = locked;
                    for (u64 low = 0; low < 0x1000; low += 0x100) {
                        Machine m = start;
                        m.wrmsr(apic_base::msr, Machine::window | low);
                        CHECK(is_valid(m));
                        m.init();
                        CHECK(is_valid(m));
                        m.reset();
                        CHECK(is_valid(m));
                    }
                }
}

TEST_CASE("B01: each reserved bit alone raises #GP, at every width of the physical address") {
    for (unsigned width = 36; width <= 52; ++width)
        for (unsigned bit = 0; bit < 64; ++bit) {
            const bool reserved = bit < 8 || bit == 9 || bit >= width;
            if (bit == 8 || bit == 10 || bit == 11) continue;
            for (const Mode mode : all_modes) {
                Machine m(mode);
                m.cpu.address_mask = (u64{1} << width) - 1;
                m.s.apic_base &= ~apic_base::page;
                const State<Concrete> before = m.s;
                CAPTURE(width);
                CAPTURE(bit);
                const auto out = m.wrmsr(apic_base::msr, before.apic_base | (u64{1} << bit));
                CHECK(out.gp == reserved);
                if (reserved) CHECK(out.rule == Rule::B01);
                if (reserved) CHECK(is_same(m.s, before));
                else CHECK(m.s.apic_base == (before.apic_base | (u64{1} << bit)));
            }
        }
}

TEST_CASE(
    "B01: on AMD bits 63:52 raise #GP; what the other reserved bits do, and what is kept of them, is open") {
    for (unsigned bit = 0; bit < 64; ++bit) {
        if (bit >= 8 && bit <= 11 && bit != 9) continue;
        const auto write = [bit](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.cpu.amd = true;
            m.cpu.address_mask = (u64{1} << 40) - 1;
            const u64 before = m.s.apic_base;
            const bool gp = m.wrmsr(apic_base::msr, before | (u64{1} << bit)).gp;
            if (bit < 12 || bit >= 40) CHECK(m.s.apic_base == before);
            return gp;
        };
        CAPTURE(bit);
        if (bit >= 52) CHECK((write(Habit::never) && write(Habit::always)));
        else if (bit < 12 || bit >= 40) CHECK(is_unspecified(write));
    }
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.cpu.amd = true;
        return m.rdmsr(apic_base::msr).value & 0xff;
    }));
}

TEST_CASE("B02: EXTD is reserved where CPUID shows no x2APIC") {
    for (const Mode mode : {Mode::disabled, Mode::xapic}) {
        Machine m(mode);
        m.cpu.has_x2apic = false;
        const State<Concrete> before = m.s;
        for (const u64 to : {mode_bits(Mode::x2apic), invalid}) {
            const auto out = m.wrmsr(apic_base::msr, Machine::window | apic_base::bsp | to);
            CHECK(out.gp);
            // What no CPU allows is told before what this one does not.
            const Rule whatever_cpuid_says = to == invalid ? Rule::B05 : Rule::B04;
            const bool legal_elsewhere = mode == Mode::xapic && to != invalid;
            CHECK(out.rule == (legal_elsewhere ? Rule::B02 : whatever_cpuid_says));
            CHECK(is_same(m.s, before));
        }
        CHECK_FALSE(m.go(Mode::xapic).gp);
        CHECK_FALSE(m.go(Mode::disabled).gp);
    }
}

TEST_CASE("B16: where x2APIC mode is locked it cannot be left") {
    for (const Mode to : {Mode::disabled, Mode::xapic}) {
        Machine m(Mode::x2apic);
        m.cpu.locked_x2apic = true;
        const State<Concrete> before = m.s;
        const auto out = m.go(to);
        CHECK(out.gp);
        CHECK(out.rule == (to == Mode::disabled ? Rule::B16 : Rule::B03));
        CHECK(is_same(m.s, before));
        CHECK_FALSE(m.go(Mode::x2apic).gp);
    }
    // The lock is about EXTD: an APIC that is not in x2APIC mode goes where it likes.
    Machine m(Mode::xapic);
    m.cpu.locked_x2apic = true;
    CHECK_FALSE(m.go(Mode::disabled).gp);
    CHECK_FALSE(m.go(Mode::xapic).gp);
    CHECK_FALSE(m.go(Mode::x2apic).gp);
}

TEST_CASE("B14: whether the window can be moved is open; where it is, it is at the new place only") {
    constexpr u64 elsewhere = 0xd000'0000;
    for (const Mode mode : all_modes)
        CHECK(is_unspecified([mode](Habit habit) {
            Machine m(mode, habit);
            return m.wrmsr(apic_base::msr, elsewhere | apic_base::bsp | mode_bits(mode)).gp;
        }));
    Machine m(Mode::xapic);
    m.put(Reg::tpr, 0x40);
    REQUIRE_FALSE(m.wrmsr(apic_base::msr, elsewhere | apic_base::bsp | apic_base::enable).gp);
    CHECK(m.read(0x080).answer == Answer::elsewhere);
    CHECK(m.read(0x080).rule == Rule::M14);
    const auto moved = m.run({AccessKind::mmio_read, elsewhere + 0x080, 4, 0});
    CHECK(moved.answer == Answer::apic);
    CHECK((moved.value & 0xff) == 0x40);
}

TEST_CASE("B15: whether software can change the bootstrap flag is open, in both directions") {
    for (const u64 from : {u64{0}, apic_base::bsp}) {
        const auto write = [from](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.s.apic_base = Machine::window | apic_base::enable | from;
            const bool gp = m.wrmsr(apic_base::msr, m.s.apic_base ^ apic_base::bsp).gp;
            return std::pair{gp, m.s.apic_base};
        };
        CHECK(write(Habit::always).first);
        CHECK_FALSE(write(Habit::never).first);
        // Ignored or taken, beside #GP: the paths of the partly known domain have all three.
        Machine m(Mode::xapic);
        m.s.apic_base = Machine::window | apic_base::enable | from;
        const u64 flipped = m.s.apic_base ^ apic_base::bsp;
        ForkingDriver p;
        unsigned refused = 0;
        unsigned ignored = 0;
        unsigned taken = 0;
        do {
            State<KnownBits> s = known_state(m.s);
            const auto out =
                step(p, s, known_cpu(m.cpu), {AccessKind::wrmsr, u64{apic_base::msr}, 8, flipped});
            if (out.gp) ++refused;
            else if (s.apic_base == Known<u64>{flipped}) ++taken;
            else if (s.apic_base == Known<u64>{m.s.apic_base}) ++ignored;
        } while (p.next_path());
        CHECK(refused == 1);
        CHECK(ignored == 1);
        CHECK(taken == 1);
    }
}

TEST_CASE("B13a: after x2APIC mode the xAPIC ID is the low byte of the x2APIC ID") {
    for (const Habit habit : habits) {
        Machine m(Mode::x2apic, habit);
        m.s[Reg::id] = 0x7700'0000; // as software had written it before it entered x2APIC mode
        REQUIRE_FALSE(m.go(Mode::disabled).gp);
        REQUIRE_FALSE(m.go(Mode::xapic).gp);
        CHECK((m.get(Reg::id).value & xapic_id_field) == 0x4500'0000);
    }
    CHECK(is_unspecified([](Habit habit) { // AMD does not say it
        Machine m(Mode::x2apic, habit);
        m.cpu.amd = true;
        m.go(Mode::disabled);
        return m.s[Reg::id];
    }));
}

TEST_CASE("B13b: what else an APIC holds after the disabled state is open, the version excepted") {
    for (const Mode from : both_modes)
        for (const RegisterRow& row : sdm_registers) {
            const u32 may_hold = is_bitmap(row.reg)    ? vectors_of(row.reg)
                                 : row.reg == Reg::ldr ? ~u32{0} // D06
                                                       : row.defined() & ~row.ones;
            const auto holds = [&](Habit habit) {
                Machine m(from, habit);
                m.s[row.reg] = row.reset;
                m.go(Mode::disabled);
                m.go(Mode::xapic);
                return m.s[row.reg];
            };
            CAPTURE(row.reg);
            if (row.reg == Reg::version || (row.reg == Reg::id && from == Mode::x2apic)) {
                CHECK(holds(Habit::always) == holds(Habit::never));
            } else if (row.reg == Reg::id) {
                CHECK((holds(Habit::always) ^ holds(Habit::never)) == xapic_id_field);
            } else {
                CHECK((holds(Habit::always) ^ holds(Habit::never)) == may_hold);
                CHECK((holds(Habit::always) & ~may_hold) == row.ones);
            }
        }
    for (const Mode from : both_modes) {
        CHECK(is_unspecified([from](Habit habit) {
            Machine m(from, habit);
            m.go(Mode::disabled);
            return m.s.tsc_deadline;
        }));
        CHECK(is_unspecified([from](Habit habit) {
            Machine m(from, habit);
            m.go(Mode::disabled);
            return m.s.esr_pending;
        }));
        CHECK(is_unspecified([from](Habit habit) {
            Machine m(from, habit);
            m.go(Mode::disabled);
            return m.s.cleared_by_software;
        }));
    }
}

TEST_CASE("B06: a write that keeps the mode changes nothing else") {
    for (const Habit habit : habits)
        for (const Mode mode : all_modes) {
            Machine m(mode, habit);
            m.s[Reg::tpr] = 0x33;
            m.s.tsc_deadline = 5;
            const State<Concrete> before = m.s;
            m.go(mode);
            CHECK(is_same(m.s, before));
            CHECK(mode_of(m) == mode);
        }
}

TEST_CASE("B06: leaving the disabled state changes nothing but IA32_APIC_BASE") {
    for (const Habit habit : habits) {
        Machine m(Mode::disabled, habit);
        m.s[Reg::tpr] = 0x33;
        State<Concrete> expected = m.s;
        expected.apic_base |= apic_base::enable;
        m.go(Mode::xapic);
        CHECK(is_same(m.s, expected));
    }
}

TEST_CASE("B07 E09: a #GP changes nothing, whatever the MSR, the value, the mode and the CPU") {
    constexpr u64 values[] = {0,           1,           0xff,        0x100,        0x1000,
                              0x2000,      0x1'0000,    0xffff'ffff, u64{1} << 32, ~u64{0},
                              0xfee0'0400, 0xfee0'0c00, 0xfee0'0801, 0xfee0'0800};
    unsigned refused = 0;
    const auto check = [&refused](Machine m, const Access<Concrete>& access) {
        const State<Concrete> before = m.s;
        const auto out = m.run(access);
        if (!out.gp) return;
        ++refused;
        CAPTURE(access.address);
        CAPTURE(access.value);
        REQUIRE(is_same(m.s, before));
        REQUIRE(out.answer == Answer::apic);
        REQUIRE_FALSE((out.sends_ipi || out.ends_interrupt));
    };
    for (const Mode mode : all_modes)
        for (const Habit habit : habits)
            for (const bool has_all : {false, true})
                for (const bool amd : {false, true}) {
                    Machine m(mode, habit);
                    m.cpu.has_x2apic = m.cpu.has_tsc_deadline = has_all;
                    m.cpu.locked_x2apic = m.cpu.amd = amd;
                    m.s[Reg::isr3] = 0x10;
                    m.s.tsc_deadline = 77;
                    const auto check_msr = [&](u64 index) {
                        check(m, {AccessKind::rdmsr, index, 8, 0});
                        for (const u64 value : values) check(m, {AccessKind::wrmsr, index, 8, value});
                    };
                    check_msr(apic_base::msr);
                    check_msr(tsc_deadline_msr);
                    for (u64 index = x2apic_msr_first; index <= x2apic_msr_last; ++index) check_msr(index);
                }
    CHECK(refused > 50'000);
}

} // namespace
} // namespace lapicheck::model
