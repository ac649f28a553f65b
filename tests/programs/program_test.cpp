// The text of access programs: what is read, what is refused and with which words.
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "programs/program.hpp"

using namespace lapicheck::programs;

namespace {

std::string with_steps(const std::string& steps) {
    return R"({"schema_version":1,"machine":{"vcpus":[{"apic_id":0},{"apic_id":7}]},"steps":[)" + steps +
           "]}";
}

std::string with_machine(const std::string& machine) {
    return fmt::format(R"({{"schema_version":1,"machine":{},"steps":[]}})", machine);
}

Program must_read(const std::string& text) {
    const ProgramText read = read_program(text, "prog.json");
    REQUIRE_MESSAGE(read.error.empty(), read.error);
    return read.program;
}

std::string error_of(const std::string& text) { return read_program(text, "prog.json").error; }
std::string step_error(const std::string& step) { return error_of(with_steps(step)); }

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("program: each action with its words") {
    const Program program = must_read(with_steps(R"(
        {"vcpu":0,"do":"mmio-read","address":"0xfee00030","size":4},
        {"vcpu":1,"do":"mmio-write","address":"0xfee00080","size":1,"value":"0xff"},
        {"vcpu":0,"do":"rdmsr","msr":"0x802"},
        {"vcpu":0,"do":"wrmsr","msr":"0x1b","value":"0xffffffffffffffff"},
        {"vcpu":0,"do":"cr8-read"},
        {"vcpu":0,"do":"cr8-write","value":"0xF"},
        {"vcpu":0,"do":"enable-interrupts"},
        {"vcpu":0,"do":"disable-interrupts"},
        {"vcpu":0,"do":"halt"},
        {"vcpu":0,"do":"enable-and-halt"},
        {"vcpu":0,"do":"wait","microseconds":1000},
        {"vcpu":0,"do":"reset"},
        {"vcpu":0,"do":"init"},
        {"vcpu":0,"do":"save-load"},
        {"vcpu":0,"do":"interrupt","vector":255,"trigger":"level"},
        {"vcpu":0,"do":"msi","address":"0x1fee00000","data":"0x500"},
        {"vcpu":0,"do":"timer-expires"},
        {"vcpu":0,"do":"message","destination":"0xffffffff","value":"0x31"},
        {"vcpu":0,"do":"take-interrupt"},
        {"vcpu":0,"do":"hardware"})"));
    REQUIRE(program.steps.size() == do_count);
    for (std::size_t i = 0; i < do_count; ++i) CHECK(program.steps[i].what == static_cast<Do>(i));
    CHECK(program.steps[0].address == 0xfee0'0030);
    CHECK(program.steps[0].size == 4);
    CHECK(program.steps[1].vcpu == 1);
    CHECK(program.steps[1].value == 0xff);
    CHECK(program.steps[2].address == 0x802);
    CHECK(program.steps[3].value == ~std::uint64_t{0});
    CHECK(program.steps[5].value == 0xf);
    CHECK(program.steps[10].value == 1000);
    CHECK(program.steps[14].vector == 255);
    CHECK(program.steps[14].level);
    CHECK(program.steps[15].address == 0x1'fee0'0000);
    CHECK(program.steps[15].value == 0x500);
}

TEST_CASE("program: the machine, in full and by default") {
    const Machine machine = must_read(with_machine(R"({"vcpus":[{"apic_id":3},{"apic_id":300}],"vendor":"amd",
        "irqchip":"split","disabled_quirks":["LAPIC_MMIO_HOLE"],
        "cpuid":{"x2apic":false,"tsc_deadline":false,"maxphyaddr":40}})"))
                                .machine;
    CHECK(machine.apic_ids == std::vector<std::uint32_t>{3, 300});
    CHECK(machine.vendor == GuestVendor::amd);
    CHECK(machine.split_irqchip);
    CHECK(machine.disabled_quirks == std::vector<std::string>{"LAPIC_MMIO_HOLE"});
    CHECK_FALSE(machine.x2apic);
    CHECK_FALSE(machine.tsc_deadline);
    CHECK(machine.maxphyaddr == 40);
    Machine plain;
    plain.apic_ids = {0};
    CHECK(must_read(with_machine(R"({"vcpus":[{"apic_id":0}]})")).machine == plain);
}

TEST_CASE("program: keys of others are kept, in the program and with its steps") {
    const std::string text =
        R"({"schema_version":1,"property":"mmio-silent","found_by":{"engine":"bmc","depth":[2]},
        "steps":[{"vcpu":0,"do":"halt","allowed":{"gp":false},"rules":["M01"],
                  "outcome":{"gp":true,"taken":[{"vcpu":0,"vector":49}],"restarted":[{"vcpu":0,"by":"sipi","vector":8}],
                             "exit":"mmio","halted":true,"value":"0x1","error":"so"}}],
        "machine":{"vcpus":[{"apic_id":0}]}})";
    const Program program = must_read(text);
    REQUIRE(program.others.size() == 2);
    CHECK(program.others[0].first == "property");
    CHECK(program.others[0].second == R"("mmio-silent")");
    CHECK(program.others[1].second == R"({"engine":"bmc","depth":[2]})");
    const StepNotes& notes = program.notes.at(0);
    CHECK(notes.others.size() == 2);
    CHECK(notes.others[0].second == R"({"gp":false})");
    REQUIRE(notes.outcome);
    CHECK(notes.outcome->gp);
    CHECK(notes.outcome->mmio_exit);
    CHECK(notes.outcome->halted);
    CHECK(notes.outcome->value == 1);
    CHECK(notes.outcome->taken == std::vector<Taken>{{0, 49}});
    CHECK(notes.outcome->restarted == std::vector<Restarted>{{0, 8}});
    CHECK(notes.outcome->reason == "so");

    SUBCASE("and what is written reads the same") {
        const std::string written = write_program(program);
        CHECK(must_read(written) == program);
        CHECK(write_program(must_read(written)) == written);
    }
}

TEST_CASE("program: outcomes of a run stand for those of the text") {
    Program program = must_read(with_steps(R"({"vcpu":0,"do":"rdmsr","msr":"0x802","outcome":{"gp":true}})"));
    StepOutcome outcome;
    outcome.value = 0;
    CHECK(must_read(write_program(program, {outcome})).notes.at(0).outcome == outcome);
}

TEST_CASE("program: values are refused with place, reason and advice") {
    CHECK(step_error(R"({"vcpu":0,"do":"wrmsr","msr":"0x1b","value":"0xfg"})") ==
          R"(prog.json: /steps/0/value: "0xfg" is no hexadecimal number; write it as "0x1f")");
    CHECK(step_error(R"({"vcpu":0,"do":"rdmsr","msr":27})") ==
          R"(prog.json: /steps/0/msr: 27 is a number; write it as "0x1b")");
    for (const char* value :
         {R"("")", R"("0x")", R"("1f")", R"("0x-1")", R"("0x1 ")", R"("+0x1")", "-1", "1.5", "null", "true",
          "[]", R"({"a":1})", R"("0x00000000000000001ffffffffffffffff")"})
        CHECK_MESSAGE(contains(step_error(fmt::format(R"({{"vcpu":0,"do":"cr8-write","value":{}}})", value)),
                               "/steps/0/value: "),
                      value);
    CHECK(
        contains(step_error(R"({"vcpu":0,"do":"rdmsr","msr":"0x100000000"})"), "the most is \"0xffffffff\""));
    CHECK(contains(step_error(R"({"vcpu":0,"do":"mmio-read","address":"0x10000000000000","size":4})"),
                   "/steps/0/address"));
    CHECK(contains(step_error(R"({"vcpu":0,"do":"mmio-write","address":"0x0","size":2,"value":"0x10000"})"),
                   "the most is \"0xffff\""));
    for (const char* size : {"0", "3", "24", "-4", "4.0", "1e400", "99999999999999999999", "\"4\""})
        CHECK_MESSAGE(
            step_error(fmt::format(R"({{"vcpu":0,"do":"mmio-read","address":"0x0","size":{}}})", size)) != "",
            size);
    CHECK(contains(step_error(R"({"vcpu":0,"do":"interrupt","vector":256,"trigger":"edge"})"),
                   "/steps/0/vector: 256 is no whole number from 0 to 255"));
    CHECK(contains(step_error(R"({"vcpu":0,"do":"interrupt","vector":1,"trigger":"both"})"),
                   R"("both" is none of "edge", "level")"));
    CHECK(contains(step_error(R"({"vcpu":0,"do":"wait","microseconds":10000001})"), "/steps/0/microseconds"));
}

TEST_CASE("program: steps are refused with place, reason and advice") {
    CHECK(step_error(R"({"vcpu":0,"do":"rdmrs","msr":"0x1b"})") ==
          R"(prog.json: /steps/0/do: "rdmrs" is no action; did you mean "rdmsr"?)");
    CHECK(contains(step_error(R"({"vcpu":0,"do":"frobnicate"})"), "actions: mmio-read, "));
    CHECK(contains(step_error(R"({"do":"halt"})"), "/steps/0: has no \"vcpu\""));
    CHECK(contains(step_error(R"({"vcpu":0,"do":"wrmsr","msr":"0x1b"})"), "/steps/0: has no \"value\""));
    CHECK(step_error(R"({"vcpu":0,"do":"halt"},{"vcpu":0,"do":"halt","vlaue":"0x1"})") ==
          "prog.json: /steps/1/vlaue: unknown key");
    CHECK(contains(step_error(R"({"vcpu":0,"do":"wrmsr","msr":"0x1b","value":"0x0","adress":1})"),
                   "/steps/0/adress"));
    CHECK(contains(step_error(R"({"vcpu":0,"do":"halt"},{"vcpu":2,"do":"halt"})"),
                   "/steps/1/vcpu: there is no vCPU 2; the machine has 2, the first is 0"));
    CHECK(contains(step_error("5"), "/steps: 5 is no step"));
    CHECK(contains(step_error("[]"), "/steps: an array is no step"));
    CHECK(contains(step_error(R"({"vcpu":0,"vcpu":0,"do":"halt"})"), "/steps/0/vcpu: this key comes twice"));
}

TEST_CASE("program: machines are refused with place, reason and advice") {
    CHECK(contains(error_of(with_machine(R"({"vcpus":[]})")), "/machine/vcpus: 0 vCPUs"));
    CHECK(contains(error_of(with_machine(R"({"vcpus":[{"apic_id":1},{"apic_id":1}]})")),
                   "/machine/vcpus/1/apic_id: another vCPU already has the APIC ID 1"));
    CHECK(contains(error_of(with_machine(R"({"vcpus":[{"apic_id":4294967295}]})")),
                   "/machine/vcpus/0/apic_id"));
    CHECK(
        error_of(with_machine(R"({"vcpus":[{"apic_id":0}],"disabled_quirks":["LAPIC_MMIO_HOLES"]})")) ==
        R"(prog.json: /machine/disabled_quirks/0: "LAPIC_MMIO_HOLES" is no quirk of KVM; did you mean "LAPIC_MMIO_HOLE"?)");
    CHECK(contains(error_of(with_machine(R"({"vcpus":[{"apic_id":0}],"vendor":"via"})")), "/machine/vendor"));
    CHECK(contains(error_of(with_machine(R"({"vcpus":[{"apic_id":0}],"cpuid":{"maxphyaddr":53}})")),
                   "/machine/cpuid/maxphyaddr: 53 is no whole number from 36 to 52"));
    CHECK(contains(error_of(with_machine(R"({"vcpus":[{"apic_id":0}],"irq_chip":"split"})")),
                   R"(/machine/irq_chip: unknown key; did you mean "irqchip"?)"));
}

TEST_CASE("program: what is no program is refused") {
    for (const char* text :
         {"", " ", "{", "[]", "1", "null", "\"x\"", "{}", R"({"schema_version":1})", "\xff\xfe",
          R"({"schema_version":2,"machine":{"vcpus":[{"apic_id":0}]},"steps":[]})",
          R"({"schema_version":1,"machine":{"vcpus":[{"apic_id":0}]},"steps":{}})",
          R"({"schema_version":1,"machine":[],"steps":[]})",
          R"({"schema_version":1,"machine":{"vcpus":[{"apic_id":0}]},"steps":[]} x)"})
        CHECK_MESSAGE(error_of(text).starts_with("prog.json: "), text);
    CHECK(contains(error_of("{\n\"a\":}"), "not JSON: at line 2, column 5"));
    CHECK(contains(error_of(std::string(1'000'000, '[')), "nested deeper than 32 levels"));
    std::string deep = R"({"a":)";
    for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
    CHECK(contains(error_of(deep), "nested deeper"));
}

TEST_CASE("program: a million steps are read") {
    std::string steps;
    constexpr std::size_t count = 1'000'000;
    for (std::size_t i = 0; i < count; ++i) steps += R"({"vcpu":0,"do":"rdmsr","msr":"0x1b"},)";
    steps.pop_back();
    CHECK(must_read(with_steps(steps)).steps.size() == count);
}
