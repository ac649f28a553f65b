// The end of a recording: what was found and does not hold, by all that it shows.
#include <algorithm>

#include <fmt/format.h>

#include "checker/replay/replay.hpp"

namespace lapicheck::checker {

void Replay::withdraw(u64 findings, std::string_view why) {
    note_withdrawn(findings);
    if (findings != 0)
        summary_.notes.push_back(
            fmt::format("{} divergence{} withdrawn: {}", findings, findings == 1 ? "" : "s", why));
}

// What was laid to one VM holds unless several are seen that nothing tells apart; that an interrupt never
// came, if no host CPU's events can be missing.
void Replay::settle_conditions() {
    const bool several = index_.shows_several(machines_, [this](auto visit) { for_each_vcpu(visit); });
    list_machines(several);
    if (several)
        withdraw(findings_.withdraw_if(&Mismatch::presumes_one_vm),
                 "the recording holds several VMs, and nothing shows that sender and receiver are of one; "
                 "record with the option record-tgid, which shows the process of each thread");
    else findings_.is_met(&Mismatch::presumes_one_vm);

    const auto cpus =
        static_cast<u64>(std::ranges::count_if(lines_of_cpu_, [](CpuLines of) { return of.count != 0; }));
    if (host_cpus_ != 0 && cpus >= host_cpus_) return findings_.is_met(&Mismatch::needs_all_cpus);
    withdraw(
        findings_.withdraw_if(&Mismatch::needs_all_cpus),
        "the recording does not show events of all host CPUs, and the interrupt that is missing may have "
        "been accepted on another one");
}

void Replay::note_withdrawn(u64 findings) {
    summary_.withdrawn += findings;
    summary_.undetermined += findings;
    summary_.checked -= std::min(summary_.checked, findings);
}

// Where INITs show neither as accepted nor as sent, only the commands tell of them: WRMSRs, and in xAPIC mode
// MMIO writes. A recording of one CPU alone, to which others may have sent, is recognised by the number of
// CPUs.
u64 Replay::line_to_which_all_is_seen() const {
    u64 to = ~u64{0};
    u64 cpus = 0;
    for (const CpuLines& lines : lines_of_cpu_) {
        if (lines.last <= first_line_) continue;
        to = std::min(to, lines.last);
        ++cpus;
    }
    if ((cpus == 1 && host_cpus_ != 1) || !shows_all_vcpus()) return first_line_;
    if (visible_.accepts || visible_.ipis) return to;
    if (!visible_.msrs) return first_line_;
    return visible_.mmio ? to : std::min(to, xapic_since_);
}

// Why, and how the next recording could show more.
void Replay::note_what_is_not_checked() {
    if (visible_.accelerated)
        note_once(
            noted_accelerated_,
            "hardware virtualizes the APIC (APICv, AVIC): TPR, ICR, IRR, ISR and PPR are not checked; load "
            "kvm_intel with enable_apicv=0 or kvm_amd with avic=0 to see every access");
    if (foreign_eois_in_.empty() || visible_.accelerated) return;
    if (shows_pv_eoi_)
        return note_once(noted_foreign_eoi_, "the guest uses PV EOI: ISR and PPR are not checked");
    if (!visible_.msrs)
        return note_once(
            noted_foreign_eoi_,
            "no kvm_msr event is recorded, without which the guest's accesses in x2APIC mode, its EOIs "
            "among them, are not seen: ISR and PPR are not checked; record kvm_msr too");
    note_once(noted_foreign_eoi_,
              "the trace shows EOIs that no write of the guest to EOI explains: ISR and PPR "
              "are not checked");
}

void Replay::end_recording() {
    const u64 all_seen_to = line_to_which_all_is_seen();
    settle_conditions();
    forget_threads();
    machines_.clear();
    index_.clear();
    note_what_is_not_checked();
    const u64 unseen = findings_.withdraw_unseen_wrmsrs();
    withdraw(unseen,
             fmt::format("the trace has no kvm_msr event, and a WRMSR could explain {}; record kvm_msr too",
                         unseen == 1 ? "it" : "them"));
    withdraw(
        findings_.withdraw_across_absence_since(line_to_which_all_cpus_are_seen()),
        "the trace may lack the events of a host CPU on which the vCPU's thread may have been meanwhile; "
        "record all CPUs, or pin the vCPU");
    findings_.all_cpus_are_seen();
    const u64 withdrawn = findings_.withdraw_unseen_since(all_seen_to);
    const std::string where =
        all_seen_to > first_line_ ? fmt::format("after line {}, where", all_seen_to) : std::string{"where"};
    withdraw(
        withdrawn,
        fmt::format("{} the trace may lack events of another host CPU, and an interrupt or INIT that they "
                    "would show could explain {}",
                    where, withdrawn == 1 ? "it" : "them"));
}

} // namespace lapicheck::checker
