#include "checker/emit/c_test.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/report/rule_text.hpp"
#include "model/command.hpp"
#include "model/registers.hpp"
#include "model/text.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/step_access.hpp"
#include "programs/text.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

using programs::Do;
using programs::Machine;
using programs::Program;
using programs::Step;
using What = Assertion::What;

constexpr std::size_t most_steps = 256;

// ---- one access

unsigned bits_of(const Step& step) { return 8U * step.size; }

std::string access_code(const Step& step, bool is_asserted) {
    const char* const fault = is_asserted ? "fault = " : "";
    const char* const value = is_asserted ? "value = " : "";
    switch (step.what) {
    case Do::mmio_read: return fmt::format("{}read_mmio{}({:#x});", value, bits_of(step), step.address);
    case Do::mmio_write:
        return fmt::format("write_mmio{}({:#x}, {:#x}{});", bits_of(step), step.address, step.value,
                           step.size == 8 ? "ull" : "");
    case Do::rdmsr: return fmt::format("{}rdmsr_safe({:#x}, &value);", fault, step.address);
    case Do::wrmsr: return fmt::format("{}wrmsr_safe({:#x}, {:#x}ull);", fault, step.address, step.value);
    case Do::cr8_read: return fmt::format("{}cr8();", value);
    default: return fmt::format("{}write_cr8_safe({:#x}ull);", fault, step.value);
    }
}

std::string message_of(std::size_t at, const Step& step, const Assertion& assertion) {
    const specs::RuleEntry* const rule = specs::find_rule(model::to_string(assertion.rule));
    const std::string source =
        rule->citations.empty() ? std::string{} : fmt::format("; {}", citation_text(rule->citations.front()));
    return fmt::format("step {}: {}: {} {}: {}{}", at, programs::step_text(step), rule->id, rule->slug,
                       assertion.allowed, source);
}

