#include <iostream>
#include <map>

#include <fmt/format.h>
#include <unistd.h>

#include "checker/cli/commands.hpp"
#include "checker/cli/output_file.hpp"
#include "checker/cli/progress.hpp"
#include "checker/prove/counterexample.hpp"
#include "checker/report/check.hpp"

namespace lapicheck::checker {
namespace {

TraceReport check_with_progress(const std::string& path, CheckOptions options) {
    if (!shows_progress()) return check_trace(path, options);
    ProgressLine line;
    options.progress = [&line, &path](std::uint64_t bytes) {
        line.tell([&] { return fmt::format("{}: {} MB read", path, bytes / 1'000'000); });
    };
    return check_trace(path, options);
}

// "trace" of "/tmp/trace.txt".
std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

// One file a divergence: TRACE.RULE.N.json, the N-th of that rule. Empty: done.
std::string export_divergences(const std::vector<TraceReport>& reports, GuestCpu cpu,
                               const std::filesystem::path& folder) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    std::map<std::string, unsigned> written;
    for (const TraceReport& report : reports)
        for (const Divergence& divergence : report.divergences) {
            if (divergence.known != nullptr) continue;
            const auto id = model::to_string(divergence.mismatch.rule);
            const auto run = shortest_run(divergence, cpu);
            if (!run) {
                fmt::print(stderr, "lapicheck: check: {}:{}: no run from RESET shows this divergence ({})\n",
                           report.path, divergence.line, id);
                continue;
            }
            const std::string name = fmt::format("{}.{}", stem(report.path), id);
            std::string error = write_whole(folder / fmt::format("{}.{}.json", name, ++written[name]),
                                            divergence_text(*run, divergence, report.path));
            if (!error.empty()) return error;
        }
    return {};
}

} // namespace

int run_check(const std::vector<std::string>& paths, CheckOptions options, Format format,
              const std::string& export_to) {
    std::vector<TraceReport> reports;
    for (const std::string& path : paths) {
        reports.push_back(check_with_progress(path, options));
        if (!reports.back().error.empty()) fmt::print(stderr, "lapicheck: {}\n", reports.back().error);
    }
    if (format == Format::json) write_json(std::cout, reports, options);
    else write_text(std::cout, reports, options.profile, isatty(STDOUT_FILENO) != 0);
    if (!export_to.empty())
        if (const std::string error = export_divergences(reports, options.cpu, export_to); !error.empty()) {
            fmt::print(stderr, "lapicheck: check: {}\n", error);
            return 2;
        }
    return exit_code(reports);
}

} // namespace lapicheck::checker
