#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "checker/commands.hpp"
#include "checker/progress.hpp"
#include "checker/report.hpp"

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

} // namespace

int run_check(const std::vector<std::string>& paths, CheckOptions options, Format format) {
    std::vector<TraceReport> reports;
    for (const std::string& path : paths) {
        reports.push_back(check_with_progress(path, options));
        if (!reports.back().error.empty()) fmt::print(stderr, "lapicheck: {}\n", reports.back().error);
    }
    if (format == Format::json) write_json(std::cout, reports, options);
    else write_text(std::cout, reports, options.profile, isatty(STDOUT_FILENO) != 0);
    return exit_code(reports);
}

} // namespace lapicheck::checker
