// Replays one trace: each access of each vCPU against the model.
#pragma once

#include <array>
#include <bitset>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "checker/judge/profile.hpp"
#include "checker/replay/coverage.hpp"
#include "checker/replay/deliveries.hpp"
#include "checker/replay/findings.hpp"
#include "checker/replay/host_notes.hpp"
#include "checker/replay/machines.hpp"
#include "checker/replay/restore_order.hpp"
#include "checker/replay/selection.hpp"
#include "checker/replay/vcpu.hpp"
#include "checker/replay/vcpu_index.hpp"

namespace lapicheck::checker {

// One VM of a recording, as far as its vCPUs are known to be of one.
struct VmSummary {
    u32 process = 0;  // 0: not recorded
    std::string name; // of a thread
    std::vector<u32> threads;
    std::vector<std::string> vcpus;
    Share share;
    u64 divergences = 0; // unknown ones
    bool is_selected = true;
    u64 recording = 0; // the line at which it begins, where the input holds several
};

struct ReplaySummary {
    std::array<Share, rule_group_count> groups{}; // by RuleGroup
    std::vector<VmSummary> vms;                   // more than one only where several are told apart
    Share others;                                 // of guests that were not asked for
    u64 accesses = 0;                             // to a local APIC
    u64 checked = 0;      // of them, where the rules leave the observation no full freedom
    u64 undetermined = 0; // the rest
    u64 stray = 0;        // events of the APIC that belong to no access that the trace shows
    u64 withdrawn = 0;    // divergences that lost events make doubtful
    u64 vcpus = 0;
    std::vector<std::string> notes;
};

class Replay final : public traces::AssemblerSink {
  public:
    explicit Replay(GuestCpu cpu);

    void on_access(const traces::GuestAccess& access) override;
    void on_stray(const traces::Event& event) override;
    void on_event(const traces::Event& event) override;
    // After the last event. Divergences in the order of their lines.
    void finish();
    // Holds every access against the properties, not only those that diverge.
    void monitor_all() { monitors_ = true; }
    // Whether Event::time is in nanoseconds: the reader knows after its first record.
    void set_clock(bool in_seconds) { clock_in_seconds_ = in_seconds; }
    // Whose guests are judged; the others' are only counted.
    void select(const Selection& selection) { selected_.set(selection); }
    const Selection& selection() const { return selected_.selection(); }
    // How many CPUs the host has, if the trace says so; else 0.
    void set_host_cpus(u64 cpus) { host_cpus_ = cpus; }
    // Which KVM it is, as far as the trace says.
    void set_host(const Host& host) { host_ = host; }
    // `notify` is called with each kind of divergence when it is first found; it may be withdrawn.
    void on_new_kind(std::function<void(const Divergence&)> notify) {
        findings_.on_new_kind(std::move(notify));
    }

    // The vCPU that the host thread runs, as far as the trace has shown by now; null: none, or not known.
    const ReplayedVcpu* vcpu_of_thread(u32 id) const {
        const auto found = threads_.find(id);
        return found == threads_.end() ? nullptr : found->second.current;
    }
    // Calls visit(const ReplayedVcpu&) for every vCPU of the recording that is being read.
    template <class Visit>
    void for_each_vcpu(Visit visit) const {
        for (const auto& [id, thread] : threads_)
            for (const auto& vcpu : thread.vcpus) visit(std::as_const(*vcpu));
    }

    const std::vector<Divergence>& divergences() const { return findings_.folded(); }
    u64 divergences_not_listed() const { return findings_.not_listed(); }
    const ReplaySummary& summary() const { return summary_; }
    // How often all that was known of a vCPU was replaced, by a gap or an INIT: the work that does not lie in
    // the vCPU's own events.
    u64 states_replaced() const { return states_replaced_; }

