#include "checker/cli/refine.hpp"

#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/progress.hpp"
#include "checker/prove/prover.hpp"
#include "checker/report/output_file.hpp"
#include "specs/properties/names.hpp"

namespace lapicheck::checker {
namespace {

// IMPL.RULE.N.json: the N-th departure of that rule. Empty: done.
std::string export_programs(const prove::Refined& refined, const std::filesystem::path& folder) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    std::map<std::string_view, unsigned> written;
    for (const prove::RefinedDeparture& departure : refined.departures) {
        const auto rule = model::to_string(departure.found.key.rule);
        const auto name = fmt::format("{}.{}.{}.json", refined.implementation->name, rule, ++written[rule]);
        std::string error = write_whole(folder / name, program_text(refined, departure));
        if (!error.empty()) return error;
    }
    return {};
}

prove::Refined refine_one(const model::ImplementationEntry& implementation) {
    constexpr prove::SearchBounds bounds{.budget = 120'000'000, .max_depth = 3};
    prove::RefinementProgress progress;
    ProgressLine line;
    if (shows_progress())
        progress = [&](std::string_view what, std::size_t done, std::size_t all) {
            line.tell([&] { return fmt::format("{}: {}, {} of {}", implementation.name, what, done, all); });
        };
    return refined(implementation, prove::prover().refine(implementation, bounds, progress));
}

} // namespace

int refine(const RefineOptions& options, const ReportFormat& format) {
    const specs::Chosen chosen = specs::choose(options.implementations, {"all"});
    if (!chosen.error.empty()) return complain("prove", exit_code::bad_input, chosen.error);
    RefineReport report;
    bool departs = false;
    bool complete = true;
    for (const model::ImplementationEntry* implementation : chosen.implementations) {
        const prove::Refined& one = report.results.emplace_back(refine_one(*implementation));
        departs = departs || !one.departures.empty() || !one.missing.empty();
        complete = complete && one.complete;
    }
    const int code = departs ? exit_code::diverges : complete ? exit_code::conforms : exit_code::undecided;
    const int printed = print(format.refine, report, code);
    if (!options.export_to.empty())
        for (const prove::Refined& one : report.results)
            if (const std::string error = export_programs(one, options.export_to); !error.empty())
                return complain("prove", exit_code::bad_input, error);
    return printed;
}

} // namespace lapicheck::checker
