#include <memory>
#include <optional>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/cli/command.hpp"
#include "checker/report/json.hpp"
#include "checker/results/test_log.hpp"
#include "specs/catalogue.hpp"
#include "traces/recordings.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(Reads the logs of kvm-unit-tests (apic, msr, tscdeadline_latency) and of KVM's selftests, and says of each failed test of the
local APIC which rules it is about: a FAIL names a value, the rule says what is allowed and where that stands. Record the
test once more to see the access itself and what led to it.

Examples:
  lapicheck results apic.log
  lapicheck record -o apic.txt -- ./x86-run x86/apic.flat -smp 2 | tee apic.log
  lapicheck results --format json *.log | jq '.logs[].failed[].rules'

Exit status: 0 no test of the local APIC failed, 1 one failed, 2 wrong usage, or a file that is no such log, 4 the logs hold no
test of the local APIC.)";

struct Options {
    std::vector<std::string> paths;
    bool as_json = false;
};

struct ReadLog {
    std::string path;
    TestLog log;
    std::string error;
};

constexpr std::size_t most_bytes = std::size_t{256} << 20;

std::vector<ReadLog> read_logs(const std::vector<std::string>& paths) {
    std::vector<ReadLog> logs;
    for (const std::string& path : paths)
        traces::for_each_recording(path, [&logs](traces::ByteSource& source) {
            std::string bytes;
            for (auto block = source.read(); !block.empty() && bytes.size() < most_bytes;
                 block = source.read())
                bytes += block;
            ReadLog& one = logs.emplace_back(ReadLog{source.name(), read_test_log(bytes), source.error()});
            if (one.error.empty() && !one.log.is_log)
                one.error = fmt::format(
                    "{}: no log of kvm-unit-tests or KVM's selftests: no line begins with 'PASS: ', "
                    "'FAIL: ' or 'ok N selftests: kvm:'",
                    one.path);
            if (!one.error.empty()) fmt::print(stderr, "lapicheck: {}\n", one.error);
        });
    return logs;
}

void write_rules(std::ostream& out, const TestResult& result) {
    if (result.rules.empty()) fmt::print(out, "    no rule of the local APIC is known for this test\n");
    for (const model::Rule rule : result.rules)
        if (const auto* entry = specs::find_rule(model::to_string(rule)); entry != nullptr)
            fmt::print(out, "    {} {}: {}\n", entry->id, entry->slug, entry->statement);
}

void write_text(std::ostream& out, const std::vector<ReadLog>& logs) {
    const TestResult* first = nullptr;
    for (const ReadLog& one : logs) {
        if (!one.error.empty()) continue;
        const TestLog& log = one.log;
        fmt::print(out,
                   "{}: of the local APIC {} passed, {} failed; others: {} passed, {} failed; {} skipped\n",
                   one.path, log.passed_of_apic, log.failed_of_apic(), log.passed_others,
                   log.failed.size() - log.failed_of_apic(), log.skipped.size());
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

json result_json(const TestResult& result) {
    json out;
    out["line"] = result.line;
    out["name"] = result.name;
    out["of_apic"] = result.is_of_apic;
    out["rules"] = json::array();
    for (const model::Rule rule : result.rules) out["rules"].push_back(model::to_string(rule));
    return out;
}

void write_json(std::ostream& out, const std::vector<ReadLog>& logs) {
    json root = report_head();
    root["logs"] = json::array();
    for (const ReadLog& one : logs) {
        json log;
        log["path"] = one.path;
        log["error"] = text_or_null(one.error);
        log["passed_of_apic"] = one.log.passed_of_apic;
        log["passed_others"] = one.log.passed_others;
        log["failed"] = json::array();
        for (const TestResult& result : one.log.failed) log["failed"].push_back(result_json(result));
        log["skipped"] = json::array();
        for (const TestResult& result : one.log.skipped) log["skipped"].push_back(result_json(result));
        root["logs"].push_back(std::move(log));
    }
    print(out, root);
}

int results(const Options& options) {
    const std::vector<ReadLog> logs = read_logs(options.paths);
    errno = 0;
    if (options.as_json) write_json(std::cout, logs);
    else write_text(std::cout, logs);
    bool unread = false;
    std::size_t failed = 0;
    std::uint64_t seen = 0;
    for (const ReadLog& one : logs) {
        unread = unread || !one.error.empty();
        failed += one.log.failed_of_apic();
        seen += one.log.passed_of_apic + one.log.failed_of_apic();
    }
    return printed(unread        ? exit_code::bad_input
                   : failed != 0 ? exit_code::diverges
                   : seen == 0   ? exit_code::undecided
                                 : exit_code::conforms);
}

} // namespace

void add_results(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "results", "say which rules the failed tests of kvm-unit-tests or KVM's selftests are about");
    command->add_option("LOG", options->paths, "their output; - is standard input")->required();
    add_choice<bool>(*command, "--format", options->as_json, {{"text", false}, {"json", true}},
                     "the report's format; default: text");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return results(*options); }; });
}

} // namespace lapicheck::checker
