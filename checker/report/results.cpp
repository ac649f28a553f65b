#include "checker/report/results.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/report/text.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

void write_rules(std::ostream& out, const TestResult& result) {
    if (result.rules.empty()) fmt::print(out, "    no rule of the local APIC is known for this test\n");
    for (const model::Rule rule : result.rules)
        if (const auto* entry = specs::find_rule(model::to_string(rule)); entry != nullptr)
            fmt::print(out, "    {} {}: {}\n", entry->id, entry->slug, entry->statement);
}

json result_json(const TestResult& result) {
    json out;
    out["line"] = result.line;
    out["name"] = result.name;
    out["of_apic"] = result.is_of_apic;
    out["rules"] = json::array();
    for (const model::Rule rule : result.rules) out["rules"].push_back(model::to_string(rule));
    return out;
}

// "apic.log: of the local APIC 4 passed, 1 failed; others: 20 passed, 0 failed; 1 skipped"
void write_counts(std::ostream& out, const ReadLog& one) {
    const TestLog& log = one.log;
    fmt::print(out, "{}: of the local APIC {} passed, {} failed; others: {} passed, {} failed; {} skipped\n",
               one.path, log.passed_of_apic, log.failed_of_apic(), log.passed_others,
               log.failed.size() - log.failed_of_apic(), log.skipped.size());
}

json log_json(const ReadLog& one) {
    json log;
    log["path"] = one.path;
    log["error"] = text_or_null(one.error);
    log["passed_of_apic"] = one.log.passed_of_apic;
    log["passed_others"] = one.log.passed_others;
    log["failed"] = json::array();
    for (const TestResult& result : one.log.failed) log["failed"].push_back(result_json(result));
    log["skipped"] = json::array();
    for (const TestResult& result : one.log.skipped) log["skipped"].push_back(result_json(result));
    return log;
}

bool is_about(const TestResult& result, const Divergence& divergence) {
    return std::ranges::find(result.rules, divergence.mismatch.rule) != result.rules.end();
}

} // namespace

void write_results_text(std::ostream& out, const std::vector<ReadLog>& logs) {
    const TestResult* first = nullptr;
    for (const ReadLog& one : logs) {
        if (!one.error.empty()) continue;
        const TestLog& log = one.log;
        write_counts(out, one);
        for (const TestResult& result : log.failed) {
            fmt::print(out, "\n  {}:{}: FAIL: {}\n", one.path, result.line, result.name);
            write_rules(out, result);
            if (first == nullptr && !result.rules.empty()) first = &result;
        }
        for (const TestResult& result : log.skipped)
            if (result.is_of_apic) fmt::print(out, "  {}:{}: SKIP: {}\n", one.path, result.line, result.name);
    }
    if (first == nullptr) return;
    fmt::print(out, "\nWhat is allowed, and where it stands: lapicheck explain {}\n",
               model::to_string(first->rules.front()));
    fmt::print(
        out, "The access itself: lapicheck record -o trace.txt -- COMMAND, then lapicheck check trace.txt\n");
}

void write_results_json(std::ostream& out, const std::vector<ReadLog>& logs) {
    json root = report_head();
    root["logs"] = json::array();
    for (const ReadLog& one : logs) root["logs"].push_back(log_json(one));
    print(out, root);
}

void write_tests_text(std::ostream& out, const CheckReport& report, const TraceReport& trace) {
    for (const ReadLog& one : report.logs) {
        if (!one.error.empty()) continue;
        fmt::print(out, "\n  Beside it ");
        write_counts(out, one);
        for (const TestResult& result : one.log.failed) {
            if (!result.is_of_apic) continue;
            fmt::print(out, "    {}:{}: FAIL: {}\n", one.path, result.line, result.name);
            bool is_shown = false;
            for (const Divergence& divergence : trace.divergences) {
                if (!is_about(result, divergence)) continue;
                is_shown = true;
                fmt::print(out, "      {}:{} shows it: {}\n", trace.path, divergence.line,
                           titled_headline(divergence));
            }
            if (is_shown) continue;
            std::string rules;
            for (const model::Rule rule : result.rules)
                rules += fmt::format("{}{}", rules.empty() ? "" : ", ", model::to_string(rule));
            fmt::print(out,
                       "      the recording shows no divergence from {}: it may not hold that run, the "
                       "access may be "
                       "unchecked, or the test expects what no rule asks\n",
                       rules);
        }
    }
}

json tests_json(const CheckReport& report, const TraceReport& trace) {
    json tests = json::array();
    for (const ReadLog& one : report.logs) {
        json log = log_json(one);
        for (std::size_t i = 0; i < one.log.failed.size(); ++i) {
            json shown = json::array();
            for (const Divergence& divergence : trace.divergences)
                if (is_about(one.log.failed[i], divergence))
                    shown.push_back(
                        {{"rule", model::to_string(divergence.mismatch.rule)}, {"line", divergence.line}});
            log["failed"][i]["shown_by"] = std::move(shown);
        }
        tests.push_back(std::move(log));
    }
    return tests;
}

} // namespace lapicheck::checker
