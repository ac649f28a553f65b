// Group M: the MMIO window.
#include <algorithm>
#include <array>
#include <utility>

#include <doctest/doctest.h>

#include "tests/model/expected_registers.hpp"
#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

// Aligned offsets that no APIC has a register at.
constexpr bool is_reserved(u32 offset) {
    if (offset == 0x3f0) return true;
    return std::ranges::none_of(book_rows, [offset](const BookRow& row) { return row.offset == offset; });
}
constexpr bool is_amd_extended(u32 offset) {
    constexpr std::array known = {0x400U, 0x410U, 0x420U, 0x480U, 0x490U, 0x4a0U, 0x4b0U, 0x4c0U,
                                  0x4d0U, 0x4e0U, 0x4f0U, 0x500U, 0x510U, 0x520U, 0x530U};
    return std::ranges::find(known, offset) != known.end();
}

template <class Visit>
void each_offset(Visit visit) {
    for (u32 offset = 0; offset < window_bytes; offset += 16) visit(offset);
}

TEST_CASE("M01 M02 M03 M04: outside xAPIC mode the window neither shows nor changes nor sends anything") {
    for (const Mode mode : {Mode::disabled, Mode::x2apic})
        for (const Habit habit : habits)
            each_offset([&](u32 offset) {
                for (const u32 size : {1U, 2U, 4U, 8U}) {
                    Machine m(mode, habit);
                    m.fill();
                    const State<Concrete> before = m.s;
                    const auto read = m.read(offset, size);
                    const auto write = m.write(offset, 0xffff'ffff, size);
                    REQUIRE(read.answer == Answer::elsewhere);
                    REQUIRE(write.answer == Answer::elsewhere);
                    REQUIRE(read.rule == (mode == Mode::x2apic ? Rule::M01 : Rule::M03));
                    REQUIRE(write.rule == (mode == Mode::x2apic ? Rule::M02 : Rule::M04));
                    REQUIRE_FALSE((write.sends_ipi || write.ends_interrupt || write.gp || read.gp));
                    REQUIRE(is_same(m.s, before));
                }
            });
}

TEST_CASE("M01: an MMIO read of 0xfee00030 in x2APIC mode answers with nothing of the APIC") {
    Machine m(Mode::x2apic);
    CHECK(m.read(0x030).answer == Answer::elsewhere);
    CHECK(m.read(0x030).rule == Rule::M01);
    CHECK(m.rdmsr(0x803).value == 0x0106'0014);
}

TEST_CASE("M05: what else answers outside xAPIC mode is not predicted") {
    for (const Mode mode : {Mode::disabled, Mode::x2apic}) {
        const Machine m(mode);
        ForkingDriver p;
        State<KnownBits> s = known_state(m.s);
        const auto out = step(p, s, known_cpu(m.cpu), {AccessKind::mmio_read, Machine::window + 0x030});
        CHECK(out.value == Known<u64>{});
        CHECK_FALSE(p.has_forked());
    }
}

TEST_CASE("M06: a read returns the register, in every bit that it defines") {
    for (const Habit habit : habits)
        for (const BookRow& row : book_rows) {
            if (row.xapic == book_wo || row.xapic == book_na) continue;
            // Not bound to hold it: X15, M13; computed: P03; counting: T04.
            if (row.reg == Reg::icr || row.reg == Reg::apr || row.reg == Reg::remote_read) continue;
            if (row.reg == Reg::ppr || row.reg == Reg::current_count) continue;
            Machine m(Mode::xapic, habit);
            m.fill();
            CAPTURE(row.reg);
            const u32 bits = row.reg == Reg::id ? xapic_id_field : row.writable | row.read_only;
            const auto out = m.read(row.offset);
            CHECK(out.answer == Answer::apic);
            CHECK(out.rule == Rule::M06);
            CHECK(out.reg == row.reg);
            CHECK_FALSE(out.gp);
            CHECK((out.value & bits) == (m.s[row.reg] & bits));
            CHECK(high_half(out.value) == 0);
        }
}

TEST_CASE("M06: what reserved bits read back is open, but for those that the manual fixes") {
    for (const BookRow& row : book_rows) {
        if (row.xapic != book_rw) continue;
        const bool fixed = row.reg == Reg::dfr; // D07
        const RegisterRow& table = sdm_registers[index_of(row.reg)];
        const u32 kept = row.reg == Reg::id    ? xapic_id_field
                         : row.reg == Reg::esr ? ~u32{0}                            // E03
                                               : table.defined() & ~table.amd_only; // an Intel CPU
        if (fixed || row.reg == Reg::icr || kept == ~u32{0}) continue;
        const auto read = [&row](Habit habit) {
            return low_half(Machine(Mode::xapic, habit).read(row.offset).value);
        };
        CAPTURE(row.reg);
        CHECK((read(Habit::never) ^ read(Habit::always)) == ~kept);
    }
}

TEST_CASE("M07: a write changes the register that it names, in the bits that software may write") {
    for (const Habit habit : habits)
        for (const BookRow& row : book_rows) {
            if (row.xapic != book_rw || row.reg == Reg::id || row.reg == Reg::esr) continue;
            for (const u32 value : {u32{0}, 0x5555'5555U, 0xaaaa'aaaaU}) {
                Machine m(Mode::xapic, habit);
                m.s[Reg::svr] = svr::enable;
                const State<Concrete> before = m.s;
                const auto out = m.write(row.offset, value);
                CAPTURE(row.reg);
                CAPTURE(value);
                CHECK(out.answer == Answer::apic);
                CHECK(out.rule == Rule::M07);
                CHECK(out.reg == row.reg);
                CHECK_FALSE(out.gp);
                CHECK(out.sends_ipi == (row.reg == Reg::icr));
                CHECK_FALSE(out.ends_interrupt);
                CHECK((m.s[row.reg] & row.writable) == (value & row.writable));
                for (const RegisterRow& other : sdm_registers) {
                    if (other.reg == row.reg) continue;
                    if (row.reg == Reg::svr && is_lvt(other.reg)) continue;                     // V06
                    if (row.reg == Reg::lvt_timer && other.reg == Reg::initial_count) continue; // T12
                    CHECK(m.s[other.reg] == before[other.reg]);
                }
                CHECK(m.s.apic_base == before.apic_base);
                CHECK(m.s.x2apic_id == before.x2apic_id);
            }
        }
}

TEST_CASE("M10 M11: a reserved offset records the illegal register address and changes nothing else") {
    for (const bool amd : {false, true})
        for (const Habit habit : habits)
            each_offset([&](u32 offset) {
                if (!is_reserved(offset) || (amd ? is_amd_extended(offset) : offset >= 0x400)) return;
                CAPTURE(offset);
                Machine m(Mode::xapic, habit);
                m.cpu.amd = amd;
                m.fill();
                State<Concrete> expected = m.s;
                expected.esr_pending |= esr::illegal_register;
                Machine writer = m;
                const auto read = m.read(offset);
                const auto write = writer.write(offset, 0xffff'ffff);
                REQUIRE(read.answer == Answer::unspecified); // M13
                REQUIRE(write.rule == Rule::M10);
                REQUIRE_FALSE((write.sends_ipi || write.ends_interrupt));
                REQUIRE(is_same(m.s, expected));
                REQUIRE(is_same(writer.s, expected));
            });
}

TEST_CASE("M11: behind Intel's table, and where AMD's extended space may be, what is recorded is open") {
    for (const bool amd : {false, true})
        each_offset([amd](u32 offset) {
            if (amd ? !is_amd_extended(offset) : offset < 0x400) return;
            const auto pending = [=](Habit habit) {
                Machine m(Mode::xapic, habit);
                m.cpu.amd = amd;
                const State<Concrete> before = m.s;
                CHECK(m.read(offset).answer == Answer::unspecified);
                CHECK(m.write(offset, 1).answer == Answer::unspecified);
                const u32 errors = std::exchange(m.s.esr_pending, 0);
                CHECK(is_same(m.s, before)); // the version does not tell of the extended space
                return errors;
            };
            CAPTURE(offset);
            CHECK((pending(Habit::never) ^ pending(Habit::always)) == esr::illegal_register);
        });
}

TEST_CASE("M12: a write to a read-only register changes no register") {
    for (const Habit habit : habits)
        for (const BookRow& row : book_rows) {
            if (row.xapic != book_ro) continue;
            Machine m(Mode::xapic, habit);
            m.fill();
            State<Concrete> expected = m.s;
            const auto out = m.write(row.offset, 0xffff'ffff);
            CAPTURE(row.reg);
            CHECK(out.rule == Rule::M12);
            CHECK(out.answer == Answer::apic);
            // M11: that of the others is open.
            if (row.reg != Reg::apr && row.reg != Reg::remote_read)
                expected.esr_pending |= m.s.esr_pending & esr::illegal_register;
            CHECK(is_same(m.s, expected));
        }
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.write(0x030, 0);
        return m.s.esr_pending;
    }));
}

TEST_CASE("M13: a read of EOI, APR or Remote Read is open") {
    for (const u32 offset : {0x0b0U, 0x090U, 0x0c0U}) {
        CAPTURE(offset);
        Machine m;
        CHECK(m.read(offset).answer == Answer::unspecified);
        CHECK(m.read(offset).rule == Rule::M13);
    }
}

TEST_CASE("M14: an access outside the window is not the APIC's, in any mode") {
    for (const Habit habit : habits)
        for (const Mode mode : all_modes)
            for (const u64 page : {u64{0xfedf'f000}, u64{0xfee0'1000}, u64{0}, u64{0x1'fee0'0000}}) {
                Machine m(mode, habit);
                m.fill();
                const State<Concrete> before = m.s;
                for (const u64 offset : {u64{0x020}, u64{0x0b0}, u64{0x300}}) {
                    CHECK(m.run({AccessKind::mmio_read, page + offset, 4, 0}).rule == Rule::M14);
                    const auto out = m.run({AccessKind::mmio_write, page + offset, 4, 0});
                    CHECK(out.answer == Answer::elsewhere);
                    CHECK_FALSE((out.sends_ipi || out.ends_interrupt));
                }
                CHECK(is_same(m.s, before));
            }
}

TEST_CASE("M16: a read changes no register; errors may be recorded") {
    for (const Habit habit : habits)
        for (u32 offset = 0; offset < window_bytes; ++offset)
            for (const u32 size : {1U, 2U, 4U, 8U}) {
                Machine m(Mode::xapic, habit);
                m.fill();
                State<Concrete> expected = m.s;
                m.read(offset, size);
                expected.esr_pending |= m.s.esr_pending & esr::illegal_register;
                REQUIRE(is_same(m.s, expected));
            }
}

} // namespace
} // namespace lapicheck::model
