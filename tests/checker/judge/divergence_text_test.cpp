#include <doctest/doctest.h>

#include "checker/judge/divergence_text.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;

Divergence divergence(Rule rule, Fault fault, AccessKind kind, u64 address, u64 value, Reg reg) {
    Divergence d;
    d.mismatch.rule = rule;
    d.mismatch.fault = fault;
    d.mismatch.reg = reg;
    d.mismatch.mode = model::is_msr(kind) ? Mode::x2apic : Mode::xapic;
    d.access.kind = kind;
    d.access.address = address;
    d.access.value = value;
    d.access.size = 4;
    d.vcpu = "vCPU 1";
    return d;
}

Divergence read_of_esr(Known<u64> expected, u64 bits) {
    Divergence d = divergence(Rule::M11, Fault::value, AccessKind::mmio_read, 0xfee0'0280, 0, Reg::esr);
    d.mismatch.expected = expected;
    d.mismatch.bits = bits;
    return d;
}

Divergence interrupt(Rule rule, Reg reg, u64 vector, Detail detail) {
    Divergence d = divergence(rule, Fault::injected, AccessKind::rdmsr, 0, vector, reg);
    d.mismatch.detail = detail;
    return d;
}

TEST_CASE("the headline of an access to the closed window names access, mode and value") {
    Divergence read = divergence(Rule::M01, Fault::answered_by_apic, AccessKind::mmio_read, 0xfee0'0030,
                                 0x50014, Reg::version);
    read.mismatch.mode = Mode::x2apic;
    read.access.reached_apic = true;
    CHECK(headline(read) == "MMIO read of 0xfee00030 (version) in x2APIC mode returned the APIC's register "
                            "value 0x50014");
    CHECK(observed_text(read) == "0x50014; KVM's kvm_apic event shows that the register was accessed");
    Divergence write =
        divergence(Rule::M04, Fault::reached_apic, AccessKind::mmio_write, 0xfee0'0080, 0x20, Reg::tpr);
    write.mismatch.mode = Mode::disabled;
    CHECK(headline(write) ==
          "MMIO write of 0x20 to 0xfee00080 (tpr) with the APIC disabled reached the APIC's register");
}

TEST_CASE("a value is told by the bits that are wrong and their names") {
    CHECK(headline(read_of_esr({0x80, ~u64{0x7f}}, 0x80)) ==
          "MMIO read of 0xfee00280 (esr) returned 0x0: bit 7 must be 1 (illegal register address)");
    CHECK(expected_text(read_of_esr({0x80, ~u64{0x7f}}, 0x80)) ==
          "bit 7 must be 1 (illegal register address)");
    CHECK(expected_text(read_of_esr({0xa0, ~u64{0x5f}}, 0x80)) ==
          "bit 7 must be 1 (illegal register address); bit 5 differs too, reported separately");
    CHECK(expected_text(read_of_esr(Known<u64>{0x80}, 0x80)) == "0x80");
}

TEST_CASE("a count is told as a number") {
    Divergence d = divergence(Rule::T20, Fault::value, AccessKind::rdmsr, 0x838, 0, Reg::initial_count);
    d.mismatch.expected = Known<u64>{0x1000};
    d.mismatch.bits = 0x1000;
    CHECK(headline(d) == "RDMSR 838H (initial_count) returned 0x0; it must be 0x1000");
    d.mismatch.reg = Reg::current_count;
    d.mismatch.bounded = true;
    d.mismatch.bits = 0;
    d.access.address = 0x839;
    d.access.value = 0x2000;
    CHECK(headline(d) == "RDMSR 839H (current_count) returned 0x2000, above the initial count 0x1000");
    CHECK(expected_text(d) == "at most 0x1000, the initial count");
}

TEST_CASE("a WRMSR that must raise #GP names the reserved bits") {
    const auto wrmsr = [](Rule rule, u64 value) {
        return headline(divergence(rule, Fault::gp_missing, AccessKind::wrmsr, 0x808, value, Reg::tpr));
    };
    CHECK(wrmsr(Rule::X06, 0x100) ==
          "WRMSR 808H (tpr) = 0x100 in x2APIC mode set reserved bit 8 but raised no #GP");
    CHECK(wrmsr(Rule::X05, u64{3} << 32) ==
          "WRMSR 808H (tpr) = 0x300000000 in x2APIC mode set bits 33:32 but raised no #GP");
    CHECK(wrmsr(Rule::X07, 1) == "WRMSR 808H (tpr) = 0x1 in x2APIC mode raised no #GP");
}

TEST_CASE("an interrupt that had to wait: for what") {
    CHECK(headline(interrupt(Rule::P02, Reg::tpr, 0x41, {})) ==
          "vector 41H was injected although TPR blocks its priority class");
    CHECK(headline(interrupt(Rule::P02, Reg::irr0, 0x41, {"{}", 0xec})) ==
          "vector 41H was injected while ECH was pending in IRR");
    CHECK(headline(interrupt(Rule::P02, Reg::irr0, 0x41, {"{}"})) ==
          "vector 41H was injected, which was not pending in IRR");
    CHECK(headline(interrupt(Rule::P03, Reg::isr0, 0x41, {"{}", 0xf1})) ==
          "vector 41H was injected while F1H was in service");
}

TEST_CASE("EOI: which vector ended, and which was in service") {
    Divergence d = divergence(Rule::P04, Fault::eoi_vector, AccessKind::wrmsr, 0x80b, 0, Reg::eoi);
    d.access.eoi_vector = 0x61;
    d.mismatch.detail = {"{} {}", 0x61, 0xf1};
    CHECK(headline(d) == "EOI ended vector 61H while F1H was in service");
    d.mismatch.detail = {"{}", 0x61};
    CHECK(headline(d) == "EOI ended vector 61H, which was not in service");
    d.access.eoi_vector = ~u64{0};
    CHECK(headline(d) == "EOI ended no vector while 61H was in service");
}

TEST_CASE("an EOI message: suppressed, not due, missing") {
    Divergence d = divergence(Rule::P05, Fault::eoi_broadcast, AccessKind::rdmsr, 0, 0x50, Reg::eoi);
    d.mismatch.bits = model::svr::eoi_suppression;
    CHECK(headline(d) == "the EOI was broadcast to the I/O APICs although SVR[12] is 1");
    d.mismatch.bits = 0;
    d.mismatch.detail = {"{}", 0x50};
    CHECK(headline(d) == "the EOI of vector 50H was broadcast to the I/O APICs although none was due");
    d.mismatch.detail = {};
    CHECK(headline(d) == "the EOI of a level-triggered interrupt was not broadcast to the I/O APICs");
}

TEST_CASE("a command that an APIC did not accept says whom it addresses") {
    Divergence d = divergence(Rule::I05, Fault::not_accepted, AccessKind::wrmsr, 0x830, 0x440fd, Reg::icr);
    d.access.ipis = 1;
    d.access.ipi_vector = 0xfd;
    d.access.ipi.shorthand = traces::Shorthand::self;
    d.mismatch.detail = {"{}", 0};
    CHECK(headline(d) == "APIC 0 did not accept vector FDH");
    CHECK(expected_text(d) == "APIC 0 accepts it: the command addresses that APIC (shorthand self)");
    d.mismatch.detail.first = ~u64{0};
    CHECK(headline(d) == "the sender's own APIC did not accept vector FDH");
    d.mismatch.fault = Fault::accepted_unaddressed;
    d.mismatch.detail.first = 3;
    d.access.ipi.shorthand = traces::Shorthand::none;
    d.access.ipi_destination = 1;
    CHECK(headline(d) == "APIC 3 accepted vector FDH, which was not sent to it");
    CHECK(expected_text(d) == "only the APICs that the command addresses accept it (physical destination 1)");
}

TEST_CASE("every kind of fault has a headline, an observation and what is allowed") {
    for (auto fault = Fault::answered_by_apic; fault <= Fault::eoi_broadcast;
         fault = static_cast<Fault>(static_cast<int>(fault) + 1)) {
        const Divergence d = divergence(Rule::M06, fault, AccessKind::mmio_read, 0xfee0'0080, 0x20, Reg::tpr);
        CAPTURE(static_cast<int>(fault));
        CHECK(!headline(d).empty());
        CHECK(!access_text(d).empty());
        CHECK(!observed_text(d).empty());
        CHECK(!expected_text(d).empty());
    }
}

} // namespace
} // namespace lapicheck::checker