  private:
    // A host thread that runs one vCPU, or several in turn.
    static constexpr u64 no_id = ReplayedVcpu::no_descriptor;
    struct Thread {
        u64 last_time = 0;
        u64 last_gap_line = 0;
        Share share;
        bool is_selected = true;
        bool since_gap = false; // something was seen of it since the last gap
        u64 last_away_line = 0; // before which it may have been on another CPU for long
        u64 last_line = 0;
        std::uint16_t last_cpu = 0xffff;
        std::uint16_t cpu_before = 0xffff; // before it moved to last_cpu
        u64 moved_at = 0;                  // time
        u64 line_before_move = 0;
        u64 jumbled_line = 0;         // at which its lines were last seen to stand in a wrong order
        bool shows_entries = false;   // kvm_entry appears in it
        bool shows_userspace = false; // kvm_userspace_exit appears in it
        bool shows_runs = false;      // KVM_RUN appears in it
        bool in_guest = false;        // between kvm_entry and kvm_exit
        bool in_userspace = false;
        u64 exit_rip = traces::no_rip; // where the guest was left last
        u64 boundary_line = 0; // of the last kvm_exit, kvm_entry or access: where another exit may begin
        u64 eoi_id = no_id;    // the vCPU that kvm_eoi names
        u64 run_fd = no_id;    // the file descriptor that KVM_RUN was last called on
        bool run_fd_guessed = false; // of the vCPU that was seen before the first KVM_RUN
        bool run_fd_stale = false;   // a later KVM_RUN may be among lost events
        bool foreign_eoi = false;    // a vCPU of its VM, perhaps, has interrupts ended by others
        bool takes_turns = false;    // runs several vCPUs, and nothing tells which one when
        Acceptances acceptances;     // since its last access
        // Of fixed interrupts by its own vCPU, not told yet whether they are the timer's.
        std::vector<traces::Event> own_acceptances;
        bool may_send = false;         // what it shows since the exit may have sent an interrupt
        bool must_show_access = false; // the exit is one in which an access is made
        std::vector<std::unique_ptr<ReplayedVcpu>> vcpus;
        ReplayedVcpu* current = nullptr;
    };

    Thread& thread_of(u32 id) {
        return last_thread_ != nullptr && last_thread_id_ == id ? *last_thread_ : find_thread(id);
    }
    Thread& find_thread(u32 id);
    ReplayedVcpu& vcpu_of(Thread& thread, u32 id, std::int32_t number);
    void make_room();
    void forget_threads();
    void pass_time(Thread& thread, u32 cpu, u64 time, u64 line, bool leaves_guest = false);
    void pause(Thread& thread, u32 cpu, u64 time, u64 line, bool leaves_guest);
    void move(Thread& thread, u32 cpu, u64 time);
    bool allows_reset(const Thread& thread, u64 gap, u64 line) const;
    void take(const Thread& thread, ReplayedVcpu& vcpu, VcpuVerdict verdict);
    void report(const Thread& thread, Divergence divergence);
    void report(const Thread& thread, std::vector<Divergence> divergences);
    void retire(const ReplayedVcpu& vcpu);
    void lose_track_of(ReplayedVcpu& vcpu);
    void on_lost(const traces::Event& event);
    void begin_another(const traces::Event& event);
    void end_recording();
    void note_withdrawn(u64 findings);
    u64 line_to_which_all_is_seen() const;
    u64 line_to_which_all_cpus_are_seen() const;
    bool shows_all_vcpus() const;
    void note_where_guest_goes_on(const Thread& thread, u64 rip, bool goes_on);
    bool lacks_cpu() const;
    void eoi_was_foreign(u32 by);
    void detect_vcpu_switch(Thread& thread, u32 id, u64& last, u64 now);
    struct Sender {
        const ReplayedVcpu* vcpu = nullptr; // if it is known
        u64 line = 0;                       // that shows the command
    };
    void note_command(const traces::GuestAccess& access, const ReplayedVcpu& sender);
    void command_sent(const Sender& sender, u32 command, std::optional<u64> destination);
    void command_sent(const Sender& sender, const traces::Event& ipi);
    void take_access(Thread& thread, const traces::GuestAccess& access, u32 commanded);
    void check_delivery(Thread& thread, ReplayedVcpu& sender, const traces::GuestAccess& access);
    void check_missing(Thread& thread, ReplayedVcpu& sender, const traces::GuestAccess& access,
                       const AbstractState::Message& message, const AcceptedBy& by);
    bool has_own_logical_bit(const ReplayedVcpu& receiver) const;
    void check_self(Thread& thread, const ReplayedVcpu& sender, const traces::GuestAccess& access,
                    const AcceptedBy& by);
    Divergence delivery_differs(const ReplayedVcpu& sender, const traces::GuestAccess& access, Rule rule,
                                Fault fault, u64 apic_or_count) const;
    const specs::Departure* departure_missing(const Divergence& missing, const ReplayedVcpu& sender,
                                              const ReplayedVcpu& receiver,
                                              const AbstractState::Message& message, const AcceptedBy& by);
    VcpuIndex::Found vcpu_with(u64 id, const ReplayedVcpu& sender);
    void check_id(const Thread& thread, const ReplayedVcpu& vcpu, const traces::GuestAccess& access);
    void count(Thread& thread, const traces::GuestAccess& access, bool checked);
    void note_process(const traces::Event& event);
    void list_machines(bool several);
    void settle_conditions();
    void note_what_is_not_checked();
    void withdraw(u64 findings, std::string_view why);
    void settle_deliveries(Thread& thread) {
        if (thread.current != nullptr && thread.current->expects_deliveries()) report_deliveries(thread);
    }
    void report_deliveries(Thread& thread);
    static traces::GuestAccess as_access(const traces::Event& event);
    static const traces::GuestAccess& as_access(const traces::GuestAccess& access) { return access; }
    void on_accept(const traces::Event& event);
    void note_timer_vector(const traces::Event& accepted, bool is_own);
    void tell_timer(Thread& thread, bool by_timer) {
        if (!thread.own_acceptances.empty()) tell_own_acceptances(thread, by_timer);
    }
    void tell_own_acceptances(Thread& thread, bool by_timer);
    void exit_begins(Thread& thread, const traces::Event& event);
    // `shown_by`: an access, or an event that is none.
    template <class ShownBy>
    void guest_runs(Thread& thread, const ShownBy& shown_by) {
        if (thread.current == nullptr || thread.vcpus.size() != 1) return;
        if (thread.current->timer_is_due(shown_by.time, shown_by.line))
            timer_is_due(thread, as_access(shown_by));
    }
    void timer_is_due(Thread& thread, const traces::GuestAccess& shown_by);
    void on_vcpu_event(Thread& thread, const traces::Event& event);
    void enters(Thread& thread, ReplayedVcpu& vcpu, const traces::Event& event);
    void on_inject(Thread& thread, const traces::Event& event);
    void runs_guest(ReplayedVcpu& vcpu);
    void may_end_itself(u32 vector);
    static bool is_hyperv_command(const traces::GuestAccess& access);
    void on_hyperv_msr(const traces::GuestAccess& access);
    void on_hyperv_apic_msr(const traces::GuestAccess& access);
    void leave_unspecified(VcpuVerdict& verdict) const;
    void on_cpuid(Thread& thread, const traces::Event& event);
    void on_ioctl(Thread& thread, const traces::Event& event);
    void on_run(Thread& thread, u32 id, u64 descriptor);
    void on_create_vcpu(Thread& thread);
    void on_state_set(Thread& thread, const traces::Event& event);
    void forget_turns(Thread& thread, u32 id);
    void note_line(std::uint16_t cpu, u64 line) {
        if (cpu >= lines_of_cpu_.size()) lines_of_cpu_.resize(cpu + std::size_t{1}, {first_line_, 0});
        lines_of_cpu_[cpu].last = line;
        ++lines_of_cpu_[cpu].count;
    }
    void note_once(bool& noted, std::string text);

