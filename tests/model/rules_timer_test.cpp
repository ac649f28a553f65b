// Group T: the APIC timer's registers and IA32_TSC_DEADLINE.
#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

constexpr u32 one_shot = 0x42;
constexpr u32 periodic = lvt::timer_periodic | 0x42;
constexpr u32 deadline = lvt::timer_deadline | 0x42;
constexpr u32 reserved_mode = lvt::timer_mode | 0x42;

Machine in_timer_mode(u32 entry, Mode mode = Mode::xapic, Habit habit = Habit::proposed) {
    Machine m(mode, habit);
    m.s[Reg::lvt_timer] = entry;
    m.s[Reg::initial_count] = 1000;
    return m;
}

TEST_CASE("T01: LVT Timer keeps one-shot, periodic and TSC-deadline; the fourth encoding is open") {
    for (const Mode mode : both_modes)
        for (const u32 entry : {one_shot, periodic, deadline})
            for (const Habit habit : habits) {
                Machine m(mode, habit);
                CHECK_FALSE(m.put(Reg::lvt_timer, entry).gp);
                CHECK((m.s[Reg::lvt_timer] & ~lvt::delivery_status) == entry);
            }
    CHECK(is_unspecified(
        [](Habit habit) { return Machine(Mode::x2apic, habit).put(Reg::lvt_timer, reserved_mode).gp; }));
}

// What the machine gives when it is asked `question` after it was in the reserved mode.
template <class Question>
bool is_open_in_reserved_mode(Mode mode, Question question) {
    return is_unspecified([=](Habit habit) {
        Machine m = in_timer_mode(reserved_mode, mode, habit);
        return question(m);
    });
}

TEST_CASE("T01: in the reserved mode nothing is said of count, initial count and deadline") {
    for (const Mode mode : both_modes) {
        CHECK(is_open_in_reserved_mode(mode, [](Machine& m) { return m.get(Reg::current_count).value; }));
        CHECK_FALSE(in_timer_mode(reserved_mode, mode).get(Reg::current_count).bounded);
        CHECK(is_open_in_reserved_mode(mode, [](Machine& m) { return m.rdmsr(tsc_deadline_msr).value; }));
        CHECK(is_open_in_reserved_mode(mode, [](Machine& m) {
            m.put(Reg::initial_count, 5);
            return m.get(Reg::initial_count).value;
        }));
        CHECK(is_open_in_reserved_mode(mode, [](Machine& m) {
            return m.run({AccessKind::timer_expires, 0}).answer == Answer::apic;
        }));
    }
}

TEST_CASE("T01: after the reserved mode initial count and deadline are open until they are written") {
    for (const u32 then : {one_shot, periodic, deadline}) {
        const auto left = [then](auto word) {
            return is_open_in_reserved_mode(Mode::xapic, [=](Machine& m) {
                m.put(Reg::lvt_timer, then);
                return word(m);
            });
        };
        CAPTURE(then);
        CHECK(left([](Machine& m) { return m.s.tsc_deadline; }));
        CHECK(left([](Machine& m) { return m.s[Reg::initial_count]; }));
    }
    Machine m = in_timer_mode(reserved_mode, Mode::xapic, Habit::always);
    m.put(Reg::lvt_timer, one_shot);
    m.put(Reg::initial_count, 7);
    CHECK(m.get(Reg::initial_count).value == 7);
}

TEST_CASE("T01: without TSC-deadline mode bit 17 alone decides") {
    Machine m(Mode::xapic);
    m.cpu.has_tsc_deadline = false;
    m.put(Reg::lvt_timer, deadline);
    m.put(Reg::initial_count, 5);
    CHECK(m.s[Reg::initial_count] == 5); // not ignored as in TSC-deadline mode
    CHECK_FALSE(in_deadline_mode(m.s, m.cpu));
}

TEST_CASE("T01: TSC-deadline mode is the encoding 10 and no other") {
    for (const u32 entry : {one_shot, periodic, deadline, reserved_mode}) {
        const Machine m = in_timer_mode(entry);
        CHECK(in_deadline_mode(m.s, m.cpu) == (entry == deadline));
    }
}

TEST_CASE("T03: a stopped counter reads 0 on AMD; on Intel it is open") {
    const auto count = [](bool amd) {
        return [amd](Habit habit) {
            Machine m = in_timer_mode(one_shot, Mode::xapic, habit);
            m.cpu.amd = amd;
            m.put(Reg::initial_count, 0);
            const auto out = m.get(Reg::current_count);
            CHECK(out.rule == Rule::T03);
            return out.value;
        };
    };
    CHECK(is_unspecified(count(false)));
    for (const Habit habit : habits) CHECK(count(true)(habit) == 0);
}

TEST_CASE("T04: the current count is at most the initial count") {
    for (const u32 entry : {one_shot, periodic, one_shot | lvt::mask})
        for (const Mode mode : both_modes) {
            Machine m = in_timer_mode(entry, mode);
            const auto out = m.get(Reg::current_count);
            CHECK(out.rule == Rule::T04);
            CHECK(out.bounded);
            CHECK(out.limit == 1000);
            CHECK(out.reg == Reg::current_count);
            CHECK_FALSE(out.exceeds);
        }
    CHECK(is_unspecified([](Habit habit) {
        return in_timer_mode(periodic, Mode::xapic, habit).get(Reg::current_count).value;
    }));
}

