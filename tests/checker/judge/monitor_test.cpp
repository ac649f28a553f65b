// The properties as monitors: what breaks one is told with it, and what breaks none is not.
#include "checker/judge/monitor.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/checker/replay/made_trace.hpp"

namespace lapicheck::checker {
namespace {

constexpr u64 enabled_base = 0xfee0'0900;

// An APIC of which nothing is known but its mode and where its window is.
AbstractState in_mode(u64 mode_bits) {
    AbstractState state = AbstractState::unknown();
    traces::GuestAccess read;
    read.kind = model::AccessKind::rdmsr;
    read.address = model::apic_base::msr;
    read.value = mode_bits;
    const Judgement judgement = state.judge({read, {}, {}});
    REQUIRE(judgement.explained);
    return state;
}
AbstractState xapic() { return in_mode(enabled_base); }
AbstractState x2apic() { return in_mode(enabled_base | model::apic_base::extd); }

traces::GuestAccess mmio_read(u64 address, u64 value) {
    traces::GuestAccess access;
    access.kind = model::AccessKind::mmio_read;
    access.address = address;
    access.size = 4;
    access.value = value;
    access.reached_apic = true;
    return access;
}

std::vector<std::string_view> names(const BrokenProperties& broken) {
    std::vector<std::string_view> ids;
    for (const specs::PropertyEntry* property : broken) ids.push_back(property->id);
    return ids;
}
std::vector<std::string_view> broken(const AbstractState& before, const traces::GuestAccess& access,
                                     const AbstractState& after) {
    return names(broken_properties({before, after, {access, {}, {}}}));
}
using Names = std::vector<std::string_view>;

TEST_CASE("monitor: what the APIC answers through its closed window breaks the mail's property") {
    CHECK(broken(x2apic(), mmio_read(0xfee0'0030, 0x50014), x2apic()) == Names{"no-mmio-read-in-x2apic"});
    CHECK(broken(xapic(), mmio_read(0xfee0'0030, 0x50014), xapic()).empty());
}

TEST_CASE("monitor: a property is broken only if it is in every mode that is possible") {
    AbstractState either = xapic();
    either.merge(x2apic());
    CHECK(broken(either, mmio_read(0xfee0'0030, 0x50014), either).empty());
    CHECK(
        broken(AbstractState::unknown(), mmio_read(0xfee0'0030, 0x50014), AbstractState::unknown()).empty());
}

TEST_CASE("monitor: an access that may have gone elsewhere breaks nothing") {
    traces::GuestAccess access = mmio_read(0xfee0'0030, 0x50014);
    access.reached_apic = false;
    CHECK(broken(x2apic(), access, x2apic()).empty());
}

TEST_CASE("monitor: the mode machine") {
    traces::GuestAccess to_xapic; // from x2APIC mode, in one step
    to_xapic.kind = model::AccessKind::wrmsr;
    to_xapic.address = model::apic_base::msr;
    to_xapic.value = enabled_base;
    const Names found = broken(x2apic(), to_xapic, xapic());
    CHECK(std::ranges::count(found, "mode-transitions") == 1);
    to_xapic.gp = true;
    CHECK(broken(x2apic(), to_xapic, x2apic()).empty());
}

TEST_CASE("replay names the properties that a divergence breaks") {
    const Replayed r = replay_script(R"(
        kvm_msr: msr_write 1b = 0xfee00d00
        kvm_apic: apic_read APIC_LVR = 0x50014
        kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
    )");
    REQUIRE(r.divergences.size() == 1);
    CHECK(r.divergences[0].properties == Names{"no-mmio-read-in-x2apic"});
}

TEST_CASE("monitor: what no rule of the access forbids, a property may") {
    const Names found = broken(xapic(), mmio_read(0xfee0'0080, 0), x2apic());
    CHECK(found == Names{"apic-base-changes-by-wrmsr-and-reset-only", "mmio-reads-change-nothing"});
}

} // namespace
} // namespace lapicheck::checker
