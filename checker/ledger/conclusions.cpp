#include "checker/ledger/conclusions.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace lapicheck::checker::ledger {
namespace {

constexpr u64 fewest_rounds = 3;          // of a storm
constexpr std::size_t most_of_a_kind = 8; // of one vCPU

u32 class_of(u32 vector) { return vector >> 4; }

std::string times(u64 n) { return n == 1 ? "once" : n == 2 ? "twice" : fmt::format("{} times", n); }
// "at line 3" or "at lines 3 to 9".
std::string at_lines(u64 first, u64 last) {
    return first == last ? fmt::format("at line {}", first) : fmt::format("at lines {} to {}", first, last);
}

// One vCPU of a recording and what may be said of it.
class Reader {
  public:
    Reader(const Recording& recording, u32 index, bool clock_in_seconds, std::vector<Conclusion>& out)
        : recording_(recording), vcpu_(recording.vcpus[index]), index_(index),
          clock_in_seconds_(clock_in_seconds), out_(out) {}

    void read() {
        sipi();
        storms();
        if (vcpu_.is_ambiguous) return;
        if (sees_deliveries()) {
            empty_eois();
            lower_eoi();
            pending();
            in_service();
            overtakings();
        } else {
            without_injections();
        }
        unanswered();
    }

  private:
    const Shown& shown() const { return recording_.shown; }
    // Each injection makes an event, and each EOI.
    bool sees_deliveries() const {
        return shown().injections != 0 && shown().accelerated == 0 && shown().nested == 0;
    }
    bool sees_eois() const { return shown().eois != 0 || shown().eoi_accesses != 0; }
    bool ends_are_the_guests() const {
        return shown().pv_eois == 0 && shown().synic == 0 && (shown().own_eoi == 0 || shown().msrs == 0);
    }

    void add(Weight weight, std::string_view kind, std::optional<u32> vector, std::vector<u64> lines,
             std::string text) {
        out_.push_back({weight, kind, fmt::format("{}: {}", vcpu_.label, std::move(text)), index_, vector,
                        std::move(lines)});
    }
    std::string by_the_end() const { return fmt::format("by the end (line {})", recording_.last_line); }
    // What the guest may have done unseen: a WRMSR of IA32_APIC_BASE clears what is pending and in service.
    Weight grave() const { return shown().msrs != 0 ? Weight::finding : Weight::note; }
    std::string doubts() const {
        std::string text;
        if (vcpu_.state && vcpu_.state->may_have_been_reset)
            text += " Userspace may have reset this vCPU meanwhile, which leaves no event.";
        if (shown().msrs == 0)
            text += " No kvm_msr is in the recording: the guest may have disabled the APIC meanwhile.";
        return text;
    }
    std::string waited(const Point& since) const {
        const u64 length = recording_.last_time > since.time ? recording_.last_time - since.time : 0;
        return duration_text(length, clock_in_seconds_);
    }

    void sipi() {
        const IdleSipi& sipi = vcpu_.idle_sipi;
        if (sipi.line == 0) return;
        std::string text = fmt::format("the SIPI with vector {} at line {} should have no effect: the vCPU "
                                       "runs (seen at line {}) and was "
                                       "sent no INIT since; only a processor that waits for a SIPI takes one",
                                       vector_name(sipi.vector), sipi.line, sipi.running_since);
        text += sipi.entered_at_start == 0
                    ? "."
                    : fmt::format(". Yet the guest is entered at line {} where that SIPI starts a processor.",
                                  sipi.entered_at_start);
        add(Weight::finding, "sipi-without-effect", sipi.vector, {sipi.line}, std::move(text));
    }

    void storms() {
        for (const auto& [vector, row] : vcpu_.vectors) {
            const Storm& storm = row.storm;
            if (storm.rounds < fewest_rounds) continue;
            add(Weight::finding, "storm", vector, {storm.first_line, storm.last_line},
                fmt::format(
                    "level-triggered vector {} was accepted again right after its EOI {} in a row (lines {} "
                    "to {}; {} after the EOI at most): its line stays asserted. Either the handler does not "
                    "silence the device, or the line is raised again at each EOI.",
                    vector_name(vector), times(storm.rounds), storm.first_line, storm.last_line,
                    duration_text(storm.longest_gap, clock_in_seconds_)));
        }
    }

