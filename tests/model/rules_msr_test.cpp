// Group X: the MSRs 800H-8FFH.
#include <doctest/doctest.h>

#include "tests/model/expected_registers.hpp"
#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

const BookRow* book_row_of(u32 msr) {
    for (const BookRow& row : book_rows)
        if (row.msr == msr) return &row;
    return nullptr;
}
constexpr bool is_amd_extended(u32 msr) {
    return msr <= 0x853 && msr >= 0x840 && (msr <= 0x842 || msr >= 0x848);
}

// Of LVT entries the legal encodings only.
u32 legal(const BookRow& row, u32 value) { return is_lvt(row.reg) ? value & ~lvt::delivery_mode : value; }

template <class Visit>
void each_machine(Mode mode, Visit visit) {
    for (const Habit habit : habits)
        for (const bool amd : {false, true}) {
            Machine m(mode, habit);
            m.cpu.amd = amd;
            visit(m);
        }
}

TEST_CASE("X01: outside x2APIC mode the MSRs 800H-8FFH raise #GP") {
    for (const Mode mode : {Mode::disabled, Mode::xapic})
        each_machine(mode, [](Machine& m) {
            for (u32 msr = 0x800; msr <= 0x8ff; ++msr)
                for (const auto& out : {m.rdmsr(msr), m.wrmsr(msr, 0)}) {
                    CAPTURE(msr);
                    REQUIRE(out.gp);
                    REQUIRE(out.rule == Rule::X01);
                }
        });
}

TEST_CASE("X02: a write of a read-only MSR raises #GP") {
    each_machine(Mode::x2apic, [](Machine& m) {
        for (const BookRow& row : book_rows) {
            if (row.msr == 0 || row.x2apic != book_ro) continue;
            CAPTURE(row.reg);
            const auto out = m.wrmsr(row.msr, 0);
            CHECK(out.gp);
            CHECK(out.rule == Rule::X02);
            CHECK_FALSE(m.rdmsr(row.msr).gp);
        }
    });
}

TEST_CASE("X03: a read of EOI or SELF IPI raises #GP") {
    each_machine(Mode::x2apic, [](Machine& m) {
        for (const u32 msr : {0x80bU, 0x83fU}) {
            CHECK(m.rdmsr(msr).gp);
            CHECK(m.rdmsr(msr).rule == Rule::X03);
        }
    });
}

TEST_CASE("X04: a reserved MSR raises #GP, whether read or written") {
    each_machine(Mode::x2apic, [](Machine& m) {
        for (u32 msr = 0x800; msr <= 0x8ff; ++msr) {
            const BookRow* row = book_row_of(msr);
            if (row != nullptr && (row->reg != Reg::apr || m.cpu.amd)) continue;
            CAPTURE(msr);
            for (const auto& out : {m.rdmsr(msr), m.wrmsr(msr, 0)}) {
                REQUIRE(out.gp);
                REQUIRE(out.rule == Rule::X04);
            }
        }
    });
}

TEST_CASE("X04: AMD's extended registers of which the version tells are there or not, and its APR is") {
    for (u32 msr = 0x840; msr <= 0x853; ++msr) {
        if (!is_amd_extended(msr)) continue;
        const auto raises_gp = [msr](Habit habit) {
            Machine m(Mode::x2apic, habit);
            m.cpu.amd = true;
            m.s[Reg::version] |= version::extended_space;
            const auto out = m.rdmsr(msr);
            CHECK((out.gp || out.answer == Answer::unspecified));
            return out.gp;
        };
        CAPTURE(msr);
        CHECK(is_unspecified(raises_gp));
    }
    Machine m(Mode::x2apic, Habit::always);
    m.cpu.amd = true;
    CHECK_FALSE(m.rdmsr(0x809).gp);
    CHECK(m.rdmsr(0x809).value == 0xff); // X11
    CHECK(m.wrmsr(0x809, 0).rule == Rule::X02);
}

TEST_CASE("X05: a set bit among 63:32 raises #GP, but for the ICR") {
    each_machine(Mode::x2apic, [](Machine& m) {
        for (const BookRow& row : book_rows) {
            if (row.x2apic != book_rw && row.x2apic != book_wo) continue;
            for (unsigned bit = 32; bit < 64; ++bit) {
                CAPTURE(row.reg);
                const auto out = m.wrmsr(row.msr, u64{1} << bit);
                REQUIRE(out.gp == (row.reg != Reg::icr));
                if (out.gp) REQUIRE(out.rule == Rule::X05);
            }
        }
    });
}

