// Interrupts among what may be true of an APIC: messages that arrive, timers that fire, vectors that are
// taken.
#include "checker/compare.hpp"
#include "checker/worlds.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {

using model::Access;
using model::ForkingDriver;
using model::KnownBits;
using model::KnownBool;

void Worlds::collect_errors() {
    each([](World& world) {
        ForkingDriver p;
        model::collect_errors(p, world);
    });
}

namespace {

Access<KnownBits> as_access(const Worlds::Message& message, const World& receiver, u32 command) {
    const bool x2apic = mode_of(receiver) == Mode::x2apic;
    return {model::AccessKind::message,
            model::widen(x2apic ? message.x2apic_destination : message.destination), 4, u64{command}};
}

} // namespace

void Worlds::receive(const Message& message, const CpuFacts& cpu) {
    Worlds next;
    next.interrupts_known_ = true;
    each([&](const World& before) {
        if (!message.certain) next.add(before);
        ForkingDriver p;
        do {
            World world = before;
            const u32 command = message.from_apic ? model::as_sent(p, cpu, message.command) : message.command;
            model::receive(p, world, as_access(message, world, command));
            next.add(world);
        } while (p.next_path());
    });
    *this = next;
}

template <class Visit>
void Worlds::each_arrival(const Message& message, Visit visit) const {
    for (std::size_t m = 0; m < model::mode_count; ++m) {
        if (!possible_[m]) continue;
        ForkingDriver p;
        do {
            World world = worlds_[m];
            visit(model::receive(p, world, as_access(message, world, message.command)));
        } while (p.next_path());
    }
}

bool Worlds::may_be_addressed(const Message& message) const {
    bool may = false;
    each_arrival(message, [&](const PathOutcome& out) { may = may || out.answer == model::Answer::apic; });
    return may;
}

bool Worlds::must_be_addressed(const Message& message) const {
    bool must = true;
    each_arrival(message, [&](const PathOutcome& out) { must = must && out.answer == model::Answer::apic; });
    return must;
}

void Worlds::timer_fired(const CpuFacts& cpu) {
    Worlds next;
    next.interrupts_known_ = true;
    each([&](const World& before) {
        ForkingDriver p;
        do {
            World world = before;
            model::expire_timer(p, world, cpu);
            next.add(world);
        } while (p.next_path());
    });
    *this = next;
}

// An expiry may also have been remembered while the entry was masked (T15), or come late (T18): the count
// and the deadline exclude nothing.
void Worlds::timer_may_have_fired(const CpuFacts& cpu) {
    Worlds fired = *this;
    fired.timer_fired(cpu);
    merge(fired);
    const Known<u32> entry = stored(Reg::lvt_timer);
    if (has_any(entry, model::lvt::mask).is_true()) return;
    const Known<u32> vector = entry & model::lvt::vector;
    if (vector.is_exact()) on_accept(vector.value, false, false);
    else forget_interrupts();
}

std::optional<u32> Worlds::interrupt_to_take() const {
    std::optional<u32> only;
    for (std::size_t m = 0; m < model::mode_count; ++m) {
        if (!possible_[m]) continue;
        ForkingDriver p;
        do {
            World world = worlds_[m];
            const PathOutcome out = model::take_interrupt(p, world);
            const bool determined = out.answer == model::Answer::apic && out.value.is_exact();
            if (!determined || (only && *only != out.value.value)) return std::nullopt;
            only = model::low_half(out.value.value);
        } while (p.next_path());
    }
    return only;
}

KnownBool Worlds::broadcasts_eoi() const {
    std::optional<KnownBool> all;
    for (std::size_t m = 0; m < model::mode_count; ++m) {
        if (!possible_[m]) continue;
        ForkingDriver p;
        do {
            World world = worlds_[m];
            const KnownBool here = model::end_of_interrupt(p, world);
            all = all ? all->join(here) : here;
        } while (p.next_path());
    }
    return all.value_or(KnownBool{});
}

void Worlds::forget_interrupts() {
    if (!interrupts_known_) return;
    interrupts_known_ = false;
    each([](World& world) {
        for (u32 word = 0; word < 24; ++word) {
            const Reg reg = model::offset_by(Reg::isr0, word);
            world[reg] = {0, ~model::vectors_of(reg)};
        }
    });
}

