// Work that grows faster than a recording is what an attacker looks for: counted here, not timed.
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "checker/replay/replay.hpp"
#include "traces/access_assembler.hpp"
#include "traces/formats/ftrace_text.hpp"

namespace lapicheck::checker {
namespace {

constexpr u64 threads = 300;

class Recording {
  public:
    void show_thread(u64 number) {
        add(number, "kvm_apic: apic_read APIC_LVR = 0x50014");
        add(number, "kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014");
    }
    void send_init(u64 number) {
        add(number, "kvm_mmio: mmio write len 4 gpa 0xfee00300 val 0xc4500");
        add(number, "kvm_apic: apic_write APIC_ICR = 0xc4500");
        add(number, "kvm_apic_ipi: dst 0 vec 0 (INIT|physical|assert|edge|all-but-self)");
    }
    void lose() { text_ += "CPU:0 [LOST 1 EVENTS]\n"; }

    // How often all that was known of a vCPU was replaced.
    u64 work() const {
        traces::FtraceText reader;
        std::vector<traces::Event> events;
        reader.feed(text_, events);
        Replay replay(GuestCpu::either);
        traces::Assembler assembler(replay);
        assembler.feed(events);
        assembler.finish();
        const u64 work = replay.states_replaced();
        replay.finish();
        return work;
    }

  private:
    void add(u64 number, std::string_view event) {
        ++time_;
        text_ += fmt::format(" qemu-system-x86-{:<7} [000] d..1. {}.{:06}: {}\n", 1000 + number,
                             time_ / 1'000'000, time_ % 1'000'000, event);
    }

    std::string text_;
    u64 time_ = 1'000'000;
};

TEST_CASE("marks of lost events without end cost once") {
    Recording recording;
    for (u64 i = 0; i < threads; ++i) recording.show_thread(i);
    for (int i = 0; i < 5000; ++i) recording.lose();
    CHECK(recording.work() == threads);
}

TEST_CASE("a mark costs what was seen since the one before") {
    Recording recording;
    for (u64 i = 0; i < threads; ++i) recording.show_thread(i);
    constexpr u64 marks = 1000;
    for (u64 i = 0; i < marks; ++i) {
        recording.lose();
        recording.show_thread(i % threads);
    }
    CHECK(recording.work() <= threads + marks);
}

TEST_CASE("INITs to all cost what was seen between them") {
    Recording recording;
    for (u64 i = 0; i < threads; ++i) recording.show_thread(i);
    constexpr u64 inits = 1000;
    for (u64 i = 0; i < inits; ++i) recording.send_init(i % threads);
    CHECK(recording.work() <= 2 * threads + 3 * inits);
}

} // namespace
} // namespace lapicheck::checker
