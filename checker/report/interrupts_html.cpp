#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <nlohmann/json.hpp>

#include "checker/judge/divergence_text.hpp"
#include "checker/report/html.hpp"
#include "checker/report/interrupts_page.hpp"
#include "checker/report/interrupts_words.hpp"
#include "checker/report/rule_text.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;
using ledger::Delivery;
using ledger::Point;
using ledger::Recording;

bool is_number_at(std::string_view text, std::size_t at) {
    return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0;
}

// Escaped, with the numbers of lines ("line 12", "lines 3 to 9", "(3-9)" do) as buttons that show them above.
std::string with_line_links(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t word = text.find("line");
        if (word == std::string_view::npos) break;
        std::size_t at = word + 4;
        if (at < text.size() && text[at] == 's') ++at;
        if (at >= text.size() || text[at] != ' ' || !is_number_at(text, at + 1)) {
            out += escaped(text.substr(0, at));
            text.remove_prefix(at);
            continue;
        }
        out += escaped(text.substr(0, at + 1));
        text.remove_prefix(at + 1);
        for (;;) {
            std::size_t length = 0;
            while (is_number_at(text, length)) ++length;
            const std::string_view number = text.substr(0, length);
            out += fmt::format("<button type=button class=line data-line={}>{}</button>", number, number);
            text.remove_prefix(length);
            if (!text.starts_with(" to ") || !is_number_at(text, 4)) break;
            out += " to ";
            text.remove_prefix(4);
        }
    }
    return out + escaped(text);
}

// Safe inside an element <script>.
std::string embedded(const json& data) {
    std::string out;
    for (const char c : data.dump(-1, ' ', false, json::error_handler_t::replace)) {
        if (c == '<') out += "\\u003c";
        else out += c;
    }
    return out;
}

// The lane of the vCPU that the divergence is of; the first one of its thread if its number is not known.
std::size_t lane_of(const Recording& recording, const Divergence& divergence) {
    std::size_t of_thread = recording.vcpus.size();
    for (std::size_t i = 0; i < recording.vcpus.size(); ++i) {
        const ledger::VcpuLedger& vcpu = recording.vcpus[i];
        if (vcpu.thread != divergence.access.thread) continue;
        if (divergence.access.vcpu < 0 || vcpu.id == static_cast<u64>(divergence.access.vcpu)) return i;
        of_thread = std::min(of_thread, i);
    }
    return of_thread;
}

bool stands_in(const Recording& recording, const Divergence& divergence) {
    return divergence.line >= recording.first_line && divergence.line <= recording.last_line;
}

u64 since(u64 time, u64 start) { return time > start ? time - start : 0; }

// The array has for each interrupt: vCPU, sender or -1, vector, source, level, end; then line (0: not seen)
// and time of request, acceptance, injection and EOI.
std::string deliveries_text(const Recording& recording) {
    std::string out = "[";
    const auto point = [&](const Point& p) {
        fmt::format_to(std::back_inserter(out), ",{},{}", p.line,
                       p.is_seen() ? since(p.time, recording.first_time) : 0);
    };
    for (const Delivery& d : recording.deliveries) {
        if (out.size() > 1) out += ',';
        const int sender = d.sender ? static_cast<int>(*d.sender) : -1;
        fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{}", d.vcpu, sender, d.vector,
                       static_cast<unsigned>(d.source), d.level ? 1 : 0, static_cast<unsigned>(d.end));
        for (const Point& p : {d.requested, d.accepted, d.injected, d.ended}) point(p);
    }
    return out + "]";
}

std::string statement_of(Rule rule) {
    const specs::RuleEntry* entry = specs::find_rule(model::to_string(rule));
    return entry == nullptr ? std::string{} : entry->statement;
}

std::string data_text(const ledger::Ledger& one, const Recording& recording) {
    json data;
    data["clock"] = one.check.read.clock_in_seconds ? "ns" : "ticks";
    data["firstLine"] = recording.first_line;
    data["end"] = since(recording.last_time, recording.first_time);
    data["width"] = 14;
    std::set<u32> machines;
    data["lanes"] = json::array();
    for (const ledger::VcpuLedger& vcpu : recording.vcpus) {
        machines.insert(vcpu.machine);
        data["lanes"].push_back({{"label", vcpu.label}, {"vm", vcpu.machine}});
    }
    data["vms"] = machines.size();
    data["sources"] = json::array();
    for (std::size_t i = 0; i < ledger::source_count; ++i)
        data["sources"].push_back(name_of(static_cast<ledger::Source>(i)));
    data["divergences"] = json::array();
    for (const Divergence& divergence : one.check.divergences) {
        const std::size_t lane = lane_of(recording, divergence);
        if (divergence.known != nullptr || !stands_in(recording, divergence) ||
            lane == recording.vcpus.size())
            continue;
        data["divergences"].push_back({{"lane", lane},
                                       {"line", divergence.line},
                                       {"time", since(divergence.access.time, recording.first_time)},
                                       {"rule", model::to_string(divergence.mismatch.rule)},
                                       {"text", headline(divergence)},
                                       {"statement", statement_of(divergence.mismatch.rule)}});
    }
    std::string text = embedded(data);
    // Numbers alone; a JSON value for each would take more memory than all the rest.
    text.pop_back();
    return text + ",\"deliveries\":" + deliveries_text(recording) + "}";
}

