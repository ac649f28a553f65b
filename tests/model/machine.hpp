// A local APIC of plain values around the model's step: what the tests that say one rule each talk to.
#pragma once

#include "model/reset.hpp"
#include "model/step.hpp"
#include "tests/model/print.hpp"

namespace lapicheck::model {

// How a machine answers where the manuals leave it open.
enum class Habit : u8 {
    proposed, // as the rules propose
    never,    // no, and 0
    always,   // yes, and all ones
};
inline constexpr std::array habits = {Habit::proposed, Habit::never, Habit::always};

struct HabitChoices {
    Habit habit = Habit::proposed;

    template <class T>
    constexpr T choose(Rule, T proposal) const {
        if (habit == Habit::proposed) return proposal;
        return habit == Habit::never ? T{0} : static_cast<T>(~u64{0});
    }
};
template <>
constexpr bool HabitChoices::choose<bool>(Rule, bool proposal) const {
    return habit == Habit::proposed ? proposal : habit == Habit::always;
}

inline constexpr std::array both_modes = {Mode::xapic, Mode::x2apic};
inline constexpr std::array all_modes = {Mode::disabled, Mode::xapic, Mode::x2apic};

constexpr u64 mode_bits(Mode mode) {
    return (mode == Mode::disabled ? 0 : apic_base::enable) | (mode == Mode::x2apic ? apic_base::extd : 0);
}

constexpr bool is_same(const State<Concrete>& a, const State<Concrete>& b) {
    bool same = true;
    for_each_word([&same](StateWord, const auto& x, const auto& y) { same = same && x == y; }, a, b);
    return same;
}

class Machine {
  public:
    static constexpr u64 window = apic_base::reset_page;

    // A bootstrap processor of Intel's that has everything, some time after RESET: enabled by software,
    // nothing masked for that reason.
    explicit Machine(Mode mode = Mode::xapic, Habit habit = Habit::proposed) : habit_(habit) {
        s[Reg::version] = 0x0106'0014; // seven LVT entries, EOI-broadcast suppression
        reset();
        s.apic_base = window | apic_base::bsp | mode_bits(mode);
        s[Reg::svr] = svr::enable | svr::vector;
    }

    Outcome<Concrete> read(u32 offset, u32 size = 4) {
        return run({AccessKind::mmio_read, window + offset, size, 0});
    }
    Outcome<Concrete> write(u32 offset, u64 value, u32 size = 4) {
        return run({AccessKind::mmio_write, window + offset, size, value});
    }
    Outcome<Concrete> rdmsr(u32 index) { return run({AccessKind::rdmsr, index, 8, 0}); }
    Outcome<Concrete> wrmsr(u32 index, u64 value) { return run({AccessKind::wrmsr, index, 8, value}); }

    // The register by the way that the mode has: the window, or the MSR.
    Outcome<Concrete> get(Reg reg) {
        const RegisterRow& row = sdm_registers[index_of(reg)];
        return in_x2apic(s) ? rdmsr(row.msr()) : read(row.offset);
    }
    Outcome<Concrete> put(Reg reg, u64 value) {
        const RegisterRow& row = sdm_registers[index_of(reg)];
        return in_x2apic(s) ? wrmsr(row.msr(), value) : write(row.offset, value);
    }
    Outcome<Concrete> go(Mode mode) {
        return wrmsr(apic_base::msr, (s.apic_base & (apic_base::page | apic_base::bsp)) | mode_bits(mode));
    }

    // Gives every register a value of its own that is not the one after RESET.
    void fill() {
        for (const RegisterRow& row : sdm_registers) {
            const u32 pattern = 0x1111'1111 * (static_cast<u32>(index_of(row.reg)) % 15 + 1);
            s[row.reg] = (pattern & row.defined()) | row.ones;
        }
        s[Reg::version] = 0x0106'0014;
        s[Reg::svr] |= svr::enable;
        s.esr_pending = esr::receive_illegal_vector;
    }

    Outcome<Concrete> run(const Access<Concrete>& access) {
        Driver p = driver();
        return step(p, s, cpu, access);
    }
    void reset() {
        Driver p = driver();
        model::reset(p, s, cpu);
    }
    void init() {
        Driver p = driver();
        model::init(p, s);
    }
    void accept(u32 vector, bool level_triggered) {
        Driver p = driver();
        model::accept(p, s, vector, level_triggered);
    }
    void elapse() {
        Driver p = driver();
        model::elapse(p, s, cpu);
    }

    State<Concrete> s{};
    Cpu<Concrete> cpu{.amd = false,
                      .has_x2apic = true,
                      .has_tsc_deadline = true,
                      .locked_x2apic = false,
                      .address_mask = (u64{1} << 40) - 1,
                      .hardware_id = 0x0001'2345};

  private:
    using Driver = ConcreteDriver<HabitChoices>;
    Driver driver() const { return Driver{HabitChoices{habit_}}; }

    Habit habit_;
};

// Whether machines of different habits answer the question differently: it is left open.
template <class Question>
bool is_unspecified(Question question) {
    return question(Habit::never) != question(Habit::always);
}

} // namespace lapicheck::model
