#include <iostream>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "checker/audit/audit.hpp"
#include "checker/cli/commands.hpp"
#include "checker/cli/output_file.hpp"
#include "checker/cli/progress.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

int complain(int status, std::string_view what) {
    fmt::print(stderr, "lapicheck: audit: {}\n", what);
    return status;
}

// RULE.N.json: the N-th departure of that rule. Empty: done.
std::string export_programs(const Audit& audit, const std::filesystem::path& folder) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    std::map<std::string_view, unsigned> written;
    for (const AuditDeparture& departure : audit.departures) {
        const auto rule = model::to_string(departure.key.rule);
        std::string error = write_whole(folder / fmt::format("{}.{}.json", rule, ++written[rule]),
                                        audit_program_text(audit, departure));
        if (!error.empty()) return error;
    }
    return {};
}

Audit audit_with_progress(const AuditOptions& options) {
    AuditRequest request{options.profile, options.cpu, {}};
    if (!shows_progress()) return audit(options.on, request);
    ProgressLine line;
    request.progress = [&line](const std::string& what) { line.tell([&] { return what; }); };
    return audit(options.on, request);
}

} // namespace

int run_audit(const AuditOptions& options, Format format) {
    if (const NamedParty named = make_party(options.on); named.party == nullptr)
        return complain(2, named.error);
    const Audit result = audit_with_progress(options);
    if (!result.absent.empty()) return complain(4, result.absent);
    if (format == Format::json) write_audit_json(std::cout, result);
    else write_audit_text(std::cout, result, isatty(STDOUT_FILENO) != 0);
    if (!options.export_to.empty())
        if (const std::string error = export_programs(result, options.export_to); !error.empty())
            return complain(2, error);
    if (!options.html.empty())
        if (const std::string error = write_whole(options.html, audit_html(result)); !error.empty())
            return complain(2, error);
    std::cout.flush();
    if (!std::cout) return complain(2, "cannot write the report");
    if (result.accesses == 0) return 4;
    return result.count_unknown() != 0 ? 1 : 0;
}

} // namespace lapicheck::checker
