#include "traces/formats/partial_head.hpp"

#include <string>

#include <doctest/doctest.h>

namespace lapicheck::traces {
namespace {

// -1: the column is not there.
struct Expected {
    std::string_view line;
    std::int64_t thread;
    std::int64_t cpu;
    std::int64_t microseconds;
    std::string_view name = {};
    std::uint32_t process = 0;
};

void check_head(const Expected& expected) {
    CAPTURE(expected.line);
    PartialHead head;
    const bool whole = read_head_anywhere(expected.line, head);
    if (!whole) head = {};
    REQUIRE((whole || read_partial_head(expected.line, head)));
    CHECK((head.has_thread ? std::int64_t{head.thread} : -1) == expected.thread);
    CHECK((head.has_cpu ? std::int64_t{head.cpu} : -1) == expected.cpu);
    CHECK((head.has_time ? static_cast<std::int64_t>(head.time / 1000) : -1) == expected.microseconds);
    CHECK(head.process == expected.process);
    if (!expected.name.empty()) CHECK(head.name == expected.name);
    CHECK(head.event_text.substr(head.event_text.find("kvm_eoi")) == "kvm_eoi: apicid 0 vector 49");
}

TEST_CASE("perf script: its default, other fields, nanoseconds, names with blanks") {
    check_head({" qemu-kvm 426566 [004] 108229.766087: kvm:kvm_eoi: apicid 0 vector 49", 426566, 4,
                108229766087, "qemu-kvm"});
    check_head({"       CPU 0/KVM 1821753 [015] 4831258.258053:     kvm:kvm_eoi: apicid 0 vector 49", 1821753,
                15, 4831258258053, "CPU 0/KVM"});
    check_head({"CPU 0/KVM  1203/1210  [004]   812.123456789: kvm:kvm_eoi: apicid 0 vector 49", 1210, 4,
                812123456, "CPU 0/KVM", 1203});
    check_head({"    [001]   770.850287:          kvm:kvm_eoi: apicid 0 vector 49", -1, 1, 770850287});
    check_head({"a test 20530.456589: kvm:kvm_eoi: apicid 0 vector 49", -1, -1, 20530456589});
    check_head({"2021-12-12 16:11:10.214139   <...> 206966 .N.. [017] 15504452.408994: kvm:kvm_eoi: apicid 0 "
                "vector 49",
                206966, 17, 15504452408994});
}

TEST_CASE("ftrace with columns cut away, or anything before them") {
    check_head({"> > 12: qemu-system-x86-613   [000] ....  1121.080722: kvm_eoi: apicid 0 vector 49", 613, 0,
                1121080722});
    check_head({"a-1 b-22 [000] 5.000001: kvm_eoi: apicid 0 vector 49", 22, 0, 5000001});
    check_head({"microvm [012] 98222.234315: kvm_eoi: apicid 0 vector 49", -1, 12, 98222234315});
    check_head({"[003] d..1. 98222.234315: kvm_eoi: apicid 0 vector 49", -1, 3, 98222234315});
    check_head({" 220.696240: kvm_eoi: apicid 0 vector 49", -1, -1, 220696240});
    check_head({"    kvm_eoi: apicid 0 vector 49", -1, -1, -1});
}

TEST_CASE("ftrace's latency format: flags at the CPU, seconds, or microseconds since the start of a dump") {
    check_head({" qemu-sys-7084    1.....  7079.002646: kvm_eoi: apicid 0 vector 49", 7084, 1, 7079002646,
                "qemu-sys"});
    check_head({"qemu-sys-1234      0d..1. 411123461us : kvm_eoi: apicid 0 vector 49", 1234, 0, 411123461,
                "qemu-sys"});
    check_head({"qemu-sys-1234      3d..1.   12us!: kvm_eoi: apicid 0 vector 49", 1234, 3, 12});
}

TEST_CASE("what is no record") {
    for (const char* line :
         {"", "hello", "the kvm_apic: events look odd", "Subject: kvm_eoi: apicid 0 vector 49?",
          "  55.39    0.082181          16      4937           ioctl", "at 12:30:01 it hung: why?",
          "On 02/03/20 19:40, someone wrote:", "0xffff81: kvm_exit", "1.5: 2.5: 3.5:"}) {
        CAPTURE(line);
        PartialHead head;
        CHECK(!read_head_anywhere(line, head));
        CHECK(!read_partial_head(line, head));
    }
}

} // namespace
} // namespace lapicheck::traces
