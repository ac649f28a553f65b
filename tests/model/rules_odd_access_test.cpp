// Group M: what is no aligned access of 32 bits to one register.
#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

TEST_CASE("M08 M09: what a part of a register, several or an unaligned one do is open") {
    struct Odd {
        u32 delta, size;
        Rule rule;
    };
    for (const Odd odd :
         {Odd{0, 1, Rule::M09}, Odd{3, 1, Rule::M09}, Odd{0, 2, Rule::M09}, Odd{2, 2, Rule::M09},
          Odd{3, 2, Rule::M08}, Odd{4, 1, Rule::M08}, Odd{4, 4, Rule::M08}, Odd{12, 4, Rule::M08},
          Odd{1, 4, Rule::M08}, Odd{14, 4, Rule::M08}, Odd{0, 8, Rule::M08}, Odd{0, 16, Rule::M08}}) {
        CAPTURE(odd.delta);
        CAPTURE(odd.size);
        Machine m;
        const auto read = m.read(0x080 + odd.delta, odd.size);
        CHECK(read.answer == Answer::unspecified);
        CHECK(read.rule == odd.rule);
        CHECK(m.write(0x080 + odd.delta, 0x55, odd.size).rule == odd.rule);
        CHECK(is_unspecified([&odd](Habit habit) {
            Machine any(Mode::xapic, habit);
            any.write(0x080 + odd.delta, 0x55, odd.size);
            return any.s[Reg::tpr];
        }));
    }
}

TEST_CASE("M08: a write across two slots leaves both registers open") {
    for (const Reg reg : {Reg::dfr, Reg::svr})
        CHECK(is_unspecified([reg](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.write(0x0ee, 0, 4);
            return m.s[reg];
        }));
}

TEST_CASE("M08: an access that begins below the window and reaches into it has no defined answer") {
    Machine m;
    CHECK(m.run({AccessKind::mmio_read, Machine::window - 2, 4, 0}).answer == Answer::unspecified);
}

TEST_CASE("M08 M09: an odd write changes nothing but the registers it touches and what hangs on them") {
    for (const Habit habit : habits)
        for (u32 offset = 0; offset < window_bytes; offset += 16) {
            Machine m(Mode::xapic, habit);
            m.fill();
            const State<Concrete> before = m.s;
            CHECK(m.write(offset + 1, 0xff, 2).answer == Answer::unspecified);
            CAPTURE(offset);
            for (const RegisterRow& row : sdm_registers) {
                if (row.offset == offset && row.xapic != RegAccess::read_only) continue;
                if (offset == 0x0b0 && row.reg >= Reg::isr0 && row.reg <= Reg::isr7) continue; // EOI
                if (offset == 0x0f0 && is_lvt(row.reg)) continue;                              // V06
                if (offset == 0x320 && row.reg == Reg::initial_count) continue;                // T12
                REQUIRE(m.s[row.reg] == before[row.reg]);
            }
            REQUIRE(m.s.apic_base == before.apic_base);
            REQUIRE(m.s.x2apic_id == before.x2apic_id);
            if (offset != 0x320) REQUIRE(m.s.tsc_deadline == before.tsc_deadline);
            if (offset != 0x0f0) REQUIRE(m.s.cleared_by_software == before.cleared_by_software);
        }
}

TEST_CASE("M08 M09: an odd write to EOI, SVR or LVT Timer may do what a whole one does") {
    const auto may_change = [](u32 offset, auto part) {
        return is_unspecified([offset, part](Habit habit) {
            Machine m(Mode::xapic, habit);
            m.fill();
            m.write(offset, 0, 1);
            return part(m.s);
        });
    };
    CHECK(may_change(0x0b0, [](const auto& s) { return s[Reg::isr7]; }));
    CHECK(may_change(0x0f0, [](const auto& s) { return s[Reg::lvt_error]; }));
    CHECK(may_change(0x0f0, [](const auto& s) { return s.cleared_by_software; }));
    CHECK(may_change(0x320, [](const auto& s) { return s[Reg::initial_count]; }));
    CHECK(may_change(0x320, [](const auto& s) { return s.tsc_deadline; }));
    CHECK(may_change(0x320, [](const auto& s) { return s.esr_pending; }));
}

} // namespace
} // namespace lapicheck::model
