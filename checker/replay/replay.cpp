#include "checker/replay/replay.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "traces/limits.hpp"

namespace lapicheck::checker {
namespace {

using traces::Event;
using traces::EventKind;
using traces::GuestAccess;

// Threads that run vCPUs kept at once; beyond it all start anew, which loses knowledge, never accuracy.
constexpr std::size_t most_vcpus_a_thread = 64;

// How long a thread must have been silent for userspace to have reset its vCPU in between. Userspace
// makes several ioctls on every vCPU, hundreds of microseconds in all, and firmware runs for
// milliseconds before its first access; where the trace shows when the thread was in userspace, only
// that time counts.
constexpr u64 shortest_reset_ns = 300'000;
constexpr u64 shortest_userspace_ns = 100'000;
// Of clocks that count cycles the rate is unknown; no CPU counts slower than this would mean.
constexpr u64 shortest_reset_ticks = 100'000;
// A thread's own pause in which events of it may have been lost on another CPU.
constexpr u64 shortest_gap_ns = 50'000;
// Its pause in which it may have been on another CPU, where it had time for more than what a pause hides
// anyway: the scheduler leaves a thread on its CPU for milliseconds.
constexpr u64 shortest_absence_ns = 1'000'000;

constexpr u64 longest_instruction = 15; // bytes

constexpr u32 nobody = 0xffff'ffff; // no thread's number

CpuFacts facts_for(GuestCpu cpu) {
    CpuFacts facts;
    if (cpu != GuestCpu::either) facts.amd = cpu == GuestCpu::amd;
    // Without CPUID 8000_0008H a CPU has 36 bits; none has more than 52.
    constexpr u64 always = (u64{1} << 36) - 1;
    constexpr u64 never = ~((u64{1} << 52) - 1);
    facts.address_mask = {always, always | never};
    facts.locked_x2apic = false; // until IA32_XAPIC_DISABLE_STATUS is seen to say so
    return facts;
}

bool are_all_departures(const std::vector<Divergence>& divergences) {
    return std::ranges::all_of(divergences,
                               [](const Divergence& d) { return d.mismatch.departure != nullptr; });
}

constexpr u32 no_command = ~u32{0};

// The vector of the command that the access is.
u32 commanded_vector(const GuestAccess& access) {
    if (access.ipis > 0) return model::low_half(access.ipi_vector);
    if (!is_write(access.kind)) return no_command;
    const Reg reg = model::register_addressed(access.kind, access.address);
    const bool commands = reg == Reg::icr || reg == Reg::self_ipi;
    return commands ? model::low_half(access.value) & model::icr::vector : no_command;
}

bool is_default_window(u64 address) {
    return (address & model::apic_base::page) == model::apic_base::reset_page;
}

} // namespace

// An event that is no access but shows a divergence, as an access.
GuestAccess Replay::as_access(const Event& event) {
    GuestAccess access;
    access.kind = model::AccessKind::rdmsr;
    access.thread = event.thread;
    access.vcpu = event.vcpu;
    access.address = event.where & 0xffff'ffff;
    access.value = event.kind == EventKind::cpuid ? model::high_half(event.value) : event.where;
    access.line = event.line;
    access.first_line = event.line;
    access.last_line = event.line;
    access.time = event.time;
    return access;
}

Replay::Replay(GuestCpu cpu) : facts_(facts_for(cpu)) {}

Replay::Thread& Replay::find_thread(u32 id) {
    if (threads_.size() >= traces::limits::threads && !threads_.contains(id)) make_room();
    const auto [found, is_new] = threads_.try_emplace(id);
    if (is_new) {
        found->second.is_selected = selected_.has(id, machines_);
        found->second.foreign_eoi =
            std::ranges::any_of(foreign_eois_in_, [&](u32 other) { return machines_.may_be_one(id, other); });
    }
    last_thread_ = &found->second;
    last_thread_id_ = id;
    visible_.foreign_eoi = last_thread_->foreign_eoi;
    last_thread_->since_gap = true;
    return *last_thread_;
}

void Replay::forget_threads() {
    for_each_vcpu([this](ReplayedVcpu& vcpu) { retire(vcpu); });
    threads_.clear();
    index_.forget();
    last_thread_ = nullptr;
}

void Replay::make_room() {
    forget_threads();
    note_once(noted_room_, fmt::format("more than {} threads: what was known of earlier ones was dropped",
                                       traces::limits::threads));
}

void Replay::retire(const ReplayedVcpu& vcpu) {
    if (!selected_.has(vcpu.thread(), machines_)) return;
    ++summary_.vcpus; // whose thread it is may be told later than what it does
    const u64 undecided = vcpu.undecided();
    summary_.undetermined += undecided;
    summary_.checked -= std::min(summary_.checked, undecided);
    if (vcpu.reset_line() != 0) host_notes_.was_reset(vcpu.label(), vcpu.reset_line(), undecided);
    else if (const u64 open = undecided + vcpu.undecided_events(); open != 0)
        host_notes_.may_be_reset(vcpu.label(), open, vcpu.first_undecided(), shows_ioctls_);
}

ReplayedVcpu& Replay::vcpu_of(Thread& thread, u32 id, std::int32_t number) {
    ReplayedVcpu* current = thread.current;
    if (current != nullptr && (number < 0 || current->number() == number)) return *current;
    for (auto& vcpu : thread.vcpus) {
        if (vcpu->number() != number && vcpu->number() >= 0) continue;
        if (number < 0 && !vcpu->may_be_opened_as(thread.run_fd)) continue;
        vcpu->name(number); // the one vCPU that had no number yet
        thread.current = vcpu.get();
        return *vcpu;
    }
    if (thread.vcpus.size() >= most_vcpus_a_thread) {
        for (auto& vcpu : thread.vcpus) retire(*vcpu);
        thread.vcpus.clear();
        index_.forget();
    }
    index_.forget();
    thread.vcpus.push_back(std::make_unique<ReplayedVcpu>(id, facts_));
    thread.current = thread.vcpus.back().get();
    thread.current->name(number);
    thread.current->opened_as(thread.run_fd);
    if (number < 0 && thread.run_fd != no_id && thread.vcpus.size() > 1)
        for (auto& vcpu : thread.vcpus) vcpu->shares_thread();
    return *thread.current;
}

bool Replay::allows_reset(const Thread& thread, u64 gap, u64 line) const {
    if (thread.shows_runs) return false; // then the ioctls that set its state are shown, too
    if (!clock_in_seconds_) {
        const bool counts_events = thread.last_time < 64 * line; // the `counter` clock tells no time
        return counts_events || gap >= shortest_reset_ticks;
    }
    if (thread.shows_userspace) return thread.in_userspace && gap >= shortest_userspace_ns;
    if (thread.shows_entries) return !thread.in_guest && gap >= shortest_userspace_ns;
    return gap >= shortest_reset_ns;
}

// What may have happened since the thread's last event, if there is one.
void Replay::pause(Thread& thread, u32 cpu, u64 time, u64 line, bool leaves_guest) {
    if (thread.last_time == 0) {
        thread.last_gap_line = line;
        return;
    }
    const u64 gap = time > thread.last_time ? time - thread.last_time : 0;
    if (thread.last_cpu != cpu || gap >= shortest_gap_ns) thread.last_gap_line = line;
    if (thread.last_cpu != cpu) move(thread, cpu, time);
    if (gap >= shortest_absence_ns && !leaves_guest) thread.last_away_line = line;
    if (thread.vcpus.empty() || !allows_reset(thread, gap, line)) return;
    for (auto& vcpu : thread.vcpus) {
        vcpu->catch_up(accepts_, machines_);
        vcpu->host_may_have_reset();
    }
}

// `leaves_guest`: from kvm_entry on until here the guest has run on this CPU.
void Replay::pass_time(Thread& thread, u32 cpu, u64 time, u64 line, bool leaves_guest) {
    // With the local clock two CPUs' stamps may be out of order.
    const u64 gap = time > thread.last_time ? time - thread.last_time : 0;
    if (gap >= shortest_gap_ns || thread.last_cpu != cpu || !clock_in_seconds_)
        pause(thread, cpu, time, line, leaves_guest);
    thread.last_time = time;
    thread.last_line = line;
    thread.last_cpu = static_cast<std::uint16_t>(cpu);
}

void Replay::on_access(const GuestAccess& access) {
    Thread& thread = thread_of(access.thread);
    pass_time(thread, access.cpu, access.time, access.line);
    thread.in_userspace = false;
    note_line(access.cpu, access.line);
    const u32 commanded = commanded_vector(access);
    take_access(thread, access, commanded);
    // By an access to the I/O APIC or a device anything may be sent, and by Hyper-V's ICR.
    const bool is_elsewhere = model::is_mmio(access.kind) && !access.reached_apic;
    const bool sends = is_elsewhere || commanded != no_command || is_hyperv_command(access);
    thread.may_send = thread.may_send || sends;
    thread.must_show_access = false;
    if (visible_.no_exits) tell_timer(thread, !sends);
    if (!thread.shows_entries && clock_in_seconds_) guest_runs(thread, access);
    // What comes behind an access without a command may belong to the one that comes.
    if (!thread.acceptances.empty()) {
        if (access.ipis > 0) thread.acceptances.clear();
        else thread.acceptances.clear_to(access.last_line);
    }
    settle_deliveries(thread);
    thread.boundary_line = access.last_line;
}

void Replay::take_access(Thread& thread, const GuestAccess& access, u32 commanded) {
    const bool by_mmio = model::is_mmio(access.kind);
    // Not stored again and again: it is copied right behind, in one piece, which then would have to wait.
    if (by_mmio && !visible_.mmio) visible_.mmio = true;
    if (by_mmio && !access.reached_apic && !is_default_window(access.address) &&
        (thread.current == nullptr || !thread.current->has_window_at(access.address)))
        return;
    if (!by_mmio && !visible_.msrs) {
        visible_.msrs = true;
        findings_.msrs_are_shown();
    }
    if (!by_mmio && !model::is_apic_msr(access.address)) return on_hyperv_msr(access);

    ReplayedVcpu& vcpu = vcpu_of(thread, access.thread, access.vcpu);
    if (commanded != no_command) vcpu.has_commanded(commanded);
    if (visible_.interrupts()) vcpu.catch_up(accepts_, machines_);
    if (access.ipis > 0 && !visible_.ipis) visible_.ipis = true;
    if (access.ended_interrupt) detect_vcpu_switch(thread, access.thread, thread.eoi_id, access.eoi_id);
    if (access.by_userspace && vcpu.state().mode() == Mode::xapic && vcpu.has_window_at(access.address)) {
        vcpu.apic_is_in_userspace();
        note_once(noted_userspace_apic_, "userspace emulates the APIC: its registers are not checked");
    }
    if (!visible_.accepts) note_command(access, vcpu);
    vcpu.on_host(host_, visible_.accelerated);
    VcpuVerdict verdict = vcpu.judge(access, visible_, monitors_);
    timer_vectors_.set(vcpu.timer_vector());
    if (access.ipis > 0) check_delivery(thread, vcpu, access);
    if (access.kind == model::AccessKind::rdmsr &&
        model::register_addressed(access.kind, access.address) == Reg::id)
        check_id(thread, vcpu, access);
    if (xapic_since_ > access.line && vcpu.state().is_possible(Mode::xapic)) xapic_since_ = access.line;
    count(thread, access, verdict.determined);
    if (verdict.settled.empty() && verdict.divergences.empty()) return;
    report(thread, std::move(verdict.settled));
    // What KVM is known to do needs no reset to explain it.
    if (verdict.pending && !are_all_departures(verdict.divergences))
        vcpu.hold(std::move(verdict.divergences), true);
    else report(thread, std::move(verdict.divergences));
}

void Replay::on_stray(const Event& event) {
    Thread& thread = thread_of(event.thread);
    pass_time(thread, event.cpu, event.time, event.line);
    ++summary_.stray;
    thread.may_send = true;
    if (event.kind == EventKind::apic_ipi) { // a hypercall's, or an accelerated one
        visible_.ipis = true;
        if (!visible_.accepts) command_sent({thread.current, event.line}, event);
        return;
    }
    if (event.kind == EventKind::apic_write && event.where == model::offset_of(Reg::icr) && !visible_.accepts)
        command_sent({thread.current, event.line}, model::low_half(event.value), std::nullopt);
    const bool is_eoi = event.kind == EventKind::eoi || event.where == model::offset_of(Reg::eoi);
    if (is_eoi) {
        if (event.kind == EventKind::eoi)
            detect_vcpu_switch(thread, event.thread, thread.eoi_id, event.where);
        eoi_was_foreign(event.thread);
        if (thread.current != nullptr) thread.current->forget_interrupts();
        return;
    }
    visible_.accelerated = true;
    if (thread.current != nullptr)
        thread.current->on_stray_write(model::register_at(event.where), event.value);
}

// What ends interrupts in one vCPU may do so in all of its VM.
void Replay::eoi_was_foreign(u32 by) {
    if (visible_.foreign_eoi) return;
    visible_.foreign_eoi = true;
    foreign_eois_in_.push_back(by);
    for (auto& [id, thread] : threads_)
        if (machines_.may_be_one(id, by)) thread.foreign_eoi = true;
}

void Replay::on_event(const Event& event) {
    if (event.kind == EventKind::lost) return on_lost(event);
    if (event.kind == EventKind::begins) return begin_another(event);
    if (event.kind == EventKind::belongs || event.kind == EventKind::fork) return note_process(event);
    note_line(event.cpu, event.line);
    if (event.kind == EventKind::accept_irq) return on_accept(event);
    Thread& thread = thread_of(event.thread);
    pass_time(thread, event.cpu, event.time, event.line, event.kind == EventKind::exit && thread.in_guest);
    on_vcpu_event(thread, event);
    settle_deliveries(thread);
}

void Replay::on_vcpu_event(Thread& thread, const Event& event) {
    ReplayedVcpu* vcpu = thread.current;
    switch (event.kind) {
    case EventKind::entry:
        vcpu = &vcpu_of(thread, event.thread, event.vcpu);
        if (!thread.run_fd_stale) vcpu->opened_as(thread.run_fd);
        enters(thread, *vcpu, event);
        thread.acceptances.exit_begins();
        if (visible_.no_exits) exit_begins(thread, event);
        else tell_timer(thread, !thread.may_send && !thread.must_show_access);
        thread.may_send = false;
        thread.must_show_access = false;
        if (clock_in_seconds_) guest_runs(thread, event);
        if (!thread.shows_runs) restore_order_.enters(event.thread);
        thread.shows_entries = true;
        thread.in_guest = true;
        thread.in_userspace = false;
        break;
    case EventKind::exit:
        if (event.vcpu >= 0) vcpu_of(thread, event.thread, event.vcpu);
        thread.acceptances.exit_begins();
        exit_begins(thread, event);
        thread.in_guest = false;
        thread.in_userspace = false;
        thread.exit_rip = event.where;
        thread.boundary_line = event.line;
        if (event.value2 == static_cast<u64>(traces::ExitReason::apic_accelerated))
            visible_.accelerated = true;
        if (visible_.no_exits) visible_.no_exits = false;
        if (event.value2 == static_cast<u64>(traces::ExitReason::nested) && thread.current != nullptr)
            runs_guest(*thread.current);
        break;
    case EventKind::hypercall: thread.may_send = true; break;
    case EventKind::userspace_exit:
        thread.may_send = true;
        thread.shows_userspace = true;
        thread.in_userspace = true;
        if (vcpu == nullptr) break;
        if (event.where != 0) take(thread, *vcpu, vcpu->eoi_was_sent(as_access(event)));
        if (thread.takes_turns) lose_track_of(*vcpu);
        break;
    case EventKind::accelerated: visible_.accelerated = true; break;
    case EventKind::pv_eoi:
        shows_pv_eoi_ = true;
        if (vcpu != nullptr) vcpu->forget_interrupts();
        break;
    case EventKind::inject_irq:
        if (event.reinjected || vcpu == nullptr || event.where > 0xff) break;
        vcpu->catch_up(accepts_, machines_);
        on_inject(thread, event);
        break;
    case EventKind::cr_write:
        if (event.where == 8 && vcpu != nullptr) {
            GuestAccess access = as_access(event);
            access.kind = model::AccessKind::cr8_write;
            access.value = event.value;
            vcpu->writes_cr8(access, visible_);
        }
        break;
    case EventKind::nested:
        if (vcpu != nullptr) runs_guest(*vcpu);
        break;
    case EventKind::synic_irq: may_end_itself(static_cast<u32>(event.where)); break;
    case EventKind::cpuid: on_cpuid(thread, event); break;
    case EventKind::ioctl: on_ioctl(thread, event); break;
    default: break;
    }
}

void Replay::enters(Thread& thread, ReplayedVcpu& vcpu, const Event& event) {
    const bool goes_on =
        thread.exit_rip != traces::no_rip && event.where - thread.exit_rip <= longest_instruction;
    note_where_guest_goes_on(thread, event.where, goes_on);
    thread.boundary_line = event.line;
    vcpu.enters(event.where, goes_on);
}

void Replay::on_inject(Thread& thread, const Event& event) {
    AbstractState::Injection given;
    given.vector = static_cast<u32>(event.where);
    given.may_be_again = event.may_be_again;
    given.may_end_itself = end_themselves_[given.vector];
    if (const u64 line = thread.current->sole_announcement(given.vector); line != 0)
        machines_.given(line, event.thread);
    VcpuVerdict verdict =
        thread.current->on_inject(as_access(event), given, thread.shows_entries, visible_.interrupts());
    if (!visible_.interrupts()) verdict.divergences.clear();
    leave_unspecified(verdict);
    take(thread, *thread.current, std::move(verdict));
    if (!visible_.injections) visible_.injections = true;
}

void Replay::runs_guest(ReplayedVcpu& vcpu) {
    vcpu.runs_guest();
    note_once(
        noted_nested_,
        "the guest runs nested guests: interrupts are injected without kvm_inj_virq and are not checked");
}

void Replay::on_cpuid(Thread& thread, const Event& event) {
    ReplayedVcpu& vcpu = vcpu_of(thread, event.thread, event.vcpu);
    VcpuVerdict verdict = vcpu.on_cpuid(as_access(event), {.leaf = model::low_half(event.where),
                                                           .eax = model::low_half(event.value2),
                                                           .ebx = model::high_half(event.value2),
                                                           .ecx = model::low_half(event.value),
                                                           .edx = model::high_half(event.value)});
    leave_unspecified(verdict);
    take(thread, vcpu, std::move(verdict));
}

// Where no access to an MSR has been seen yet, the mode is what the trace does not show.
void Replay::leave_unspecified(VcpuVerdict& verdict) const {
    for (Divergence& divergence : verdict.divergences) divergence.mismatch.unseen_wrmsr = !visible_.msrs;
}

// What an event that is no access has shown.
void Replay::take(const Thread& thread, ReplayedVcpu& vcpu, VcpuVerdict verdict) {
    if (verdict.settled.empty() && verdict.divergences.empty()) return;
    report(thread, std::move(verdict.settled));
    if (verdict.pending) vcpu.hold(std::move(verdict.divergences), false);
    else report(thread, std::move(verdict.divergences));
}

// KVM prints the vCPU id, in the thread of the sender, also of what is then not accepted.
void Replay::on_accept(const Event& event) {
    Thread& sender = thread_of(event.thread);
    pass_time(sender, event.cpu, event.time, event.line);
    if (event.virtualized) visible_.accelerated = true;
    if (!visible_.accepts) visible_.accepts = true;
    vcpus_changed_ = true; // each vCPU takes it over when it is seen next
    if (event.where < accepting_.size()) accepting_.set(event.where);
    const auto vector = static_cast<u32>(event.value & 0xff);
    const bool is_of_command = event.interrupt.shorthand != traces::Shorthand::unknown;
    if (is_of_command && sender.vcpus.size() == 1) machines_.sent(event.line, event.thread);
    using enum traces::DeliveryMode;
    const auto mode = event.interrupt.delivery_mode;
    if (mode == fixed || mode == lowest_priority) {
        // One that its thread runs in turn with others is not running now.
        const u32 by = sender.vcpus.size() > 1 ? nobody : event.thread;
        accepts_.add({event.line, event.where, vector, by, event.interrupt.level_triggered});
        const bool is_own = by == event.thread && sender.vcpus.size() == 1 && sender.current != nullptr &&
                            mode == fixed && !event.interrupt.level_triggered &&
                            sender.current->is_own(event.where);
        note_timer_vector(event, is_own);
        for_each_vcpu([&](ReplayedVcpu& vcpu) {
            if (vcpu.thread() == event.thread || !vcpu.may_lack_request() || !vcpu.may_be(event.where))
                return;
            vcpu.requested_late(vector, event.time);
            note_withdrawn(findings_.withdraw_injection(vcpu.thread(), vector, event.time));
        });
        if (vector < model::first_legal_vector)
            for_each_vcpu([&](ReplayedVcpu& vcpu) {
                if (vcpu.may_be(event.where)) vcpu.low_vector_sent(vector);
            });
    } else if (mode == init || mode == startup) {
        // KVM shows the acceptance of a de-assert, too, which does nothing on Intel (I07).
        const traces::Interrupt& sent = event.interrupt;
        const bool deasserts =
            sent.shorthand != traces::Shorthand::unknown && sent.level_triggered && !sent.assert_level;
        for_each_vcpu([&](ReplayedVcpu& vcpu) {
            if (!vcpu.may_be(event.where)) return;
            vcpu.catch_up(accepts_, machines_);
            if (mode == init && deasserts && vcpu.facts().amd.is_false()) vcpu.deassert_sent(event.line);
            else if (mode == init) states_replaced_ += vcpu.init_sent(event.line) ? 1U : 0U;
            else vcpu.startup_sent(vector);
        });
    }
    sender.acceptances.add({event.line, event.where, vector, mode});
}

// What was sent to it until now is told of what it was.
void Replay::lose_track_of(ReplayedVcpu& vcpu) {
    ++states_replaced_;
    vcpu.catch_up(accepts_, machines_);
    vcpu.on_lost();
}

void Replay::on_lost(const Event& event) {
    const u64 since = event.cpu < lines_of_cpu_.size() ? lines_of_cpu_[event.cpu].last : first_line_;
    note_withdrawn(findings_.withdraw_since(since));
    restore_order_.on_lost();
    // What nothing was seen of since the last gap has nothing more to lose: marks without end cost no more.
    const bool all = std::exchange(vcpus_changed_, false);
    const bool none = std::exchange(last_thread_, nullptr) == nullptr; // of any thread anything
    if (none && !all) return;
    for (auto& [id, thread] : threads_) {
        if (!std::exchange(thread.since_gap, false) && !all) continue;
        thread.run_fd_stale = thread.run_fd != no_id;
        thread.acceptances.on_lost();
        thread.own_acceptances.clear();
        thread.exit_rip = traces::no_rip;
        for (auto& vcpu : thread.vcpus) lose_track_of(*vcpu);
    }
}

// Another recording: other vCPUs, perhaps other tracepoints, and what was found before stays.
void Replay::begin_another(const Event& event) {
    end_recording();
    restore_order_.on_lost();
    visible_ = {.no_exits = true};
    end_themselves_.reset();
    shows_sints_ = false;
    shows_pv_eoi_ = false;
    foreign_eois_in_.clear();
    shows_where_guests_go_on_ = false;
    has_run_unseen_ = false;
    xapic_since_ = ~u64{0};
    accepts_ = {};
    timer_vectors_.reset();
    lines_of_cpu_.clear();
    accepting_.reset();
    first_line_ = event.line;
    if (++recordings_ == 2) second_begins_ = event.line;
}

void Replay::finish() {
    end_recording();
    for (std::string& note : host_notes_.texts()) summary_.notes.push_back(std::move(note));
    for (std::string& note : restore_order_.texts()) summary_.notes.push_back(std::move(note));
    if (recordings_ > 1)
        summary_.notes.push_back(fmt::format("the input holds {} recordings: at line {}{} the head of "
                                             "another stands, or time goes back; what was "
                                             "known of the vCPUs is dropped there",
                                             recordings_, second_begins_,
                                             recordings_ == 2 ? "" : " for the first time"));
    std::sort(summary_.notes.begin(), summary_.notes.end());
    findings_.settle();
}

void Replay::report(const Thread& thread, std::vector<Divergence> divergences) {
    for (Divergence& divergence : divergences) report(thread, std::move(divergence));
}

void Replay::report(const Thread& thread, Divergence divergence) {
    if (!thread.is_selected) return;
    divergence.process = machines_.process_of(divergence.access.thread).value_or(0);
    // What an access lacks its thread may have shown on another CPU, in the same exit.
    const bool lacks_event =
        divergence.mismatch.fault == Fault::ipi_missing || divergence.mismatch.fault == Fault::not_accepted;
    // Or it stands before its kvm_exit, where the CPUs' clocks differ.
    if (lacks_event && thread.jumbled_line > thread.boundary_line) return note_withdrawn(1);
    divergence.is_across_absence = divergence.rests_on < thread.last_away_line ||
                                   (lacks_event && thread.boundary_line < thread.last_away_line);
    const u64 line = std::max(divergence.line, thread.last_line);
    findings_.add({std::move(divergence), line, thread.last_gap_line});
}

void Replay::note_once(bool& noted, std::string text) {
    if (!noted) summary_.notes.push_back(std::move(text));
    noted = true;
}

} // namespace lapicheck::checker
