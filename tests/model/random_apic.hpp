// Random states and accesses for the test that the domains agree. Drawn evenly over the accesses: a
// uniform random address would never hit the rows that matter.
#pragma once

#include <random>
#include <vector>

#include "model/domains/known_bits.hpp"
#include "model/state.hpp"

namespace lapicheck::model {

// An access without its value, and without the base of the window.
struct Target {
    AccessKind kind;
    u64 place; // offset from the window's base, or MSR
    u32 size;
};

inline std::vector<Target> all_targets() {
    std::vector<Target> targets;
    const auto add_window = [&targets](u64 offset, u32 size) {
        targets.push_back({AccessKind::mmio_read, offset, size});
        targets.push_back({AccessKind::mmio_write, offset, size});
    };
    const auto add_msr = [&targets](u64 index) {
        targets.push_back({AccessKind::rdmsr, index, 8});
        targets.push_back({AccessKind::wrmsr, index, 8});
    };
    for (const RegisterRow& row : sdm_registers) {
        add_window(row.offset, 4);
        add_msr(row.msr());
    }
    for (const u32 reserved : {0x000U, 0x010U, 0x040U, 0x070U, 0x290U, 0x2e0U, 0x3a0U, 0x3d0U, 0x400U, 0x410U,
                               0x430U, 0x480U, 0x4f0U, 0x530U, 0x540U, 0xff0U}) {
        add_window(reserved, 4);
        add_msr(x2apic_msr_first + (reserved >> 4));
    }
    // Parts of a register, more than one, and across the edges of their slots.
    for (const u32 offset : {0x010U, 0x020U, 0x080U, 0x0b0U, 0x0d0U, 0x0e0U, 0x0f0U, 0x280U, 0x300U, 0x310U,
                             0x320U, 0x380U, 0x390U, 0x3e0U, 0x3f0U, 0xff0U})
        for (const auto& [delta, size] :
             {std::pair{0U, 1U}, {0U, 2U}, {2U, 2U}, {1U, 4U}, {4U, 4U}, {0U, 8U}, {14U, 4U}})
            add_window(offset + delta, size);
    add_window(window_bytes + 0x20, 4);
    add_window(~u64{0xfff} + 0x20, 4); // the page below
    for (const u64 index : {u64{apic_base::msr}, u64{tsc_deadline_msr}, u64{0x7ff}, u64{0x900}})
        add_msr(index);
    return targets;
}

class RandomApic {
  public:
    explicit RandomApic(u64 seed) : random_(seed) {}

    bool chance(unsigned percent) { return random_() % 100 < percent; }
    u64 bits() { return random_(); }

