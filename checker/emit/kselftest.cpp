// A test for the kernel's tools/testing/selftests/kvm/x86: the host creates the VM, so that it begins with
// RESET.
#include <array>

#include <fmt/format.h>

#include "checker/emit/c_test.hpp"
#include "checker/report/output_file.hpp"
#include "model/registers.hpp"

namespace lapicheck::checker {
namespace {

using programs::Do;
using programs::Machine;
using programs::Program;
using programs::Step;

constexpr u64 msi_window = 0xfee0'0000;
constexpr u32 msi_level = model::icr::trigger | model::icr::assert_level;

class Kselftest : public CDialect {
  public:
    std::string check(std::string_view condition, std::string_view message,
                      std::string_view got) const override {
        if (got.empty())
            return fmt::format("\t__GUEST_ASSERT({},\n\t\t       \"{}\");\n", condition, c_escaped(message));
        return fmt::format(
            "\t__GUEST_ASSERT({},\n\t\t       \"{}; got 0x%lx\",\n\t\t       (unsigned long){});\n",
            condition, c_escaped(message), got);
    }

    CBlock check_restart(const Assertion& assertion, std::string_view message) const override {
        const char* const state =
            assertion.what == Assertion::What::init ? "KVM_MP_STATE_INIT_RECEIVED" : "KVM_MP_STATE_RUNNABLE";
        return {{},
                fmt::format("\tTEST_ASSERT(mp_state_of(vcpus[{}]) == {},\n\t\t    \"{}\");\n", assertion.vcpu,
                            state, c_escaped(message))};
    }

    CBlock from_outside(const Program& program, const Step& step, std::string& refused) const override {
        const u64 to = msi_window | u64{program.machine.apic_ids[step.vcpu]} << 12;
        switch (step.what) {
        case Do::interrupt: return signal(to, step.vector | (step.level ? msi_level : 0));
        case Do::msi: return signal(step.address, step.value);
        case Do::init: return {{}, fmt::format("\tinit_vcpu(vm, vcpus[{}], {:#x});\n", step.vcpu, to)};
        case Do::save_load: return {{}, fmt::format("\tsave_and_load(vcpus[{}]);\n", step.vcpu)};
        case Do::wait: return {{}, fmt::format("\tusleep({});\n", step.value)};
        case Do::timer_expires: return {{}, fmt::format("\twait_for_timer(vcpus[{}]);\n", step.vcpu)};
        case Do::reset: refused = "a test begins with RESET; in its middle, create another VM"; break;
        default: refused = "KVM has no interface for this; run it on model:NAME"; break;
        }
        return {};
    }

    std::string refusal(const Machine& machine) const override {
        for (const u32 id : machine.apic_ids)
            if (id > 0xfe)
                return fmt::format("ID {:#x} needs KVM_CAP_X2APIC_API, which the test does not set", id);
        if (machine.split_irqchip)
            return "EOIs go to the I/O APIC in userspace, which the tests' library does not have";
        if (!machine.disabled_quirks.empty())
            return "the test does not disable quirks; leave out \"disabled_quirks\"";
        return {};
    }

    Start start() const override { return Start::reset; }

  private:
    static CBlock signal(u64 address, u64 data) {
        return {{}, fmt::format("\tsignal_msi(vm, {:#x}, {:#x});\n", address, data)};
    }
};

constexpr std::array system_headers = {"stdint.h", "string.h", "unistd.h"};
constexpr std::array tree_headers = {"apic.h", "kvm_util.h", "processor.h", "test_util.h"};

std::string includes() {
    std::string text = "\n";
    for (const char* const header : system_headers) text += fmt::format("#include <{}>\n", header);
    text += "\n";
    for (const char* const header : tree_headers) text += fmt::format("#include \"{}\"\n", header);
    return text;
}

constexpr std::string_view cr8_write = R"(
static inline unsigned int write_cr8_safe(uint64_t value)
{
	return kvm_asm_safe("mov %[value], %%cr8", [value] "r"(value));
}
)";

constexpr std::string_view vectors = R"(
static void count_vector(struct ex_regs *regs)
{
	taken_counts[running][regs->vector]++;
}
)";