    // The highest vector in service that was surely requested.
    std::optional<u32> highest_in_service() const {
        for (auto row = vcpu_.vectors.rbegin(); row != vcpu_.vectors.rend(); ++row)
            if (row->second.in_service && row->second.in_service->accepted.is_seen()) return row->first;
        return std::nullopt;
    }
    bool is_held_back_by_service(u32 vector) const {
        const auto highest = highest_in_service();
        return highest && class_of(vector) <= class_of(*highest);
    }

    void empty_eois() {
        if (!ends_are_the_guests()) return;
        for (const auto& [vector, row] : vcpu_.vectors) {
            if (!row.in_service || row.in_service->empty_eoi == 0 || !row.in_service->accepted.is_seen())
                continue;
            add(grave(), "eoi-of-nothing", vector, {row.in_service->injected.line, row.in_service->empty_eoi},
                fmt::format("the EOI at line {} ended nothing, though {} had been injected at line {} and no "
                            "EOI of it "
                            "is seen before.{}",
                            row.in_service->empty_eoi, vector_name(vector), row.in_service->injected.line,
                            doubts()));
        }
    }

    void lower_eoi() {
        const LowerEoi& lower = vcpu_.lower_eoi;
        if (lower.count == 0 || !ends_are_the_guests() || shown().eois == 0) return;
        add(grave(), "eoi-of-lower", lower.ended, {lower.line, lower.ended_injected, lower.higher_injected},
            fmt::format(
                "the EOI at line {} ended {} (injected at line {}), though {} (injected at line {}) was in "
                "service: an EOI ends the highest vector in service (P04).{}{}",
                lower.line, vector_name(lower.ended), lower.ended_injected, vector_name(lower.higher),
                lower.higher_injected,
                lower.count == 1 ? "" : fmt::format(" {} more EOIs did the like.", lower.count - 1),
                shown().msrs == 0 ? doubts() : ""));
    }

    void pending() {
        std::size_t listed = 0;
        std::size_t left = 0;
        for (auto row = vcpu_.vectors.rbegin(); row != vcpu_.vectors.rend(); ++row) {
            if (!row->second.pending) continue;
            if (is_blocked_silently(row->first, *row->second.pending)) continue; // told with what blocks it
            if (listed++ < most_of_a_kind) pending(row->first, *row->second.pending);
            else ++left;
        }
        if (left != 0)
            add(Weight::note, "more-pending", std::nullopt, {},
                fmt::format("{} more vectors are pending at the end; the table has them.", left));
    }
    bool is_blocked_silently(u32 vector, const Pending& pending) const {
        return is_held_back_by_service(vector) && pending.overtaken == 0;
    }

    void pending(u32 vector, const Pending& pending) {
        const std::string begins =
            fmt::format("vector {} was accepted at line {} and not seen to be injected {}",
                        vector_name(vector), pending.accepted.line, by_the_end());
        constexpr u32 first_legal = 16;
        if (vector < first_legal)
            return add(Weight::note, "illegal-vector", vector, {pending.accepted.line},
                       begins + ": vectors 0 to 15 are illegal, and no APIC delivers them (P06).");
        if (pending.ambiguous)
            return add(Weight::note, "pending-of-some-vcpu", vector, {pending.accepted.line},
                       begins + "; several vCPUs bear this number, and it may have been for another one.");
        const std::string halts =
            pending.halts == 0
                ? std::string{}
                : fmt::format(" Meanwhile the vCPU executed HLT {} ({}).", times(pending.halts),
                              at_lines(pending.first_halt, pending.last_halt));
        if (pending.overtaken != 0)
            return add(
                grave(), "overtaken", vector, {pending.accepted.line, pending.first_overtaken},
                fmt::format("{}, though {} {}, at line {} first: the highest pending vector goes first "
                            "(P02).{}{}",
                            begins, vector_name(pending.overtaken_by),
                            pending.overtaken == 1 ? "was injected"
                                                   : fmt::format("and other lower vectors were injected {}",
                                                                 times(pending.overtaken)),
                            pending.first_overtaken, halts, doubts()));
        if (pending.halts != 0)
            return add(grave(), "halted-while-pending", vector, {pending.accepted.line, pending.last_halt},
                       fmt::format(
                           "{}.{} A processor in HLT takes a pending interrupt unless RFLAGS.IF is 0, or TPR "
                           "or a vector in service holds it back{}.{}",
                           begins, halts, what_holds_back(vector), doubts()));
        add(Weight::note, "pending", vector, {pending.accepted.line},
            fmt::format("{}, {} later{}.", begins, waited(pending.accepted), tpr_holds_back(vector)));
    }
    std::optional<u32> tpr_class() const {
        if (!vcpu_.state) return std::nullopt;
        const Known<u32> tpr = vcpu_.state->tpr & model::tpr::task_class;
        return tpr.is_exact() ? std::optional{tpr.value >> 4} : std::nullopt;
    }
    std::string tpr_holds_back(u32 vector) const {
        const auto tpr = tpr_class();
        return tpr && class_of(vector) <= *tpr ? fmt::format("; TPR is {:02X}H and holds it back", *tpr << 4)
                                               : "";
    }
    // IF is never seen.
    std::string what_holds_back(u32 vector) const {
        const auto tpr = tpr_class();
        if (tpr && class_of(vector) <= *tpr) return fmt::format(" (TPR is {:02X}H)", *tpr << 4);
        return tpr ? fmt::format(" (TPR is {:02X}H, and no vector was seen to be in service)", *tpr << 4)
                   : " (no vector was seen to be in service; TPR is not known)";
    }