    u32 word() {
        constexpr std::array boundaries = {u32{0},           u32{1},       u32{0xf},         u32{0x10},
                                           u32{0x31},        u32{0xff},    u32{0x100},       u32{0x1ff},
                                           u32{0xffff'ffff}, u32{1} << 31, u32{0x7fff'ffff}, u32{0x1'0000}};
        switch (random_() % 4) {
        case 0: return boundaries[random_() % boundaries.size()];
        case 1: return u32{1} << (random_() % 32);
        case 2: return ~(u32{1} << (random_() % 32));
        default: return low_half(random_());
        }
    }
    // What software might write to the register: what it takes, with a reserved bit, anything.
    u32 word_for(const RegisterRow& row) {
        switch (random_() % 4) {
        case 0: return word();
        case 1: return (word() & row.writable) | (u32{1} << (random_() % 32));
        case 2: return word() & row.defined();
        default: return word() & row.writable;
        }
    }
    u64 apic_base(u64 page) {
        u64 value = page | (random_() & (apic_base::bsp | apic_base::extd | apic_base::enable));
        if (chance(20)) value |= u64{1} << (random_() % 64);
        return value;
    }
    u64 value_for(const Target& target, const State<Concrete>& s) {
        if (!is_write(target.kind)) return 0;
        if (!is_mmio(target.kind) && target.place == apic_base::msr)
            return apic_base(chance(80) ? s.apic_base & apic_base::page : random_() & 0xff'ffff'f000);
        if (chance(20)) return (u64{word()} << 32) | word();
        const u64 offset = is_mmio(target.kind) ? target.place : (target.place - x2apic_msr_first) << 4;
        const int index = offset < 0x400 ? register_at_slot[offset >> 4] : -1;
        const u64 low = index < 0 ? word() : word_for(sdm_registers[static_cast<std::size_t>(index)]);
        return chance(15) ? low | (u64{1} << (random_() % 64)) : low;
    }

    State<Concrete> state(Mode mode) {
        State<Concrete> s{};
        s.apic_base = (chance(70) ? apic_base::reset_page : random_() & 0xff'ffff'f000) |
                      (random_() & apic_base::bsp) | (mode == Mode::disabled ? 0 : apic_base::enable) |
                      (mode == Mode::x2apic ? apic_base::extd : 0);
        s.tsc_deadline = chance(30) ? 0 : random_();
        s.x2apic_id = word();
        s.esr_pending = chance(50) ? 0 : word() & 0xff;
        s.cleared_by_software = chance(50);
        s.ier_written = chance(20);
        for (const RegisterRow& row : sdm_registers) s[row.reg] = word_for(row) | row.ones;
        for (u32 i = 0; i < 8; ++i)
            if (chance(60)) s[offset_by(Reg::isr0, i)] = 0;
        if (chance(30)) s[Reg::version] = 0x0105'0014;
        if (chance(30)) s[Reg::id] = s.x2apic_id << 24;
        if (chance(20)) s[Reg::initial_count] = 0;
        return s;
    }
    Cpu<Concrete> cpu() {
        return {chance(50), chance(80), chance(80), chance(20), (u64{1} << (36 + random_() % 17)) - 1,
                word()};
    }

    // Forgets some bits: none, a single one, all, or at random.
    template <class T>
    Known<T> partly(T value) {
        switch (random_() % 8) {
        case 0: return {};
        case 1: return {value, static_cast<T>(random_())};
        case 2: return {value, static_cast<T>(~(T{1} << (random_() % (8 * sizeof(T)))))};
        default: return value;
        }
    }
    KnownBool partly(bool value) { return chance(25) ? KnownBool{} : KnownBool{value}; }
    State<KnownBits> partly(const State<Concrete>& s) {
        State<KnownBits> k;
        k.apic_base = partly(s.apic_base);
        if (chance(80)) k.apic_base = k.apic_base.refined_by({s.apic_base, apic_base::page});
        if (chance(70))
            k.apic_base = k.apic_base.refined_by({s.apic_base, apic_base::enable | apic_base::extd});
        k.tsc_deadline = partly(s.tsc_deadline);
        k.x2apic_id = partly(s.x2apic_id);
        k.esr_pending = partly(s.esr_pending);
        k.cleared_by_software = partly(s.cleared_by_software);
        k.ier_written = partly(s.ier_written);
        for (std::size_t i = 0; i < s.regs.size(); ++i) k.regs[i] = partly(s.regs[i]);
        return k;
    }
    Cpu<KnownBits> partly(const Cpu<Concrete>& c) {
        return {partly(c.amd),           partly(c.has_x2apic),   partly(c.has_tsc_deadline),
                partly(c.locked_x2apic), partly(c.address_mask), partly(c.hardware_id)};
    }

    // Chooses the unknown bits: all 0, all 1, or at random.
    template <class T>
    T choice(Known<T> word) {
        const u64 fill = random_() % 4;
        const T bits = fill == 0 ? T{0} : fill == 1 ? static_cast<T>(~T{0}) : static_cast<T>(random_());
        return static_cast<T>(word.value | (bits & ~word.known));
    }
    bool choice(KnownBool condition) { return condition.known ? condition.value : chance(50); }
    State<Concrete> choice(const State<KnownBits>& k) {
        State<Concrete> s{};
        s.apic_base = choice(k.apic_base);
        s.tsc_deadline = choice(k.tsc_deadline);
        s.x2apic_id = choice(k.x2apic_id);
        s.esr_pending = choice(k.esr_pending);
        s.cleared_by_software = choice(k.cleared_by_software);
        s.ier_written = choice(k.ier_written);
        for (std::size_t i = 0; i < s.regs.size(); ++i) s.regs[i] = choice(k.regs[i]);
        return s;
    }
    Cpu<Concrete> choice(const Cpu<KnownBits>& k) {
        return {choice(k.amd),           choice(k.has_x2apic),   choice(k.has_tsc_deadline),
                choice(k.locked_x2apic), choice(k.address_mask), choice(k.hardware_id)};
    }

  private:
    std::mt19937_64 random_;
};

} // namespace lapicheck::model
