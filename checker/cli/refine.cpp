#include <filesystem>
#include <iostream>
#include <map>

#include <fmt/format.h>

#include "checker/cli/commands.hpp"
#include "checker/cli/names.hpp"
#include "checker/cli/output_file.hpp"
#include "checker/cli/progress.hpp"
#include "checker/prove/refined.hpp"

namespace lapicheck::checker {
namespace {

int refuse(const std::string& reason) {
    fmt::print(stderr, "lapicheck: prove: {}\n", reason);
    return 2;
}

// IMPL.RULE.N.json: the N-th departure of that rule. Empty: done.
std::string export_programs(const Refined& refined, const std::filesystem::path& folder) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    std::map<std::string_view, unsigned> written;
    for (const RefinedDeparture& departure : refined.departures) {
        const auto rule = model::to_string(departure.found.key.rule);
        const auto name = fmt::format("{}.{}.{}.json", refined.implementation->name, rule, ++written[rule]);
        std::string error = write_whole(folder / name, refined_program_text(refined, departure));
        if (!error.empty()) return error;
    }
    return {};
}

Refined refine_one(const proof::ImplementationEntry& implementation) {
    constexpr proof::SearchBounds bounds{.budget = 120'000'000, .max_depth = 3};
    if (!shows_progress()) return refined(implementation, proof::refine(implementation, bounds));
    ProgressLine line;
    return refined(
        implementation,
        proof::refine(implementation, bounds, [&](std::string_view what, std::size_t done, std::size_t all) {
            line.tell([&] { return fmt::format("{}: {}, {} of {}", implementation.name, what, done, all); });
        }));
}

} // namespace

int run_refine(const RefineOptions& options, Format format) {
    const Chosen chosen = choose(options.implementations, {"all"});
    if (!chosen.error.empty()) return refuse(chosen.error);
    std::vector<Refined> all;
    bool departs = false;
    bool complete = true;
    for (const proof::ImplementationEntry* implementation : chosen.implementations) {
        const Refined& one = all.emplace_back(refine_one(*implementation));
        departs = departs || !one.departures.empty() || !one.missing.empty();
        complete = complete && one.complete;
        if (format == Format::json) continue;
        if (all.size() > 1) std::cout << '\n';
        write_refined_text(std::cout, one);
        std::cout.flush();
    }
    if (format == Format::json) write_refined_json(std::cout, all);
    if (!options.export_to.empty())
        for (const Refined& one : all)
            if (const std::string error = export_programs(one, options.export_to); !error.empty())
                return refuse(error);
    if (departs) return 1;
    return complete ? 0 : 4;
}

} // namespace lapicheck::checker