void Worlds::on_accept(u32 vector, bool certain, bool level_triggered) {
    if (vector < model::first_legal_vector) return;
    const u32 bit = model::bit_of(vector);
    const Reg irr = model::word_of(Reg::irr0, vector);
    const Reg tmr = model::word_of(Reg::tmr0, vector);
    each([&](World& world) {
        const KnownBool enabled = both(is_enabled(world), is_software_enabled(world));
        if (enabled.is_false()) return; // V09: traced, then dropped
        if (certain && enabled.is_true()) {
            ForkingDriver p;
            model::accept(p, world, Known<u32>{vector}, KnownBool{level_triggered});
            return;
        }
        // Accepted or not, perhaps already taken.
        world[irr] = world[irr].join(world[irr].refined_by({bit, bit}));
        const u32 trigger = level_triggered ? bit : 0;
        world[tmr] = world[tmr].join(world[tmr].refined_by({trigger, bit}));
    });
    interrupts_known_ = true;
}

std::optional<Mismatch> Worlds::on_inject(u32 vector) {
    std::optional<Mismatch> violated;
    unsigned explained = 0;
    each([&](World& world) {
        const Known<u32> lint0 = world[Reg::lvt_lint0];
        // The PIC's vector comes through LINT0 as ExtINT, past IRR and ISR (P11), or directly where the
        // APIC is disabled.
        const bool direct = !is_enabled(world).is_true() || !is_software_enabled(world).is_true();
        const bool through_lint0 =
            !has_any(lint0, model::lvt::mask).is_true() &&
            !equal(lint0 & model::lvt::delivery_mode, Known<u32>{model::lvt::extint}).is_false();
        const u32 bit = model::bit_of(vector);
        const Known<u32> requested = world[model::word_of(Reg::irr0, vector)];
        const bool certainly_ours = !direct && !through_lint0;
        const bool not_requested = (requested.known & ~requested.value & bit) != 0;
        const bool in_service = (world[model::word_of(Reg::isr0, vector)].value & bit) != 0;
        if (not_requested && (!certainly_ours || in_service)) { // the PIC's; or given again
            ++explained;
            return;
        }
        if (not_requested) {
            violated = Mismatch{};
            violated->rule = Rule::P02;
            violated->fault = Fault::injected;
            violated->mode = mode_of(world);
            violated->unseen_cause = true;
            violated->detail.format = "nobody requested it";
            return;
        }
        for (u32 higher = 255; certainly_ours && higher > vector; --higher) {
            const bool waits = (world[model::word_of(Reg::irr0, higher)].value & model::bit_of(higher)) != 0;
            const bool serves = (world[model::word_of(Reg::isr0, higher)].value & model::bit_of(higher)) != 0;
            if (!waits && !serves) continue;
            violated = Mismatch{};
            violated->rule = waits ? Rule::P02 : Rule::P03;
            violated->fault = Fault::injected;
            violated->mode = mode_of(world);
            violated->detail.format =
                waits ? "a higher vector waits in IRR" : "a higher vector is in service";
            return;
        }
        ++explained;
        World taken = world;
        model::dispense(taken, Known<u32>{vector});
        if ((requested.value & bit) == 0) taken[model::word_of(Reg::irr0, vector)] = requested;
        if (certainly_ours) {
            world = taken;
            return;
        }
        for (u32 word = 0; word < 24; ++word) {
            const Reg reg = model::offset_by(Reg::isr0, word);
            world[reg] = world[reg].join(taken[reg]);
        }
    });
    interrupts_known_ = true;
    return explained == 0 ? violated : std::nullopt;
}

void Worlds::may_have_taken(u32 vector) {
    each([vector](World& world) {
        World taken = world;
        model::dispense(taken, vector);
        for (const Reg first : {Reg::isr0, Reg::irr0}) {
            const Reg reg = model::word_of(first, vector);
            world[reg] = world[reg].join(taken[reg]);
        }
    });
}

} // namespace lapicheck::checker
