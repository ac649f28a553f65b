// What is told of resets by userspace.
#include "checker/replay/host_notes.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace lapicheck::checker {
namespace {

using model::Rule;
using Texts = std::vector<std::string>;

TEST_CASE("the vCPUs that a thread ran one after the other share a line") {
    HostNotes notes;
    notes.was_reset("thread 7", 90, 3);
    notes.was_reset("thread 7", 40, 1);
    notes.may_be_reset("thread 8", 1, {Rule::M01, 77}, false);
    notes.may_be_reset("thread 9", 1, {Rule::P02, 30}, false);
    notes.may_be_reset("thread 9", 2, {Rule::X14, 20}, false);
    CHECK(notes.texts() ==
          Texts{
              "thread 7: userspace must have reset 2 vCPUs, the first before line 40 (4 "
              "observations not checked)",
              "thread 8: 1 observation (M01 at line 77) diverges unless userspace reset the vCPU or set its "
              "APIC state; not counted "
              "(sys_enter_ioctl events would show it)",
              "thread 9: 3 observations (first X14 at line 20) diverge unless userspace reset 2 vCPUs or set "
              "their "
              "APIC state; not counted "
              "(sys_enter_ioctl events would show it)",
          });
}

TEST_CASE("of very many vCPUs the notes name a few and count the others") {
    HostNotes notes;
    for (unsigned thread = 100; thread < 200; ++thread)
        notes.may_be_reset(fmt::format("thread {}", thread), 2, {}, true);
    const Texts texts = notes.texts();
    CHECK(texts.size() == 9);
    CHECK(texts.back() == "further vCPUs: 184 observations diverge unless userspace reset 92 vCPUs or set "
                          "their APIC state; not "
                          "counted");
}

} // namespace
} // namespace lapicheck::checker
