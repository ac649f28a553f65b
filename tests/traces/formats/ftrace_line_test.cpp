#include "traces/formats/ftrace_line.hpp"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/traces/read_text.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::string_view event_text = "kvm_apic: apic_read APIC_ID = 0x0";

// The head of a line, read on its own.
LineHead read_alone(std::string_view head_text) {
    const std::string line = fmt::format("{}{}", head_text, event_text);
    LineHead head;
    CAPTURE(line);
    REQUIRE(HeadReader().read(line, head) == HeadFault::none);
    CHECK(head.event_text == event_text);
    return head;
}

HeadFault fault_of(std::string_view line) {
    LineHead head;
    return HeadReader().read(line, head);
}

TEST_CASE("the head of a line of the file trace is read from its columns") {
    const LineHead head = read_alone(" qemu-system-x86-43      [001] d....     2.392646: ");
    CHECK(head.thread == 43);
    CHECK(head.cpu == 1);
    CHECK(head.time == 2'392'646'000);
    CHECK(head.clock_digits == 6);
}

TEST_CASE("heads of all kernels and tools are read") {
    struct Case {
        std::string_view head;
        std::uint32_t thread;
        std::uint16_t cpu;
        std::uint64_t time;
    };
    const Case cases[] = {
        // Linux 3.6 and 4.x: four flags, "%-5d"
        {" qemu-system-x86-4711  [002] d..1  1234.567890: ", 4711, 2, 1'234'567'890'000},
        {"           <idle>-0     [000] dNh2     0.000001: ", 0, 0, 1'000},
        // Linux 5.10: "%-7d"; 5.16: five flags; lazy preemption has more letters
        {" qemu-system-x86-4711    [002] d..1  1234.567890: ", 4711, 2, 1'234'567'890'000},
        {" qemu-system-x86-4711    [002] bLs3.  1234.567890: ", 4711, 2, 1'234'567'890'000},
        {"           <...>-4194304 [127] D.Z1f 123456.000000: ", 4194304, 127, 123'456'000'000'000},
        {"           <...>-4194304 [1023] D.Z1f 12345678.000001: ", 4194304, 1023, 12'345'678'000'001'000},
        // option noirq-info: no flags
        {" qemu-system-x86-4711    [002]  1234.567890: ", 4711, 2, 1'234'567'890'000},
        {" qemu-system-x86-4711    [002] 12345.567890: ", 4711, 2, 12'345'567'890'000},
        // option record-tgid, and the same before Linux 4.18
        {" qemu-system-x86-4711    (   4700) [002] .....  1234.567890: ", 4711, 2, 1'234'567'890'000},
        {" qemu-system-x86-4711    (-------) [002] .....  1234.567890: ", 4711, 2, 1'234'567'890'000},
        {" qemu-system-x86-4711  [002] ( 4700) ....  1234.567890: ", 4711, 2, 1'234'567'890'000},
        {" qemu-system-x86-4711  [002] (-----) ....  1234.567890: ", 4711, 2, 1'234'567'890'000},
        // clocks x86-tsc and counter
        {" qemu-system-x86-8611    [001] ..... 19034720357861: ", 8611, 1, 19'034'720'357'861},
        {" qemu-system-x86-8611    [001] .....            7: ", 8611, 1, 7},
        {" qemu-system-x86-8611    [001]            7: ", 8611, 1, 7},
        // trace-cmd report, with flags, -t, ticks behind the flags, the name of a buffer before it
        {" qemu-system-x86-7084  [001]  7079.002646: ", 7084, 1, 7'079'002'646'000},
        {" qemu-system-x86-7084  [001] d..1.  7079.002646: ", 7084, 1, 7'079'002'646'000},
        {" qemu-system-x86-7084  [001] d..1...  7079.002646: ", 7084, 1, 7'079'002'646'000},
        {" qemu-system-x86-7084  [001]  7079.002645808: ", 7084, 1, 7'079'002'645'808},
        {" qemu-system-x86-7084  [001]19034720357861: ", 7084, 1, 19'034'720'357'861},
        {" qemu-system-x86-7084  [001] d..1.19034720357861: ", 7084, 1, 19'034'720'357'861},
        {"corpus_7079:  qemu-system-x86-7084  [001]  7079.002646: ", 7084, 1, 7'079'002'646'000},
        {"              qemu-system-x86-7084  [001]  7079.002646: ", 7084, 1, 7'079'002'646'000},
        {"  dir/my-trace.dat:  qemu-system-x86-7084  [001]  7079.002646: ", 7084, 1, 7'079'002'646'000},
        // leading blanks lost on the way
        {"qemu-system-x86-43      [001] d....     2.392646: ", 43, 1, 2'392'646'000},
        {"sh-7 [001] d....     2.392646: ", 7, 1, 2'392'646'000},
    };
    for (const Case& expected : cases) {
        const LineHead head = read_alone(expected.head);
        CHECK(head.thread == expected.thread);
        CHECK(head.cpu == expected.cpu);
        CHECK(head.time == expected.time);
    }
}

TEST_CASE("a head that is not complete is no head, and it is said what is missing") {
    CHECK(fault_of("") == HeadFault::no_thread);
    CHECK(fault_of("hello world") == HeadFault::no_thread);
    CHECK(fault_of(" qemu-system-x86 43 [001] d....     2.392646: kvm_eoi: ") == HeadFault::no_thread);
    CHECK(fault_of(" qemu-system-x86-43 ") == HeadFault::no_cpu);
    CHECK(fault_of(" qemu-system-x86-43      [1] d....     2.392646: kvm_eoi: ") == HeadFault::no_cpu);
    CHECK(fault_of(" qemu-system-x86-43      [001x d....     2.392646: kvm_eoi: ") == HeadFault::no_cpu);
    CHECK(fault_of(" qemu-system-x86-43      [99999] d....     2.392646: kvm_eoi: ") == HeadFault::no_cpu);
    CHECK(fault_of(" qemu-system-x86-43      [001] d....     2.39: kvm_eoi: ") == HeadFault::no_time);
    CHECK(fault_of(" qemu-system-x86-43      [001] d....     2.392646 kvm_eoi: ") == HeadFault::no_time);
    CHECK(fault_of(" qemu-system-x86-43      [001] d....     2.3926x6: kvm_eoi: ") == HeadFault::no_time);
    CHECK(fault_of(" qemu-system-x86-43      [001] d....  392646: kvm_eoi: ") == HeadFault::no_time);
    CHECK(fault_of(" qemu-system-x86-43      [001] d.... 99999999999999999999: kvm_eoi: ") ==
          HeadFault::no_time);
    CHECK(fault_of(" qemu-system-x86-43      [001] d....     2.392646: ") == HeadFault::no_event);
    for (const HeadFault fault :
         {HeadFault::no_thread, HeadFault::no_cpu, HeadFault::no_time, HeadFault::no_event})
        CHECK(!describe(fault).empty());
}

TEST_CASE("every cut of a record is a fault and never a read past the end") {
    const std::string line = " qemu-system-x86-43      [001] d....     2.392646: k";
    for (std::size_t size = 0; size < line.size(); ++size) {
        const std::vector<char> cut(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK(fault_of({cut.data(), cut.size()}) != HeadFault::none);
    }
    CHECK(fault_of(line) == HeadFault::none);
}

// ----- Names that were made to mislead -----

class HostileNames {
  public:
    std::string next() {
        static constexpr std::string_view parts[] = {
            "kvm_apic: ", "a-1 [000] 1.0: ",
            "-1 [000] ",  "-",
            " ",          "[001]",
            "(12)",       "1.000000: ",
            ": ",         "kvm_msr:",
            "d....",      "#",
            "\r",         "\t",
            "\xc3\xbc",   "]",
            "CPU:1 [",    "x",
            "-12",        "123456789012: ",
            "<...>",      "/",
            "...",        "=> ",
            "-7 [1]",     "0.000000:",
        };
        std::string name;
        const std::size_t wanted = pick(16);
        while (name.size() < wanted) name += parts[pick(std::size(parts))];
        return name.substr(0, 15); // TASK_COMM_LEN
    }
    std::size_t pick(std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
    }

  private:
    std::mt19937 random_{20260705};
};

struct Layout {
    std::string_view prefix;
    int thread_columns;
    std::string_view thread_group;
    std::string_view flags;
};

constexpr Layout layouts[] = {
    {"", 7, "", " d..1."},           {"", 7, "", ""},
    {"", 7, "(   4700) ", " ....."}, {"", 5, "", " d..1"},
    {"corpus_7079: ", 5, "", ""},    {"             ", 5, "", " d..1."},
};

// %16s pads bytes, not characters.
std::string padded_left(const std::string& name) { return std::string(16 - name.size(), ' ') + name; }

TEST_CASE("names that look like the rest of a line mislead nobody") {
    HostileNames names;
    for (const Layout& layout : layouts) {
        HeadReader one_reader;
        std::size_t wrong = 0;
        for (int i = 0; i < 4000; ++i) {
            const auto thread = static_cast<std::uint32_t>(names.pick(4'194'305));
            const auto cpu = static_cast<std::uint16_t>(names.pick(300));
            const std::size_t seconds = names.pick(200'000);
            const std::size_t fraction = names.pick(1'000'000);
            const std::string line = fmt::format(
                "{}{}-{:<{}} {}[{:03}]{} {:>5}.{:06}: {}", layout.prefix, padded_left(names.next()), thread,
                layout.thread_columns, layout.thread_group, cpu, layout.flags, seconds, fraction, event_text);
            for (HeadReader fresh_reader; HeadReader * reader : {&one_reader, &fresh_reader}) {
                LineHead head;
                const bool right =
                    reader->read(line, head) == HeadFault::none && head.thread == thread && head.cpu == cpu &&
                    head.time == seconds * 1'000'000'000 + fraction * 1000 && head.event_text == event_text;
                if (!right && wrong++ == 0) CHECK_MESSAGE(right, "first of the misread lines: ", line);
            }
        }
        CHECK(wrong == 0);
    }
}

TEST_CASE("a reader that remembers the line before reads what one without memory reads") {
    HostileNames random;
    HeadReader with_memory;
    std::string line;
    const std::string start =
        " qemu-system-x86-43      [001] d....     2.392646: kvm_eoi: apicid 0 vector 241";
    LineHead first;
    REQUIRE(with_memory.read(start, first) == HeadFault::none);
    for (int i = 0; i < 20'000; ++i) {
        if (i % 8 == 0) line = start;
        // One byte changed, inserted or taken out, so that the line before is nearly the same.
        static constexpr std::string_view bytes = "0189 .:-[]()d,\r";
        const std::size_t place = 16 + random.pick(line.size() - 16);
        const char byte = bytes[random.pick(bytes.size())];
        switch (random.pick(3)) {
        case 0: line[place] = byte; break;
        case 1: line.insert(place, 1, byte); break;
        default: line.erase(place, 1); break;
        }
        LineHead remembered;
        LineHead anew;
        HeadColumns columns;
        const HeadFault fault = with_memory.read(line, remembered);
        CAPTURE(line);
        REQUIRE(fault == read_head_at(line, HeadReader::name_columns, anew, columns));
        if (fault != HeadFault::none) continue;
        CHECK(remembered.thread == anew.thread);
        CHECK(remembered.cpu == anew.cpu);
        CHECK(remembered.time == anew.time);
        CHECK(remembered.clock_digits == anew.clock_digits);
        CHECK(remembered.event_text == anew.event_text);
    }
}

// ----- Lines that are no records -----

TEST_CASE("marks of lost events are read with and without their number") {
    const auto mark = read_lost_mark("CPU:1 [LOST 1524 EVENTS]");
    REQUIRE(mark);
    CHECK(mark->cpu == 1);
    CHECK(mark->events == 1524);
    CHECK(!mark->has_prefix);
    CHECK(read_lost_mark("CPU:12 [LOST EVENTS]")->events == 0);
    CHECK(read_lost_mark("CPU:0 [1524 EVENTS DROPPED]")->events == 1524);
    CHECK(read_lost_mark("CPU:0 [EVENTS DROPPED]")->events == 0);
    CHECK(read_lost_mark("corpus_7079: CPU:3 [7 EVENTS DROPPED]")->has_prefix);
    CHECK(!read_lost_mark("CPU:0 [EVENTS]"));
    CHECK(!read_lost_mark("CPU:0 [LOST x EVENTS]"));
    CHECK(!read_lost_mark("CPU:99999 [LOST EVENTS]"));
    CHECK(!read_lost_mark("CPU:1 [LOST 1524 EVENTS"));
}

TEST_CASE("headers that tell of overwritten events are read") {
    CHECK(read_overwritten("# entries-in-buffer/entries-written: 9329/255415   #P:2") == 246086);
    CHECK(read_overwritten("# entries-in-buffer/entries-written: 67/67   #P:2") == 0);
    CHECK(read_host_cpus("# entries-in-buffer/entries-written: 67/67   #P:2") == 2);
    CHECK(read_host_cpus("# recorded by lapicheck 0.1.0, Linux 6.18.44, clock mono   #P:16") == 16);
    CHECK(read_host_cpus("# a remark about #P:3") == std::nullopt);
    CHECK(!read_overwritten("# entries-in-buffer/entries-written: 67/6"));
    CHECK(read_buffer_start("##### CPU 12 buffer started ####") == 12);
    CHECK(!read_buffer_start("##### CPU x buffer started ####"));
    CHECK(is_report_start("cpus=2"));
    CHECK(is_report_start("a.dat: cpus=16"));
    CHECK(!is_report_start("maxcpus=2"));
    CHECK(is_remark("CPU 0 is empty"));
    CHECK(is_remark(" => kvm_vcpu_ioctl"));
    CHECK(is_remark("   "));
    CHECK(!is_remark("CPU 0 is full"));
}

} // namespace
} // namespace lapicheck::traces
