#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "checker/judge/divergence_text.hpp"
#include "checker/report/results.hpp"
#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"
#include "traces/printable.hpp"

namespace lapicheck::checker {
namespace {

std::string lines_of(const traces::GuestAccess& access) {
    if (access.first_line == access.last_line) return fmt::format("{}", access.line);
    return fmt::format("{}-{}", access.first_line, access.last_line);
}

void write_divergence(std::ostream& out, const TraceReport& report, const Divergence& divergence,
                      const Ink& ink) {
    const auto& access = divergence.access;
    fmt::print(out, "\n  {}{}{}{}\n", ink.bold(), titled_headline(divergence), ink.off(),
               divergence.count == 1 ? "" : fmt::format("  ({} times, first shown)", divergence.count));
    fmt::print(out, "    {}:{}  time {}  {}  {}\n", traces::visible(report.path), lines_of(access),
               format_time(access.time, report.read), divergence.vcpu, mode_text(divergence.mismatch.mode));
    fmt::print(out, "    access    {}\n", access_text(divergence));
    fmt::print(out, "    observed  {}\n", observed_text(divergence));
    fmt::print(out, "    allowed   {}\n", expected_text(divergence));
    write_rule(out, divergence.mismatch.rule);
    if (!divergence.properties.empty())
        fmt::print(out, "    violates  {} {}\n",
                   divergence.properties.size() == 1 ? "property" : "properties",
                   fmt::join(divergence.properties, ", "));
    std::string_view label = "because";
    for (const Because& because : divergence.because) {
        fmt::print(out, "    {:<8}  line {}: {}\n", label, because.line, because.what);
        label = "";
    }
}

// Each departure that is known once for each rule, where it is first seen; which registers show it is no
// news.
void write_known(std::ostream& out, const TraceReport& report) {
    struct Row {
        const Divergence* first;
        u64 count;
    };
    std::vector<Row> rows;
    for (const Divergence& divergence : report.divergences) {
        if (divergence.known == nullptr) continue;
        const auto same = std::ranges::find_if(rows, [&](const Row& row) {
            return row.first->known == divergence.known &&
                   row.first->mismatch.rule == divergence.mismatch.rule;
        });
        if (same == rows.end()) rows.push_back({&divergence, divergence.count});
        else same->count += divergence.count;
    }
    for (const Row& row : rows)
        fmt::print(out, "  {} {} ({} time{}, first at {}:{}): {}\n",
                   model::to_string(row.first->mismatch.rule), row.first->known->id, row.count,
                   plural(row.count), traces::visible(report.path), lines_of(row.first->access),
                   row.first->known->summary);
}

void write_withdrawn(std::ostream& out, const TraceReport& report) {
    const u64 withdrawn = report.replay.withdrawn;
    if (withdrawn == 0) return;
    fmt::print(out, "  {} divergence{} withdrawn: {}.\n", withdrawn, plural(withdrawn),
               report.read.lost_marks == 0
                   ? std::string{"the notes say why"}
                   : fmt::format("events that were lost at that time could explain {}",
                                 withdrawn == 1 ? "it" : "them"));
}

// "timer 40 of 50": of the groups of rules that were not checked wholly; the others by their letters.
void write_shares(std::ostream& out, const TraceReport& report) {
    const Share all{report.replay.accesses, report.replay.checked};
    if (all.accesses == 0) return;
    std::vector<std::string> whole;
    std::vector<std::string> partly;
    for (std::size_t group = 0; group < rule_group_count; ++group) {
        const Share& share = report.replay.groups[group];
        const auto& [letter, what] = rule_group_names[group];
        if (share.accesses == 0) continue;
        if (share.checked == share.accesses) whole.push_back(fmt::format("{} {}", letter, what));
        else
            partly.push_back(fmt::format("{} {} {} of {} ({} %)", letter, what, share.checked, share.accesses,
                                         share.percent()));
    }
    fmt::print(out, "  Checked {} %", all.percent());
    if (!partly.empty()) fmt::print(out, "; in part: {}", fmt::join(partly, ", "));
    if (!whole.empty()) fmt::print(out, "; all of: {}", fmt::join(whole, ", "));
    fmt::print(out, ".\n");
}

// Where a recording holds several VMs.
void write_machines(std::ostream& out, const TraceReport& report) {
    const auto& vms = report.replay.vms;
    const auto is_of_same_recording = [](const VmSummary& a, const VmSummary& b) {
        return a.recording == b.recording;
    };
    const bool are_several = std::ranges::adjacent_find(vms, is_of_same_recording) != vms.end();
    if (!are_several && report.replay.others.accesses == 0) return;
    // Without processes a VM's vCPUs may stand apart: nothing has shown that they are of one.
    const bool shows_processes =
        std::ranges::none_of(vms, [](const VmSummary& vm) { return vm.process == 0; });
    if (shows_processes) fmt::print(out, "  {} VM{}:\n", vms.size(), plural(vms.size()));
    else fmt::print(out, "  vCPUs by VM, as far as is known (record with the option record-tgid):\n");
    std::size_t number = 0;
    for (const VmSummary& vm : vms) {
        const std::string process = vm.process == 0 ? std::string{} : fmt::format("process {}, ", vm.process);
        const std::string verdict = !vm.is_selected          ? std::string{"not asked for"}
                                    : vm.share.accesses == 0 ? std::string{"nothing to check"}
                                    : vm.divergences != 0
                                        ? fmt::format("{} % checked, {} divergence{}", vm.share.percent(),
                                                      vm.divergences, plural(vm.divergences))
                                        : fmt::format("{} % checked, no divergence", vm.share.percent());
        fmt::print(out, "    {}  {}{}: {}; {} access{}, {}\n", ++number, process, vm.name,
                   fmt::join(vm.vcpus, ", "), vm.share.accesses, vm.share.accesses == 1 ? "" : "es", verdict);
    }
}

void write_summary(std::ostream& out, const TraceReport& report) {
    const auto& read = report.read;
    const auto& replay = report.replay;
    fmt::print(out, "\n  {} access{} to the local APIC of {} vCPU{}: {} checked, {} not checked{}.\n",
               replay.accesses, replay.accesses == 1 ? "" : "es", replay.vcpus, plural(replay.vcpus),
               replay.checked, replay.undetermined,
               replay.undetermined == 0 ? "" : " (outcome unspecified by the manual, or state unknown)");
    write_shares(out, report);
    write_machines(out, report);
    fmt::print(out, "  {} event{} in {} line{}; {} line{} skipped; {} event{} lost{}.\n", read.events,
               plural(read.events), read.lines, plural(read.lines), read.skipped_lines,
               plural(read.skipped_lines), read.lost_events, plural(read.lost_events),
               read.lost_marks == 0
                   ? std::string{}
                   : fmt::format(" in {} place{}", read.lost_marks, plural(read.lost_marks)));
    for (const traces::Repair& repair : read.repairs)
        fmt::print(out, "  repaired: {} line{} {}\n", repair.lines, plural(repair.lines), repair.what);
    for (const auto& skipped : read.skipped)
        fmt::print(out, "  skipped {}:{}: {}: {}\n", traces::visible(report.path), skipped.line, skipped.why,
                   skipped.text);
    if (!report.error.empty())
        fmt::print(out, "  Read in part: {}; the verdict is about what was read.\n", report.error);
    if (read.truncated_last_line) fmt::print(out, "  The last line is incomplete and was not used.\n");
    if (const u64 more = report.divergences_not_listed; more != 0)
        fmt::print(out, "  {} more divergence{} of further kinds {} not listed.\n", more, plural(more),
                   more == 1 ? "is" : "are");
    write_withdrawn(out, report);
    for (const auto* notes : {&read.notes, &replay.notes})
        for (const std::string& note : *notes) fmt::print(out, "  note: {}\n", note);
    if (report.verdict == Verdict::inconclusive && replay.checked != 0)
        fmt::print(
            out,
            "  Too little was checked for a verdict: {} of {} accesses, less than {} % (--min-checked).\n",
            replay.checked, replay.accesses, report.min_checked);
    else if (report.verdict == Verdict::inconclusive && replay.accesses == 0 && replay.others.accesses != 0)
        fmt::print(out,
                   "  Nothing could be checked: the guests asked for made no access to a local APIC that was "
                   "recorded; {} accesses are of others (--pid, --thread and --vm choose).\n",
                   replay.others.accesses);
    else if (report.verdict == Verdict::inconclusive && replay.accesses != 0)
        fmt::print(out, "  Nothing could be checked: of no access the state before it was known{}.\n",
                   replay.notes.empty() ? "" : "; the notes say why");
    else if (report.verdict == Verdict::inconclusive)
        fmt::print(out,
                   "  Nothing could be checked. Record from the guest's start: kvm_apic, kvm_msr, kvm_mmio, "
                   "kvm_apic_ipi, kvm_apic_accept_irq, kvm_eoi, kvm_inj_virq, kvm_entry, kvm_exit.\n");
    if (report.count_unknown() != 0)
        fmt::print(out,
                   "  Assumed: userspace set APIC state (KVM_SET_LAPIC, KVM_SET_MSRS, KVM_SET_SREGS) only "
                   "where the trace shows it.\n");
}

} // namespace

void write_check_text(std::ostream& out, const CheckReport& all, const Presentation& presentation) {
    const Ink ink{presentation.colour};
    bool first = true;
    std::optional<Rule> shown;
    for (const TraceReport& report : all.traces) {
        if (report.is_refused()) continue; // told on standard error
        if (!std::exchange(first, false)) fmt::print(out, "\n");
        const u64 unknown = report.count_unknown();
        const u64 known = report.count_known();
        fmt::print(out, "{}: {}{}{}", traces::visible(report.path), ink.of(report.verdict),
                   to_string(report.verdict), ink.off());
        if (unknown != 0) fmt::print(out, ", {} divergence{}", unknown, plural(unknown));
        if (known != 0) fmt::print(out, ", {} known departure{} of KVM", known, plural(known));
        fmt::print(out, " (profile {})\n", to_string(all.profile));
        for (const Divergence& divergence : report.divergences)
            if (divergence.known == nullptr) write_divergence(out, report, divergence, ink);
        if (known != 0) fmt::print(out, "\n  Known departures of KVM:\n");
        write_known(out, report);
        write_summary(out, report);
        write_tests_text(out, all, report);
        if (!shown && !report.divergences.empty()) shown = report.divergences[0].mismatch.rule;
    }
    if (!shown) return;
    fmt::print(out, "\n");
    write_rule_legend(out, *shown);
}

std::string line_text(const Divergence& divergence, const traces::ReadSummary& read) {
    return fmt::format("{}  {}  {}", format_time(divergence.access.time, read), divergence.vcpu,
                       titled_sentence(divergence));
}

} // namespace lapicheck::checker