void write_conclusions(std::ostream& out, const Recording& recording) {
    fmt::print(out, "<ul class=conclusions>\n");
    for (const ledger::Conclusion& conclusion : recording.conclusions) {
        const std::string_view title = conclusion.weight == ledger::Weight::finding ? "<b class=bad>Look</b>"
                                       : conclusion.weight == ledger::Weight::blind ? "<b>Not seen</b>"
                                                                                    : "";
        fmt::print(out, "<li class={}>{}{}</li>\n", name_of(conclusion.weight), title,
                   with_line_links(conclusion.text));
    }
    if (recording.conclusions.empty())
        fmt::print(out, "<li>{}</li>\n", escaped(nothing_to_conclude(recording)));
    fmt::print(out, "</ul>\n");
}

void write_timeline(std::ostream& out, const ledger::Ledger& one, const Recording& recording) {
    fmt::print(out, R"html(<div class=timeline>
<div class="bar legend"><span><i style="background:var(--wait)"></i>accepted, waiting for injection</span>
<span><i style="background:var(--service)"></i>injected, in service until EOI</span>
<span><i style="background:var(--bad)"></i>not ended by the end of the recording; divergence</span>
<span><i style="background:var(--open)"></i>became unknown; not accepted</span></div>
<div class="bar"><button type=button data-act=in>zoom in</button><button type=button data-act=out>zoom out</button>
<button type=button data-act=fit>all</button><button type=button data-act=previous>previous that did not end</button>
<button type=button data-act=next>next</button><span class="soft range" aria-live=polite></span></div>
<div class="bar chips" role=group aria-label="Vectors that are shown"></div>
<div class=view><canvas tabindex=0 role=img aria-label="Interrupts of each vCPU by time. The tables below hold the same."></canvas>
<div class=space></div></div>
<p class=soft>Wheel or + and - zoom, drag or arrow keys move, 0 shows all, n and p go to what did not end, Shift and wheel
scrolls. Triangle: accepted; bar: injected; circle: EOI; arrow: who asked.</p>
<div class=details aria-live=polite>Click an interrupt, or a line number in the sentences above.</div>
)html");
    if (recording.delivery_stride > 1)
        fmt::print(
            out,
            "<p>Of {} interrupts one in {} is drawn, and those that did not end; the tables count all.</p>\n",
            recording.deliveries_seen, recording.delivery_stride);
    fmt::print(out, "<script type=\"application/json\">{}</script>\n</div>\n", data_text(one, recording));
}

void write_divergences(std::ostream& out, const ledger::Ledger& one, const Recording& recording) {
    std::string rows;
    std::set<Rule> rules;
    for (const Divergence& divergence : one.check.divergences) {
        if (divergence.known != nullptr || !stands_in(recording, divergence)) continue;
        const Rule rule = divergence.mismatch.rule;
        rows += fmt::format(
            "<li class=finding><b class=bad>{0}</b>{1}, line <button type=button class=line data-line={2}>{2}"
            "</button>: {3}{4}<br><span class=soft>{0}: {5}</span></li>\n",
            model::to_string(rule), escaped(divergence.vcpu), divergence.line, escaped(headline(divergence)),
            divergence.count == 1 ? "" : fmt::format(" ({} times)", divergence.count),
            escaped(statement_of(rule)));
    }
    if (!rows.empty())
        fmt::print(out, "<h2>Divergences from the manuals</h2>\n<ul class=conclusions>\n{}</ul>\n", rows);
}

using Cell = std::string InterruptCells::*;
constexpr std::array cells = {&InterruptCells::vector,   &InterruptCells::asked_by,
                              &InterruptCells::accepted, &InterruptCells::injected,
                              &InterruptCells::ended,    &InterruptCells::to_injection,
                              &InterruptCells::to_end,   &InterruptCells::at_end};

// "12.0 us (14-29)": the lines as buttons.
std::string cell_html(const std::string& text) {
    const std::size_t open = text.rfind('(');
    const std::size_t dash = open == std::string::npos ? open : text.find('-', open);
    const std::size_t close = open == std::string::npos ? open : text.find(')', open);
    if (dash == std::string::npos || close == std::string::npos || dash > close ||
        !is_number_at(text, open + 1))
        return with_line_links(text);
    const std::string from = text.substr(open + 1, dash - open - 1);
    const std::string to = text.substr(dash + 1, close - dash - 1);
    return fmt::format(
        "{0}(<button type=button class=line data-line={1}>{1}</button>-<button type=button class=line "
        "data-line={2}>{2}</button>{3}",
        escaped(text.substr(0, open)), from, to, escaped(text.substr(close)));
}

