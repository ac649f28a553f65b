// Random states, accesses and answers for the test that the three domains agree on what implementations do.
// Drawn evenly over modes, kinds of access, sizes and places.
#pragma once

#include "checker/prove/engine/cases.hpp"
#include "programs/sim/scenario.hpp"
#include "tests/checker/prove/values.hpp"
#include "tests/model/random_apic.hpp"

namespace lapicheck::prove {

using model::Concrete;
using model::KnownBits;
using model::RandomApic;

// Where accesses of a kind and size may go: offsets in the window, or indices of MSRs.
inline std::vector<u64> places_of(AccessKind kind, u32 size) {
    std::vector<u64> places;
    if (model::is_msr(kind)) {
        for (const model::RegisterRow& row : model::sdm_registers) places.push_back(row.msr());
        for (const u64 msr : {0x800U, 0x801U, 0x804U, 0x807U, 0x829U, 0x82eU, 0x831U, 0x83aU, 0x83dU, 0x840U,
                              0x843U, 0x848U, 0x853U, 0x8ffU, 0x7ffU, 0x900U})
            places.push_back(msr);
        places.push_back(u64{0x1'0000'0808});
        places.insert(places.end(), 14, model::apic_base::msr);
        places.insert(places.end(), 8, model::tsc_deadline_msr);
        return places;
    }
    if (size == 4) {
        for (const model::RegisterRow& row : model::sdm_registers) places.push_back(row.offset);
        for (const u64 reserved : {0x000U, 0x010U, 0x040U, 0x070U, 0x290U, 0x2e0U, 0x3a0U, 0x3d0U, 0x400U,
                                   0x410U, 0x430U, 0x480U, 0x4f0U, 0x540U, 0xff0U})
            places.push_back(reserved);
    }
    for (const u64 offset : {0x020U, 0x080U, 0x0b0U, 0x0e0U, 0x0f0U, 0x280U, 0x300U, 0x320U, 0x380U, 0x3e0U})
        for (const u64 delta : {0U, 1U, 2U, 14U})
            if (size != 4 || delta != 0) places.push_back(offset + delta);
    for (const u64 odd : {u64{0xffe}, u64{0x1020}, ~u64{0xfff} + 0x20}) places.push_back(odd);
    return places;
}

// One step of an APIC before it is taken, on plain values.
struct PlainStep {
    model::Cpu<Concrete> cpu;
    PlainState before;
    model::Access<Concrete> access;
    model::Surroundings<Concrete> around;
    std::vector<u64> places; // of the pages that may hold something
};

class RandomSteps {
  public:
    explicit RandomSteps(u64 seed) : random_(seed) {}

    RandomApic& random() { return random_; }

    PlainStep step(const CaseKey& key, u64 place) {
        PlainStep step{};
        step.cpu = random_.cpu();
        step.before = random_.state(key.mode);
        if (random_.chance(30)) make_idle(step.before);
        step.access = {key.kind, 0, key.size, 0};
        if (model::is_mmio(key.kind) || model::is_msr(key.kind)) access(step, place);
        else if (key.kind == AccessKind::message) message(step);
        else if (key.kind == AccessKind::cr8_write)
            step.access.value = random_.bits() >> (random_.bits() % 64);
        fill_pages(step);
        return step;
    }
    // Something lies where the access goes, and something elsewhere.
    void fill_pages(PlainStep& step) {
        step.places.clear();
        step.around = {};
        for (u64 i = 0; i < 8; ++i) step.places.push_back((step.access.address + i) & 0xfff);
        step.places.push_back(0x123);
        for (const u64 place : step.places) {
            step.around.own.write(place, 1, random_.bits());
            step.around.shared.write(place, 1, random_.bits());
        }
    }
    // An answer to a question that the manual leaves open.
    u64 answer(const z3::expr& variable) {
        if (variable.is_bool()) return random_.bits() & 1;
        const u64 mask = variable.get_sort().bv_size() == 64 ? ~u64{0} : ~u32{0};
        switch (random_.bits() % 4) {
        case 0: return 0;
        case 1: return mask;
        case 2: return u64{random_.word()};
        default: return random_.bits() & mask;
        }
    }

  private:
    void make_idle(PlainState& s) {
        for (u32 word = 0; word < 8; ++word)
            if (random_.chance(70)) s[model::offset_by(model::Reg::isr0, word)] = 0;
        s[model::Reg::tpr] &= 0x3f;
        s[model::Reg::svr] |= model::svr::enable;
    }
    void access(PlainStep& step, u64 place) {
        const model::Target target{step.access.kind, place, step.access.size};
        const u64 base = model::is_mmio(target.kind) ? step.before.apic_base & model::apic_base::page : 0;
        step.access.address = base + place;
        step.access.value = random_.value_for(target, step.before);
    }
    void message(PlainStep& step) {
        const u32 id = step.before.x2apic_id;
        const std::array near = {id,
                                 step.before[model::Reg::id] >> 24,
                                 step.before[model::Reg::ldr] >> 24,
                                 u32{0xff},
                                 ~u32{0},
                                 ((id >> 4) << 16) | (u32{1} << (id & 15)),
                                 random_.word()};
        step.access.address = near[random_.bits() % near.size()];
        u32 command = random_.word();
        if (random_.chance(50)) command &= ~model::icr::delivery_mode;
        if (random_.chance(50)) command = (command & ~model::icr::vector) | (random_.bits() & 0xff);
        if (random_.chance(30)) command ^= model::icr::logical;
        step.access.value = command;
        if (random_.chance(50)) step.before[model::Reg::dfr] |= 0xf000'0000;
        if (random_.chance(30)) step.before[model::Reg::dfr] &= 0x0fff'ffff;
    }
    RandomApic random_;
};

} // namespace lapicheck::prove
