#include "traces/formats/ftrace_text.hpp"

#include <algorithm>
#include <random>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/traces/read_text.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::string_view test_files[] = {
    "trace-6.1-svm.txt",      "trace-6.18.txt",           "trace-6.18-tsc.txt",
    "trace-6.18-overrun.txt", "trace_pipe-6.18-lost.txt", "report-6.18.txt",
};

std::size_t count(const ReadResult& result, EventKind kind) {
    return static_cast<std::size_t>(std::count_if(result.events.begin(), result.events.end(),
                                                  [kind](const Event& e) { return e.kind == kind; }));
}

TEST_CASE("real recordings are read to the last line") {
    for (const std::string_view name : test_files) {
        const std::string text = test_file(name);
        REQUIRE(!text.empty());
        const ReadResult result = read_text(text);
        CAPTURE(name);
        CAPTURE(result.text());
        CHECK(result.summary.skipped_lines == 0);
        CHECK(result.summary.events > 10);
        CHECK(result.events.size() > 10);
        CHECK(result.summary.lines == static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
        CHECK(!result.summary.truncated_last_line);
        CHECK(result.summary.clock_in_seconds == (name != "trace-6.18-tsc.txt"));
    }
}

TEST_CASE("the kernel's text and that of trace-cmd report are told apart") {
    CHECK(read_text(test_file("trace-6.1-svm.txt")).summary.format == "ftrace");
    CHECK(read_text(test_file("trace_pipe-6.18-lost.txt")).summary.format == "ftrace");
    CHECK(read_text(test_file("report-6.18.txt")).summary.format == "trace-cmd report");
    CHECK(read_text("hello\nworld\n").summary.format.empty());
    CHECK(read_text("").summary.format.empty());
    CHECK(read_text(" qemu-system-x86-43      [001]     2.392646: kvm_eoi:              apicid 0 vector 1\n")
              .summary.format == "trace-cmd report");
}

TEST_CASE("fed byte by byte or in any pieces a recording gives the same") {
    std::mt19937 random(7);
    for (const std::string_view name : test_files) {
        const std::string text = test_file(name);
        const std::string whole = read_text(text).text();
        CAPTURE(name);
        CHECK(read_in_pieces(text, [] { return std::size_t{1}; }).text() == whole);
        for (int round = 0; round < 50; ++round)
            CHECK(read_in_pieces(text, [&random] { return std::size_t{1} + random() % 300; }).text() ==
                  whole);
    }
}

TEST_CASE("cut anywhere, a recording gives the events of its whole lines") {
    const std::string text = test_file("trace-6.18.txt");
    for (std::size_t size = 0; size < text.size(); size += 7) {
        const std::size_t whole_lines = text.rfind('\n', size == 0 ? 0 : size - 1);
        const std::size_t used = whole_lines == std::string::npos || size == 0 ? 0 : whole_lines + 1;
        const ReadResult cut = read_text(std::string_view(text).substr(0, size));
        const ReadResult whole = read_text(std::string_view(text).substr(0, used));
        CHECK(cut.events.size() == whole.events.size());
        CHECK(cut.summary.truncated_last_line == (used != size));
        CHECK(cut.summary.skipped_lines == 0);
    }
}

TEST_CASE("a last line without newline is not used") {
    const ReadResult result =
        read_text(" qemu-system-x86-43      [001]     2.392646: kvm_msr: msr_write 80b = 0x0");
    CHECK(result.events.empty());
    CHECK(result.summary.truncated_last_line);
    CHECK(result.summary.lines == 1);
    CHECK(result.summary.skipped_lines == 0);
}

TEST_CASE("CRLF line ends are accepted") {
    std::string text;
    for (const char c : test_file("trace-6.1-svm.txt"))
        text += c == '\n' ? std::string("\r\n") : std::string(1, c);
    const ReadResult result = read_text(text);
    CHECK(result.text() == read_text(test_file("trace-6.1-svm.txt")).text());
}

TEST_CASE("marks of lost events transform Events where they stand") {
    const ReadResult pipe = read_text(test_file("trace_pipe-6.18-lost.txt"));
    REQUIRE(!pipe.events.empty());
    CHECK(pipe.events.front().kind == EventKind::lost);
    CHECK(pipe.events.front().cpu == 1);
    CHECK(pipe.events.front().where == 1524);
    CHECK(pipe.events.front().line == 1);
    CHECK(count(pipe, EventKind::lost) == 3);
    CHECK(pipe.summary.lost_events == 1524 + 2794 + 6604);
    CHECK(pipe.summary.lost_marks == 3);
}

TEST_CASE("overwritten events are lost before the first record, and those of a late CPU before its first") {
    const ReadResult result = read_text(test_file("trace-6.18-overrun.txt"));
    REQUIRE(count(result, EventKind::lost) == 2);
    CHECK(result.events.front().kind == EventKind::lost);
    CHECK(result.events.front().cpu == 0xffff);
    CHECK(result.events.front().where == 255415 - 9329);
    const auto start = std::find_if(result.events.begin() + 1, result.events.end(),
                                    [](const Event& e) { return e.kind == EventKind::lost; });
    CHECK(start->cpu == 0);
    CHECK(start->where == 0);
    CHECK((start + 1)->cpu == 0);
    CHECK(result.summary.lost_events == 255415 - 9329);
    CHECK(result.summary.lost_marks == 2);
}

TEST_CASE("trace-cmd's dropped events, with the record behind them that lacks the prefix") {
    const ReadResult result = read_text(
        "cpus=2\n"
        "CPU 3 is empty\n"
        "corpus:  qemu-system-x86-43    [001]     2.392646: kvm_eoi:              apicid 0 vector 1\n"
        "corpus: CPU:1 [12 EVENTS DROPPED]\n"
        " qemu-system-x86-43    [001]     2.392647: kvm_eoi:              apicid 0 vector 2\n"
        "corpus:  qemu-system-x86-43    [001]     2.392648: kvm_eoi:              apicid 0 vector 3\n");
    CAPTURE(result.text());
    CHECK(result.summary.skipped_lines == 0);
    CHECK(result.summary.lost_events == 12);
    REQUIRE(result.events.size() == 4);
    CHECK(result.events[1].kind == EventKind::lost);
    CHECK(result.events[2].value == 2);
    CHECK(result.events[3].value == 3);
}

TEST_CASE("a report that begins with dropped events still learns its prefix") {
    const std::string record =
        " qemu-system-x86-43    [001]     2.392646: kvm_eoi:              apicid 0 vector 1\n";
    const ReadResult result =
        read_text(fmt::format("cpus=2\ncorpus: CPU:1 [EVENTS DROPPED]\n{0}corpus: {0}corpus: {0}", record));
    CAPTURE(result.text());
    CHECK(result.summary.skipped_lines == 0);
    CHECK(result.events.size() == 4);
    CHECK(result.summary.lost_marks == 1);
}

TEST_CASE("reports one after another may have prefixes of other widths") {
    const std::string record =
        " qemu-system-x86-43    [001]     2.392646: kvm_eoi:              apicid 0 vector 1\n";
    const ReadResult result =
        read_text(fmt::format("cpus=2\na: {0}a: {0}cpus=2\nlonger: {0}longer: {0}cpus=2\n{0}{0}", record));
    CAPTURE(result.text());
    CHECK(result.summary.skipped_lines == 0);
    CHECK(count(result, EventKind::eoi) == 6);
    CHECK(count(result, EventKind::begins) == 2);
}

TEST_CASE("another recording begins where a header stands again or time runs backwards") {
    const auto begins = [](std::string_view second) {
        const std::string first = "# tracer: nop\n"
                                  " qemu-system-x86-43      [000]     2.392646: kvm_eoi: apicid 0 vector 1\n"
                                  " qemu-system-x86-43      [001]     2.392656: kvm_eoi: apicid 0 vector 1\n";
        const std::string event = ": kvm_eoi: apicid 0 vector 1\n";
        const ReadResult result =
            read_text(first + std::string(second) + event + std::string(second) + event);
        CHECK(result.summary.events == 4);
        return count(result, EventKind::begins);
    };
    CHECK(begins(" qemu-system-x86-43      [001]     2.392656") == 0);
    CHECK(begins(" qemu-system-x86-43      [001]     2.392655") == 1); // a CPU's clock does not run backwards
    CHECK(begins(" qemu-system-x86-43      [000]     2.392647") == 0); // another CPU's may be behind
    CHECK(begins(" qemu-system-x86-43      [000]     2.392646") == 1); // but no line stands there twice
    CHECK(begins(" qemu-system-x86-43      [002]     2.392657") == 0);
    CHECK(begins(" qemu-system-x86-43      [002]     2.392655") ==
          1); // nor does a CPU begin with what is older
    CHECK(begins("# tracer: nop\n qemu-system-x86-43      [001]     2.392657") == 2);
}

TEST_CASE("a gigantic line is skipped, whatever the pieces it comes in, and the next one read") {
    const std::string record = " qemu-system-x86-43      [001]     2.392646: kvm_eoi: apicid 0 vector 1\n";
    for (const std::size_t size :
         {FtraceText::max_line, FtraceText::max_line + 1, 5 * FtraceText::max_line}) {
        const std::string text = fmt::format("{}{}\n{}", record, std::string(size, 'x'), record);
        const ReadResult whole = read_text(text);
        CHECK(whole.events.size() == 2);
        CHECK(whole.summary.skipped_lines == 1);
        CHECK(whole.summary.lines == 3);
        const std::string_view expected =
            size > FtraceText::max_line ? "line longer than 64 KiB" : "no TASK-PID column";
        REQUIRE(whole.summary.skipped.size() == 1);
        CHECK(whole.summary.skipped.front().why == expected);
        CHECK(whole.summary.skipped.front().text.size() <= 100);
        CHECK(read_in_pieces(text, [] { return std::size_t{1000}; }).text() == whole.text());
        CHECK(read_in_pieces(text, [] { return std::size_t{1}; }).text() == whole.text());
    }
}

TEST_CASE("blank lines, comments and stack traces are neither events nor skipped") {
    const ReadResult result =
        read_text("\n   \n# a comment\n#\n\r\n => kvm_vcpu_ioctl\n => __x64_sys_ioctl\n");
    CHECK(result.events.empty());
    CHECK(result.summary.lines == 7);
    CHECK(result.summary.events == 0);
    CHECK(result.summary.skipped_lines == 0);
}

TEST_CASE("skipped lines are all counted, and the first ten kept with their reason") {
    std::string text;
    for (int i = 0; i < 25; ++i) text += fmt::format("no trace {}\x01\xff\n", i);
    const ReadResult result = read_text(text);
    CHECK(result.summary.skipped_lines == 25);
    REQUIRE(result.summary.skipped.size() == 10);
    CHECK(result.summary.skipped.front().line == 1);
    CHECK(result.summary.skipped.back().line == 10);
    CHECK(result.summary.skipped.front().text == "no trace 0??");
    CHECK(result.summary.skipped.front().why == "no TASK-PID column");
}

TEST_CASE("binary garbage is skipped and does no harm") {
    std::mt19937 random(11);
    std::string garbage;
    for (int i = 0; i < 200'000; ++i) garbage += static_cast<char>(random());
    const ReadResult whole = read_text(garbage);
    CHECK(whole.events.empty());
    CHECK(whole.summary.skipped_lines > 100);
    CHECK(read_in_pieces(garbage, [&random] { return std::size_t{1} + random() % 5000; }).text() ==
          whole.text());
}

TEST_CASE("damaged recordings read the same in pieces, and never crash") {
    std::mt19937 random(13);
    for (const std::string_view name : test_files) {
        for (int round = 0; round < 100; ++round) {
            std::string text = test_file(name);
            for (int damage = 0; damage < 30; ++damage) {
                const std::size_t place = random() % text.size();
                if (random() % 2 == 0) text[place] = static_cast<char>(random());
                else text.erase(place, 1 + random() % 20);
            }
            const std::string whole = read_text(text).text();
            CHECK(read_in_pieces(text, [&random] { return std::size_t{1} + random() % 200; }).text() ==
                  whole);
        }
    }
}

TEST_CASE("the reader holds no more than a line") {
    FtraceText reader;
    std::vector<Event> events;
    const std::string text = test_file("trace-6.1-svm.txt");
    for (int i = 0; i < 100; ++i) reader.feed(text, events);
    CHECK(reader.summary().lines ==
          100 * static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
    CHECK(events.back().line > 9000);
}

} // namespace
} // namespace lapicheck::traces
