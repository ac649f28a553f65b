// Group P: acceptance, priority and the end of an interrupt.
#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

Reg word(Reg first, u32 vector) { return offset_by(first, vector / 32); }
bool has(const Machine& m, Reg first, u32 vector) {
    return (m.s[word(first, vector)] >> (vector % 32) & 1) != 0;
}
void serve(Machine& m, u32 vector) { m.s[word(Reg::isr0, vector)] |= u32{1} << (vector % 32); }

TEST_CASE("P01: acceptance sets the bit in IRR, and in TMR if level-triggered, else clears it there") {
    for (u32 vector = 16; vector < 256; ++vector)
        for (const bool level : {false, true}) {
            Machine m;
            m.fill();
            State<Concrete> expected = m.s;
            const u32 bit = u32{1} << (vector % 32);
            expected[word(Reg::irr0, vector)] |= bit;
            if (level) expected[word(Reg::tmr0, vector)] |= bit;
            else expected[word(Reg::tmr0, vector)] &= ~bit;
            m.accept(vector, level);
            REQUIRE(is_same(m.s, expected));
        }
}

TEST_CASE("P06 I04: a vector below 16 sets no bit") {
    for (u32 vector = 0; vector < 16; ++vector) {
        Machine m;
        const State<Concrete> before = m.s;
        m.accept(vector, true);
        CHECK(is_same(m.s, before));
    }
    CHECK(vectors_of(Reg::isr0) == 0xffff'0000);
    CHECK(vectors_of(Reg::tmr0) == 0xffff'0000);
    CHECK(vectors_of(Reg::irr0) == 0xffff'0000);
    for (const Reg reg : {Reg::isr1, Reg::isr7, Reg::tmr1, Reg::irr7}) CHECK(vectors_of(reg) == 0xffff'ffff);
}

TEST_CASE("P02: the acknowledge cycle moves the vector from IRR to ISR and leaves TMR") {
    for (u32 vector = 16; vector < 256; ++vector) {
        Machine m;
        m.fill();
        m.accept(vector, true);
        State<Concrete> expected = m.s;
        const u32 bit = u32{1} << (vector % 32);
        expected[word(Reg::irr0, vector)] &= ~bit;
        expected[word(Reg::isr0, vector)] |= bit;
        dispatch(m.s, vector);
        REQUIRE(is_same(m.s, expected));
    }
}

TEST_CASE("P07: a vector in service can be requested again") {
    Machine m;
    m.accept(0x51, false);
    dispatch(m.s, 0x51);
    m.accept(0x51, false);
    CHECK(has(m, Reg::irr0, 0x51));
    CHECK(has(m, Reg::isr0, 0x51));
}

TEST_CASE("P03: PPR follows TPR where TPR's class is higher, the vector in service where that is") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes)
            for (u32 task = 0; task < 256; task += 3)
                for (const u32 vector : {0U, 0x10U, 0x1fU, 0x31U, 0x5fU, 0x60U, 0x80U, 0xa7U, 0xe0U, 0xffU}) {
                    Machine m(mode, habit);
                    m.s[Reg::tpr] = task;
                    if (vector != 0) serve(m, vector);
                    if (vector > 0x1f) serve(m, 0x11); // a lower one is interrupted
                    const u32 service = vector & 0xf0;
                    const auto out = m.get(Reg::ppr);
                    CAPTURE(task);
                    CAPTURE(vector);
                    REQUIRE(out.rule == Rule::P03);
                    REQUIRE(out.reg == Reg::ppr);
                    const bool equal_class = (task & 0xf0) == service;
                    if (!equal_class) REQUIRE(out.value == ((task & 0xf0) > service ? task : service));
                    else REQUIRE((out.value == task || out.value == (task & 0xf0)));
                    if (out.exceeds) REQUIRE(out.value > out.limit);
                    REQUIRE(out.exceeds == ((task & 0xf0) > service));
                    if (out.exceeds) REQUIRE(out.limit == (service | 0xf));
                }
}

TEST_CASE("P03: where both classes are equal, bits 3:0 are TPR's or 0") {
    const auto ppr = [](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.s[Reg::tpr] = 0x53;
        serve(m, 0x5e);
        return m.get(Reg::ppr).value;
    };
    CHECK(ppr(Habit::never) == 0x50);
    CHECK(ppr(Habit::always) == 0x53);
}

TEST_CASE("P04: an EOI clears the highest bit in ISR and no other") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m(mode, habit);
            const std::array vectors = {0x10U, 0x1fU, 0x20U, 0x3fU, 0x61U, 0x62U, 0xa0U, 0xfeU, 0xffU};
            for (const u32 vector : vectors) serve(m, vector);
            for (std::size_t i = vectors.size(); i-- > 0;) {
                const auto out = m.put(Reg::eoi, 0);
                CHECK(out.ends_interrupt);
                for (std::size_t other = 0; other < vectors.size(); ++other)
                    CHECK(has(m, Reg::isr0, vectors[other]) == (other < i));
            }
        }
}

