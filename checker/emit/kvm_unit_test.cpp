// A test for kvm-unit-tests (x86/, 64-bit, .flat): reports each assertion, PASS or FAIL.
#include <array>

#include <fmt/format.h>

#include "checker/emit/c_test.hpp"
#include "checker/report/output_file.hpp"
#include "model/command.hpp"
#include "model/registers.hpp"

namespace lapicheck::checker {
namespace {

using programs::Do;
using programs::Machine;
using programs::Program;
using programs::Step;

// The tests' page tables map 4 GiB.
constexpr u64 mapped = u64{1} << 32;

class KvmUnitTest : public CDialect {
  public:
    std::string check(std::string_view condition, std::string_view message,
                      std::string_view got) const override {
        if (got.empty())
            return fmt::format("\treport({},\n\t       \"{}\");\n", condition, c_escaped(message));
        return fmt::format("\treport({},\n\t       \"{}; got 0x%lx\",\n\t       (unsigned long){});\n",
                           condition, c_escaped(message), got);
    }

    CBlock check_restart(const Assertion& assertion, std::string_view message) const override {
        const std::string condition = assertion.what == Assertion::What::init
                                          ? fmt::format("!answers({})", assertion.vcpu)
                                          : fmt::format("started_by_sipi({:#x})", assertion.vector);
        return {0, check(condition, message, {})};
    }

    CBlock from_outside(const Program& program, const Step& step, std::string& refused) const override {
        switch (step.what) {
        case Do::interrupt:
            return {0, fmt::format("\traise_irq({:#x}, {:#x});\n", program.machine.apic_ids[step.vcpu],
                                   step.vector | (step.level ? model::icr::trigger : 0))};
        case Do::msi: return message(step, refused);
        case Do::wait: return {0, fmt::format("\twait_microseconds({});\n", step.value)};
        case Do::timer_expires: return {step.vcpu, "\twait_for_timer();\n"};
        case Do::init:
            refused = "an INIT of the first CPU starts the firmware, and of another one stops it";
            break;
        case Do::reset: refused = "a guest cannot RESET a CPU and go on; try --as kselftest"; break;
        case Do::save_load: refused = "only the host saves and loads state; try --as kselftest"; break;
        default: refused = "nothing in a machine does this; run it on model:NAME"; break;
        }
        return {};
    }

    std::string refusal(const Machine& machine) const override {
        for (std::size_t i = 0; i < machine.apic_ids.size(); ++i)
            if (machine.apic_ids[i] != i)
                return fmt::format("QEMU's APIC IDs begin at 0, and vCPU {} has ID {:#x}", i,
                                   machine.apic_ids[i]);
        if (machine.split_irqchip)
            return "where EOIs go, a guest does not see; with -machine kernel_irqchip=split the program can "
                   "be run "
                   "without \"irqchip\"";
        if (!machine.disabled_quirks.empty())
            return "a guest cannot disable KVM's quirks; leave out \"disabled_quirks\"";
        return {};
    }

    Start start() const override { return Start::restored; }

  private:
    // What a redirection entry of the I/O APIC can say, too.
    static CBlock message(const Step& step, std::string& refused) {
        const model::MsiMessage msi = model::decode_msi(step.address, step.value);
        if (!model::is_msi(step.address) || msi.has_redirection_hint || model::is_deassert(msi.command)) {
            refused = "the I/O APIC, which sends it, has no such message";
            return {};
        }
        if ((msi.command & model::icr::delivery_mode) == model::delivery_mode::init) {
            refused = "an INIT of the first CPU starts the firmware, and of another one stops it";
            return {};
        }
        return {0, fmt::format("\traise_irq({:#x}, {:#x});\n", msi.destination,
                               msi.command & ~model::icr::assert_level)};
    }
};

constexpr std::array tree_headers = {"libcflat.h", "apic.h",      "desc.h", "isr.h",
                                     "msr.h",      "processor.h", "smp.h"};

std::string includes() {
    std::string text = "\n";
    for (const char* const header : tree_headers) text += fmt::format("#include \"{}\"\n", header);
    return text;
}

constexpr std::string_view cr8_write = R"(
static inline unsigned int write_cr8_safe(uint64_t value)
{
	return asm_safe("mov %0, %%cr8", "r"(value));
}
)";

constexpr std::string_view restore = R"(
/* What RESET leaves in the registers: firmware and the tests' own start have changed them. */
static const struct {
	uint16_t offset;
	bool written;
	uint32_t value;
} after_reset[] = {
%s};

static bool restore_local_apic(uint32_t id)
{
	const uint64_t base = APIC_DEFAULT_PHYS_BASE | (rdmsr(MSR_IA32_APICBASE) & APIC_BSP);
	unsigned int i;
	bool same;

	wrmsr(MSR_IA32_APICBASE, base);
	wrmsr(MSR_IA32_APICBASE, base | APIC_EN);
	for (i = 0; i < ARRAY_SIZE(after_reset); i++)
		if (after_reset[i].written)
			write_mmio32(APIC_DEFAULT_PHYS_BASE + after_reset[i].offset, after_reset[i].value);
	same = read_mmio32(APIC_DEFAULT_PHYS_BASE + APIC_ID) == id << 24;
	for (i = 0; i < ARRAY_SIZE(after_reset); i++)
		same = same && read_mmio32(APIC_DEFAULT_PHYS_BASE + after_reset[i].offset) == after_reset[i].value;
	return same;
}
)";