void write_table(std::ostream& out, const Recording& recording, const ledger::VcpuLedger& vcpu,
                 bool clock_in_seconds) {
    const InterruptCells headings = interrupt_headings();
    const std::vector<InterruptCells> rows = interrupt_cells(recording, vcpu, clock_in_seconds);
    if (rows.empty()) {
        fmt::print(out, "<p>{}: no interrupt</p>\n", escaped(vcpu.label));
        return;
    }
    fmt::print(out, "<div class=scroll><table><caption>{}</caption><thead><tr>", escaped(vcpu.label));
    for (const Cell cell : cells) fmt::print(out, "<th scope=col>{}</th>", escaped(headings.*cell));
    fmt::print(out, "</tr></thead><tbody>\n");
    for (const InterruptCells& row : rows) {
        fmt::print(out, "<tr><th scope=row>{}</th>", escaped(row.vector));
        for (std::size_t i = 1; i < cells.size(); ++i)
            fmt::print(out, "<td>{}</td>", cell_html(row.*cells[i]));
        fmt::print(out, "</tr>\n");
    }
    fmt::print(out, "</tbody></table></div>\n");
}

// Of many vCPUs the tables would hide the time line.
void write_tables(std::ostream& out, const Recording& recording, bool clock_in_seconds) {
    constexpr std::size_t most_open = 2;
    fmt::print(out, "<details{}><summary>Each vector of each vCPU</summary>\n",
               recording.vcpus.size() <= most_open ? " open" : "");
    for (const ledger::VcpuLedger& vcpu : recording.vcpus)
        write_table(out, recording, vcpu, clock_in_seconds);
    fmt::print(out, "</details>\n");
}

void write_state(std::ostream& out, const ledger::VcpuLedger& vcpu, bool clock_in_seconds) {
    fmt::print(out, "<h3>{}</h3>\n<dl>", escaped(vcpu.label));
    for (const auto& [label, text] : state_words(vcpu, clock_in_seconds))
        fmt::print(out, "<dt>{}</dt><dd>{}</dd>\n", escaped(label), with_line_links(text));
    fmt::print(out, "</dl>\n");
}

void write_recording(std::ostream& out, const ledger::Ledger& one, const Recording& recording,
                     std::size_t number) {
    fmt::print(out, "<section class=recording>\n");
    if (one.recordings.size() > 1)
        fmt::print(out, "<h2>Recording {}, lines {} to {}</h2>\n", number, recording.first_line,
                   recording.last_line);
    if (recording.is_empty()) {
        fmt::print(out, "<p>No interrupt and no access to a local APIC is in it.</p></section>\n");
        return;
    }
    const bool clock_in_seconds = one.check.read.clock_in_seconds;
    write_conclusions(out, recording);
    write_tables(out, recording, clock_in_seconds);
    fmt::print(out, "<h2>Time line</h2>\n");
    write_timeline(out, one, recording);
    write_divergences(out, one, recording);
    fmt::print(out, "<h2>At the end</h2>\n");
    for (const ledger::VcpuLedger& vcpu : recording.vcpus) write_state(out, vcpu, clock_in_seconds);
    fmt::print(out, "</section>\n");
}

} // namespace

void write_interrupts_html(std::ostream& out, const LedgerReport& report, const Presentation&) {
    fmt::print(out,
               "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n<meta name=viewport "
               "content=\"width=device-width\">\n<title>Interrupts{}</title>\n<style>{}</style></"
               "head><body><main>\n",
               report.ledgers.size() == 1 ? " of " + escaped(report.ledgers.front().check.path) : "",
               interrupts_style);
    for (const ledger::Ledger& one : report.ledgers) {
        if (one.check.is_refused()) continue;
        fmt::print(out, "<h1>Interrupts of {}</h1>\n<p class=soft>lapicheck {}; {} events; check: {}</p>\n",
                   escaped(one.check.path), LAPICHECK_VERSION, one.check.read.events,
                   escaped(check_words(one, report.profile)));
        std::size_t number = 0;
        for (const Recording& recording : one.recordings) write_recording(out, one, recording, ++number);
        if (one.recordings_not_listed != 0)
            fmt::print(out, "<p>{} more recordings are in this input; split it to see them.</p>\n",
                       one.recordings_not_listed);
    }
    fmt::print(out, "</main><div class=tip id=tip role=tooltip></div><script>{}</script></body></html>\n",
               interrupts_script);
}

} // namespace lapicheck::checker