constexpr std::string_view host = R"(
static inline uint32_t mp_state_of(struct kvm_vcpu *vcpu)
{
	struct kvm_mp_state state;

	vcpu_mp_state_get(vcpu, &state);
	return state.mp_state;
}

static inline uint32_t version_of(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic_state lapic;

	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &lapic);
	return *(uint32_t *)&lapic.regs[APIC_LVR];
}

static inline void signal_msi(struct kvm_vm *vm, uint64_t address, uint32_t data)
{
	struct kvm_msi msi = {
		.address_lo = address,
		.address_hi = address >> 32,
		.data = data,
	};

	__vm_ioctl(vm, KVM_SIGNAL_MSI, &msi);
}

/* INIT arrives; then the vCPU goes on in the guest as if nothing but the APIC had seen it. */
static inline void init_vcpu(struct kvm_vm *vm, struct kvm_vcpu *vcpu, uint64_t address)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_sregs before, after;
	struct kvm_regs regs;

	vcpu_regs_get(vcpu, &regs);
	vcpu_sregs_get(vcpu, &before);
	signal_msi(vm, address, 0x500);
	mp_state_of(vcpu);
	vcpu_sregs_get(vcpu, &after);
	before.apic_base = after.apic_base;
	vcpu_mp_state_set(vcpu, &runnable);
	vcpu_sregs_set(vcpu, &before);
	vcpu_regs_set(vcpu, &regs);
}

static inline void save_and_load(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic_state lapic;

	vcpu_ioctl(vcpu, KVM_GET_LAPIC, &lapic);
	vcpu_ioctl(vcpu, KVM_SET_LAPIC, &lapic);
}

/* For a second at most. */
static inline void wait_for_timer(struct kvm_vcpu *vcpu)
{
	struct kvm_lapic_state lapic;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		usleep(1000);
		vcpu_ioctl(vcpu, KVM_GET_LAPIC, &lapic);
		if (!*(uint32_t *)&lapic.regs[APIC_TMCCT])
			break;
	}
}

/* Until the guest has come to the end of a step. What nobody in the kernel answers reads all ones. */
static void run(struct kvm_vcpu **vcpus, unsigned int index)
{
	struct kvm_vcpu *vcpu = vcpus[index];
	struct ucall uc;

	running = index;
	sync_global_to_guest(vcpu->vm, running);
	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason != KVM_EXIT_MMIO)
			break;
		if (!vcpu->run->mmio.is_write)
			memset(vcpu->run->mmio.data, 0xff, sizeof(vcpu->run->mmio.data));
	}
	switch (get_ucall(vcpu, &uc)) {
	case UCALL_SYNC:
	case UCALL_DONE:
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		TEST_FAIL("exit %u", vcpu->run->exit_reason);
	}
}
)";

std::string requirements(const CTest& test, const Machine& machine) {
    std::string text;
    if (test.needs.vendor)
        text += fmt::format("\tTEST_REQUIRE({});\n", machine.vendor == programs::GuestVendor::intel
                                                         ? "this_cpu_is_intel()"
                                                         : "this_cpu_is_amd()");
    const auto feature = [&](bool has, std::string_view name) {
        if (has) text += fmt::format("\tTEST_REQUIRE(kvm_cpu_has({}));\n", name);
    };
    if (test.needs.x2apic) feature(machine.x2apic, "X86_FEATURE_X2APIC");
    if (test.needs.tsc_deadline) feature(machine.tsc_deadline, "X86_FEATURE_TSC_DEADLINE_TIMER");
    return text;
}

