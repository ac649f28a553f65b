#include "checker/audit/program_judge.hpp"

#include <doctest/doctest.h>

#include "programs/sim/target.hpp"

using namespace lapicheck;
using namespace lapicheck::checker;
using programs::Do;
using programs::Step;
using programs::StepOutcome;

namespace {

constexpr u64 window = 0xfee0'0000;

Step step(Do what, u64 address = 0, u64 value = 0, std::uint32_t vcpu = 0) {
    Step made;
    made.what = what;
    made.vcpu = vcpu;
    made.address = address;
    made.value = value;
    if (what == Do::mmio_read || what == Do::mmio_write) made.size = 4;
    return made;
}
Step rdmsr(u64 msr) { return step(Do::rdmsr, msr); }
Step wrmsr(u64 msr, u64 value) { return step(Do::wrmsr, msr, value); }
Step mmio_read(u64 offset) { return step(Do::mmio_read, window + offset); }
Step mmio_write(u64 offset, u64 value) { return step(Do::mmio_write, window + offset, value); }

StepOutcome ok() { return {}; }
StepOutcome value(u64 v) {
    StepOutcome outcome;
    outcome.value = v;
    return outcome;
}
StepOutcome gp() {
    StepOutcome outcome;
    outcome.gp = true;
    return outcome;
}
StepOutcome takes(std::uint8_t vector, std::uint32_t vcpu = 0) {
    StepOutcome outcome;
    outcome.taken = {{vcpu, vector}};
    return outcome;
}

class Judged {
  public:
    explicit Judged(std::uint32_t vcpus = 1, bool split_irqchip = false)
        : judge_(machine(vcpus, split_irqchip), found(vcpus, split_irqchip)) {}
    // On a KVM of this module and kernel, for a guest CPU of this vendor.
    Judged(std::uint32_t vcpus, programs::GuestVendor vendor, std::optional<model::KvmModule> module,
           std::string kernel)
        : judge_(machine(vcpus, false, vendor), found(vcpus, false, module, std::move(kernel))) {}

    StepVerdict operator()(const Step& step, const StepOutcome& outcome) {
        return judge_.judge(step, outcome);
    }

