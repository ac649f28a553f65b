#include <chrono>
#include <cstdio>
#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "checker/commands.hpp"
#include "checker/report.hpp"

namespace lapicheck::checker {
namespace {

// One line on standard error that is written over, if that is a terminal.
class Progress {
  public:
    explicit Progress(std::string path) : path_(std::move(path)) {}
    ~Progress() {
        if (shown_) fmt::print(stderr, "\r\033[K");
    }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void tell(std::uint64_t bytes) {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::milliseconds(300)) return;
        last_ = now;
        shown_ = true;
        fmt::print(stderr, "\r\033[K{}: {} MB read", path_, bytes / 1'000'000);
        std::fflush(stderr);
    }

  private:
    std::string path_;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
    bool shown_ = false;
};

TraceReport check_with_progress(const std::string& path, CheckOptions options) {
    if (isatty(STDERR_FILENO) == 0) return check_trace(path, options);
    Progress progress(path);
    options.progress = [&progress](std::uint64_t bytes) { progress.tell(bytes); };
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