// Interrupts 0-31 look like exceptions: those with an error code are told by the stack, which the CPU aligns.
constexpr std::string_view vectors = R"(
/* Each vector is counted. Exceptions with an error code go to their own handlers, as without this test. */
static void *exception_handlers_before[32] __attribute__((used));
extern char vector_stubs[];

static void __attribute__((used)) count_vector(uint64_t vector)
{
	taken_counts[smp_id()][vector]++;
}

asm(".pushsection .text\n"
    ".balign 16\n"
    "vector_stubs:\n"
    ".set vector, 0\n"
    ".rept 256\n"
    "	.balign 16\n"
    "	push $vector\n"
    "	jmp vector_common\n"
    "	.set vector, vector + 1\n"
    ".endr\n"
    "vector_common:\n"
    "	testb $8, %spl\n"
    "	jnz 1f\n"
    "	push %rax\n	push %rcx\n	push %rdx\n	push %rsi\n	push %rdi\n"
    "	push %r8\n	push %r9\n	push %r10\n	push %r11\n	push %rbp\n"
    "	mov 80(%rsp), %rdi\n"
    "	call count_vector\n"
    "	pop %rbp\n	pop %r11\n	pop %r10\n	pop %r9\n	pop %r8\n"
    "	pop %rdi\n	pop %rsi\n	pop %rdx\n	pop %rcx\n	pop %rax\n"
    "	add $8, %rsp\n"
    "	iretq\n"
    "1:	push %rax\n"
    "	mov 8(%rsp), %rax\n"
    "	mov exception_handlers_before(,%rax,8), %rax\n"
    "	mov %rax, 8(%rsp)\n"
    "	pop %rax\n"
    "	ret\n"
    ".popsection");

static void count_vectors(void)
{
	unsigned int vector;

	for (vector = 0; vector < 256; vector++) {
		if (vector < 32)
			exception_handlers_before[vector] = get_idt_addr(&boot_idt[vector]);
		set_idt_entry(vector, vector_stubs + 16 * vector, 0);
	}
}
)";

constexpr std::string_view outside = R"(
#define IRQ_LINE	0x0e

/* pc-testdev moves the I/O APIC's pin. A level-triggered interrupt is sent once: the pin falls at once. */
static inline void raise_irq(uint32_t destination, uint32_t entry)
{
	unsigned int i;

	ioapic_write_reg(0x10 + 2 * IRQ_LINE, APIC_LVT_MASKED);
	ioapic_write_reg(0x11 + 2 * IRQ_LINE, destination << 24);
	ioapic_write_reg(0x10 + 2 * IRQ_LINE, entry);
	set_irq_line(IRQ_LINE, 1);
	for (i = 0; i < 20000; i++)
		asm volatile("pause");
	set_irq_line(IRQ_LINE, 0);
	ioapic_write_reg(0x10 + 2 * IRQ_LINE, APIC_LVT_MASKED);
}
)";

constexpr std::string_view waits = R"(
static inline void wait_microseconds(uint64_t microseconds)
{
	const uint64_t cycles_each = 4000, begin = rdtsc();

	while (rdtsc() - begin < microseconds * cycles_each)
		asm volatile("pause");
}

