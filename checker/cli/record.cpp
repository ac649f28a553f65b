#include <fmt/format.h>

#include "checker/cli/commands.hpp"
#include "checker/cli/live.hpp"
#include "checker/cli/whole_file.hpp"

namespace lapicheck::checker {

int run_record(const LiveOptions& options) {
    const std::string path = options.output.empty() ? "lapicheck.trace.txt" : options.output;
    WholeFile file;
    if (const std::string error = file.open(path); !error.empty()) return complain("record", 2, error);
    ProgressLine line;
    const traces::RecorderResult result =
        record_live(options, line, [&file](std::string_view text) { return file.write(text); });
    tell("record", result);
    if (const int status = exit_code(result); status != 0) return complain("record", status, result.error);
    if (const std::string error = file.keep(); !error.empty()) return complain("record", 2, error);
    fmt::print(stderr, "lapicheck: record: {}: {}\n", path, events_text(result));
    if (result.events != 0) fmt::print(stderr, "next: lapicheck check {}\n", path);
    return 0;
}

} // namespace lapicheck::checker