    template <class Visit>
    void for_each_vcpu(Visit visit) {
        vcpus_changed_ = true;
        for (auto& [id, thread] : threads_)
            for (auto& vcpu : thread.vcpus) visit(*vcpu);
    }

    CpuFacts facts_;
    bool clock_in_seconds_ = true;
    bool monitors_ = false;
    u64 host_cpus_ = 0;
    Host host_;
    Visibility visible_{.no_exits = true};
    std::bitset<256> end_themselves_; // vectors that Hyper-V's SynIC may end by itself
    u64 xapic_since_ = ~u64{0};       // the line from which on an APIC may have been in xAPIC mode
    bool vcpus_changed_ = false;      // since the last gap, by what other threads did
    u64 states_replaced_ = 0;
    bool shows_pv_eoi_ = false; // kvm_pv_eoi
    bool shows_ioctls_ = false;
    std::vector<u32> foreign_eois_in_; // threads
    bool shows_sints_ = false;         // the guest's setting of SynIC's interrupts is seen
    // Whether guests went on elsewhere than where they were left: kvm_exit and kvm_entry tell.
    bool shows_where_guests_go_on_ = false;
    bool has_run_unseen_ = false;
    std::unordered_map<u32, Thread> threads_;
    struct CpuLines {
        u64 last = 0; // line
        u64 count = 0;
    };
    std::vector<CpuLines> lines_of_cpu_; // by host CPU
    std::bitset<256> accepting_;         // IDs of APICs that interrupts were accepted by
    u64 first_line_ = 0;                 // of this recording, if others stand before it
    u64 recordings_ = 1;
    u64 second_begins_ = 0; // line
    AcceptLog accepts_;
    std::bitset<256> timer_vectors_; // that some vCPU's timer uses, or has used
    Thread* last_thread_ = nullptr;
    u32 last_thread_id_ = 0;
    VcpuIndex index_;
    Machines machines_;
    Selected selected_;
    Findings findings_;
    HostNotes host_notes_;
    RestoreOrder restore_order_;
    ReplaySummary summary_;
    bool noted_userspace_apic_ = false;
    bool noted_accelerated_ = false;
    bool noted_foreign_eoi_ = false;
    bool noted_nested_ = false;
    bool noted_room_ = false;
    bool noted_turns_ = false;
    bool noted_unbounded_ = false;
};

} // namespace lapicheck::checker
