// Interrupts among what may be true of an APIC: messages that arrive, timers that fire, vectors that are
// taken.
#include "checker/judge/abstract_state.hpp"
#include "checker/judge/compare.hpp"
#include "checker/judge/service_faults.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {

using model::Access;
using model::ForkingDriver;
using model::KnownBits;
using model::KnownBool;

void AbstractState::collect_bus_errors(const CpuFacts& cpu) {
    for_each_mode([&cpu](ModeState& mode_state) {
        ForkingDriver p;
        model::collect_errors(p, mode_state, cpu, false);
    });
}

namespace {

Access<KnownBits> as_access(const AbstractState::Message& message, const ModeState& receiver, u32 command) {
    using From = AbstractState::Message::From;
    const bool x2apic = mode_of(receiver) == Mode::x2apic;
    const Known<u64> sender{message.from == From::device ? model::by_device : 0,
                            message.from == From::unknown ? ~model::by_device : ~u64{0}};
    return {model::AccessKind::message,
            model::zero_extend(x2apic ? message.x2apic_destination : message.destination), 4,
            Known<u64>{u64{command}} | sender};
}

} // namespace

void AbstractState::receive(const Message& message, const CpuFacts& cpu) {
    const AbstractState before = *this;
    interrupts_known_ = true;
    transform([&](ForkingDriver& p, ModeState& mode_state) {
        const bool from_apic = message.from == Message::From::apic;
        const u32 command = from_apic ? model::as_sent(p, cpu, message.command) : message.command;
        model::receive(p, mode_state, cpu, as_access(message, mode_state, command));
    });
    if (!message.certain) merge(before);
}

template <class Visit>
void AbstractState::each_arrival(const Message& message, Visit visit) const {
    for_each_path([&](ForkingDriver& p, ModeState& mode_state) {
        visit(model::receive(p, mode_state, CpuFacts{}, as_access(message, mode_state, message.command)));
    });
}

bool AbstractState::may_be_addressed(const Message& message) const {
    bool may = false;
    each_arrival(message, [&](const PathOutcome& out) { may = may || out.answer == model::Answer::apic; });
    return may;
}

bool AbstractState::must_be_addressed(const Message& message) const {
    bool must = true;
    each_arrival(message, [&](const PathOutcome& out) { must = must && out.answer == model::Answer::apic; });
    return must;
}

void AbstractState::pmc_delivered(const CpuFacts& cpu) {
    transform(
        [&](ForkingDriver& p, ModeState& mode_state) { model::mask_delivering_pmc(p, mode_state, cpu); });
}

void AbstractState::timer_fired(const CpuFacts& cpu) {
    interrupts_known_ = true;
    transform([&](ForkingDriver& p, ModeState& mode_state) { model::expire_timer(p, mode_state, cpu); });
}

// An expiry may also have been remembered while the entry was masked (T15), or come late (T18): the count
// and the deadline exclude nothing.
void AbstractState::timer_may_have_fired(const CpuFacts& cpu) {
    AbstractState fired = *this;
    fired.timer_fired(cpu);
    merge(fired);
    const Known<u32> entry = stored(Reg::lvt_timer);
    if (has_any(entry, model::lvt::mask).is_true()) return;
    const Known<u32> vector = entry & model::lvt::vector;
    if (vector.is_exact()) on_accept(vector.value, false, false);
    else forget_interrupts();
}

KnownBool AbstractState::raises_error(Known<u32> pending_before) const {
    std::optional<KnownBool> all;
    for (std::size_t m = 0; m < model::mode_count; ++m) {
        if (!possible_[m]) continue;
        ForkingDriver p;
        const KnownBool here = model::raises_error(p, mode_states_[m], pending_before);
        all = all ? all->join(here) : here;
    }
    return all.value_or(KnownBool{});
}