    void in_service() {
        if (!sees_eois()) return;
        const auto highest = highest_in_service();
        for (const auto& [vector, row] : vcpu_.vectors) {
            if (!row.in_service || !row.in_service->accepted.is_seen()) continue;
            in_service(vector, *row.in_service, vector == highest);
        }
    }
    void in_service(u32 vector, const InService& service, bool is_highest) {
        std::string text =
            fmt::format("vector {} is in service since line {} and no EOI of it is seen {}, {} later",
                        vector_name(vector), service.injected.line, by_the_end(), waited(service.injected));
        std::vector<u64> lines{service.injected.line};
        std::string held;
        std::size_t count = 0;
        for (auto row = vcpu_.vectors.rbegin(); is_highest && row != vcpu_.vectors.rend(); ++row) {
            const auto& pending = row->second.pending;
            if (!pending || pending->ambiguous || !is_blocked_silently(row->first, *pending)) continue;
            if (count++ < most_of_a_kind)
                held += fmt::format("{}{} (accepted at line {})", held.empty() ? "" : ", ",
                                    vector_name(row->first), pending->accepted.line);
            lines.push_back(pending->accepted.line);
        }
        if (count != 0)
            text += fmt::format("; it holds back {}{}", held,
                                count > most_of_a_kind ? fmt::format(" and {} more", count - most_of_a_kind)
                                                       : "");
        text += ".";
        if (service.halts != 0)
            text += fmt::format(" The vCPU executed HLT {} with it in service.", times(service.halts));
        if (shown().pv_eois != 0) text += " With PV EOI an EOI shows only at a later exit.";
        const bool lasts = service.halts != 0 || (service.empty_eoi != 0 && ends_are_the_guests());
        const bool is_finding = lasts && ends_are_the_guests();
        add(is_finding ? grave() : Weight::note, "in-service", vector, std::move(lines), text + doubts());
    }

    void overtakings() {
        for (const Overtaking& late : vcpu_.overtakings)
            add(grave(), "late", late.vector,
                {late.pending.accepted.line, late.pending.first_overtaken, late.injected.line},
                fmt::format("vector {} was accepted at line {} and injected at line {}, after the lower "
                            "vector {} (line "
                            "{}): the highest pending vector goes first (P02).{}",
                            vector_name(late.vector), late.pending.accepted.line, late.injected.line,
                            vector_name(late.pending.overtaken_by), late.pending.first_overtaken, doubts()));
        if (vcpu_.overtakings_not_listed != 0)
            add(Weight::note, "more-late", std::nullopt, {},
                fmt::format("{} more vectors were injected late.", vcpu_.overtakings_not_listed));
    }