// X06 to X10: which rule it is that a reserved bit of the register breaks.
Rule rule_of_reserved_bits(Reg reg) {
    switch (reg) {
    case Reg::eoi: return Rule::X07;
    case Reg::esr: return Rule::X08;
    case Reg::self_ipi: return Rule::X09;
    case Reg::icr: return Rule::X10;
    default: return Rule::X06;
    }
}

TEST_CASE("X06 X07 X08 X09 X10: each reserved bit alone raises #GP, each other one is taken") {
    each_machine(Mode::x2apic, [](const Machine& fresh) {
        for (const BookRow& row : book_rows) {
            if (row.x2apic != book_rw && row.x2apic != book_wo) continue;
            u32 writable = row.writable;
            u32 doubtful = row.reg == Reg::esr ? 0 : row.read_only; // L02, X10: I
            if (row.reg == Reg::svr) {
                writable |= book_svr_eoi_suppression;
                (fresh.cpu.amd ? writable : doubtful) |= book_svr_focus;
            }
            if (row.reg == Reg::icr && fresh.cpu.amd) doubtful = 0; // X10: bit 12 is reserved
            if (row.reg == Reg::lvt_timer) writable |= book_timer_deadline;
            if (row.reg == Reg::lvt_lint0 || row.reg == Reg::lvt_lint1)
                (fresh.cpu.amd ? doubtful : writable) |= book_lint_polarity;
            if (row.reg == Reg::lvt_error) writable |= fresh.cpu.amd ? book_error_mode : 0;
            for (unsigned bit = 0; bit < 32; ++bit) {
                const u32 value = u32{1} << bit;
                if ((value & doubtful) != 0 || legal(row, value) == 0) continue;
                CAPTURE(row.reg);
                CAPTURE(bit);
                Machine m = fresh;
                const auto out = m.wrmsr(row.msr, value);
                REQUIRE(out.gp == ((value & writable) == 0));
                if (out.gp) REQUIRE(out.rule == rule_of_reserved_bits(row.reg));
            }
        }
    });
}

TEST_CASE("X06: delivery modes are reserved in LVT Timer, and in LVT Error on Intel") {
    each_machine(Mode::x2apic, [](Machine& m) {
        for (const u32 mode : {0x100U, 0x200U, 0x400U, 0x500U, 0x700U}) {
            CHECK(m.wrmsr(0x832, mode).rule == Rule::X06);
            CHECK(m.wrmsr(0x832, mode).gp);
            if (m.cpu.amd) continue;
            CHECK(m.wrmsr(0x837, mode).rule == Rule::X06);
            CHECK(m.wrmsr(0x837, mode).gp);
        }
    });
}

TEST_CASE("X06: bits of features that the CPU lacks are reserved") {
    each_machine(Mode::x2apic, [](Machine& m) {
        m.cpu.has_tsc_deadline = false;
        m.s[Reg::version] = 0x0006'0014;
        CHECK(m.wrmsr(0x832, book_timer_deadline).rule == Rule::X06);
        CHECK(m.wrmsr(0x832, book_timer_deadline).gp);
        CHECK(m.wrmsr(0x80f, book_svr_eoi_suppression | 0x1ff).rule == Rule::X06);
        CHECK(m.wrmsr(0x80f, book_svr_eoi_suppression | 0x1ff).gp);
    });
}

TEST_CASE("X06: AMD has bit 9 of SVR; whether it is reserved on Intel is open") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m(mode, habit);
            m.cpu.amd = true;
            CHECK_FALSE(m.put(Reg::svr, 0x3ff).gp);
            CHECK((m.get(Reg::svr).value & 0x3ff) == 0x3ff);
        }
    CHECK(is_unspecified([](Habit habit) { return Machine(Mode::x2apic, habit).wrmsr(0x80f, 0x3ff).gp; }));
    CHECK(is_unspecified([](Habit habit) {
        Machine m(Mode::xapic, habit);
        m.write(0x0f0, 0x3ff);
        return m.s[Reg::svr];
    }));
}

TEST_CASE("X10: bit 12 of the ICR raises #GP on AMD") {
    for (const Habit habit : habits) {
        Machine m(Mode::x2apic, habit);
        m.cpu.amd = true;
        const State<Concrete> before = m.s;
        const auto out = m.wrmsr(0x830, 0x10f1);
        CHECK(out.gp);
        CHECK(out.rule == Rule::X10);
        CHECK(is_same(m.s, before));
    }
}