static inline uint32_t timer_register(unsigned int offset)
{
	if (rdmsr(MSR_IA32_APICBASE) & APIC_EXTD)
		return rdmsr(APIC_BASE_MSR + offset / 16);
	return read_mmio32(APIC_DEFAULT_PHYS_BASE + offset);
}

/* For a second at most. */
static inline void wait_for_timer(void)
{
	const bool deadline = timer_register(APIC_LVTT) & APIC_LVT_TIMER_TSCDEADLINE;
	uint32_t last = timer_register(APIC_TMCCT), now;
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		if (deadline ? rdmsr(MSR_IA32_TSCDEADLINE) == 0 : last == 0)
			break;
		wait_microseconds(100);
		now = timer_register(APIC_TMCCT);
		if (now > last)
			break;
		last = now;
	}
	wait_microseconds(10000);
}
)";

constexpr std::string_view others = R"(
/* The other CPUs carry out what they are told to, with interrupts disabled in between. */
static void (*volatile orders[CPUS])(void);
static volatile bool stopped[CPUS];

static void obey(void *unused)
{
	const unsigned int cpu = smp_id();

	for (;;) {
		if (orders[cpu]) {
			orders[cpu]();
			orders[cpu] = NULL;
		}
		asm volatile("pause");
	}
}

/* For a tenth of a second or so. */
static bool run_on(unsigned int cpu, void (*order)(void))
{
	const uint64_t begin = rdtsc();

	if (stopped[cpu])
		return false;
	orders[cpu] = order;
	while (orders[cpu] && rdtsc() - begin < 300000000)
		asm volatile("pause");
	stopped[cpu] = orders[cpu] != NULL;
	return !stopped[cpu];
}

static void nothing(void)
{
}

static inline bool answers(unsigned int cpu)
{
	return run_on(cpu, nothing);
}

/* Where a SIPI starts: lock incb 0x500; cli; hlt. */
static inline bool started_by_sipi(uint8_t vector)
{
	return *(volatile uint8_t *)0x500 != 0;
}

static inline void catch_sipi(uint8_t vector)
{
	static const uint8_t code[] = { 0xf0, 0xfe, 0x06, 0x00, 0x05, 0xfa, 0xf4 };

	memcpy((void *)((uint64_t)vector << 12), code, sizeof(code));
	*(volatile uint8_t *)0x500 = 0;
}
)";

// ---- the file

std::string restored_table(const Machine& machine) {
    std::string rows;
    for (const RestoredRegister& reg : restored_registers(machine, 0))
        if (reg.reg != Reg::id)
            rows += fmt::format("\t{{ {:#05x}, {}, {:#x} }},\n", model::offset_of(reg.reg), reg.is_written,
                                reg.value);
    return rows;
}

std::string text_with(std::string_view pattern, std::string_view inserted) {
    std::string text(pattern);
    return text.replace(text.find("%s"), 2, inserted);
}

std::string needs_text(const CTest& test, const Machine& machine) {
    std::string text;
    const auto skip_unless = [&text](std::string_view condition, std::string_view what) {
        text += fmt::format("\tif (!({})) {{\n\t\treport_skip(\"{}\");\n\t\treturn report_summary();\n\t}}\n",
                            condition, what);
    };
    if (test.needs.vendor)
        machine.vendor == programs::GuestVendor::intel ? skip_unless("is_intel()", "needs an Intel CPU")
                                                       : skip_unless("!is_intel()", "needs an AMD CPU");
    const auto feature = [&](bool has, std::string_view name, std::string_view words) {
        skip_unless(fmt::format("{}this_cpu_has({})", has ? "" : "!", name),
                    fmt::format("needs a CPU {} {}", has ? "with" : "without", words));
    };
    if (test.needs.x2apic) feature(machine.x2apic, "X86_FEATURE_X2APIC", "x2APIC mode");
    if (test.needs.tsc_deadline)
        feature(machine.tsc_deadline, "X86_FEATURE_TSC_DEADLINE_TIMER", "a TSC-deadline timer");
    if (test.needs.version)
        skip_unless(fmt::format("apic_read(APIC_LVR) == {:#x}", *test.needs.version),
                    fmt::format("needs an APIC of version {:#x}", *test.needs.version));
    return text;
}

