#include "traces/formats/format.hpp"

#include <string>

#include <doctest/doctest.h>

#include "tests/traces/read_text.hpp"

namespace lapicheck::traces {
namespace {

using namespace std::string_literals;

void check_refused(const std::string& bytes, std::string_view expected) {
    const auto advice = refuse(bytes);
    CAPTURE(bytes);
    REQUIRE(advice);
    CAPTURE(*advice);
    CHECK(advice->find(expected) != std::string::npos);
}

TEST_CASE("ftrace text is not refused") {
    for (const char* name : {"trace-6.1-svm.txt", "trace-6.18.txt", "trace-6.18-tsc.txt",
                             "trace-6.18-overrun.txt", "trace_pipe-6.18-lost.txt", "report-6.18.txt"})
        CHECK(!refuse(test_file(name)));
    CHECK(!refuse(""));
    CHECK(!refuse("# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:2\n"));
    CHECK(!refuse("some text that may transform a trace later\n"));
    const std::string record = " qemu-system-x86-43      [001]     2.392646: kvm_eoi: apicid 0 vector 1\n";
    CHECK(!refuse(record));
    CHECK(!refuse(record + "\0\0\0\0"s));
    CHECK(!refuse("{\n" + record));
}

TEST_CASE("binary formats are named, with the command that makes text of them") {
    check_refused("\x7f"
                  "ELF\x02\x01"s,
                  "ELF");
    check_refused("\x89PNG\r\n\x1a\n"s, "PNG");
    check_refused("\xff\xfe#\0 \0t\0r\0"s, "UTF-16");
    check_refused("#\0 \0t\0r\0a\0c\0e\0r\0:\0 \0n\0o\0p\0\n\0"s, "UTF-16");
    check_refused("abc\0def\n\0\0\x01"s, "binary");
}

TEST_CASE("texts of other tools are named") {
    check_refused("{ \"schema_version\": 1 }", "JSON");
    check_refused("[\n  {\"a\": 1}\n]", "JSON");
    check_refused("{\n\t\"linux-perf-json-version\": 1,\n", "perf script -i perf.data");
    check_refused("<!DOCTYPE html>\n", "HTML");
    check_refused("(qemu) info lapic\ndumping local APIC state for CPU 0\n", "lapicheck state FILE");
    check_refused("Entry 9: type 6 instance 0, length 1024\n    LAPIC registers:\n", "lapicheck state FILE");
    check_refused("# tracer: function_graph\n#\n# CPU  DURATION                  FUNCTION CALLS\n",
                  "function_graph");
}

TEST_CASE("a log of QEMU's is told by its events") {
    const auto is_qemu = [](std::string_view bytes) {
        const TraceFormat* const format = find_format(bytes);
        return format != nullptr && format->name == "qemu";
    };
    CHECK(is_qemu("16446@1795443709.902531:cpu_get_apic_base 0x00000000fee00900\n"));
    CHECK(is_qemu("apic_mem_writel 0xf0 = 0x000001ff\n"));
    CHECK(is_qemu("SeaBIOS (version 1.16.2)\napic_mem_readl 0x20 = 0x00000000\n"));
    CHECK(is_qemu("CPU Reset (CPU 0)\nEAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000\n"));
    CHECK(!is_qemu("apic_mem_writel 0xf0 = 0x000001ff")); // cut
    CHECK(!is_qemu("the log says apic_mem_writel 0xf0\n"));
    CHECK(!is_qemu(" qemu-system-x86-43      [001]     2.392646: kvm_eoi: apicid 0 vector 1\n"));
}

} // namespace
} // namespace lapicheck::traces