  private:
    static programs::Machine machine(std::uint32_t vcpus, bool split_irqchip,
                                     programs::GuestVendor vendor = programs::GuestVendor::intel) {
        programs::Machine machine;
        machine.split_irqchip = split_irqchip;
        for (std::uint32_t i = 0; i < vcpus; ++i) machine.apic_ids.push_back(i);
        machine.vendor = vendor;
        return machine;
    }
    // Where the irqchip is split, the version says that EOI broadcasts can be suppressed.
    static programs::Found found(std::uint32_t vcpus, bool split_irqchip,
                                 std::optional<model::KvmModule> module = {}, std::string kernel = {}) {
        programs::Found found;
        found.module = module;
        found.kernel = std::move(kernel);
        found.maxphyaddr = 40;
        found.versions.assign(vcpus, split_irqchip ? 0x105'0014 : 0x50014);
        return found;
    }
    ProgramJudge judge_;
};

bool is_ok(const StepVerdict& verdict) { return verdict.kind == StepVerdict::Kind::ok; }
bool breaks(const StepVerdict& verdict, Rule rule) {
    return verdict.kind == StepVerdict::Kind::divergence && verdict.divergences.size() == 1 &&
           verdict.divergences[0].mismatch.rule == rule;
}

constexpr u64 to_x2apic = 0xfee0'0d00;
constexpr u64 software_enabled = 0x1ff;

} // namespace

TEST_CASE("what RESET puts into a register is known") {
    Judged judged;
    CHECK(is_ok(judged(mmio_read(0x350), value(0x10000))));
    CHECK(breaks(judged(mmio_read(0x350), value(0x700)), Rule::R01));
    CHECK(judged(rdmsr(0x1b), value(0xfee00900)).kind == StepVerdict::Kind::ok);
    CHECK(breaks(judged(rdmsr(0x1b), value(0xfee00800)), Rule::B08));
}

TEST_CASE(
    "P10: the spurious vector that waits itself, taken where TPR holds back its class, sets no bit of ISR") {
    for (const bool held_back : {true, false}) {
        Judged judged;
        judged(mmio_write(0xf0, 0x1ff), ok());
        Step interrupt = step(Do::interrupt);
        interrupt.vector = 0xff;
        judged(interrupt, ok());
        if (held_back) judged(mmio_write(0x80, 0xff), ok());
        CHECK(judged(step(Do::enable_interrupts), takes(0xff)).divergences.empty());
        CHECK(judged(mmio_read(0x170), value(0)).divergences.empty() == held_back);
        CHECK(judged(mmio_read(0x270), value(held_back ? 0x8000'0000 : 0)).divergences.empty());
    }
}

TEST_CASE("a fault is told once, then what was observed is taken over") {
    Judged judged;
    CHECK(breaks(judged(mmio_read(0xf0), value(0x1fe)), Rule::R01));
    CHECK(is_ok(judged(mmio_read(0xf0), value(0x1fe))));
}

TEST_CASE("a read of the closed window is the APIC's answer if it is what the register holds") {
    Judged judged;
    judged(wrmsr(0x1b, to_x2apic), ok());
    CHECK(is_ok(judged(mmio_read(0x30), value(0xffff'ffff))));
    CHECK(is_ok(judged(mmio_read(0x30), value(0x1234))));
    const StepVerdict verdict = judged(mmio_read(0x30), value(0x50014));
    CHECK(breaks(verdict, Rule::M01));
    CHECK(verdict.divergences[0].because.at(0).line == 1);
}

TEST_CASE("the place that the window has left is closed") {
    Judged judged;
    judged(wrmsr(0x1b, 0xfed0'0900), ok());
    CHECK(is_ok(judged(step(Do::mmio_read, 0xfed0'0030), value(0x50014))));
    CHECK(is_ok(judged(mmio_read(0x30), value(0xffff'ffff))));
    CHECK(breaks(judged(mmio_read(0x30), value(0x50014)), Rule::M14));
}

TEST_CASE("what was written there may be read there") {
    Judged judged;
    judged(wrmsr(0x1b, to_x2apic), ok());
    judged(mmio_write(0x30, 0x50014), ok());
    CHECK(is_ok(judged(mmio_read(0x30), value(0x50014))));
}

TEST_CASE("a write to the closed window that reached the register shows in the register") {
    Judged judged;
    judged(wrmsr(0x1b, to_x2apic), ok());
    CHECK(is_ok(judged(mmio_write(0x80, 0x20), ok())));
    CHECK(breaks(judged(rdmsr(0x808), value(0x20)), Rule::M02));
    CHECK(is_ok(judged(rdmsr(0x808), value(0x20))));
}

TEST_CASE("the open window must be answered by the APIC") {
    Judged judged;
    StepOutcome left = value(0xffff'ffff);
    left.mmio_exit = true;
    CHECK(breaks(judged(mmio_read(0x30), left), Rule::M06));
}

TEST_CASE("CR8 is TPR") {
    Judged judged;
    CHECK(is_ok(judged(step(Do::cr8_write, 0, 5), ok())));
    CHECK(is_ok(judged(mmio_read(0x80), value(0x50))));
    CHECK(is_ok(judged(mmio_write(0x80, 0x23), ok())));
    CHECK(is_ok(judged(step(Do::cr8_read), value(2))));
    CHECK(is_ok(judged(mmio_read(0x80), value(0x23))));
    CHECK(breaks(judged(step(Do::cr8_read), value(3)), Rule::P08));
    CHECK(is_ok(judged(step(Do::cr8_write, 0, 0x10), gp())));
}

TEST_CASE("an IPI arrives, is taken and is in service") {
    Judged judged(2);
    for (const std::uint32_t vcpu : {0U, 1U})
        judged(step(Do::wrmsr, 0x1b, to_x2apic & ~(vcpu * 0x100), vcpu), ok());
    for (const std::uint32_t vcpu : {0U, 1U}) judged(step(Do::wrmsr, 0x80f, software_enabled, vcpu), ok());
    judged(wrmsr(0x830, 0x1'0000'0041), ok());
    SUBCASE("as it should") {
        CHECK(is_ok(judged(step(Do::rdmsr, 0x822, 0, 1), value(2))));
        CHECK(is_ok(judged(step(Do::enable_interrupts, 0, 0, 1), takes(0x41, 1))));
        CHECK(is_ok(judged(step(Do::rdmsr, 0x812, 0, 1), value(2))));
        CHECK(is_ok(judged(step(Do::rdmsr, 0x80a, 0, 1), value(0x40))));
    }
    SUBCASE("it is lost") { CHECK(breaks(judged(step(Do::rdmsr, 0x822, 0, 1), value(0)), Rule::P01)); }
    SUBCASE("it is not taken") {
        CHECK(breaks(judged(step(Do::enable_interrupts, 0, 0, 1), ok()), Rule::P02));
    }
    SUBCASE("another is taken") {
        CHECK(breaks(judged(step(Do::enable_interrupts, 0, 0, 1), takes(0x42, 1)), Rule::P02));
    }
    SUBCASE("the vector in service is lost") {
        judged(step(Do::enable_interrupts, 0, 0, 1), takes(0x41, 1));
        CHECK(breaks(judged(step(Do::rdmsr, 0x812, 0, 1), value(0)), Rule::P02));
    }
    SUBCASE("somebody else took it") {
        CHECK(judged(step(Do::enable_interrupts, 0, 0, 0), takes(0x41, 0)).divergences.size() == 1);
    }
}

TEST_CASE("of a lowest-priority message one of several takes it") {
    Judged judged(2);
    for (const std::uint32_t vcpu : {0U, 1U}) {
        judged(step(Do::mmio_write, window + 0xf0, software_enabled, vcpu), ok());
        judged(step(Do::mmio_write, window + 0xd0, u64{0x0100'0000} << vcpu, vcpu), ok());
    }
    judged(mmio_write(0x310, 0x0300'0000), ok());
    judged(mmio_write(0x300, 0x951), ok());
    CHECK(judged(step(Do::mmio_read, window + 0x220, 0, 0), value(0x20000)).divergences.empty());
    CHECK(judged(step(Do::mmio_read, window + 0x220, 0, 1), value(0)).divergences.empty());
}

TEST_CASE("what is missing in IRR breaks the rule by which it had to come") {
    Judged judged(2);
    for (const std::uint32_t vcpu : {0U, 1U}) {
        judged(step(Do::mmio_write, window + 0xf0, software_enabled, vcpu), ok());
        judged(step(Do::mmio_write, window + 0xd0, u64{0x0100'0000} << vcpu, vcpu), ok());
    }
    const auto send = [&](u32 destination, u32 command) {
        judged(mmio_write(0x310, u64{destination} << 24), ok());
        judged(mmio_write(0x300, command), ok());
    };
    const Step irr = step(Do::mmio_read, window + 0x220, 0, 1);
    SUBCASE("lowest priority, of which nobody else is addressed") {
        send(0xe, 0x4951);
        CHECK(breaks(judged(irr, value(0)), Rule::I13));
    }
    SUBCASE("a logical destination in the flat model") {
        send(0x2, 0x4851);
        CHECK(breaks(judged(irr, value(0)), Rule::I10));
    }
    SUBCASE("level de-assert, which on Intel is as good as edge") {
        send(0x1, 0x8051);
        CHECK(breaks(judged(irr, value(0)), Rule::I18));
    }
    SUBCASE("two that came by different ways") {
        send(0x1, 0x4051);
        send(0x2, 0x4852);
        CHECK(breaks(judged(irr, value(0)), Rule::P01));
    }
}

TEST_CASE("NMI, INIT and SIPI must reach whom they address") {
    Judged judged(2);
    const auto restarts = [](std::optional<std::uint8_t> sipi_vector) {
        StepOutcome outcome;
        outcome.restarted = {{1, sipi_vector}};
        return outcome;
    };
    judged(mmio_write(0x310, 0x0100'0000), ok());
    SUBCASE("an NMI") {
        CHECK(judged(mmio_write(0x300, 0x4400), takes(2, 1)).divergences.empty());
        CHECK(breaks(judged(mmio_write(0x300, 0x4400), ok()), Rule::V09));
        judged(step(Do::mmio_write, window + 0xf0, software_enabled, 1), ok());
        CHECK(breaks(judged(mmio_write(0x300, 0x4400), ok()), Rule::I09));
        CHECK(judged(mmio_write(0x310, 0x0200'0000), ok()).divergences.empty());
        CHECK(judged(mmio_write(0x300, 0x4400), ok()).divergences.empty()); // to nobody
    }
    SUBCASE("an INIT, then a SIPI, then one too many") {
        CHECK(breaks(judged(mmio_write(0x300, 0xc500), ok()), Rule::V09));
        CHECK(judged(mmio_write(0x300, 0xc500), restarts({})).divergences.empty());
        CHECK(judged(mmio_write(0x300, 0x4400), ok()).divergences.empty()); // held back until the SIPI
        CHECK(breaks(judged(mmio_write(0x300, 0x4610), ok()), Rule::V09));
        CHECK(judged(mmio_write(0x300, 0x4610), restarts(0x10)).divergences.empty());
        CHECK(judged(mmio_write(0x300, 0x4610), ok()).divergences.empty());
    }
    SUBCASE("an INIT level de-assert reaches nobody") {
        CHECK(judged(mmio_write(0x300, 0x8500), ok()).divergences.empty());
    }
}

TEST_CASE("an EOI goes to the I/O APIC in userspace if the interrupt was level-triggered") {
    Judged judged(1, true);
    const auto eoi = [](std::uint8_t vector) {
        StepOutcome outcome;
        outcome.eois = {{0, vector}};
        return outcome;
    };
    const auto take = [&](std::uint8_t vector, bool level) {
        Step arrives = step(Do::interrupt);
        arrives.vector = vector;
        arrives.level = level;
        judged(arrives, ok());
        judged(step(Do::enable_interrupts), takes(vector));
        judged(step(Do::disable_interrupts), ok());
    };
    judged(mmio_write(0xf0, software_enabled), ok());
    SUBCASE("level-triggered") {
        take(0x44, true);
        SUBCASE("told") { CHECK(judged(mmio_write(0xb0, 0), eoi(0x44)).divergences.empty()); }
        SUBCASE("not told") { CHECK(breaks(judged(mmio_write(0xb0, 0), ok()), Rule::P05)); }
    }
    SUBCASE("edge-triggered") {
        take(0x45, false);
        SUBCASE("told") { CHECK(breaks(judged(mmio_write(0xb0, 0), eoi(0x45)), Rule::P05)); }
        SUBCASE("not told") { CHECK(judged(mmio_write(0xb0, 0), ok()).divergences.empty()); }
    }
    SUBCASE("suppressed") {
        judged(mmio_write(0xf0, software_enabled | 0x1000), ok());
        take(0x44, true);
        SUBCASE("told") { CHECK(breaks(judged(mmio_write(0xb0, 0), eoi(0x44)), Rule::P05)); }
        SUBCASE("not told") { CHECK(judged(mmio_write(0xb0, 0), ok()).divergences.empty()); }
    }
    SUBCASE("with no EOI at all") { CHECK(breaks(judged(mmio_write(0x80, 0), eoi(0x44)), Rule::P05)); }
}

TEST_CASE("a timer that runs may fire at any time, and must once it is said to have") {
    Judged judged;
    judged(mmio_write(0xf0, software_enabled), ok());
    judged(mmio_write(0x320, 0x61), ok());
    judged(mmio_write(0x380, 0x1000), ok());
    CHECK(judged(mmio_read(0x230), value(0)).divergences.empty());
    CHECK(judged(step(Do::timer_expires), ok()).divergences.empty());
    CHECK(is_ok(judged(mmio_read(0x230), value(2))));
}

TEST_CASE("a step that was not run changes nothing, one that failed may have changed all it touches") {
    Judged judged;
    StepOutcome error;
    error.end(programs::Ending::not_run, "vCPU 0 is in HLT");
    CHECK(judged(mmio_write(0x80, 0x30), error).kind == StepVerdict::Kind::not_judged);
    CHECK(is_ok(judged(mmio_read(0x80), value(0))));
    error.end(programs::Ending::stopped, "KVM_EXIT_INTERNAL_ERROR");
    const StepVerdict stopped = judged(mmio_write(0x80, 0x30), error);
    REQUIRE(stopped.divergences.size() == 1);
    CHECK(stopped.divergences[0].mismatch.fault == Fault::unfinished);
    CHECK(stopped.divergences[0].mismatch.reg == Reg::tpr);
    CHECK(stopped.divergences[0].because.back().what == error.reason);
    CHECK(judged(mmio_read(0x80), value(0x30)).divergences.empty());
}

TEST_CASE("what the manual says nothing of may stop a vCPU") {
    Judged judged;
    StepOutcome error;
    error.end(programs::Ending::stopped, "KVM_EXIT_INTERNAL_ERROR");
    Step half = mmio_write(0x80, 0x30);
    half.size = 2;
    CHECK(judged(half, error).kind == StepVerdict::Kind::not_judged);
    CHECK(judged(step(Do::mmio_read, 0xfed0'0000), error).kind == StepVerdict::Kind::not_judged);
    judged(wrmsr(0x1b, 0xfee0'0d00), ok());
    CHECK(judged(mmio_read(0x80), error).kind == StepVerdict::Kind::not_judged); // the window is closed
    error.end(programs::Ending::stopped_after,
              "vCPU 1: KVM_EXIT_INTERNAL_ERROR"); // it stopped after the step
    CHECK(judged(rdmsr(0x808), error).kind == StepVerdict::Kind::not_judged);
}

TEST_CASE("INIT that is seen puts back the registers") {
    Judged judged;
    judged(mmio_write(0x80, 0x30), ok());
    StepOutcome outcome;
    outcome.restarted = {{0, {}}};
    judged(step(Do::init), outcome);
    CHECK(breaks(judged(mmio_read(0x80), value(0x30)), Rule::R02));
}

TEST_CASE("the reference conforms to itself, an implementation with a fault does not") {
    programs::Program program;
    program.machine.apic_ids = {0, 1};
    program.steps = {mmio_read(0x30),
                     wrmsr(0x1b, to_x2apic),
                     wrmsr(0x80f, software_enabled),
                     wrmsr(0x83f, 0x51),
                     step(Do::enable_interrupts),
                     wrmsr(0x80b, 0),
                     mmio_read(0x30),
                     mmio_write(0x80, 0x20),
                     rdmsr(0x808),
                     wrmsr(0x830, 0x1'0000'0041)};
    const auto divergences = [&](std::string_view name) {
        const auto run = programs::ModelTarget(*model::find_implementation(name)).run(program);
        std::vector<Rule> rules;
        for (const StepVerdict& verdict : judge_run(program, run))
            for (const Divergence& divergence : verdict.divergences)
                rules.push_back(divergence.mismatch.rule);
        return rules;
    };
    CHECK(divergences("sdm").empty());
    CHECK(divergences("kvm-rfc").empty());
    CHECK(divergences("kvm-2018") == std::vector{Rule::M01, Rule::M02});
}

namespace {

constexpr u32 esr_offset = 0x280;
constexpr auto intel = programs::GuestVendor::intel;
constexpr auto amd = programs::GuestVendor::amd;

std::string departure_of(const StepVerdict& verdict) {
    if (verdict.divergences.size() != 1) return "none or several";
    const specs::Departure* const departure = verdict.divergences[0].mismatch.departure;
    return departure == nullptr ? "unknown" : departure->id;
}

} // namespace

TEST_CASE("I04: ESR[6] must be recorded for an MSI or an interrupt of a device with a vector below 16") {
    Step interrupt = step(Do::interrupt);
    interrupt.vector = 5;
    for (const Step& sends : {interrupt, step(Do::msi, window, 0)}) {
        Judged judge;
        judge(mmio_write(0xf0, 0x1ff), ok());
        judge(mmio_write(esr_offset, 0), ok());
        judge(sends, ok());
        judge(mmio_write(esr_offset, 0), ok());
        Judged other = judge;
        CHECK(is_ok(judge(mmio_read(esr_offset), value(0x40))));
        CHECK(departure_of(other(mmio_read(esr_offset), value(0))) == "kvm-esr-always-zero");
    }
    // Nothing else records it, nor the bit of lowest priority; an IPI to itself may.
    for (const u64 errors : {0x40ULL, 0x10ULL}) {
        Judged judge;
        judge(mmio_write(0xf0, 0x1ff), ok());
        judge(mmio_write(esr_offset, 0), ok());
        judge(mmio_write(esr_offset, 0), ok());
        CHECK(departure_of(judge(mmio_read(esr_offset), value(errors))) == "unknown");
    }
    Judged judge;
    judge(mmio_write(0xf0, 0x1ff), ok());
    judge(mmio_write(0x300, 0x40005), ok());
    judge(mmio_write(esr_offset, 0), ok());
    CHECK(is_ok(judge(mmio_read(esr_offset), value(0x60))));
}

TEST_CASE("I24 I26: what comes of a reserved or undefined command is not judged") {
    const auto irr2 = [](Judged& judge, bool x2apic, u64 bits) {
        const Step read = x2apic ? step(Do::rdmsr, 0x822, 0, 1) : step(Do::mmio_read, window + 0x220, 0, 1);
        return judge(read, value(bits)).divergences.size();
    };
    // Lowest priority is reserved in x2APIC mode.
    for (const u64 bits : {0ULL, 1ULL << 17}) {
        Judged judge(2, intel, {}, "");
        for (const std::uint32_t vcpu : {0U, 1U}) {
            judge(step(Do::wrmsr, 0x1b, vcpu == 0 ? 0xfee00d00 : 0xfee00c00, vcpu), ok());
            judge(step(Do::wrmsr, 0x80f, 0x1ff, vcpu), ok());
        }
        judge(wrmsr(0x830, 0x1'0000'4151), ok());
        CHECK(irr2(judge, true, bits) == 0);
    }
    // In xAPIC mode with a physical destination it is defined for an IPI on Intel, not on AMD; nor is an MSI.
    const auto missing = [&](programs::GuestVendor vendor, const Step& sends) {
        Judged judge(2, vendor, {}, "");
        for (const std::uint32_t vcpu : {0U, 1U})
            judge(step(Do::mmio_write, window + 0xf0, 0x1ff, vcpu), ok());
        judge(mmio_write(0x310, 0x100'0000), ok());
        judge(sends, ok());
        return irr2(judge, false, 0);
    };
    CHECK(missing(intel, mmio_write(0x300, 0x4151)) == 1);
    CHECK(missing(amd, mmio_write(0x300, 0x4151)) == 0);
    for (const auto vendor : {intel, amd}) CHECK(missing(vendor, step(Do::msi, window + 0x1000, 0x151)) == 0);
    // An NMI with level de-assert is one on Intel; AMD does not say it.
    const auto nmi_missing = [](programs::GuestVendor vendor) {
        Judged judge(2, vendor, {}, "");
        judge(mmio_write(0x310, 0x100'0000), ok());
        return judge(mmio_write(0x300, 0x8400), ok()).divergences.size();
    };
    CHECK(nmi_missing(intel) == 1);
    CHECK(nmi_missing(amd) == 0);
}

TEST_CASE("an interrupt that ends when it is taken is known of kvm_pvm alone") {
    const auto isr_reads_zero = [](std::optional<model::KvmModule> module) {
        Judged judge(1, intel, module, "6.18.2");
        judge(mmio_write(0xf0, 0x1ff), ok());
        judge(mmio_write(0x350, 0x10000), ok());
        judge(mmio_write(0x300, 0x40040), ok());
        judge(step(Do::enable_interrupts), takes(0x40));
        judge(step(Do::disable_interrupts), ok());
        return departure_of(judge(mmio_read(0x120), value(0)));
    };
    CHECK(isr_reads_zero(model::KvmModule::pvm) == "kvm-software-cpu-ends-interrupts-at-once");
    CHECK(isr_reads_zero(model::KvmModule::vmx) == "unknown");
    CHECK(isr_reads_zero(model::KvmModule::svm) == "unknown");
}

TEST_CASE(
    "a logical NMI that reaches no APIC of which all are disabled by software is known in x2APIC mode") {
    const auto nmi_missing = [](const char* kernel, u64 sender_svr, u64 command) {
        Judged judge(2, intel, model::KvmModule::vmx, kernel);
        judge(wrmsr(0x1b, 0xfee00d00), ok());
        judge(step(Do::wrmsr, 0x1b, 0xfee00c00, 1), ok());
        judge(wrmsr(0x80f, sender_svr), ok());
        return departure_of(judge(wrmsr(0x830, command), ok()));
    };
    constexpr u64 logical = 0x2'0000'0c00;
    CHECK(nmi_missing("6.18.2", 0xff, logical) == "kvm-x2apic-logical-ipi-skips-all-software-disabled");
    CHECK(nmi_missing("6.1.192", 0xff, logical) == "unknown");
    CHECK(nmi_missing("6.18.2", 0x1ff, logical) == "unknown");
    CHECK(nmi_missing("6.18.2", 0xff, 0x1'0000'0400) == "unknown"); // by its ID
}