TEST_CASE("T09: in TSC-deadline mode the initial count is not written and the current count reads 0") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m = in_timer_mode(deadline, mode, habit);
            CHECK_FALSE(m.put(Reg::initial_count, 7).gp);
            CHECK(m.s[Reg::initial_count] == 1000);
            const auto out = m.get(Reg::current_count);
            CHECK(out.rule == Rule::T09);
            CHECK(out.value == 0);
            CHECK_FALSE(out.bounded);
        }
}

TEST_CASE("T10: in TSC-deadline mode the deadline reads what was written, or 0 once it has passed") {
    for (const Mode mode : both_modes) {
        const auto read = [mode](Habit habit) {
            Machine m = in_timer_mode(deadline, mode, habit);
            const auto write = m.wrmsr(tsc_deadline_msr, 0x1234'5678'9abc);
            CHECK_FALSE(write.gp);
            CHECK(write.rule == Rule::T10);
            return m.rdmsr(tsc_deadline_msr).value;
        };
        CHECK(read(Habit::never) == 0x1234'5678'9abc);
        CHECK(read(Habit::always) == 0);
        Machine m = in_timer_mode(deadline, mode);
        m.wrmsr(tsc_deadline_msr, 5);
        m.wrmsr(tsc_deadline_msr, 0);
        CHECK(m.rdmsr(tsc_deadline_msr).value == 0);
    }
}

TEST_CASE("T11: outside TSC-deadline mode the deadline reads 0 and writes are ignored") {
    for (const Habit habit : habits)
        for (const u32 entry : {one_shot, periodic})
            for (const Mode mode : both_modes) {
                Machine m = in_timer_mode(entry, mode, habit);
                const auto write = m.wrmsr(tsc_deadline_msr, 99);
                CHECK_FALSE(write.gp);
                CHECK(write.rule == Rule::T11);
                CHECK(m.s.tsc_deadline == 0);
                const auto read = m.rdmsr(tsc_deadline_msr);
                CHECK(read.value == 0);
                CHECK(read.rule == Rule::T11);
                m.put(Reg::lvt_timer, deadline);
                CHECK(m.rdmsr(tsc_deadline_msr).value == 0);
            }
}

TEST_CASE("T12: switching to or from TSC-deadline mode disarms the timer") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes)
            for (const u32 other : {one_shot, periodic, one_shot | lvt::mask}) {
                Machine m = in_timer_mode(deadline, mode, habit);
                m.wrmsr(tsc_deadline_msr, 99);
                m.put(Reg::lvt_timer, other);
                CHECK(m.s.tsc_deadline == 0);
                m.s.tsc_deadline = 99; // as if it had been kept
                m.put(Reg::lvt_timer, deadline);
                CHECK(m.s.tsc_deadline == 0);
            }
    for (const auto& [from, to] : {std::pair{one_shot, deadline}, std::pair{deadline, periodic}})
        CHECK(is_unspecified([from = from, to = to](Habit habit) {
            Machine m = in_timer_mode(from, Mode::xapic, habit);
            m.put(Reg::lvt_timer, to);
            return m.s[Reg::initial_count];
        }));
}

TEST_CASE("T12: a write that keeps TSC-deadline mode, or keeps out of it, disarms nothing") {
    for (const Habit habit : habits) {
        Machine m = in_timer_mode(deadline, Mode::xapic, habit);
        m.wrmsr(tsc_deadline_msr, 99);
        m.put(Reg::lvt_timer, lvt::mask | lvt::timer_deadline | 0x50);
        CHECK(m.s.tsc_deadline == 99);
        Machine counting = in_timer_mode(one_shot, Mode::xapic, habit);
        counting.put(Reg::lvt_timer, periodic);
        CHECK(counting.s[Reg::initial_count] == 1000);
    }
}

TEST_CASE("T14: without TSC-deadline mode its MSR raises #GP, in every mode of the APIC") {
    for (const Habit habit : habits)
        for (const Mode mode : all_modes) {
            Machine m(mode, habit);
            m.cpu.has_tsc_deadline = false;
            for (const auto& out : {m.rdmsr(tsc_deadline_msr), m.wrmsr(tsc_deadline_msr, 0)}) {
                CHECK(out.gp);
                CHECK(out.rule == Rule::T14);
                CHECK(out.reg == Reg::tsc_deadline);
            }
        }
}

TEST_CASE("T20: the initial count reads the last write that was not ignored") {
    for (const Habit habit : habits)
        for (const Mode mode : both_modes) {
            Machine m = in_timer_mode(periodic, mode, habit);
            m.put(Reg::initial_count, 0xffff'ffff);
            CHECK(m.get(Reg::initial_count).value == 0xffff'ffff);
            m.put(Reg::initial_count, 0);
            CHECK(m.get(Reg::initial_count).value == 0);
        }
}

} // namespace
} // namespace lapicheck::model
