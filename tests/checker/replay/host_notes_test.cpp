// What is told of resets by userspace.
#include "checker/replay/host_notes.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace lapicheck::checker {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("the vCPUs that a thread ran one after the other share a line") {
    HostNotes notes;
    notes.was_reset("thread 7", 90, 3);
    notes.was_reset("thread 7", 40, 1);
    notes.may_be_reset("thread 8", 1);
    notes.may_be_reset("thread 9", 1);
    notes.may_be_reset("thread 9", 2);
    CHECK(notes.texts() == Texts{
                               "thread 7: userspace must have reset 2 vCPUs, the first before line 40 (4 "
                               "observations not checked)",
                               "thread 8: 1 observation diverges unless userspace reset the vCPU or set its "
                               "APIC state; not counted "
                               "(sys_enter_ioctl events would show it)",
                               "thread 9: 3 observations diverge unless userspace reset 2 vCPUs or set their "
                               "APIC state; not counted "
                               "(sys_enter_ioctl events would show it)",
                           });
}

TEST_CASE("of very many vCPUs the notes name a few and count the others") {
    HostNotes notes;
    for (unsigned thread = 100; thread < 200; ++thread)
        notes.may_be_reset(fmt::format("thread {}", thread), 2);
    const Texts texts = notes.texts();
    CHECK(texts.size() == 9);
    CHECK(texts.back() == "further vCPUs: 184 observations diverge unless userspace reset 92 vCPUs or set "
                          "their APIC state; not "
                          "counted (sys_enter_ioctl events would show it)");
}

} // namespace
} // namespace lapicheck::checker