TEST_CASE("X10: the ICR takes bits 63:32 as they are; whether it takes bit 12 is open on Intel") {
    Machine m(Mode::x2apic);
    const auto out = m.wrmsr(0x830, 0x0012'3456'0000'00f1);
    CHECK_FALSE(out.gp);
    CHECK(out.rule == Rule::I02);
    CHECK(m.s[Reg::icr_high] == 0x0012'3456);
    CHECK(m.s[Reg::icr] == 0xf1);
    CHECK(is_unspecified([](Habit habit) { return Machine(Mode::x2apic, habit).wrmsr(0x830, 0x10f1).gp; }));
}

TEST_CASE("X11: reserved bits read 0, whatever the APIC was made to hold") {
    for (const Habit habit : habits)
        for (const BookRow& row : book_rows) {
            if (row.msr == 0 || row.x2apic == book_wo || row.x2apic == book_amd) continue;
            if (row.reg == Reg::ldr) continue; // D04
            Machine m(Mode::x2apic, habit);
            m.s[row.reg] = ~u32{0};
            if (row.reg == Reg::version) m.s[row.reg] = 0x81ff'00ff;
            const RegisterRow& table_row = sdm_registers[index_of(row.reg)];
            CAPTURE(row.reg);
            CHECK((low_half(m.rdmsr(row.msr).value) & table_row.reserved()) == 0);
            if (row.reg != Reg::icr) CHECK(high_half(m.rdmsr(row.msr).value) == 0);
        }
}

TEST_CASE("X12: a read changes nothing") {
    each_machine(Mode::x2apic, [](Machine& m) {
        m.fill();
        const State<Concrete> before = m.s;
        for (u32 msr = 0x800; msr <= 0x8ff; ++msr) m.rdmsr(msr);
        m.rdmsr(apic_base::msr);
        m.rdmsr(tsc_deadline_msr);
        CHECK(is_same(m.s, before));
    });
}

TEST_CASE("X14: what was written in xAPIC mode is read in x2APIC mode, in every bit that the register has") {
    for (const Habit habit : habits)
        for (const BookRow& row : book_rows) {
            if (row.xapic != book_rw || row.x2apic != book_rw) continue;
            if (row.reg == Reg::icr || row.reg == Reg::esr) continue; // X15, E01
            Machine m(Mode::xapic, habit);
            m.cpu.has_tsc_deadline = false; // so that no mode of the timer is reserved
            const u32 value = legal(row, 0xffff'ffff);
            m.write(row.offset, value);
            REQUIRE_FALSE(m.go(Mode::x2apic).gp);
            CAPTURE(row.reg);
            const auto out = m.rdmsr(row.msr);
            CHECK(out.rule == Rule::X14);
            CHECK((out.value & row.writable) == (value & row.writable));
            CHECK((out.value & ~u64{sdm_registers[index_of(row.reg)].defined()}) == 0);
        }
}

TEST_CASE("X15: the ICR need not read back what was written") {
    for (const Mode mode : both_modes)
        CHECK(is_unspecified([mode](Habit habit) {
            Machine m(mode, habit);
            m.put(Reg::icr, 0x40f1);
            return m.get(Reg::icr).value & 0x40f1;
        }));
    CHECK(is_unspecified(
        [](Habit habit) { return high_half(Machine(Mode::x2apic, habit).rdmsr(0x830).value); }));
}

TEST_CASE("X16: MSRs beside the APIC's are not judged") {
    for (const Mode mode : all_modes)
        for (const u32 msr : {0x10U, 0x1aU, 0x1cU, 0x6dfU, 0x6e1U, 0x7ffU, 0x900U, 0xbffU}) {
            Machine m(mode);
            CHECK(m.rdmsr(msr).answer == Answer::elsewhere);
            CHECK(m.wrmsr(msr, ~u64{0}).answer == Answer::elsewhere);
            CHECK_FALSE(is_apic_msr(msr));
        }
    for (const u32 msr : {0x1bU, 0x6e0U, 0x800U, 0x8ffU}) CHECK(is_apic_msr(msr));
}

TEST_CASE("X18: LVT CMCI raises #GP where the version register counts fewer than seven entries") {
    for (const u32 entries : {4U, 5U, 6U, 7U}) {
        Machine m(Mode::x2apic);
        m.s[Reg::version] = 0x14 | (entries << 16);
        for (const auto& out : {m.rdmsr(0x82f), m.wrmsr(0x82f, lvt::mask)}) {
            CHECK(out.gp == (entries < 6));
            if (out.gp) CHECK(out.rule == Rule::X18);
        }
    }
}

} // namespace
} // namespace lapicheck::model
