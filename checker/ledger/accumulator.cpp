#include "checker/ledger/accumulator.hpp"

#include <algorithm>
#include <utility>

#include "checker/ledger/conclusions.hpp"
#include "model/msr.hpp"
#include "traces/kvm_ioctls.hpp"

namespace lapicheck::checker::ledger {
namespace {

using traces::DeliveryMode;
using traces::Event;
using traces::EventKind;
using traces::ExitReason;
using traces::GuestAccess;
namespace ioctls = traces::ioctls;

constexpr u32 pit_source = 2; // KVM_PIT_IRQ_SOURCE_ID; userspace has 0, resampling irqfds 1

Point point_of(const Event& event) { return {event.line, event.time}; }

bool is_by_vector(DeliveryMode mode) {
    return mode == DeliveryMode::fixed || mode == DeliveryMode::lowest_priority;
}

ExitReason reason_of(const Event& event) { return static_cast<ExitReason>(event.value2); }

void first_seen(u64& line, u64 now) {
    if (line == 0) line = now;
}

// Whether the APIC surely accepts no fixed interrupt: KVM prints the acceptance and drops the interrupt
// (__apic_accept_irq() in arch/x86/kvm/lapic.c).
bool drops(const ReplayedVcpu* vcpu) {
    if (vcpu == nullptr || vcpu->may_have_been_reset()) return false;
    const AbstractState& state = vcpu->state();
    return state.mode() == Mode::disabled || has_any(state.stored(Reg::svr), model::svr::enable).is_false();
}

bool names_vector(const AbstractState& state, Reg entry, u64 vector) {
    const Known<u32> known = state.stored(entry) & model::lvt::vector;
    return known.is_exact() && known.value == vector;
}

bool is_access_to_apic(const GuestAccess& access, const ReplayedVcpu* vcpu) {
    if (!model::is_mmio(access.kind)) return model::is_apic_msr(access.address);
    if (access.reached_apic) return true;
    if (vcpu != nullptr && vcpu->has_window_at(access.address)) return true;
    return (access.address & model::apic_base::page) == model::apic_base::reset_page;
}

bool is_eoi_write(const GuestAccess& access) {
    return model::is_write(access.kind) && !access.gp &&
           model::register_addressed(access.kind, access.address) == Reg::eoi;
}

} // namespace

Accumulator::Thread& Accumulator::thread_of(u32 id) {
    if (threads_.size() >= most_threads && !threads_.contains(id)) threads_.clear();
    return threads_[id];
}

Account* Accumulator::account_of(const Event& event, const Replay& replay, bool names_vcpu) {
    const std::optional<u64> named = names_vcpu        ? std::optional{event.where}
                                     : event.vcpu >= 0 ? std::optional{static_cast<u64>(event.vcpu)}
                                                       : std::nullopt;
    return accounts_->of_thread(event.thread, replay.vcpu_of_thread(event.thread), named);
}

void Accumulator::on_event(const Event& event, const Replay& replay) {
    if (event.kind == EventKind::begins) {
        close_recording(replay);
        recording_.first_line = event.line;
        return;
    }
    if (event.kind == EventKind::lost) return on_lost(event);
    recording_.last_line = event.line;
    recording_.last_time = event.time;
    if (recording_.first_time == 0) recording_.first_time = event.time;
    note_shown(event);
    Thread& thread = thread_of(event.thread);
    if (event.kind == EventKind::accept_irq) {
        on_accept(thread, event, replay);
        thread.was_seen = true;
        return;
    }
    if (event.kind != EventKind::apic_ipi && event.kind != EventKind::ioapic_request) {
        close_request(thread);
        thread.recent.clear();
    }
    on_vcpu_event(thread, event, replay);
    if (event.kind != EventKind::eoi) thread.ended.reset();
    thread.was_seen = true;
}

void Accumulator::note_shown(const Event& event) {
    Shown& shown = recording_.shown;
    const auto accelerated = [&](std::string_view by) {
        if (shown.accelerated == 0) shown.accelerated_by = by;
        first_seen(shown.accelerated, event.line);
    };
    switch (event.kind) {
    case EventKind::accept_irq:
        first_seen(shown.accepts, event.line);
        if (event.virtualized) accelerated("kvm_apicv_accept_irq");
        break;
    case EventKind::inject_irq: first_seen(shown.injections, event.line); break;
    case EventKind::eoi: first_seen(shown.eois, event.line); break;
    case EventKind::pv_eoi: first_seen(shown.pv_eois, event.line); break;
    case EventKind::apic_ipi: first_seen(shown.ipis, event.line); break;
    case EventKind::msi_request:
    case EventKind::ioapic_request: first_seen(shown.requests, event.line); break;
    case EventKind::entry: first_seen(shown.entries, event.line); break;
    case EventKind::exit:
        first_seen(shown.exits, event.line);
        if (reason_of(event) == ExitReason::apic_accelerated) accelerated("kvm_exit for an accelerated APIC");
        if (reason_of(event) == ExitReason::nested) first_seen(shown.nested, event.line);
        break;
    case EventKind::msr_read:
    case EventKind::msr_write: first_seen(shown.msrs, event.line); break;
    case EventKind::apic_read:
    case EventKind::apic_write: first_seen(shown.registers, event.line); break;
    case EventKind::accelerated: accelerated("an event of AVIC or APICv"); break;
    case EventKind::nested: first_seen(shown.nested, event.line); break;
    case EventKind::synic_irq: first_seen(shown.synic, event.line); break;
    default: break;
    }
}

void Accumulator::close_request(Thread& thread) {
    if (!thread.request) return;
    const Request request = *std::exchange(thread.request, std::nullopt);
    // An IPI to others may have none to go to.
    if (request.accepted != 0 || request.source != Source::ipi || request.any_vector || !request.sender ||
        request.shorthand != traces::Shorthand::none || !is_by_vector(request.mode))
        return;
    accounts_->at(*request.sender).unanswered(request.vector, request.at);
}

// What came right before may be its own: the I/O APIC prints what it did, and so does a WRMSR of the ICR on
// its fast path (Linux 6.18).
void Accumulator::ask(Thread& thread, const Request& request) {
    close_request(thread);
    Request open = request;
    for (Recent& recent : thread.recent) {
        if (recent.mode != request.mode || recent.acceptance.vector != request.vector) continue;
        ++open.accepted;
        Acceptance now = recent.acceptance;
        now.source = request.source;
        now.sender = request.sender;
        now.requested = request.at;
        if (is_by_vector(recent.mode))
            accounts_->at(recent.account).reattribute(now.vector, now.at.line, recent.acceptance.source, now);
    }
    // Acceptances of the thread's first event may stand before the recording.
    if (!thread.was_seen && open.accepted == 0) open.shorthand = traces::Shorthand::unknown;
    thread.recent.clear();
    thread.request = open;
}

Source Accumulator::guess_source(Thread& thread, const Event& event, const ReplayedVcpu* receiver) const {
    // The I/O APIC asks again at the EOI of a level-triggered interrupt whose line is still asserted.
    if (event.interrupt.level_triggered && thread.ended == event.value) return Source::ioapic;
    if (receiver == nullptr) return Source::unknown;
    const AbstractState& state = receiver->state();
    if (names_vector(state, Reg::lvt_timer, event.value)) return Source::timer;
    for (const Reg entry : model::lvt_entries)
        if (entry != Reg::lvt_timer && names_vector(state, entry, event.value)) return Source::lvt;
    return Source::unknown;
}

void Accumulator::on_accept(Thread& thread, const Event& event, const Replay& replay) {
    const Account* const sender = accounts_->find(event.thread, replay.vcpu_of_thread(event.thread));
    const Accounts::Receiver receiver = accounts_->receiver(event.where, sender);
    if (receiver.account == nullptr) return;
    Account& account = *receiver.account;
    const auto& own_thread = account.facts().thread;
    const ReplayedVcpu* const vcpu = own_thread ? replay.vcpu_of_thread(*own_thread) : nullptr;
    const DeliveryMode mode = event.interrupt.delivery_mode;
    const auto vector = static_cast<u32>(event.value & 0xff);

    Acceptance accepted{.at = point_of(event),
                        .vector = vector,
                        .level = event.interrupt.level_triggered,
                        .dropped = drops(vcpu),
                        .ambiguous = receiver.ambiguous,
                        .by_own_thread = own_thread == event.thread};
    Request* const request = thread.request ? &*thread.request : nullptr;
    if (request != nullptr && (request->any_vector || (request->vector == vector && request->mode == mode))) {
        ++request->accepted;
        accepted.source = request->source;
        accepted.sender = request->sender;
        accepted.requested = request->at;
        if (request->source == Source::ipi && accepted.by_own_thread) accepted.source = Source::self_ipi;
    } else {
        accepted.source = is_by_vector(mode) ? guess_source(thread, event, vcpu) : Source::unknown;
        if (thread.recent.size() < most_recent) thread.recent.push_back({account.index(), accepted, mode});
    }
    if (is_by_vector(mode)) return account.accept(accepted);
    const bool may_wait = vcpu != nullptr && vcpu->may_have_been_reset();
    account.accept_other(mode, vector, accepted.at, may_wait);
    // KVM prints the acceptance of a level de-assert, too, which does nothing (I07).
    if (mode == DeliveryMode::init && (request == nullptr || !request->deasserts)) account.on_init();
}

void Accumulator::on_vcpu_event(Thread& thread, const Event& event, const Replay& replay) {
    const Point at = point_of(event);
    switch (event.kind) {
    case EventKind::entry:
        thread.pit = false;
        if (Account* const account = account_of(event, replay, false)) account->enter(at, event.where);
        break;
    case EventKind::exit:
        thread.pit = false;
        if (Account* const account = account_of(event, replay, false))
            account->exit(at, reason_of(event) == ExitReason::hlt);
        break;
    case EventKind::inject_irq:
        if (Account* const account = account_of(event, replay, false))
            account->inject(at, static_cast<u32>(event.where & 0xff), event.reinjected, event.may_be_again);
        break;
    case EventKind::eoi:
    case EventKind::pv_eoi: on_eoi(thread, event, replay); break;
    case EventKind::userspace_exit:
    case EventKind::ioapic_eoi:
        if (event.kind == EventKind::userspace_exit && event.where == 0) break;
        if (Account* const account = accounts_->find(event.thread, replay.vcpu_of_thread(event.thread)))
            account->broadcast();
        break;
    case EventKind::apic_ipi: {
        Account* const account = account_of(event, replay, false);
        ask(thread, {.source = Source::ipi,
                     .vector = static_cast<u32>(event.value & 0xff),
                     .mode = event.interrupt.delivery_mode,
                     .shorthand = event.interrupt.shorthand,
                     .deasserts = event.interrupt.level_triggered && !event.interrupt.assert_level,
                     .at = at,
                     .sender = account == nullptr ? std::nullopt : std::optional{account->index()}});
        break;
    }
    case EventKind::msi_request:
    case EventKind::ioapic_request:
        ask(thread, {.source = event.kind == EventKind::msi_request ? Source::msi
                               : thread.pit                         ? Source::pit
                                                                    : Source::ioapic,
                     .vector = static_cast<u32>(event.value & 0xff),
                     .mode = event.interrupt.delivery_mode,
                     .at = at});
        break;
    case EventKind::hypercall: {
        Account* const account = account_of(event, replay, false);
        ask(thread, {.source = Source::ipi,
                     .any_vector = true,
                     .at = at,
                     .sender = account == nullptr ? std::nullopt : std::optional{account->index()}});
        break;
    }
    case EventKind::set_irq: thread.pit = event.size == pit_source; break;
    case EventKind::msr_write: on_base_write(event, replay); break;
    case EventKind::ioctl: on_ioctl(event, replay); break;
    default: break;
    }
}

void Accumulator::on_eoi(Thread& thread, const Event& event, const Replay& replay) {
    Account* const account = account_of(event, replay, true);
    if (account == nullptr) return;
    const Point at = point_of(event);
    if (event.value > 0xff) {
        if (event.kind == EventKind::eoi) account->end_nothing(at);
        return;
    }
    const auto vector = static_cast<u32>(event.value);
    if (event.kind == EventKind::eoi) {
        account->end(at, vector);
        thread.ended = vector;
        return;
    }
    // KVM prints kvm_eoi right before it (apic_sync_pv_eoi_from_guest() in arch/x86/kvm/lapic.c).
    if (thread.ended != vector) account->end(at, vector);
    account->ended_lazily(vector);
}

// Disabling the APIC leaves what was pending unspecified.
void Accumulator::on_base_write(const Event& event, const Replay& replay) {
    const bool disables =
        event.where == model::apic_base::msr && !event.gp && (event.value & model::apic_base::enable) == 0;
    if (!disables) return;
    if (Account* const account = account_of(event, replay, false)) account->abandon();
}

// The state of some vCPU is loaded; of which, only its file tells.
void Accumulator::on_ioctl(const Event& event, const Replay& replay) {
    if (event.where != ioctls::set_lapic) return;
    if (Account* const own = accounts_->find(event.thread, replay.vcpu_of_thread(event.thread)))
        return own->abandon();
    accounts_->for_each([](Account& account) { account.abandon(); });
}

void Accumulator::on_lost(const Event& event) {
    first_seen(recording_.shown.lost, event.line);
    accounts_->for_each([](Account& account) { account.abandon(); });
    threads_.clear();
}

void Accumulator::on_own_eoi(u32 thread, Point at, const Replay& replay) {
    if (recording_.shown.eois != 0) return; // it tells the vector
    if (Account* const account = accounts_->of_thread(thread, replay.vcpu_of_thread(thread), std::nullopt))
        account->end_highest(at);
}

void Accumulator::on_access(const GuestAccess& access, const Replay& replay) {
    if (access.line < recording_.first_line) return;
    const ReplayedVcpu* const vcpu = replay.vcpu_of_thread(access.thread);
    if (!is_access_to_apic(access, vcpu)) return;
    const std::optional<u64> named =
        access.vcpu >= 0 ? std::optional{static_cast<u64>(access.vcpu)} : std::nullopt;
    Account* const account = accounts_->of_thread(access.thread, vcpu, named);
    if (account == nullptr) return;
    account->access(access);
    if (!is_eoi_write(access)) return;
    first_seen(recording_.shown.eoi_accesses, access.line);
    const bool reached = !model::is_mmio(access.kind) || access.reached_apic;
    if (reached && !access.ended_interrupt) on_own_eoi(access.thread, {access.line, access.time}, replay);
}

void Accumulator::on_stray(const Event& event, const Replay& replay) {
    if (event.line < recording_.first_line) return;
    if (event.kind == EventKind::eoi) first_seen(recording_.shown.own_eoi, event.line);
    if (event.kind == EventKind::apic_write && event.where == model::offset_of(Reg::eoi)) {
        first_seen(recording_.shown.own_eoi, event.line);
        on_own_eoi(event.thread, point_of(event), replay);
    }
}

void Accumulator::close_recording(const Replay& replay) {
    accounts_->finish(recording_, replay);
    recording_.is_overfull = accounts_->is_overfull();
    if (recordings_.size() < most_recordings) recordings_.push_back(std::move(recording_));
    else ++not_listed_;
    recording_ = {};
    accounts_.emplace(deliveries_);
    threads_.clear();
}

void Accumulator::at_end(const Replay& replay, const traces::ReadSummary& read) {
    close_recording(replay);
    for (Recording& recording : recordings_)
        recording.conclusions = conclude(recording, read.clock_in_seconds);
}

} // namespace lapicheck::checker::ledger
