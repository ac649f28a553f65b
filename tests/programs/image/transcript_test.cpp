// What frames are taken for: answers to the steps that were asked. Everything else makes the output a refused
// one.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "programs/image/output.hpp"
#include "programs/image/transcript.hpp"

#include <fmt/format.h>

using namespace lapicheck::programs;
using namespace lapicheck::programs::image;

namespace {

std::vector<Step> steps(std::size_t count) {
    std::vector<Step> made(count);
    for (Step& step : made) {
        step.what = Do::rdmsr;
        step.address = 0x1b;
    }
    return made;
}

struct Two { // sections, of 4 and 3 steps
    std::vector<Step> first = steps(4), second = steps(3);
    std::vector<Section> sections = {{first, {0}, 0}, {second, {0, 1}, 0}};
    Transcript transcript{sections};

    std::string take(std::string kind, std::string words = {}) {
        return transcript.take({0, std::move(kind), std::move(words)});
    }
};

} // namespace

TEST_CASE("answers go to the steps of their section") {
    Two two;
    CHECK(two.take("hello", "0 TCGTCGTCGTCG").empty());
    CHECK(two.take("begin", "0 amd=1 x2apic=0 deadline=0 maxphyaddr=28 base=fee00900 version=50014").empty());
    CHECK(two.take("a", "0 =fee00900 # .t0:31t0:ff -01").empty());
    CHECK(two.take("begin", "1 amd=0 x2apic=1 deadline=1 maxphyaddr=30 base=fee00000 version=14 version=15")
              .empty());
    CHECK(two.take("a", "4 .i1s1:10 h x11").empty());
    CHECK(two.take("end").empty());
    const auto& sections = two.transcript.sections();
    CHECK(*sections[0].outcomes[0]->value == 0xfee0'0900);
    CHECK(sections[0].outcomes[1]->gp);
    CHECK(sections[0].outcomes[2]->taken == std::vector<Taken>{{0, 0x31}, {0, 0xff}});
    CHECK(sections[0].outcomes[3]->ending == Ending::not_run);
    CHECK(sections[0].outcomes[3]->reason == "the vCPU waits for a SIPI");
    CHECK(sections[0].found.amd == true);
    CHECK(sections[0].found.x2apic == false);
    CHECK_FALSE(sections[0].found.may_be_kvm);
    CHECK(sections[0].found.maxphyaddr == 40);
    CHECK(sections[1].outcomes[0]->restarted == std::vector<Restarted>{{1, {}}, {1, 0x10}});
    CHECK(sections[1].outcomes[1]->halted);
    CHECK(sections[1].outcomes[2]->ending == Ending::stopped);
    CHECK(sections[1].found.starts_disabled);
    CHECK(sections[1].found.versions.empty());
    CHECK(two.transcript.has_ended());
}

TEST_CASE("what KVM is known to do is said of KVM alone") {
    Two two;
    CHECK(two.take("hello", "0 KVMKVMKVM").empty());
    CHECK(two.take("begin", "0 amd=1").empty());
    CHECK(two.transcript.sections()[0].found.may_be_kvm);
}

TEST_CASE("an output that no image can have printed is refused") {
    const std::vector<std::pair<std::string, std::string>> hostile = {{"a", "7 ."},
                                                                      {"a", "ffffffffffffffff ."},
                                                                      {"a", "0 . . . . ."},
                                                                      {"a", "x ."},
                                                                      {"a", ""},
                                                                      {"a", "0 ?"},
                                                                      {"a", "0 ="},
                                                                      {"a", "0 =1g"},
                                                                      {"a", "0 -ff"},
                                                                      {"a", "0 -00"},
                                                                      {"a", "0 .t1:31"},
                                                                      {"a", "0 .t0:3"},
                                                                      {"a", "0 .t0"},
                                                                      {"a", "0 .z0"},
                                                                      {"a", "0 .t0:zz"},
                                                                      {"a", "0 =11111111111111111"},
                                                                      {"a", "0  ."},
                                                                      {"begin", "2 amd=1"},
                                                                      {"begin", ""},
                                                                      {"begin", "0 amd"},
                                                                      {"begin", "0 version=1 version=2"},
                                                                      {"skip", "0 63"},
                                                                      {"skip", "9 1"},
                                                                      {"soft", "99 0:20=0"},
                                                                      {"soft", "0 5:20=0"},
                                                                      {"soft", "0 0:20"},
                                                                      {"hello", "9 x"},
                                                                      {"what", "0"}};
    for (const auto& line : hostile) {
        CAPTURE(line.first);
        CAPTURE(line.second);
        Two two;
        CHECK_FALSE(two.take(line.first, line.second).empty());
    }
}

TEST_CASE("an answer is given once") {
    Two two;
    CHECK(two.take("a", "0 . .").empty());
    CHECK_FALSE(two.take("a", "1 .").empty());
    Two again;
    CHECK(again.take("begin", "0 amd=1").empty());
    CHECK_FALSE(again.take("begin", "0 amd=1").empty());
    Two third;
    CHECK(third.take("end").empty());
    CHECK_FALSE(third.take("a", "0 .").empty());
}

TEST_CASE("of an output by hand: lost answers are not known, those that never came were not run") {
    const std::vector<Step> asked = steps(6);
    const std::vector<Section> sections = {{asked, {0}, 0}};
    const auto frame = [&](std::uint32_t number, std::string_view words) {
        const std::string checked =
            fmt::format("lapicheck {:08x} {:08x} {}", nonce_of(sections), number, words);
        return fmt::format("@{} {:08x}\n", checked, crc32(checked));
    };
    const std::string begin = frame(0, "hello 1 -") + frame(1, "begin 0 amd=0 x2apic=1 deadline=1");
    const Output cut = read_output(begin + frame(2, "a 0 =1 =2") + frame(4, "a 3 =4"), sections);
    CHECK(cut.error.empty());
    CHECK(cut.frames.missing == 1);
    CHECK_FALSE(cut.has_ended);
    const auto& outcomes = cut.executions.front().outcomes;
    CHECK(outcomes[1].is_done());
    CHECK(outcomes[2].ending == Ending::lost);
    CHECK(outcomes[3].value == 4);
    CHECK(outcomes[4].ending == Ending::not_run);

    CHECK_FALSE(read_output("", sections).error.empty());
    CHECK_FALSE(read_output("no line of ours", sections).error.empty());
    const std::vector<Step> others = steps(5);
    const std::vector<Section> other = {{others, {0}, 0}};
    CHECK(read_output(begin, other).error ==
          "it is the output of another program, or of another version of the image");
}
