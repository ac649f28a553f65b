#include <doctest/doctest.h>

#include "model/field_text.hpp"
#include "model/outside_registers.hpp"

namespace lapicheck::model {
namespace {

using Word = Known<u64>;

TEST_CASE("bits are named as the SDM names them, from the highest down") {
    CHECK(bits_text(0x80) == "bit 7");
    CHECK(bits_text(0xff) == "bits 7:0");
    CHECK(bits_text(0x5000) == "bits 14 and 12");
    CHECK(bits_text(0xfff3'2000) == "bits 31:20, 17:16 and 13");
    CHECK(bits_text(u64{1} << 63) == "bit 63");
    CHECK(bits_text(~u64{0}) == "bits 63:0");
}

TEST_CASE("what a register's bits must be is told by its fields") {
    const auto esr = fields_of(Reg::esr, Mode::xapic);
    CHECK(required_bits_text(esr, {0x80, ~u64{0x5f}}, 0x80) == "bit 7 must be 1 (illegal register address)");
    const auto lint0 = fields_of(Reg::lvt_lint0, Mode::x2apic);
    CHECK(required_bits_text(lint0, Word{0x1'a7ff}, 0x5000) ==
          "bit 12 must be 0 (delivery status), bit 14 must be 0 (remote IRR)");
    CHECK(required_bits_text(lint0, Word{0x1'0700}, 0x1'0001) ==
          "bits 7:0 must be 00H (vector), bit 16 must be 1 (mask)");
    CHECK(required_bits_text(lint0, Word{0}, 0x8000'0000) == "bit 31 must be 0 (reserved)");
}

TEST_CASE("a field of which a part is determined is told by its bits") {
    const auto icr = fields_of(Reg::icr, Mode::xapic);
    CHECK(required_bits_text(icr, {0x0100, 0x0300}, 0x0300) ==
          "bit 8 must be 1 (delivery mode), bit 9 must be 0 (delivery mode)");
}

TEST_CASE("a register that is one number has no fields") {
    CHECK(fields_of(Reg::initial_count, Mode::xapic).empty());
    CHECK(fields_of(Reg::tsc_deadline, Mode::xapic).empty());
    CHECK(fields_of(Reg::none, Mode::xapic).empty());
    CHECK(required_bits_text({}, Word{0x10}, 0x11) == "bit 4 must be 1, bit 0 must be 0");
}

TEST_CASE("bits of ISR, TMR and IRR are vectors") {
    CHECK(required_vectors_text(Reg::isr2, 0x1, 0x1) == "bit 0 must be 1 (vector 40H)");
    CHECK(required_vectors_text(Reg::irr0, 0, 0x60) == "bits 6:5 must be 0 (vectors 05H, 06H)");
    CHECK(required_vectors_text(offset_by(Reg::tmr0, 7), 0xffff'0000, 0xffff'0000) ==
          "bits 31:16 must be 1 (16 vectors, F0H to FFH)");
}

TEST_CASE("the registers outside the window have both names and no field twice") {
    for (const OutsideRegister& reg : outside_registers()) {
        CAPTURE(reg.name);
        CHECK(find_outside_register(reg.name) == &reg);
        CHECK(find_outside_register(reg.sdm_name) == &reg);
        CHECK(find_register(reg.name) == nullptr);
        u64 taken = 0;
        for (const OutsideField& field : reg.fields) {
            CHECK((field.mask & taken) == 0);
            taken |= field.mask;
        }
        CHECK(reg.reserved() == ~taken);
    }
    CHECK(find_outside_register("svr") == nullptr);
    CHECK(find_outside_register("apic_base")->reserved() ==
          (apic_base::reserved_low | ~u64{0xf'ffff'ffff'ffff}));
}

} // namespace
} // namespace lapicheck::model