TEST_CASE("P04: an EOI changes nothing but ISR; with nothing in service it changes nothing") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m(mode, habit);
            m.fill();
            State<Concrete> expected = m.s;
            m.put(Reg::eoi, 0);
            for (u32 i = 0; i < 8; ++i) expected[offset_by(Reg::isr0, i)] = m.s[offset_by(Reg::isr0, i)];
            CHECK(is_same(m.s, expected));
            for (u32 i = 0; i < 8; ++i) m.s[offset_by(Reg::isr0, i)] = 0;
            const State<Concrete> before = m.s;
            CHECK(m.put(Reg::eoi, 0).answer == Answer::apic);
            CHECK(is_same(m.s, before));
        }
}

TEST_CASE("P04: in xAPIC mode any value ends the interrupt") {
    Machine m;
    serve(m, 0x31);
    m.put(Reg::eoi, 0xffff'ffff);
    CHECK_FALSE(has(m, Reg::isr0, 0x31));
}

TEST_CASE("P13: SVR[12] does not keep the EOI from clearing ISR") {
    for (const Mode mode : both_modes) {
        Machine m(mode);
        m.put(Reg::svr, svr::enable | svr::eoi_suppression | svr::vector);
        REQUIRE((m.s[Reg::svr] & svr::eoi_suppression) != 0);
        serve(m, 0x31);
        m.put(Reg::eoi, 0);
        CHECK_FALSE(has(m, Reg::isr0, 0x31));
    }
}

// An AMD CPU with the extended registers, vector 31H in service and 51H requested.
Machine with_extended_space(Mode mode, Habit habit) {
    Machine m(mode, habit);
    m.cpu.amd = true;
    m.s[Reg::version] |= version::extended_space;
    serve(m, 0x31);
    m.accept(0x51, false);
    return m;
}

TEST_CASE("P04: after AMD's specific EOI it is open what is in service, and what is requested") {
    CHECK(is_unspecified([](Habit habit) {
        Machine m = with_extended_space(Mode::xapic, habit);
        m.write(0x420, 0x31);
        return has(m, Reg::isr0, 0x31);
    }));
    CHECK(is_unspecified([](Habit habit) {
        Machine m = with_extended_space(Mode::xapic, habit);
        m.write(0x420, 0x31);
        return has(m, Reg::irr0, 0x51);
    }));
    // The registers are not there without the bit of the version, nor on Intel; and no other one ends
    // anything.
    for (const Habit habit : habits)
        for (const u32 offset : {0x400U, 0x410U, 0x500U}) {
            Machine m = with_extended_space(Mode::xapic, habit);
            m.write(offset, 0x31);
            CHECK(has(m, Reg::isr0, 0x31));
        }
    Machine without = with_extended_space(Mode::xapic, Habit::never);
    without.s[Reg::version] &= ~version::extended_space;
    without.write(0x420, 0x31);
    CHECK(has(without, Reg::isr0, 0x31));
    Machine intel = with_extended_space(Mode::xapic, Habit::never);
    intel.cpu.amd = false;
    intel.write(0x420, 0x31);
    CHECK(has(intel, Reg::isr0, 0x31));
}

TEST_CASE("P02: after a write of AMD's IER it is open what is dispatched, until RESET or INIT") {
    const auto takes = [](u32 offset) {
        return [offset](Habit habit) {
            Machine m = with_extended_space(Mode::xapic, habit);
            m.write(offset, 0);
            m.s[Reg::isr1] = 0;
            m.s[Reg::irr2] = 1U << 0x11;
            return m.run({AccessKind::take_interrupt, 0}).answer == Answer::apic;
        };
    };
    for (const u32 offset : {0x480U, 0x4f0U}) CHECK(is_unspecified(takes(offset)));
    for (const u32 offset : {0x410U, 0x500U}) CHECK_FALSE(is_unspecified(takes(offset)));
    Machine m = with_extended_space(Mode::x2apic, Habit::never);
    m.wrmsr(0x848, 0);
    CHECK(m.s.ier_written);
    m.init();
    CHECK_FALSE(m.s.ier_written);
}

TEST_CASE("P08 P15: MOV to CR8 may have written TPR[7:4] since the last access, and cleared TPR[3:0]") {
    const auto tpr_after = [](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.s[Reg::tpr] = 0x5a;
        m.elapse();
        return m.s[Reg::tpr];
    };
    CHECK(tpr_after(Habit::proposed) == 0x5a); // it need not have
    CHECK(tpr_after(Habit::never) == 0);       // CR8 = 0
    CHECK(tpr_after(Habit::always) == 0xfa);
    Machine m;
    m.s[Reg::tpr] = 0x50;
    ForkingDriver p;
    State<KnownBits> s = known_state(m.s);
    elapse(p, s, known_cpu(m.cpu));
    CHECK(s[Reg::tpr] == Known<u32>{0, ~u32{0xf0}}); // bits 3:0 stay 0
}

} // namespace
} // namespace lapicheck::model