std::string restore_calls(std::size_t cpus) {
    std::string text;
    for (std::size_t cpu = 1; cpu < cpus; ++cpu) text += fmt::format("\trun_on({}, restore);\n", cpu);
    return text + "\trestore();\n\tif (!restored) {\n"
                  "\t\treport_skip(\"the registers do not hold what RESET leaves\");\n"
                  "\t\treturn report_summary();\n\t}\n";
}

constexpr std::string_view restore_function = R"(
static volatile bool restored = true;

static void restore(void)
{
	if (!restore_local_apic(smp_id()))
		restored = false;
}
)";

std::string sipi_catchers(const CTest& test, const std::vector<Expectation>& expected) {
    std::string text;
    if (!test.uses("started_by_sipi")) return text;
    for (const Expectation& step : expected)
        for (const Assertion& assertion : step.assertions)
            if (assertion.what == Assertion::What::startup)
                text += fmt::format("\tcatch_sipi({:#x});\n", assertion.vector);
    return text;
}

std::string how_to_run(const Machine& machine, const CTest& test) {
    std::string cpu = "max";
    if (test.needs.x2apic) cpu += machine.x2apic ? ",+x2apic" : ",-x2apic";
    if (test.needs.tsc_deadline) cpu += machine.tsc_deadline ? ",+tsc-deadline" : ",-tsc-deadline";
    return fmt::format(
        " * In x86/, built by 'make x86/NAME.flat'; QEMU needs -cpu {} -smp {} -device pc-testdev\n"
        " * -device isa-debug-exit,iobase=0xf4,iosize=0x4 -kernel x86/NAME.flat\n",
        cpu, machine.apic_ids.size());
}

std::string file_text(const Program& program, const CTest& test) {
    const Machine& machine = program.machine;
    const std::size_t cpus = machine.apic_ids.size();
    std::string text = head_comment(test, how_to_run(machine, test)) + includes();
    text += fmt::format("\n#define CPUS\t{}\n", cpus) + std::string(c_accesses);
    text += text_with(restore, restored_table(machine)) + std::string(restore_function);
    if (test.uses("write_cr8_safe")) text += cr8_write;
    if (test.takes_interrupts) text += std::string(c_taken) + std::string(vectors);
    if (test.uses("raise_irq")) text += outside;
    if (test.uses("wait_for_timer") || test.uses("wait_microseconds")) text += waits;
    if (cpus > 1) text += others;
    std::string body;
    unsigned orders = 0;
    for (const CBlock& block : test.blocks) {
        if (block.vcpu.value_or(0) == 0) {
            body += block.code;
            continue;
        }
        text += fmt::format("\nstatic void order_{}(void)\n{{\n{}}}\n", orders, c_body(block.code));
        body += fmt::format("\trun_on({}, order_{});\n", *block.vcpu, orders++);
    }
    text += fmt::format("\nstatic void test(void)\n{{\n{}}}\n", c_body(body));
    text += "\nint main(void)\n{\n" + needs_text(test, machine);
    for (std::size_t cpu = 1; cpu < cpus; ++cpu)
        text += fmt::format("\ton_cpu_async({}, obey, NULL);\n", cpu);
    if (test.takes_interrupts) text += "\tcount_vectors();\n";
    text += sipi_catchers(test, expectations(program, Start::restored).steps) + restore_calls(cpus);
    return text + "\ttest();\n\treturn report_summary();\n}\n";
}

// An access where nothing is mapped is a fault of the test.
std::string unmapped(const EmitRequest& request) {
    const Program& program = request.programs.front();
    for (std::size_t at = 0; at < program.steps.size(); ++at) {
        const Step& step = program.steps[at];
        if ((step.what == Do::mmio_read || step.what == Do::mmio_write) && step.address + step.size > mapped)
            return fmt::format("{}: step {}: the tests' page tables end at 4 GiB", request.name, at);
    }
    return {};
}

std::string write(const EmitRequest& request) {
    const CTest test = c_test(request, KvmUnitTest());
    if (!test.refused.empty()) return test.refused;
    if (std::string why = unmapped(request); !why.empty()) return why;
    return write_whole(request.output, file_text(request.programs.front(), test));
}

} // namespace

extern const EmitForm kvm_unit_test_form;
const EmitForm kvm_unit_test_form{"kvm-unit-test", "a C test for kvm-unit-tests", write};

} // namespace lapicheck::checker
