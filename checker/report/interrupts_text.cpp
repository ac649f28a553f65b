#include <algorithm>
#include <array>

#include "checker/report/interrupts_words.hpp"
#include "checker/report/text.hpp"
#include "traces/printable.hpp"

namespace lapicheck::checker {
namespace {

constexpr std::size_t line_width = 110;

void write_wrapped(std::ostream& out, std::string_view first_indent, std::string_view text) {
    const std::string indent(first_indent.size(), ' ');
    std::string_view before = first_indent;
    while (!text.empty()) {
        const std::size_t room = line_width - before.size();
        std::size_t length = text.size();
        if (length > room) {
            length = text.substr(0, room + 1).rfind(' ');
            if (length == std::string_view::npos) length = std::min(text.find(' '), text.size());
        }
        fmt::print(out, "{}{}\n", before, text.substr(0, length));
        text.remove_prefix(std::min(length + 1, text.size()));
        before = indent;
    }
}

void write_conclusions(std::ostream& out, const ledger::Recording& recording, const Ink& ink) {
    constexpr std::array titles = {std::pair{ledger::Weight::finding, "What a reader would look at"},
                                   std::pair{ledger::Weight::blind, "What this recording cannot show"},
                                   std::pair{ledger::Weight::note, "Also"}};
    for (const auto& [weight, title] : titles) {
        const auto is_of = [weight = weight](const ledger::Conclusion& c) { return c.weight == weight; };
        if (std::ranges::none_of(recording.conclusions, is_of)) continue;
        fmt::print(out, "\n  {}{}{}\n", ink.bold(), title, ink.off());
        for (const ledger::Conclusion& conclusion : recording.conclusions)
            if (is_of(conclusion)) write_wrapped(out, "  - ", conclusion.text);
    }
    if (recording.conclusions.empty()) fmt::print(out, "\n  {}\n", nothing_to_conclude(recording));
}

using Cell = std::string InterruptCells::*;
constexpr std::array cells = {&InterruptCells::vector,   &InterruptCells::asked_by,
                              &InterruptCells::accepted, &InterruptCells::injected,
                              &InterruptCells::ended,    &InterruptCells::to_injection,
                              &InterruptCells::to_end,   &InterruptCells::at_end};

// Columns without a single entry are left out.
void write_table(std::ostream& out, const std::vector<InterruptCells>& rows, const Ink& ink) {
    const InterruptCells headings = interrupt_headings();
    std::vector<std::pair<Cell, std::size_t>> columns;
    for (const Cell cell : cells) {
        std::size_t width = 0;
        for (const InterruptCells& row : rows) width = std::max(width, (row.*cell).size());
        if (width != 0) columns.emplace_back(cell, std::max(width, (headings.*cell).size()));
    }
    const auto line = [&](const InterruptCells& row) {
        std::string text = "   ";
        for (const auto& [cell, width] : columns) text += fmt::format(" {:<{}} ", row.*cell, width);
        text.erase(text.find_last_not_of(' ') + 1);
        return text;
    };
    fmt::print(out, "{}{}{}\n", ink.bold(), line(headings), ink.off());
    for (const InterruptCells& row : rows) fmt::print(out, "{}\n", line(row));
}

void write_vcpu(std::ostream& out, const ledger::Recording& recording, const ledger::VcpuLedger& vcpu,
                bool clock_in_seconds, const Ink& ink) {
    fmt::print(out, "\n  {}{}{}\n", ink.bold(), vcpu.label, ink.off());
    const std::vector<InterruptCells> rows = interrupt_cells(recording, vcpu, clock_in_seconds);
    if (rows.empty()) fmt::print(out, "    no interrupt\n");
    else write_table(out, rows, ink);
    std::size_t width = 0;
    const auto words = state_words(vcpu, clock_in_seconds);
    for (const auto& [label, text] : words) width = std::max(width, label.size());
    for (const auto& [label, text] : words)
        write_wrapped(out, fmt::format("    {:<{}}  ", label, width), text);
}

void write_recording(std::ostream& out, const ledger::Recording& recording, bool clock_in_seconds,
                     const Ink& ink) {
    if (recording.is_empty()) {
        fmt::print(
            out, "  No interrupt and no access to a local APIC is in it: record kvm_apic, kvm_msr, kvm_mmio, "
                 "kvm_apic_ipi, kvm_apic_accept_irq, kvm_eoi, kvm_inj_virq, kvm_entry, kvm_exit.\n");
        return;
    }
    write_conclusions(out, recording, ink);
    std::size_t shown = 0;
    constexpr std::size_t most = 64;
    for (const ledger::VcpuLedger& vcpu : recording.vcpus)
        if (shown++ < most) write_vcpu(out, recording, vcpu, clock_in_seconds, ink);
    if (shown > most)
        fmt::print(out, "\n  {} more vCPUs are not listed (--format json has them).\n", shown - most);
}

} // namespace

void write_interrupts_text(std::ostream& out, const LedgerReport& report, const Presentation& presentation) {
    const Ink ink{presentation.colour};
    bool first = true;
    for (const ledger::Ledger& one : report.ledgers) {
        if (one.check.is_refused()) continue; // told on standard error
        if (!std::exchange(first, false)) fmt::print(out, "\n");
        std::size_t findings = 0;
        for (const ledger::Recording& recording : one.recordings)
            findings += static_cast<std::size_t>(std::ranges::count(
                recording.conclusions, ledger::Weight::finding, &ledger::Conclusion::weight));
        fmt::print(out, "{}: {}{}{}; check: {}\n", traces::visible(one.check.path), ink.bold(),
                   findings == 0 ? "nothing stands out"
                                 : fmt::format("{} finding{}", findings, plural(findings)),
                   ink.off(), check_words(one, report.profile));
        std::size_t number = 0;
        for (const ledger::Recording& recording : one.recordings) {
            if (one.recordings.size() > 1)
                fmt::print(out, "\n  {}Recording {}, lines {} to {}{}\n", ink.bold(), ++number,
                           recording.first_line, recording.last_line, ink.off());
            write_recording(out, recording, one.check.read.clock_in_seconds, ink);
        }
        const traces::ReadSummary& read = one.check.read;
        if (!read.repairs.empty() || !read.notes.empty()) fmt::print(out, "\n");
        for (const traces::Repair& repair : read.repairs)
            fmt::print(out, "  repaired: {} line{} {}\n", repair.lines, plural(repair.lines), repair.what);
        for (const std::string& note : read.notes) fmt::print(out, "  note: {}\n", note);
        if (one.recordings_not_listed != 0)
            fmt::print(out, "\n  {} more recordings are in this input; split it to see them.\n",
                       one.recordings_not_listed);
    }
}

} // namespace lapicheck::checker
