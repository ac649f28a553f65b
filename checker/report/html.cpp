#include <algorithm>
#include <array>
#include <iterator>

#include "checker/judge/divergence_text.hpp"
#include "checker/report/audit_place.hpp"
#include "checker/report/html.hpp"
#include "checker/report/rule_text.hpp"
#include "programs/text.hpp"

namespace lapicheck::checker {
namespace {

constexpr std::array modes = {Mode::disabled, Mode::xapic, Mode::x2apic};

constexpr std::string_view head = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>lapicheck audit</title><style>
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse}
th,td{border:1px solid #8886;padding:.25em .7em;text-align:left;vertical-align:top}
td.ok{background:#2a82}td.known{background:#da02}td.bad{background:#d323}td.none{color:#888}
code,pre{font:13px/1.4 ui-monospace,monospace}
pre{margin:.4em 0;padding:.6em .8em;background:#8881;overflow-x:auto}
section{margin:1.6em 0;border-left:4px solid #d33;padding-left:1em}section.known{border-color:#da0}
h2{font-size:1.05em;margin:0 0 .3em}small{color:#888;font-weight:normal}
</style></head><body>
)";

struct Row {
    std::string_view name;
    std::array<AuditCell, modes.size()> cells;
};

// A row a register; the words of a bitmap are one.
std::vector<Row> rows_of(const Audit& audit) {
    std::vector<Row> rows;
    for (const auto& [place, cell] : audit.grid) {
        const std::string_view name = model::register_name(place.first);
        if (name.empty()) continue;
        auto row = std::ranges::find(rows, name, &Row::name);
        if (row == rows.end()) row = rows.insert(rows.end(), {name, {}});
        const auto column = std::ranges::find(modes, place.second) - modes.begin();
        AuditCell& sum = row->cells[static_cast<std::size_t>(column)];
        sum.examined += cell.examined;
        sum.broken.insert(cell.broken.begin(), cell.broken.end());
        sum.all_known = sum.all_known && cell.all_known;
    }
    return rows;
}

std::string cell_html(const AuditCell& cell) {
    if (!cell.broken.empty()) {
        std::string rules;
        for (const Rule rule : cell.broken)
            rules += fmt::format(R"({}<a href="#{}">{}</a>)", rules.empty() ? "" : " ",
                                 model::to_string(rule), model::to_string(rule));
        return fmt::format(R"(<td class="{}" title="{} accesses judged">{}</td>)",
                           cell.all_known ? "known" : "bad", cell.examined, rules);
    }
    if (cell.examined == 0) return R"(<td class="none">not examined</td>)";
    return fmt::format(R"(<td class="ok" title="{} accesses judged">as the manual says</td>)", cell.examined);
}

std::string grid_html(const Audit& audit) {
    std::string out = "<table><tr><th>register</th><th>APIC disabled</th><th>xAPIC mode</th>"
                      "<th>x2APIC mode</th></tr>\n";
    for (const Row& row : rows_of(audit)) {
        out += fmt::format("<tr><th><code>{}</code></th>", row.name);
        for (const AuditCell& cell : row.cells) out += cell_html(cell);
        out += "</tr>\n";
    }
    return out + "</table>\n";
}

std::string departure_html(const AuditDeparture& departure, GuestCpu cpu, bool first_of_rule) {
    std::string out = fmt::format(
        "<section{}{}><h2>{} {} <small>level {}, {}, {} time{}</small></h2>\n<div>{}</div>\n",
        first_of_rule ? fmt::format(" id=\"{}\"", model::to_string(departure.key.rule)) : std::string{},
        departure.key.departure != nullptr ? " class=\"known\"" : "", model::to_string(departure.key.rule),
        slug_of(departure.key.rule), level_text(departure, cpu), escaped(place_text(departure)),
        departure.count, departure.count == 1 ? "" : "s", escaped(headline(departure.divergence)));
    std::string steps;
    for (std::size_t i = 0; i < departure.program.steps.size(); ++i)
        steps += fmt::format("{:>3}  vCPU {}  {}\n", i, departure.program.steps[i].vcpu,
                             programs::step_text(departure.program.steps[i]));
    out += fmt::format("<div>on a machine with {}:</div><pre>{}</pre>", escaped(departure.machine),
                       escaped(steps));
    out += fmt::format("<div>observed: {}</div><div>allowed: {}</div>\n",
                       escaped(observed_text(departure.divergence)),
                       escaped(expected_text(departure.divergence)));
    if (const auto* known = departure.key.departure; known != nullptr)
        out += fmt::format("<div>known departure of KVM: <code>{}</code>: {}</div>\n", escaped(known->id),
                           escaped(known->summary));
    return out + "</section>\n";
}

} // namespace

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else if (c == '&') out += "&amp;";
        else if (c == '"') out += "&quot;";
        else out += c;
    }
    return out;
}

std::string audit_page(const Audit& audit) {
    std::string out{head};
    out += fmt::format(
        "<h1>{}</h1>\n<p>{} programs; {} accesses checked against the manuals; {} departure{}.</p>\n",
        escaped(audit.full_name), audit.programs, audit.accesses, audit.departures.size(),
        audit.departures.size() == 1 ? "" : "s");
    out += grid_html(audit);
    std::set<Rule> seen;
    for (const AuditDeparture& departure : audit.departures)
        out += departure_html(departure, audit.cpu, seen.insert(departure.key.rule).second);
    for (const std::string& refused : audit.refused)
        out += fmt::format("<p>Not examined: {}</p>\n", escaped(refused));
    out += "<p>Levels of rules: M must, I implementation-defined, U undefined; <code>lapicheck explain RULE"
           "</code> explains one.</p>\n";
    return out + "</body></html>\n";
}

void write_audit_html(std::ostream& out, const Audit& audit, const Presentation&) {
    out << audit_page(audit);
}

extern const ReportFormat html_format;
const ReportFormat html_format = {
    .name = "html", .draws = true, .interrupts = write_interrupts_html, .audit = write_audit_html};

} // namespace lapicheck::checker
