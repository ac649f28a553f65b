#include <algorithm>
#include <functional>
#include <numeric>

#include "checker/report/counterexample_text.hpp"
#include "checker/report/rule_text.hpp"
#include "checker/report/text.hpp"

namespace lapicheck::checker {
namespace {

using prove::Status;

std::string cell(const prove::Result& result) {
    switch (result.status) {
    case Status::holds: return "holds";
    case Status::refuted: return fmt::format("refuted {}", result.depth);
    case Status::bounded: return fmt::format("bounded {}", result.depth);
    case Status::unknown: return "unknown";
    case Status::not_applicable: break;
    }
    return "n/a";
}

std::string_view meaning(Status status) {
    switch (status) {
    case Status::holds: return "holds      proved for every reachable state";
    case Status::refuted: return "refuted N  a run of N steps from RESET is a counterexample";
    case Status::bounded:
        return "bounded N  not proved; no run of up to N steps from RESET is a counterexample";
    case Status::unknown: return "unknown    the solver gave up";
    case Status::not_applicable: break;
    }
    return "n/a        not applicable: the manual does not specify it, or no run meets its premise";
}

// "kvm-quirk-off" in lines that a column of cells has room for.
std::vector<std::string> heading(std::string_view name, std::size_t width) {
    std::vector<std::string> lines(1);
    while (!name.empty()) {
        const std::size_t dash = name.find('-');
        const std::string_view part = name.substr(0, dash == std::string_view::npos ? dash : dash + 1);
        if (!lines.back().empty() && lines.back().size() + part.size() > width) lines.emplace_back();
        lines.back() += part;
        name.remove_prefix(part.size());
    }
    return lines;
}

class TextMatrix {
  public:
    explicit TextMatrix(const prove::Matrix& matrix) : matrix_(matrix) {
        for (const auto* property : matrix.properties) label_ = std::max(label_, property->id.size());
        for (std::size_t i = 0; i < matrix.implementations.size(); ++i) add_column(i);
    }

    void write(std::ostream& out) const {
        const std::size_t height = std::ranges::max(headings_, {}, &std::vector<std::string>::size).size();
        for (std::size_t line = 0; line < height; ++line)
            write_line(out, "", [&](std::size_t i) -> std::string {
                const std::size_t above = height - headings_[i].size();
                return line < above ? "" : headings_[i][line - above];
            });
        for (std::size_t p = 0; p < matrix_.properties.size(); ++p)
            write_line(out, matrix_.properties[p]->id, [&](std::size_t i) { return cell(matrix_.at(i, p)); });
    }

  private:
    void add_column(std::size_t i) {
        std::size_t width = 0;
        for (std::size_t p = 0; p < matrix_.properties.size(); ++p)
            width = std::max(width, cell(matrix_.at(i, p)).size());
        if (matrix_.implementations.size() == 1) width = matrix_.implementations[i]->name.size();
        headings_.push_back(heading(matrix_.implementations[i]->name, width));
        for (const std::string& line : headings_.back()) width = std::max(width, line.size());
        widths_.push_back(width);
    }

    template <class Text>
    void write_line(std::ostream& out, std::string_view label, Text text) const {
        std::string line = fmt::format("{:<{}}", label, label_);
        for (std::size_t i = 0; i < widths_.size(); ++i) line += fmt::format("  {:<{}}", text(i), widths_[i]);
        line.erase(line.find_last_not_of(' ') + 1);
        fmt::print(out, "{}\n", line);
    }

    const prove::Matrix& matrix_;
    std::size_t label_ = 0;
    std::vector<std::size_t> widths_;
    std::vector<std::vector<std::string>> headings_;
};

void write_legend(std::ostream& out, const prove::Matrix& matrix) {
    for (const Status status :
         {Status::holds, Status::refuted, Status::bounded, Status::unknown, Status::not_applicable})
        if (matrix.count(status) != 0) fmt::print(out, "{}\n", meaning(status));
}

// After the counterexamples, whose rules it explains.
void write_legend_of_rules(std::ostream& out, const prove::Matrix& matrix) {
    for (const prove::Result& result : matrix.results) {
        if (!result.counterexample || result.property->rules.empty()) continue;
        fmt::print(out, "\n");
        return write_rule_legend(out, result.property->rules.front());
    }
}

// The most expensive results, and what all cost.
void write_costs(std::ostream& out, const prove::Matrix& matrix) {
    constexpr std::size_t shown = 20;
    std::vector<std::size_t> order(matrix.results.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return matrix.milliseconds[i]; });
    fmt::print(out, "\n{:>12} {:>10}  {}\n", "milliseconds", "queries", "the most expensive results");
    for (std::size_t i = 0; i < std::min(shown, order.size()); ++i) {
        const prove::Result& result = matrix.results[order[i]];
        fmt::print(out, "{:>12.1f} {:>10}  {} {}\n", matrix.milliseconds[order[i]], result.questions,
                   result.implementation->name, result.property->id);
    }
    std::uint64_t questions = 0;
    for (const prove::Result& result : matrix.results) questions += result.questions;
    fmt::print(out, "{:>12.1f} {:>10}  all {} results\n",
               std::accumulate(matrix.milliseconds.begin(), matrix.milliseconds.end(), 0.0), questions,
               matrix.results.size());
}

void write_confirmed(std::ostream& out, const ProveReport& report) {
    if (!report.confirmed.empty()) fmt::print(out, "\n");
    for (const auto& [result, confirmation] : report.confirmed)
        fmt::print(out, "{} {}: {} {}{}{}\n", result->implementation->name, result->property->id,
                   report.target, to_string(confirmation.answer), confirmation.why.empty() ? "" : ": ",
                   confirmation.why);
}

} // namespace

void write_prove_text(std::ostream& out, const ProveReport& report, const Presentation& presentation) {
    const prove::Matrix& matrix = report.matrix;
    TextMatrix(matrix).write(out);
    fmt::print(out, "\n");
    write_legend(out, matrix);
    const bool refuted = matrix.count(Status::refuted) != 0;
    if (refuted && !presentation.verbose)
        fmt::print(out, "\nTo see a counterexample: lapicheck prove --impl NAME --property ID\n");
    for (const prove::Result& result : matrix.results)
        if (presentation.verbose && result.counterexample) {
            fmt::print(out, "\n");
            write_refutation(out, result);
        }
    if (presentation.verbose) write_legend_of_rules(out, matrix);
    if (report.timings) write_costs(out, matrix);
    write_confirmed(out, report);
}

} // namespace lapicheck::checker