// What another delivery mode than fixed does (AMD) goes past IRR.
void AbstractState::error_raised(bool certain) {
    const Known<u32> entry = stored(Reg::lvt_error);
    if (has_any(entry, model::lvt::mask).is_true()) return;
    const Known<u32> vector = entry & model::lvt::vector;
    if (!certain || !is_zero(entry & model::icr::delivery_mode).is_true()) {
        if (vector.is_exact()) on_accept(vector.value, false, false);
        else forget_interrupts();
        return;
    }
    interrupts_known_ = true;
    transform([](ForkingDriver& p, ModeState& mode_state) { model::fire(p, mode_state, Reg::lvt_error); });
}

std::optional<u32> AbstractState::interrupt_to_take() const {
    std::optional<u32> only;
    bool determined = true;
    for_each_path([&](ForkingDriver& p, ModeState& mode_state) {
        const PathOutcome out = model::take_interrupt(p, mode_state);
        determined = determined && out.answer == model::Answer::apic && out.value.is_exact() &&
                     (!only || *only == out.value.value);
        only = model::low_half(out.value.value);
    });
    return determined ? only : std::nullopt;
}

Known<u32> AbstractState::processor_priority() const {
    std::optional<Known<u32>> all;
    for_each_path([&](ForkingDriver& p, ModeState& mode_state) {
        const PathOutcome out = model::read_ppr(p, mode_state);
        const Known<u32> here = out.exceeds ? Known<u32>{} : model::low_half(out.value);
        all = all ? all->join(here) : here;
    });
    return all.value_or(Known<u32>{});
}

KnownBool AbstractState::broadcasts_eoi() const {
    std::optional<KnownBool> all;
    for_each_path([&](ForkingDriver& p, ModeState& mode_state) {
        const KnownBool here = model::end_of_interrupt(p, mode_state);
        all = all ? all->join(here) : here;
    });
    return all.value_or(KnownBool{});
}

void AbstractState::forget_interrupts() {
    if (!interrupts_known_) return;
    interrupts_known_ = false;
    for_each_mode([](ModeState& mode_state) {
        for (u32 word = 0; word < 24; ++word) {
            const Reg reg = model::offset_by(Reg::isr0, word);
            mode_state[reg] = {0, ~model::vectors_of(reg)};
        }
    });
}

void AbstractState::on_accept(u32 vector, bool certain, bool level_triggered) {
    if (vector < model::first_legal_vector) return;
    const u32 bit = model::bit_of(vector);
    const Reg irr = model::word_of(Reg::irr0, vector);
    const Reg tmr = model::word_of(Reg::tmr0, vector);
    for_each_mode([&](ModeState& mode_state) {
        const KnownBool enabled = both(is_enabled(mode_state), is_software_enabled(mode_state));
        if (enabled.is_false()) return; // V09: traced, then dropped
        if (certain && enabled.is_true()) {
            ForkingDriver p;
            model::accept(p, mode_state, Known<u32>{vector}, KnownBool{level_triggered});
            return;
        }
        // Accepted or not, perhaps already taken.
        mode_state[irr] = mode_state[irr].join(mode_state[irr].refined_by({bit, bit}));
        const u32 trigger = level_triggered ? bit : 0;
        mode_state[tmr] = mode_state[tmr].join(mode_state[tmr].refined_by({trigger, bit}));
    });
    interrupts_known_ = true;
}

namespace {

// What holds the vector back for certain: a higher one that waits, one of its class or above in service, or
// the task priority.
std::optional<Mismatch> held_back(const ModeState& mode_state, const AbstractState::Injection& given) {
    const u32 vector_class = given.vector & model::tpr::task_class;
    if (given.tpr && (*given.tpr & model::tpr::task_class) >= vector_class)
        return injected(mode_of(mode_state), Rule::P02, Reg::tpr, {"TPR holds back its class"});
    for (u32 other = 255; other >= vector_class && other >= model::first_legal_vector; --other) {
        const u32 bit = model::bit_of(other);
        const bool may_be_held = !mode_state.ier_written.is_false(); // by AMD's IER
        if (other > given.vector && !may_be_held &&
            (mode_state[model::word_of(Reg::irr0, other)].value & bit) != 0)
            return overtook(mode_of(mode_state), other);
        if ((mode_state[model::word_of(Reg::isr0, other)].value & bit) == 0) continue;
        if (other > given.vector)
            return injected(mode_of(mode_state), Rule::P03, Reg::isr0,
                            {"vector {:02X}H is in service", other});
        return injected(mode_of(mode_state), other == given.vector ? Rule::P02 : Rule::P14, Reg::isr0,
                        {"vector {:02X}H of the same priority class is in service", other});
    }
    return std::nullopt;
}

} // namespace

