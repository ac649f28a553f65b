// Random steps of an APIC, for the test that they break no property: machines that are lawful (the invariants
// hold), in every mode, and everything that may befall one, drawn so that each property has something to say.
#pragma once

#include <optional>

#include "specs/properties/invariants.hpp"
#include "tests/model/random_apic.hpp"

namespace lapicheck::specs {

using model::Concrete;
using model::RandomApic;

struct RandomStep {
    model::Cpu<Concrete> cpu;
    State<Concrete> before;
    model::Access<Concrete> access;
    model::Outcome<Concrete> out;
    State<Concrete> after;
    model::Surroundings<Concrete> around;

    Transition<Concrete> transition() const { return {cpu, before, access, out, after, around, around}; }
};

// Where an access may go: every register by both ways, the ends of every gap, odd accesses, other MSRs.
inline std::vector<model::Target> all_places(bool by_window) {
    std::vector<model::Target> places;
    const auto add = [&](u64 place, u32 size) {
        places.push_back({by_window ? AccessKind::mmio_read : AccessKind::rdmsr, place, size});
    };
    for (const RegisterFact& fact : register_facts)
        for (int weight = 0; weight < (model::is_bitmap(fact.reg) ? 1 : 4); ++weight)
            add(by_window ? fact.offset : fact.index(), 4);
    if (!by_window) {
        for (const Gap& gap : reserved_msrs)
            for (const u32 index : {gap.first, gap.last}) add(index, 8);
        for (const u64 index : {0x1cU, 0x7ffU, 0x6dfU, 0x6e1U, 0x900U, 0xa20U, 0xbffU}) add(index, 8);
        add(u64{0x1'0000'0808}, 8);
        for (int weight = 0; weight < 20; ++weight) {
            add(facts::tsc_deadline_msr, 8);
            for (int more = 0; more < 4; ++more) add(facts::apic_base_msr, 8);
        }
        return places;
    }
    for (const Gap& gap : reserved_offsets)
        for (const u32 offset : {gap.first, gap.last & ~u32{0xf}}) add(offset, 4);
    for (const RegisterFact& fact : register_facts) {
        const bool has_effects = fact.reg == Reg::svr || fact.reg == Reg::eoi || fact.reg == Reg::lvt_timer;
        add(fact.offset + 4, 4);
        add(fact.offset + 14, 4);
        if (!has_effects && fact.offset % 0x40 != 0) continue;
        for (const u32 size : {1U, 2U, 8U, 16U}) add(fact.offset, size);
        add(fact.offset + 1, 4);
    }
    add(0x1000, 4);
    add(~u64{0xfff} + 0xf0, 4); // the page below
    return places;
}

// `Stepper` carries out one access on a state, with answers of its choosing where the manual leaves them
// open.
template <class Stepper>
class RandomTransitions {
  public:
    explicit RandomTransitions(u64 seed, Stepper stepper) : random_(seed), stepper_(stepper) { begin(); }

    RandomStep next() {
        if (random_.chance(50)) begin();
        RandomStep step{cpu_, state_, access(), {}, {}, {}};
        step.after = step.before;
        step.out = stepper_(random_, step.after, cpu_, step.access);
        state_ = step.after;
        return step;
    }
    RandomApic& random() { return random_; }

  private:
    bool chance(unsigned percent) { return random_.chance(percent); }
    u32 below(u32 end) { return static_cast<u32>(random_.bits() % end); }
    template <class List>
    auto one_of(const List& list) {
        return *(std::begin(list) + below(static_cast<u32>(std::size(list))));
    }

    // A new machine in some lawful state.
    void begin() {
        cpu_ = random_.cpu();
        cpu_.has_tsc_deadline = chance(75);
        if (chance(40)) cpu_.hardware_id = below(0x30);
        const u32 mode = below(cpu_.has_x2apic ? 5 : 3);
        state_ = random_.state(mode == 0  ? model::Mode::disabled
                               : mode < 3 ? model::Mode::xapic
                                          : model::Mode::x2apic);
        make_lawful();
    }
    void make_lawful() {
        State<Concrete>& s = state_;
        s.apic_base &= cpu_.address_mask;
        s.x2apic_id = !cpu_.amd || chance(60) ? cpu_.hardware_id : below(256);
        s.esr_pending &= 0xff;
        for (const RegisterFact& fact : register_facts)
            if (fact.reg != Reg::icr_high) s[fact.reg] &= bits_of_any_cpu(fact);
        if (!in_x2apic(s)) s[Reg::icr_high] &= 0xff00'0000;
        s[Reg::dfr] = 0x0fff'ffff | (chance(50)   ? 0xf000'0000
                                     : chance(80) ? 0
                                                  : random_.word() & 0xf000'0000);
        s[Reg::version] = 0x10 + below(16) + ((5 + below(2)) << 16) + (below(2) << 24);
        if (cpu_.amd && chance(50)) s[Reg::version] |= 0x8000'0000;
        if (chance(50)) s[Reg::id] = s.x2apic_id << 24;
        if (chance(60)) s[Reg::svr] |= facts::svr_enable;
        if (chance(40)) s[Reg::lvt_timer] &= ~facts::lvt_mask;
        if (chance(40)) s[Reg::lvt_timer] = (s[Reg::lvt_timer] & ~facts::timer_mode) | facts::timer_deadline;
        for (u32 word = 0; word < 8; ++word) // few bits, so that the order of vectors counts
            for (const BitmapFact& map : bitmaps)
                if (chance(50)) s[model::offset_by(map.first, word)] &= chance(50) ? 0 : random_.word();
        if (chance(30)) s[Reg::tpr] = below(0x60);
    }
    static bool in_x2apic(const State<Concrete>& s) { return model::in_x2apic(s); }

