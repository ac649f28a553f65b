#include "checker/report/interrupts_words.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "checker/judge/divergence_text.hpp"

namespace lapicheck::checker {
namespace {

using ledger::OtherMode;
using ledger::Source;
using ledger::VcpuLedger;
using ledger::VectorRow;
using ledger::Wait;

std::string joined(const std::vector<std::string>& parts) {
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string short_label(const VcpuLedger& vcpu) {
    return vcpu.id ? fmt::format("vCPU {}", *vcpu.id) : vcpu.label;
}

std::string asked_by(const ledger::Recording& recording, const VectorRow& row) {
    constexpr std::size_t most_senders = 4;
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < ledger::source_count; ++i) {
        const u64 count = row.requested[i];
        if (count == 0) continue;
        const auto source = static_cast<Source>(i);
        std::string part = fmt::format("{} {}", name_of(source), count);
        if (source == Source::ipi && !row.senders.empty() && row.senders.size() <= most_senders) {
            std::vector<std::string> senders;
            for (const auto& [sender, n] : row.senders)
                senders.push_back(short_label(recording.vcpus[sender]));
            part += " by " + joined(senders);
        }
        parts.push_back(std::move(part));
    }
    return joined(parts);
}

std::string with_details(u64 count, const std::vector<std::string>& details) {
    if (count == 0 && details.empty()) return {};
    if (details.empty()) return fmt::format("{}", count);
    return fmt::format("{} ({})", count, joined(details));
}

void add_detail(std::vector<std::string>& details, u64 count, std::string_view what) {
    if (count != 0) details.push_back(fmt::format("{} {}", count, what));
}

std::string accepted(const VectorRow& row) {
    std::vector<std::string> details;
    if (row.level != 0)
        details.push_back(row.level == row.accepted ? "level" : fmt::format("{} level", row.level));
    add_detail(details, row.again, "while pending");
    add_detail(details, row.dropped, "while disabled");
    return with_details(row.accepted, details);
}

std::string injected(const VectorRow& row) {
    std::vector<std::string> details;
    add_detail(details, row.unrequested, "without acceptance");
    add_detail(details, row.reinjected, "reinjected");
    return with_details(row.injected, details);
}

std::string ended(const VectorRow& row) {
    std::vector<std::string> details;
    add_detail(details, row.ended_lazily, "by PV EOI");
    add_detail(details, row.broadcast, "sent to the I/O APIC");
    return with_details(row.ended, details);
}

std::string longest(const ledger::Waits& waits, bool clock_in_seconds) {
    if (waits.count == 0) return {};
    const Wait& wait = waits.longest;
    return fmt::format("{} ({}-{})", ledger::duration_text(wait.length(), clock_in_seconds), wait.from.line,
                       wait.to.line);
}

std::string at_end(const VectorRow& row) {
    std::vector<std::string> parts;
    if (row.pending) {
        std::string part = fmt::format("pending since line {}", row.pending->accepted.line);
        if (row.pending->overtaken != 0) part += fmt::format(", overtaken x{}", row.pending->overtaken);
        if (row.pending->halts != 0) part += fmt::format(", HLT x{}", row.pending->halts);
        parts.push_back(std::move(part));
    }
    if (row.in_service)
        parts.push_back(fmt::format("in service since line {}", row.in_service->injected.line));
    if (row.abandoned != 0) parts.push_back(fmt::format("{} not followed to the end", row.abandoned));
    return joined(parts);
}

std::string mode_name(traces::DeliveryMode mode) {
    switch (mode) {
    case traces::DeliveryMode::nmi: return "NMI";
    case traces::DeliveryMode::smi: return "SMI";
    case traces::DeliveryMode::init: return "INIT";
    case traces::DeliveryMode::startup: return "SIPI";
    case traces::DeliveryMode::extint: return "ExtINT";
    default: return "other";
    }
}

std::string lines_of(const OtherMode& mode) {
    return mode.first_line == mode.last_line ? fmt::format("line {}", mode.first_line)
                                             : fmt::format("lines {} to {}", mode.first_line, mode.last_line);
}

std::string known_text(Known<u64> value) {
    if (value.known == 0) return "unknown";
    return value.is_exact() ? fmt::format("{:#x}", value.value) : model::dotted_hex(value);
}
// `telling`: the bits that a reader wants to know; those that every APIC has at 0 tell nothing.
std::string known_text(Known<u32> value, u32 telling) {
    if ((value.known & telling) == 0) return "unknown";
    constexpr u64 upper = ~u64{0} << 32;
    return known_text(Known<u64>{value.value, value.known | upper});
}

// The vectors that are surely set, and whether others may be.
std::string vectors_text(const std::array<Known<u32>, 8>& words) {
    std::vector<std::string> set;
    bool all_known = true;
    for (u32 i = 0; i < words.size(); ++i) {
        // Vectors 0 to 15 have no bits (P06).
        const u32 wanted = i == 0 ? 0xffff'0000 : 0xffff'ffff;
        all_known = all_known && (words[i].known & wanted) == wanted;
        for (u32 bit = 0; bit < 32; ++bit)
            if ((words[i].value >> bit & 1) != 0) set.push_back(ledger::vector_name(i * 32 + bit));
    }
    if (set.empty()) return all_known ? "empty" : "unknown";
    return joined(set) + (all_known ? "" : " (others unknown)");
}

constexpr u32 telling_svr = model::svr::enable | model::svr::eoi_suppression | 0xff;
constexpr u32 telling_priority = 0xff;
constexpr u32 telling_lvt = model::lvt::vector | model::lvt::mask;

// Without the timer, which has a line of its own.
std::string lvt_text(const ledger::FinalState& state) {
    constexpr std::string_view prefix = "lvt_";
    std::vector<std::string> parts;
    for (const auto& [name, value] : state.lvt) {
        if (!name.starts_with(prefix) || (value.known & telling_lvt) == 0) continue;
        parts.push_back(fmt::format("{} {}", name.substr(prefix.size()), known_text(value, telling_lvt)));
    }
    return joined(parts);
}

std::string timer_text(const ledger::FinalState& state) {
    const auto word = [&](Reg reg) {
        const auto found =
            std::ranges::find(state.lvt, model::register_name(reg), &ledger::FinalState::Register::name);
        return found == state.lvt.end() ? Known<u32>{} : found->value;
    };
    const Known<u32> entry = word(Reg::lvt_timer);
    const Known<u32> mode = entry & model::lvt::timer_mode;
    if (!mode.is_exact()) return {};
    const bool deadline = mode.value == model::lvt::timer_deadline;
    const bool masked = (entry & model::lvt::mask).value != 0;
    const std::string kind = deadline                                   ? "TSC-deadline"
                             : mode.value == model::lvt::timer_periodic ? "periodic"
                                                                        : "one-shot";
    std::string text =
        fmt::format("{}, vector {}, {}", kind, ledger::vector_name(entry.value & model::lvt::vector),
                    masked ? "masked" : "not masked");
    if (deadline && state.tsc_deadline.is_exact())
        text += state.tsc_deadline.value != 0 ? fmt::format(", armed for TSC {:#x}", state.tsc_deadline.value)
                                              : ", not armed";
    const Known<u32> count = word(Reg::initial_count);
    if (!deadline && count.is_exact())
        text += count.value != 0 ? fmt::format(", initial count {:#x}", count.value) : ", not armed";
    return text;
}

} // namespace

InterruptCells interrupt_headings() {
    return {"vector",
            "asked for by",
            "accepted",
            "injected",
            "ended",
            "longest wait to injection",
            "longest wait to EOI",
            "at the end"};
}

std::vector<InterruptCells> interrupt_cells(const ledger::Recording& recording, const VcpuLedger& vcpu,
                                            bool clock_in_seconds) {
    std::vector<InterruptCells> cells;
    for (const auto& [vector, row] : vcpu.vectors) {
        std::string to_end = longest(row.until_ended, clock_in_seconds);
        if (to_end.empty() && row.accepted_ended.count != 0)
            to_end = longest(row.accepted_ended, clock_in_seconds) + " from acceptance";
        cells.push_back({fmt::format("{} / {}", ledger::vector_name(vector), vector),
                         asked_by(recording, row), accepted(row), injected(row), ended(row),
                         longest(row.until_injected, clock_in_seconds), std::move(to_end), at_end(row)});
    }
    for (const auto& [mode, count] : vcpu.others) {
        InterruptCells row{};
        row.vector = mode_name(mode);
        row.accepted = fmt::format("{}", count.count);
        row.at_end = lines_of(count);
        cells.push_back(std::move(row));
    }
    return cells;
}

std::vector<std::pair<std::string, std::string>> state_words(const VcpuLedger& vcpu, bool clock_in_seconds) {
    std::vector<std::pair<std::string, std::string>> words;
    if (vcpu.halts != 0 || vcpu.entries != 0) {
        std::string text = fmt::format("{} entr{} into the guest, {} HLT", vcpu.entries,
                                       vcpu.entries == 1 ? "y" : "ies", vcpu.halts);
        if (vcpu.halts_while_pending != 0)
            text += fmt::format(" ({} while a vector was pending)", vcpu.halts_while_pending);
        if (vcpu.halted.is_seen()) text += fmt::format("; halted since line {}", vcpu.halted.line);
        words.emplace_back("ran", std::move(text));
    }
    if (vcpu.empty_eois.count != 0)
        words.emplace_back("EOIs of nothing",
                           fmt::format("{} ({})", vcpu.empty_eois.count, lines_of(vcpu.empty_eois)));
    if (vcpu.vectorless_eois != 0)
        words.emplace_back("EOIs of an unknown vector", fmt::format("{}", vcpu.vectorless_eois));
    const auto waits = [&](std::string label, const std::vector<Wait>& longest_waits) {
        std::vector<std::string> parts;
        parts.reserve(longest_waits.size());
        for (const Wait& wait : longest_waits)
            parts.push_back(fmt::format("{} {} ({}-{})", ledger::vector_name(wait.vector),
                                        ledger::duration_text(wait.length(), clock_in_seconds),
                                        wait.from.line, wait.to.line));
        if (parts.size() > 1) words.emplace_back(std::move(label), joined(parts));
    };
    waits("longest waits to injection", vcpu.longest_until_injected);
    waits("longest waits to EOI", vcpu.longest_until_ended);
    if (vcpu.state) {
        const ledger::FinalState& state = *vcpu.state;
        words.emplace_back("mode", state.mode ? std::string{mode_text(*state.mode)} : "unknown");
        words.emplace_back("registers",
                           fmt::format("SVR {}, TPR {}, PPR {}", known_text(state.svr, telling_svr),
                                       known_text(state.tpr, telling_priority),
                                       known_text(state.ppr, telling_priority)));
        words.emplace_back("IRR, ISR",
                           fmt::format("IRR {}; ISR {}", vectors_text(state.irr), vectors_text(state.isr)));
        if (std::string lvt = lvt_text(state); !lvt.empty()) words.emplace_back("LVT", std::move(lvt));
        if (std::string timer = timer_text(state); !timer.empty())
            words.emplace_back("timer", std::move(timer));
    }
    std::string_view label = "last accesses";
    for (auto last = vcpu.last_accesses.rbegin(); last != vcpu.last_accesses.rend(); ++last) {
        words.emplace_back(label, fmt::format("line {}: {}", last->access.line, last->text));
        label = "";
    }
    return words;
}

std::string nothing_to_conclude(const ledger::Recording& recording) {
    bool any = false;
    bool all_ended = true;
    for (const VcpuLedger& vcpu : recording.vcpus)
        for (const auto& [vector, row] : vcpu.vectors) {
            any = any || row.accepted != 0;
            all_ended = all_ended && !row.pending && !row.in_service && row.abandoned == 0;
        }
    if (!any) return "No interrupt is in the recording.";
    return all_ended
               ? "Every interrupt that was accepted was injected, and every one that was injected ended."
               : "Nothing stands out.";
}

std::string check_words(const ledger::Ledger& ledger, Profile profile) {
    constexpr std::size_t most = 4;
    const TraceReport& report = ledger.check;
    std::string text = fmt::format("{} (profile {})", to_string(report.verdict), to_string(profile));
    std::vector<std::string> parts;
    for (const Divergence& divergence : report.divergences) {
        if (divergence.known != nullptr) continue;
        if (parts.size() == most) {
            parts.emplace_back("...");
            break;
        }
        parts.push_back(
            fmt::format("{} at line {}", model::to_string(divergence.mismatch.rule), divergence.line));
    }
    return parts.empty() ? text : fmt::format("{}: {}", text, joined(parts));
}

} // namespace lapicheck::checker