AbstractState::InjectionVerdict AbstractState::on_inject(const Injection& given) {
    InjectionVerdict gave;
    bool explained = false;
    bool requested = false;
    const u32 bit = model::bit_of(given.vector);
    const Reg irr = model::word_of(Reg::irr0, given.vector);
    const Reg isr = model::word_of(Reg::isr0, given.vector);
    for_each_mode([&](ModeState& mode_state) {
        const Known<u32> lint0 = mode_state[Reg::lvt_lint0];
        // The PIC's vector comes through LINT0 as ExtINT, past IRR and ISR (P11), or directly where the
        // APIC is disabled.
        const bool direct = !is_enabled(mode_state).is_true() || !is_software_enabled(mode_state).is_true();
        const bool through_lint0 =
            !has_any(lint0, model::lvt::mask).is_true() &&
            !equal(lint0 & model::lvt::delivery_mode, Known<u32>{model::lvt::extint}).is_false();
        // That the PIC gives the very vector that waits in IRR is not to be thought of.
        const bool waits = (mode_state[irr].value & bit) != 0;
        const bool certainly_ours = !direct && (!through_lint0 || waits);
        const bool not_requested = (mode_state[irr].known & ~mode_state[irr].value & bit) != 0;
        const bool is_requested = waits || given.announced;
        const bool may_serve = ((mode_state[isr].value | ~mode_state[isr].known) & bit) != 0;
        if (not_requested) {
            explained = true;
            if (!certainly_ours || may_serve) { // the PIC's; or given again
                requested = true;
                return;
            }
            gave.unrequested = injected(mode_of(mode_state), Rule::P02, Reg::irr0, {"nobody requested it"});
            gave.unrequested->unseen_cause = true;
            return;
        }
        requested = true;
        const bool is_first = !given.may_be_again || !may_serve;
        const bool is_taken = certainly_ours && is_requested && is_first;
        if (is_taken) {
            if (const auto mismatch = held_back(mode_state, given)) {
                gave.violated = mismatch;
                return;
            }
        }
        explained = true;
        const Known<u32> was_serving = mode_state[isr];
        const Known<u32> was_waiting = mode_state[irr];
        ModeState taken = mode_state;
        model::dispatch(taken, Known<u32>{given.vector});
        if ((was_waiting.value & bit) == 0) taken[irr] = was_waiting;
        if (is_taken) {
            mode_state = taken;
            if (given.may_end_itself) mode_state[isr] = was_serving.join(taken[isr]);
            return;
        }
        for (const Reg reg : {isr, irr}) mode_state[reg] = mode_state[reg].join(taken[reg]);
    });
    interrupts_known_ = true;
    if (explained) gave.violated.reset();
    if (requested) gave.unrequested.reset();
    return gave;
}

std::optional<Mismatch> AbstractState::on_inject(u32 vector) {
    const InjectionVerdict gave = on_inject({.vector = vector, .announced = true, .tpr = {}});
    return gave.violated ? gave.violated : gave.unrequested;
}

void AbstractState::may_have_ended(u32 vector) {
    for_each_mode([vector](ModeState& mode_state) {
        Known<u32>& isr = mode_state[model::word_of(Reg::isr0, vector)];
        isr = isr.join(isr & ~model::bit_of(vector));
    });
}

void AbstractState::may_have_taken(u32 vector) {
    for_each_mode([vector](ModeState& mode_state) {
        ModeState taken = mode_state;
        model::dispatch(taken, vector);
        for (const Reg first : {Reg::isr0, Reg::irr0}) {
            const Reg reg = model::word_of(first, vector);
            mode_state[reg] = mode_state[reg].join(taken[reg]);
        }
    });
}

} // namespace lapicheck::checker