std::string creation(const Program& program, const CTest& test) {
    const Machine& machine = program.machine;
    std::string text = "\tvm = vm_create(CPUS);\n";
    for (std::size_t i = 0; i < machine.apic_ids.size(); ++i) {
        text +=
            fmt::format("\tvcpus[{0}] = vm_vcpu_add(vm, {1:#x}, guest_code_{0});\n", i, machine.apic_ids[i]);
        const auto clear = [&](bool has, std::string_view name) {
            if (!has) text += fmt::format("\tvcpu_clear_cpuid_feature(vcpus[{}], {});\n", i, name);
        };
        clear(machine.x2apic, "X86_FEATURE_X2APIC");
        clear(machine.tsc_deadline, "X86_FEATURE_TSC_DEADLINE_TIMER");
    }
    text += "\tvirt_pg_map(vm, APIC_DEFAULT_GPA, APIC_DEFAULT_GPA);\n";
    if (test.needs.version)
        text += fmt::format("\tTEST_REQUIRE(version_of(vcpus[0]) == {:#x});\n", *test.needs.version);
    if (test.takes_interrupts)
        text += "\tfor (vector = 0; vector < 256; vector++)\n"
                "\t\tif (vector != GP_VECTOR)\n"
                "\t\t\tvm_install_exception_handler(vm, vector, count_vector);\n";
    return text;
}

// Each vCPU's blocks in a row, a GUEST_SYNC behind each; the host lets the vCPUs run in the program's order.
std::string file_text(const Program& program, const CTest& test) {
    const std::size_t cpus = program.machine.apic_ids.size();
    std::string text =
        "// SPDX-License-Identifier: GPL-2.0-only\n" +
        head_comment(test, " * In tools/testing/selftests/kvm/x86/, with a line in Makefile.kvm.\n") +
        includes();
    text +=
        fmt::format(
            "\n#define CPUS\t{}\n\n/* The vCPU that the host lets run. */\nstatic unsigned int running;\n",
            cpus) +
        std::string(c_accesses);
    if (test.uses("write_cr8_safe")) text += cr8_write;
    if (test.takes_interrupts) text += std::string(c_taken) + std::string(vectors);
    std::vector<std::string> guests(cpus);
    std::string main;
    for (std::size_t i = 0; i < test.blocks.size(); ++i) {
        const CBlock& block = test.blocks[i];
        if (!block.vcpu) {
            main += block.code;
            continue;
        }
        guests[*block.vcpu] += fmt::format("{}\tGUEST_SYNC({});\n", block.code, i);
        main += fmt::format("\trun(vcpus, {});\n", *block.vcpu);
    }
    for (std::size_t i = 0; i < cpus; ++i)
        text += fmt::format("\nstatic void guest_code_{}(void)\n{{\n{}\tGUEST_DONE();\n}}\n", i,
                            c_body(guests[i]));
    text += std::string(host) + "\nint main(int argc, char *argv[])\n{\n\tstruct kvm_vcpu *vcpus[CPUS];\n"
                                "\tstruct kvm_vm *vm;\n";
    if (test.takes_interrupts) text += "\tunsigned int vector;\n";
    text += "\n" + requirements(test, program.machine) + creation(program, test) + "\n" + main;
    return text + "\n\tkvm_vm_free(vm);\n\treturn 0;\n}\n";
}

// The library maps a page where it is told to; all else is a fault of the test.
std::string unmapped(const EmitRequest& request) {
    const Program& program = request.programs.front();
    for (std::size_t at = 0; at < program.steps.size(); ++at) {
        const Step& step = program.steps[at];
        const bool is_mmio = step.what == Do::mmio_read || step.what == Do::mmio_write;
        if (is_mmio && (step.address < model::apic_base::reset_page ||
                        step.address + step.size > model::apic_base::reset_page + model::window_bytes))
            return fmt::format("{}: step {}: only the page at {:#x} is mapped in the test", request.name, at,
                               model::apic_base::reset_page);
    }
    return {};
}

std::string write(const EmitRequest& request) {
    const CTest test = c_test(request, Kselftest());
    if (!test.refused.empty()) return test.refused;
    if (std::string why = unmapped(request); !why.empty()) return why;
    return write_whole(request.output, file_text(request.programs.front(), test));
}

} // namespace

extern const EmitForm kselftest_form;
const EmitForm kselftest_form{"kselftest", "a C test for the kernel's KVM selftests", write};

} // namespace lapicheck::checker