    // An acceptance and an EOI are all that can be seen.
    void without_injections() {
        std::size_t listed = 0;
        std::size_t left = 0;
        for (auto row = vcpu_.vectors.rbegin(); row != vcpu_.vectors.rend(); ++row) {
            if (!row->second.pending || row->second.pending->ambiguous) continue;
            if (listed++ >= most_of_a_kind) {
                ++left;
                continue;
            }
            add(Weight::note, "no-eoi", row->first, {row->second.pending->accepted.line},
                fmt::format(
                    "vector {} was accepted at line {}, and nothing more is seen of it {}: whether it was "
                    "delivered, this recording cannot show.",
                    vector_name(row->first), row->second.pending->accepted.line, by_the_end()));
        }
        if (left != 0)
            add(Weight::note, "more-no-eoi", std::nullopt, {},
                fmt::format("of {} more vectors the acceptance is the last that is seen; the table has them.",
                            left));
    }

    void unanswered() {
        if (shown().accepts == 0 || shown().accelerated != 0) return;
        std::size_t listed = 0;
        for (const auto& [vector, ipis] : vcpu_.unanswered)
            if (listed++ < most_of_a_kind)
                add(Weight::note, "ipi-not-accepted", vector, {ipis.first_line, ipis.last_line},
                    fmt::format("it sent vector {} {} ({}), and no vCPU is seen to accept it.",
                                vector_name(vector), times(ipis.count),
                                at_lines(ipis.first_line, ipis.last_line)));
    }

    const Recording& recording_;
    const VcpuLedger& vcpu_;
    u32 index_;
    bool clock_in_seconds_;
    std::vector<Conclusion>& out_;
};

class Blind {
  public:
    Blind(const Recording& recording, std::vector<Conclusion>& out)
        : recording_(recording), shown_(recording.shown), out_(out) {}

    void read() {
        hardware();
        tracepoints();
        who_ends();
        rest();
    }

  private:
    void add(std::string_view kind, u64 line, std::string text) {
        Conclusion conclusion{.weight = Weight::blind, .kind = kind, .text = std::move(text)};
        if (line != 0) conclusion.lines.push_back(line);
        out_.push_back(std::move(conclusion));
    }
    bool has(u64 VectorRow::*count) const {
        return std::ranges::any_of(recording_.vcpus, [&](const VcpuLedger& vcpu) {
            return std::ranges::any_of(vcpu.vectors, [&](const auto& row) { return row.second.*count != 0; });
        });
    }

    void hardware() {
        if (shown_.accelerated != 0)
            add("hardware-virtualizes", shown_.accelerated,
                fmt::format(
                    "Hardware virtualizes the APIC (line {}: {}): it injects and ends interrupts, and may "
                    "accept "
                    "IPIs, without an event, so what is missing below need not be lost. To see all, load "
                    "kvm_intel with enable_apicv=0 or kvm_amd with avic=0 and record again.",
                    shown_.accelerated, shown_.accelerated_by));
        const auto is_in_userspace = [](const VcpuLedger& vcpu) {
            return vcpu.state && vcpu.state->is_in_userspace;
        };
        if (std::ranges::any_of(recording_.vcpus, is_in_userspace))
            add("apic-in-userspace", 0,
                "Userspace emulates the APIC (QEMU: kernel-irqchip=off): its interrupts leave no event of "
                "KVM. Use the "
                "APIC of KVM, or QEMU's own traces (-trace 'apic_*').");
        if (shown_.nested != 0)
            add("nested", shown_.nested,
                fmt::format(
                    "The guest runs guests of its own (line {}): their interrupts are injected without "
                    "kvm_inj_virq.",
                    shown_.nested));
    }

