// The register table: each cell against the manuals', and the table against itself.
#include "model/registers.hpp"

#include <bit>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/model/expected_registers.hpp"
#include "tests/model/print.hpp"

namespace lapicheck::model {
namespace {

TEST_CASE("each register has the place, the access, the bits and the RESET value of the manuals") {
    REQUIRE(book_rows.size() == sdm_registers.size());
    for (std::size_t i = 0; i < book_rows.size(); ++i) {
        const BookRow& book = book_rows[i];
        const RegisterRow& row = sdm_registers[i];
        CAPTURE(book.reg);
        CHECK(index_of(book.reg) == i);
        CHECK(row.reg == book.reg);
        CHECK(row.name == book.name);
        CHECK(row.offset == book.offset);
        if (book.msr != 0) CHECK(row.msr() == book.msr);
        CHECK((row.xapic == book.xapic));
        CHECK((row.x2apic == book.x2apic));
        CHECK((book.msr == 0) == (row.x2apic == RegAccess::absent));
        CHECK(row.writable == book.writable);
        CHECK(row.read_only == book.read_only);
        CHECK(row.reset == book.reset);
        CHECK(row.ones == (book.reg == Reg::dfr ? 0x0fff'ffff : 0));
    }
}

TEST_CASE("the bits that only some CPUs have are those of the manuals") {
    for (const RegisterRow& row : sdm_registers) {
        CAPTURE(row.reg);
        const bool is_svr = row.reg == Reg::svr;
        const bool is_lint = row.reg == Reg::lvt_lint0 || row.reg == Reg::lvt_lint1;
        CHECK(row.amd_sure == (is_svr ? book_svr_focus : 0));
        CHECK(row.intel_sure == (is_lint ? book_lint_polarity : 0));
        CHECK(row.optional == (is_svr                      ? book_svr_eoi_suppression
                               : row.reg == Reg::lvt_timer ? book_timer_deadline
                                                           : 0));
        CHECK(row.intel_only == (row.reg == Reg::esr ? book_esr_intel : 0));
        CHECK(row.amd_only == (row.reg == Reg::lvt_error ? book_error_mode : 0));
    }
}

TEST_CASE("a register's MSR is 800H and a sixteenth of its offset, above all others") {
    u32 last = 0;
    for (const RegisterRow& row : sdm_registers) {
        CAPTURE(row.reg);
        CHECK(row.offset > last);
        CHECK(row.offset % 16 == 0);
        CHECK(row.offset < window_bytes);
        CHECK((row.msr() - x2apic_msr_first) * 16 == row.offset);
        last = row.offset;
    }
}

TEST_CASE("the fields of a register do not overlap, and their bits are those of its masks") {
    for (const RegisterRow& row : sdm_registers) {
        CAPTURE(row.reg);
        CHECK_FALSE(row.fields.empty());
        CHECK_FALSE(row.title.empty());
        u32 seen = 0;
        int bits = 0;
        for (const Field& field : row.fields) {
            CHECK_FALSE(field.name.empty());
            CHECK((seen & field.mask) == 0);
            seen |= field.mask;
        }
        for (const u32 mask : {row.writable, row.read_only, row.optional, row.intel_only, row.amd_only,
                               row.intel_sure, row.amd_sure, row.ones})
            bits += std::popcount(mask);
        CHECK(seen == row.defined());
        CHECK(bits == std::popcount(row.defined())); // a bit is of one kind
        CHECK(row.reserved() == ~seen);
        CHECK((row.reset & row.reserved()) == 0);
    }
}

TEST_CASE("a 16-byte slot of the window holds the register whose offset it is, or none") {
    for (u32 slot = 0; slot < register_at_slot.size(); ++slot) {
        int expected = -1;
        for (const BookRow& book : book_rows)
            if (book.offset == slot << 4) expected = static_cast<int>(index_of(book.reg));
        CAPTURE(slot);
        CHECK(int{register_at_slot[slot]} == expected);
    }
}

TEST_CASE("a register is found by the SDM's name and by the kernel's, and by nothing else") {
    std::set<std::string_view> kernel_names;
    for (const RegisterRow& row : sdm_registers) {
        if (row.kernel_name.empty()) continue; // a word after the first of ISR, TMR and IRR
        CAPTURE(row.reg);
        CHECK(kernel_names.insert(row.kernel_name).second);
        CHECK(find_register(row.name) == &row);
        CHECK(find_register(row.kernel_name) == &row);
    }
    CHECK(kernel_names.size() == book_rows.size() - 21);
    CHECK(find_register("SPIV") == &sdm_registers[index_of(Reg::svr)]);
    CHECK(find_register("TMICT") == &sdm_registers[index_of(Reg::initial_count)]);
    CHECK(find_register("LVTPC") == &sdm_registers[index_of(Reg::lvt_pmc)]);
    CHECK(find_register("apic_base") == nullptr);
    CHECK(find_register("SVR") == nullptr);
}

TEST_CASE("no register has an empty name") { CHECK(find_register("") == nullptr); }

struct BrokenRule {
    Reg reg;
    u32 bits; // that were read wrongly
    bool x2apic;
    Rule rule;
};

TEST_CASE("a wrong value breaks the rule of the field, else of the register, else of the way it was read") {
    using enum Rule;
    constexpr std::array cases = {
        BrokenRule{Reg::id, 0xff00'0000, true, D02},
        BrokenRule{Reg::version, 0x14, false, V01},
        BrokenRule{Reg::version, 0x14, true, V01},
        BrokenRule{Reg::version, 0x7e00'0000, false, V02},
        BrokenRule{Reg::version, 0xff00, true, V02},
        BrokenRule{Reg::tpr, 0x10, false, M06},
        BrokenRule{Reg::tpr, 0x10, true, X14},
        BrokenRule{Reg::tpr, 0x100, true, X11},
        BrokenRule{Reg::ldr, 0x0100'0000, false, M06},
        BrokenRule{Reg::ldr, 0x1, true, D04},
        BrokenRule{Reg::dfr, 0x1000'0000, false, M06},
        BrokenRule{Reg::dfr, 0x0800'0000, false, D07},
        BrokenRule{Reg::svr, 0x100, false, M06},
        BrokenRule{Reg::svr, 0x1000, false, V05},
        BrokenRule{Reg::svr, 0x1000, true, V05},
        BrokenRule{Reg::isr0, 0x1'0000, false, P04},
        BrokenRule{Reg::isr0, 0x8000, false, P06},
        BrokenRule{Reg::isr1, 0x8000, false, P04},
        BrokenRule{Reg::tmr0, 0x1, true, P06},
        BrokenRule{Reg::tmr7, 0x1, true, P01},
        BrokenRule{Reg::irr0, 0x1, false, P06},
        BrokenRule{Reg::irr3, 0x1, false, P01},
        BrokenRule{Reg::esr, 0x20, false, I04},
        BrokenRule{Reg::esr, 0x80, false, M11},
        BrokenRule{Reg::esr, 0x40, false, E02},
        BrokenRule{Reg::esr, 0x100, false, E03},
        BrokenRule{Reg::lvt_timer, 0x1000, true, L02},
        BrokenRule{Reg::lvt_lint0, 0x4000, false, L02},
        BrokenRule{Reg::lvt_lint0, 0x1'0000, false, M06},
        BrokenRule{Reg::icr_high, 0x0100'0000, false, I22},
        BrokenRule{Reg::initial_count, 0x1, true, T20},
        BrokenRule{Reg::dcr, 0x4, true, X11},
        BrokenRule{Reg::dcr, 0x8, true, X14},
    };
    for (const BrokenRule& broken : cases) {
        CAPTURE(broken.reg);
        CAPTURE(broken.bits);
        CHECK(read_rule(sdm_registers[index_of(broken.reg)], broken.bits, broken.x2apic) == broken.rule);
    }
}

TEST_CASE("D01: a wrong xAPIC ID breaks the rule of the xAPIC ID, not that of the x2APIC ID") {
    CHECK(read_rule(sdm_registers[index_of(Reg::id)], 0xff00'0000, false) == Rule::D01);
}

} // namespace
} // namespace lapicheck::model
