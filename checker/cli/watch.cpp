#include <cstdio>
#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "checker/cli/commands.hpp"
#include "checker/cli/live.hpp"
#include "checker/cli/whole_file.hpp"
#include "checker/report/check.hpp"

namespace lapicheck::checker {

int run_watch(const LiveOptions& options, const CheckOptions& check_options, Format format) {
    WholeFile file;
    const bool keeps = !options.output.empty();
    if (keeps)
        if (const std::string error = file.open(options.output); !error.empty())
            return complain("watch", 2, error);

    ProgressLine line;
    CheckOptions judging = check_options;
    std::FILE* const out = format == Format::json ? stderr : stdout;
    bool written = true;
    judging.found = [&](const Divergence& divergence, const traces::ReadSummary& read) {
        line.erase();
        fmt::print(out, "{}\n", line_text(divergence, read));
        written = std::fflush(out) == 0 && written;
    };
    TraceCheck check(keeps ? options.output : "watch", judging);
    const traces::RecorderResult result =
        record_live(options, line, [&](std::string_view text) -> std::string {
            if (keeps)
                if (std::string error = file.write(text); !error.empty()) return error;
            if (std::string error = check.feed(text); !error.empty()) return error;
            return written ? "" : "cannot write the report";
        });
    tell("watch", result);
    if (const int status = exit_code(result); status != 0) return complain("watch", status, result.error);
    if (keeps)
        if (const std::string error = file.keep(); !error.empty()) return complain("watch", 2, error);

    const std::vector<TraceReport> reports = {check.finish()};
    if (format == Format::json) write_json(std::cout, reports, judging);
    else write_text(std::cout, reports, judging.profile, isatty(STDOUT_FILENO) != 0);
    std::cout.flush();
    if (!std::cout) return complain("watch", 2, "cannot write the report");
    return exit_code(reports);
}

} // namespace lapicheck::checker
