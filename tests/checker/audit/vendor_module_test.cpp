// What kvm-6.18 does with each vendor module. Values are those that Linux 6.18 answered with kvm_amd and with
// kvm_pvm; kvm_intel without APICv does what lapic.c does.
#include <doctest/doctest.h>

#include "programs/sim/target.hpp"

using namespace lapicheck;
using namespace lapicheck::programs;
using model::KvmModule;

namespace {

Step step(Do what, u64 address = 0, u64 value = 0) {
    Step made;
    made.what = what;
    made.address = address;
    made.value = value;
    if (what == Do::mmio_read || what == Do::mmio_write) made.address += 0xfee0'0000, made.size = 4;
    return made;
}
Step interrupt(std::uint8_t vector) {
    Step made = step(Do::interrupt);
    made.vector = vector;
    return made;
}

// What the last step read.
u64 last_value(KvmModule module, std::vector<Step> steps) {
    Program program;
    program.machine.apic_ids = {0};
    program.machine.vendor = GuestVendor::intel;
    program.steps = std::move(steps);
    Found like;
    like.module = module;
    const Execution run = ModelTarget(*model::find_implementation("kvm-6.18"), like).run(program);
    REQUIRE(run.outcomes.size() == program.steps.size());
    return run.outcomes.back().value.value_or(~u64{0});
}

const Step enable = step(Do::mmio_write, 0xf0, 0x1ff);
const Step to_x2apic = step(Do::wrmsr, 0x1b, 0xfee0'0d00);

} // namespace

TEST_CASE("kvm_amd takes TPR over from the VMCB, which has its class alone") {
    const std::vector<Step> written = {step(Do::mmio_write, 0x80, 0x5a), step(Do::mmio_read, 0x80)};
    CHECK(last_value(KvmModule::svm, written) == 0x50);
    CHECK(last_value(KvmModule::vmx, written) == 0x5a);
    CHECK(last_value(KvmModule::pvm, written) == 0x5a);
}

TEST_CASE("kvm_amd keeps all of TPR while it holds an interrupt back") {
    for (const std::uint8_t vector : {std::uint8_t{0x00}, std::uint8_t{0x51}})
        CHECK(last_value(KvmModule::svm, {enable, interrupt(vector), step(Do::mmio_write, 0x80, 0x5a),
                                          step(Do::mmio_read, 0x80)}) == 0x5a);
    CHECK(last_value(KvmModule::svm, {enable, interrupt(0x61), step(Do::mmio_write, 0x80, 0x5a),
                                      step(Do::mmio_read, 0x80)}) == 0x50);
}

TEST_CASE("kvm_pvm alone ends an interrupt as it is taken") {
    const std::vector<Step> taken = {enable, step(Do::enable_interrupts), interrupt(0x51),
                                     step(Do::mmio_read, 0x120)};
    CHECK(last_value(KvmModule::svm, taken) == 1U << 17);
    CHECK(last_value(KvmModule::vmx, taken) == 1U << 17);
    CHECK(last_value(KvmModule::pvm, taken) == 0);
}

TEST_CASE("kvm_amd has one ICR2 for both modes, which INIT leaves in x2APIC mode") {
    const std::vector<Step> crossed = {step(Do::mmio_write, 0x310, 0xf100'0000), to_x2apic,
                                       step(Do::rdmsr, 0x830)};
    CHECK(last_value(KvmModule::svm, crossed) == u64{0xf100'0000} << 32);
    CHECK(last_value(KvmModule::vmx, crossed) == 0);
    const std::vector<Step> initialized = {to_x2apic, step(Do::wrmsr, 0x830, 0xf'0008'0839), step(Do::init),
                                           step(Do::rdmsr, 0x830)};
    CHECK(last_value(KvmModule::svm, initialized) == 0xf'0000'0000);
    CHECK(last_value(KvmModule::pvm, initialized) == 0);
}