    model::Access<Concrete> access() {
        const u32 drawn = below(100);
        if (drawn < 40) return guest_access();
        if (drawn < 60) return message();
        constexpr std::array others = {
            AccessKind::cr8_read,       AccessKind::cr8_write,     AccessKind::take_interrupt,
            AccessKind::take_interrupt, AccessKind::timer_expires, AccessKind::timer_expires,
            AccessKind::hardware,       AccessKind::init,          AccessKind::reset};
        const AccessKind kind = one_of(others);
        const u64 value =
            kind == AccessKind::cr8_write ? (chance(70) ? below(16) : random_.bits() >> below(60)) : 0;
        return {kind, 0, 4, value};
    }
    // Mostly by the way that the mode has.
    model::Access<Concrete> guest_access() {
        const bool by_window = chance(75) ? model::in_xapic(state_) : chance(50);
        model::Target target = one_of(by_window ? window_places_ : msr_places_);
        if (chance(65)) target.kind = by_window ? AccessKind::mmio_write : AccessKind::wrmsr;
        const u64 base = by_window ? state_.apic_base & facts::base_page : 0;
        return {target.kind, base + target.place, target.size, value_for(target)};
    }
    u64 value_for(const model::Target& target) {
        if (!is_write(target.kind)) return 0;
        if (target.place == facts::tsc_deadline_msr) return chance(20) ? 0 : random_.bits();
        if (!is_mmio(target.kind) && target.place == facts::apic_base_msr) return base_value();
        const u64 offset = is_mmio(target.kind) ? target.place : (target.place - 0x800) << 4;
        for (const RegisterFact& fact : register_facts)
            if (fact.offset == offset) return value_of(fact);
        return chance(50) ? random_.word() : random_.bits();
    }
    // What software takes, that with one bit of doubt, or anything.
    u64 value_of(const RegisterFact& fact) {
        u64 value = random_.word() & fact.software;
        if (chance(25)) value |= random_.word() & bits_of_any_cpu(fact);
        if (fact.reg == Reg::svr && chance(30)) value ^= facts::svr_enable;
        if (fact.reg == Reg::icr && chance(40)) value &= ~u64{0x700};
        if ((fact.reg == Reg::icr || fact.reg == Reg::self_ipi) && chance(40)) value &= ~u64{0xf0};
        if (fact.reg == Reg::icr) value |= u64{random_.word()} << 32;
        if (chance(20)) value |= u64{1} << below(64);
        return chance(5) ? random_.bits() : value;
    }
    u64 base_value() {
        u64 value = state_.apic_base;
        if (chance(20)) value = random_.bits() & cpu_.address_mask & facts::base_page;
        value = (value & ~(facts::base_enable | facts::base_extd)) |
                (random_.bits() & (facts::base_enable | facts::base_extd));
        const bool goes_on = chance(30) && (value & facts::base_enable) != 0; // from xAPIC to x2APIC mode
        if (goes_on) return value | facts::base_extd;
        if (chance(10)) value ^= facts::base_bsp;
        return chance(20) ? value | (u64{1} << below(64)) : value;
    }
    model::Access<Concrete> message() {
        const u32 id = state_.x2apic_id;
        const u32 near =
            one_of(std::array{id, state_[Reg::id] >> 24, state_[Reg::ldr] >> 24, u32{0xff}, ~u32{0},
                              ((id >> 4) << 16) | (u32{1} << (id & 15)), id & 0xff, id >> 8});
        u32 destination = chance(80) ? near : random_.word();
        if (chance(20)) destination ^= u32{1} << below(32);
        if (chance(20)) destination |= below(256);
        u32 command = random_.word() & 0x000c'cfff;
        if (chance(60)) command &= ~u32{0x700};
        if (chance(50)) command ^= 0x800;
        if (chance(60)) command = (command & ~u32{0xff}) | below(256);
        return {AccessKind::message, destination, 4, command | (chance(50) ? facts::message_by_device : 0)};
    }

    RandomApic random_;
    Stepper stepper_;
    std::vector<model::Target> window_places_ = all_places(true);
    std::vector<model::Target> msr_places_ = all_places(false);
    model::Cpu<Concrete> cpu_{};
    State<Concrete> state_{};
};

// Answers what the manual leaves open at random.
class RandomAnswers {
  public:
    explicit RandomAnswers(RandomApic& random) : random_(&random) {}

    bool choose(model::Rule, bool) { return random_->chance(50); }
    template <class T>
    T choose(model::Rule, T proposal) {
        switch (random_->bits() % 4) {
        case 0: return proposal;
        case 1: return T{0};
        case 2: return static_cast<T>(~T{0});
        default: return static_cast<T>(random_->bits());
        }
    }

  private:
    RandomApic* random_;
};

} // namespace lapicheck::specs