    void tracepoints() {
        if (shown_.accelerated != 0) return;
        if (has(&VectorRow::accepted) && shown_.injections == 0)
            add("no-injections", 0,
                "No kvm_inj_virq is in the recording: whether an accepted interrupt was injected shows only "
                "at its "
                "EOI. Enable kvm:kvm_inj_virq; a vendor module that has it not (kvm_pvm) cannot show it.");
        if ((has(&VectorRow::injected) || has(&VectorRow::ended)) && shown_.accepts == 0)
            add("no-acceptances", 0,
                "No kvm_apic_accept_irq is in the recording: what was accepted and when is not seen. Enable "
                "kvm:kvm_apic_accept_irq.");
        if (has(&VectorRow::injected) && shown_.eois == 0)
            add("no-eois", 0,
                shown_.eoi_accesses != 0 ? "No kvm_eoi is in the recording: which vector an EOI ended is "
                                           "inferred from the order of "
                                           "injections. Enable kvm:kvm_eoi."
                                         : "No EOI is in the recording: whether an interrupt ended is not "
                                           "seen. Enable kvm:kvm_eoi, "
                                           "kvm:kvm_apic, kvm:kvm_msr and kvm:kvm_mmio.");
        if (has(&VectorRow::accepted) && shown_.entries == 0 && shown_.exits == 0)
            add("no-entries", 0,
                "Neither kvm_entry nor kvm_exit is in the recording: whether a vCPU ran or was halted is not "
                "seen. "
                "Enable both.");
    }

    void who_ends() {
        if (shown_.accelerated != 0) return;
        if (shown_.own_eoi != 0 && shown_.msrs == 0)
            add("no-msrs", shown_.own_eoi,
                fmt::format("No kvm_msr is in the recording, so the guest's accesses in x2APIC mode are not "
                            "seen as such "
                            "(line {} is an EOI). Enable kvm:kvm_msr.",
                            shown_.own_eoi));
        else if (shown_.own_eoi != 0 && shown_.pv_eois == 0)
            add("own-eois", shown_.own_eoi,
                fmt::format(
                    "KVM ends interrupts by itself as it hands them to the guest (line {}), as kvm_pvm does: "
                    "\"ended\" below does not say that the guest's handler ran.",
                    shown_.own_eoi));
        if (shown_.pv_eois != 0)
            add("pv-eoi", shown_.pv_eois,
                fmt::format(
                    "The guest uses PV EOI (line {}): such an EOI is seen only at a later exit, and waits "
                    "until "
                    "EOI are upper bounds. To see EOIs when they are made, start the guest without it "
                    "(QEMU: -cpu ...,kvm-pv-eoi=off).",
                    shown_.pv_eois));
        if (shown_.synic != 0)
            add("synic", shown_.synic,
                fmt::format("Hyper-V's SynIC is used (line {}): its vectors may end without an EOI.",
                            shown_.synic));
    }

    void rest() {
        if (shown_.lost != 0)
            add("lost-events", shown_.lost,
                fmt::format(
                    "Events are missing (first at line {}): what was pending or in service there is unknown "
                    "afterwards. Record with a larger buffer (buffer_size_kb).",
                    shown_.lost));
        for (const VcpuLedger& vcpu : recording_.vcpus)
            if (vcpu.is_ambiguous) {
                add("several-vms", 0,
                    fmt::format(
                        "Several vCPUs bear the number {}, as those of several VMs do: what was accepted by "
                        "number outside of their own threads is counted apart. Record one VM "
                        "(set_event_pid).",
                        vcpu.id.value_or(0)));
                break;
            }
        if (recording_.is_overfull)
            add("too-many-vcpus", 0, "There are more vCPUs than the ledger keeps: some are not in it.");
        if (shown_.requests == 0 && unknown_sources() != 0)
            add("no-requests", 0,
                "Who asked for some interrupts is not known: enable kvm:kvm_apic_ipi, kvm:kvm_msi_set_irq, "
                "kvm:kvm_ioapic_set_irq and kvm:kvm_set_irq.");
    }
    u64 unknown_sources() const {
        u64 n = 0;
        for (const VcpuLedger& vcpu : recording_.vcpus)
            for (const auto& [vector, row] : vcpu.vectors)
                n += row.requested[static_cast<std::size_t>(Source::unknown)];
        return n;
    }

    const Recording& recording_;
    const Shown& shown_;
    std::vector<Conclusion>& out_;
};

} // namespace

std::vector<Conclusion> conclude(const Recording& recording, bool clock_in_seconds) {
    std::vector<Conclusion> all;
    for (u32 i = 0; i < recording.vcpus.size(); ++i) Reader(recording, i, clock_in_seconds, all).read();
    if (!recording.is_empty()) Blind(recording, all).read();
    std::ranges::stable_sort(all, {}, &Conclusion::weight);
    return all;
}

} // namespace lapicheck::checker::ledger