std::string vector_list(const std::vector<std::uint8_t>& vectors) {
    std::vector<std::string> words;
    words.reserve(vectors.size());
    for (const std::uint8_t vector : vectors) words.push_back(fmt::format("{:#x}", vector));
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string condition_of(const Assertion& assertion, bool may_fault) {
    switch (assertion.what) {
    case What::gp: return "fault == GP_VECTOR";
    case What::no_gp: return "fault == 0";
    case What::taken:
        return fmt::format("taken({}, {:#x}) == {}", assertion.vcpu, assertion.vector, assertion.times);
    case What::nothing:
        return fmt::format("taken_none_but({}, (const uint8_t[]){{ {} }}, {})", assertion.vcpu,
                           vector_list(assertion.may), assertion.may.size());
    case What::at_most:
        return fmt::format("{}value <= {:#x}ull", may_fault ? "fault == 0 && " : "", assertion.value);
    case What::not_value: return fmt::format("value != {:#x}ull", assertion.value);
    default: break;
    }
    return fmt::format("{}(value & {:#x}ull) == {:#x}ull", may_fault ? "fault == 0 && " : "", assertion.mask,
                       assertion.value);
}

// ---- the whole

bool sends(const Step& step) {
    return programs::is_access(step.what) ? !programs::is_read(step.what)
                                          : step.what != Do::disable_interrupts;
}

class Writer {
  public:
    Writer(const Program& program, const CDialect& dialect, const std::vector<Expectation>& expected)
        : program_(program), dialect_(dialect), expected_(expected), takes_(program.machine.apic_ids.size()),
          restarted_(takes_.size()) {
        const auto enables = [](const Step& step) { return step.what == Do::enable_interrupts; };
        const auto is_taken = [](const Assertion& assertion) { return assertion.what == What::taken; };
        test_.takes_interrupts = takes_.size() > 1 || std::ranges::any_of(program.steps, enables) ||
                                 std::ranges::any_of(expected, [&](const Expectation& step) {
                                     return std::ranges::any_of(step.assertions, is_taken);
                                 });
    }

    CTest write() {
        for (std::size_t at = first_step(program_); at < program_.steps.size() && test_.refused.empty(); ++at)
            write(at);
        return std::move(test_);
    }

    // RESET of all vCPUs at the beginning is how every test starts.
    static std::size_t first_step(const Program& program) {
        std::size_t at = 0;
        while (at < program.steps.size() && program.steps[at].what == Do::reset) ++at;
        return at;
    }

  private:
    void refuse(std::size_t at, std::string_view why) { test_.refused = fmt::format("step {}: {}", at, why); }

    void add(std::optional<std::uint32_t> vcpu, std::string_view statements) {
        if (!test_.blocks.empty() && test_.blocks.back().vcpu == vcpu) test_.blocks.back().code += statements;
        else test_.blocks.push_back({vcpu, std::string(statements)});
    }

    void write(std::size_t at) {
        const Step& step = program_.steps[at];
        const Expectation& expected = expected_[at];
        if (restarted_[step.vcpu])
            return refuse(at,
                          fmt::format("vCPU {} was restarted and carries out nothing more here", step.vcpu));
        if (test_.takes_interrupts && sends(step)) add(step.vcpu, "\tforget_taken();\n");
        std::string comment = fmt::format("\t/* step {}: {} */\n", at, programs::step_text(step));
        if (programs::is_access(step.what)) {
            add(step.vcpu, comment + own(at));
        } else if (step.what == Do::enable_interrupts || step.what == Do::disable_interrupts) {
            takes_[step.vcpu] = step.what == Do::enable_interrupts;
            add(step.vcpu, comment);
        } else if (programs::is_halt(step.what)) {
            return refuse(at, "what ends HLT is not this test's to say");
        } else {
            std::string refused;
            const CBlock block = dialect_.from_outside(program_, step, refused);
            if (!refused.empty()) return refuse(at, refused);
            add(block.vcpu, comment + block.code);
        }
        for (const programs::Restarted& restarted : expected.restarted) {
            const bool goes_on = step.what == Do::init && restarted.vcpu == step.vcpu;
            if (!goes_on && restarted.vcpu == 0)
                return refuse(at, "the first vCPU is restarted, and with it the test");
            if (goes_on) takes_[restarted.vcpu] = false;
            else restarted_[restarted.vcpu] = true;
        }
        if (test_.takes_interrupts && sends(step)) settle();
        check_events(at);
    }

    std::string own(std::size_t at) {
        const Step& step = program_.steps[at];
        const bool may_fault = step.what == Do::rdmsr || step.what == Do::wrmsr || step.what == Do::cr8_write;
        std::string checks;
        for (const Assertion& assertion : expected_[at].assertions) {
            const bool is_value = assertion.what == What::value || assertion.what == What::at_most ||
                                  assertion.what == What::not_value;
            if (assertion.what != What::gp && assertion.what != What::no_gp && !is_value) continue;
            checks += dialect_.check(condition_of(assertion, may_fault), noted(at, assertion),
                                     is_value ? "value" : "fault");
        }
        return fmt::format("\t{}\n", access_code(step, !checks.empty())) + checks;
    }

    std::string noted(std::size_t at, const Assertion& assertion) {
        if (std::ranges::find(test_.rules, assertion.rule) == test_.rules.end())
            test_.rules.push_back(assertion.rule);
        return message_of(at, program_.steps[at], assertion);
    }

    // Interrupts come in behind the step, as when lapicheck runs it.
    void settle() {
        for (std::uint32_t vcpu = 0; vcpu < takes_.size(); ++vcpu)
            if (!restarted_[vcpu])
                add(vcpu, takes_[vcpu] ? "\ttake_interrupts();\n" : "\twait_for_arrivals();\n");
    }

    void check_events(std::size_t at) {
        for (const Assertion& assertion : expected_[at].assertions) {
            if (assertion.what == What::taken || assertion.what == What::nothing) {
                add(assertion.vcpu, dialect_.check(condition_of(assertion, false), noted(at, assertion), {}));
            } else if (assertion.what == What::init || assertion.what == What::startup) {
                if (program_.steps[at].what == Do::init) continue;
                const CBlock block = dialect_.check_restart(assertion, noted(at, assertion));
                add(block.vcpu, block.code);
            }
        }
    }

    const Program& program_;
    const CDialect& dialect_;
    const std::vector<Expectation>& expected_;
    std::vector<bool> takes_;
    std::vector<bool> restarted_;
    CTest test_;
};

// Of what a test writes itself and reads back before it begins, a value that RESET leaves shows nothing more.
void drop_restored(const Program& program, std::vector<Expectation>& expected) {
    const std::vector<Expectation> since_reset = expectations(program, Start::reset).steps;
    for (std::size_t at = 0; at < expected.size(); ++at) {
        const Step& step = program.steps[at];
        const bool enters_mode = step.what == Do::wrmsr && step.address == model::apic_base::msr;
        if (enters_mode || step.what == Do::reset) continue;
        std::erase_if(expected[at].assertions, [&](const Assertion& assertion) {
            return std::ranges::any_of(since_reset[at].assertions, [&](const Assertion& of_reset) {
                return of_reset.rule == Rule::R01 && (of_reset.mask & assertion.mask) != 0;
            });
        });
        const model::Reg reg = model::register_addressed(
            programs::is_access(step.what) ? programs::access_kind(step.what) : model::AccessKind::rdmsr,
            step.address);
        const auto restored = restored_registers(program.machine, step.vcpu);
        if (!programs::is_read(step.what) ||
            std::ranges::find(restored, reg, &RestoredRegister::reg) == restored.end())
            return;
    }
}

// A program that somebody saw depart: it must depart from what is asserted, too.
bool shows_what_was_seen(const Program& program, const std::vector<Expectation>& expected) {
    bool any_seen = false;
    for (const auto& [at, notes] : program.notes) {
        if (!notes.outcome || !notes.outcome->is_done() || at >= expected.size()) continue;
        any_seen = true;
        for (const Assertion& assertion : expected[at].assertions)
            if (contradicts(assertion, *notes.outcome)) return true;
    }
    return !any_seen;
}

CNeeds needs_of(const Program& program, Start start, const Expectations& expected) {
    const auto differs = [&](const auto& change) {
        Program other = program;
        change(other.machine);
        return !(expectations(other, start) == expected);
    };
    using programs::GuestVendor;
    const GuestVendor vendor = program.machine.vendor;
    CNeeds needs;
    needs.vendor = vendor != GuestVendor::either && differs([&](Machine& machine) {
                       machine.vendor = vendor == GuestVendor::amd ? GuestVendor::intel : GuestVendor::amd;
                   });
    needs.x2apic = differs([](Machine& machine) { machine.x2apic = !machine.x2apic; });
    needs.tsc_deadline = differs([](Machine& machine) { machine.tsc_deadline = !machine.tsc_deadline; });
    constexpr u32 unlike = model::version::eoi_suppression | u32{1} << 16; // as bits of one, and a CMCI entry
    programs::MachineFacts facts = programs::facts_of(program);
    const u32 version = facts.version;
    facts.version ^= unlike;
    Program other = program;
    std::erase_if(other.others, [](const auto& key) { return key.first == "apic"; });
    other.others.emplace_back("apic", programs::apic_text(facts));
    if (!(expectations(other, start) == expected)) needs.version = version;
    return needs;
}

// As 'lapicheck audit --export' writes it: with the rule that the last step breaks.
bool is_departure(const Program& program) { return programs::find_key(program, "rules") != nullptr; }

CTest refused(std::string why) {
    CTest test;
    test.refused = std::move(why);
    return test;
}

CTest c_test_of(const Program& program, const CDialect& dialect) {
    if (program.steps.size() > most_steps)
        return refused(fmt::format("a C test holds at most {} steps, and the program has {}; "
                                   "'lapicheck audit --export' writes short ones",
                                   most_steps, program.steps.size()));
    if (std::string why = dialect.refusal(program.machine); !why.empty()) return refused(std::move(why));
    Expectations expected = expectations(program, dialect.start());
    if (!expected.refused.empty()) return refused(expected.refused);
    const CNeeds needs = needs_of(program, dialect.start(), expected);
    if (dialect.start() == Start::restored) drop_restored(program, expected.steps);
    CTest test = Writer(program, dialect, expected.steps).write();
    if (!test.refused.empty()) return test;
    test.needs = needs;
    const bool begins_late = dialect.start() == Start::restored;
    if (!expected.asserts_anything() ||
        (is_departure(program) && !shows_what_was_seen(program, expected.steps)))
        return refused(
            begins_late
                ? "what it shows is a matter of the state right after RESET, which a guest that "
                  "firmware has started does not see (or of what only the host sees); try --as kselftest"
                : "nothing that a guest can see of it is decided by the manual before it runs");
    return test;
}

void replace(std::string& text, std::string_view from, std::string_view to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

} // namespace

bool CTest::uses(std::string_view name) const {
    return std::ranges::any_of(
        blocks, [&](const CBlock& block) { return block.code.find(name) != std::string::npos; });
}

CTest c_test(const EmitRequest& request, const CDialect& dialect) {
    if (request.is_audit)
        return refused("a C test holds one program, not an audit's; 'lapicheck audit --export DIR' writes "
                       "the program of each departure");
    CTest test = c_test_of(request.programs.front(), dialect);
    if (!test.refused.empty()) test.refused = fmt::format("{}: {}", request.name, test.refused);
    return test;
}

std::string head_comment(const CTest& test, std::string_view how) {
    std::string text = "/*\n * The local APIC held against the manual, one access program.\n *\n";
    for (const Rule rule : test.rules) {
        const specs::RuleEntry* const entry = specs::find_rule(model::to_string(rule));
        text += fmt::format(" * {} {}\n *   {}\n", entry->id, entry->slug, entry->statement);
        for (const specs::Citation& citation : entry->citations)
            text += fmt::format(" *   {}\n", citation_text(citation));
    }
    return text + fmt::format(" *\n{} *\n * Written by lapicheck emit.\n */\n", how);
}

std::string c_body(std::string_view code) {
    std::string text;
    if (code.find("value") != std::string_view::npos) text += "\tuint64_t value;\n";
    if (code.find("fault = ") != std::string_view::npos) text += "\tunsigned int fault;\n";
    return text + (text.empty() ? "" : "\n") + std::string(code);
}

std::string c_escaped(std::string_view text) {
    std::string escaped(text);
    replace(escaped, "\\", "\\\\");
    replace(escaped, "\"", "\\\"");
    replace(escaped, "%", "%%");
    return escaped;
}

const std::string_view c_accesses = R"(
#define MMIO_ACCESS(bits)							\
static inline uint64_t read_mmio##bits(uint64_t address)			\
{										\
	return *(volatile uint##bits##_t *)address;				\
}										\
static inline void write_mmio##bits(uint64_t address, uint##bits##_t value)	\
{										\
	*(volatile uint##bits##_t *)address = value;				\
}
MMIO_ACCESS(8)
MMIO_ACCESS(16)
MMIO_ACCESS(32)
MMIO_ACCESS(64)

static inline uint64_t cr8(void)
{
	uint64_t value;

	asm volatile("mov %%cr8, %0" : "=r"(value));
	return value;
}
)";

const std::string_view c_taken = R"(
/* How often each CPU took each vector since it was last asked to forget. */
static volatile unsigned int taken_counts[CPUS][256];

static inline void forget_taken(void)
{
	unsigned int cpu, vector;

	for (cpu = 0; cpu < CPUS; cpu++)
		for (vector = 0; vector < 256; vector++)
			taken_counts[cpu][vector] = 0;
}

static inline unsigned int taken(unsigned int cpu, uint8_t vector)
{
	return taken_counts[cpu][vector];
}

static inline bool taken_none_but(unsigned int cpu, const uint8_t *may, unsigned int n)
{
	unsigned int vector, i, others = 0;

	for (vector = 0; vector < 256; vector++)
		others += taken_counts[cpu][vector];
	for (i = 0; i < n; i++)
		others -= taken_counts[cpu][may[i]];
	return others == 0;
}

/* What a step sent arrives meanwhile. */
static inline void wait_for_arrivals(void)
{
	unsigned int i;

	for (i = 0; i < 20000; i++)
		asm volatile("pause");
}

static inline void take_interrupts(void)
{
	asm volatile("sti; nop" : : : "memory");
	wait_for_arrivals();
	asm volatile("cli" : : : "memory");
}
)";

} // namespace lapicheck::checker
