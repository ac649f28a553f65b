#include <iostream>
#include <optional>

#include <fmt/format.h>

#include "checker/cli/commands.hpp"
#include "checker/cli/names.hpp"
#include "checker/prove/refinement.hpp"
#include "checker/report/replay.hpp"
#include "programs/file.hpp"

namespace lapicheck::checker {
namespace {

void complain(std::string_view reason) { fmt::print(stderr, "lapicheck: replay: {}\n", reason); }

bool is_broken(const ReplayedRun& replayed) {
    const RunFile& file = replayed.file;
    if (file.shows == Shows::departure)
        return !proof::is_allowed(execute(*replayed.implementation->concrete(), file.runs.run).back());
    if (!file.divergence) return breaks(*file.property, file.runs, *replayed.implementation->concrete());
    DivergenceRun run = *file.divergence;
    if (replayed.implementation != nullptr)
        run.observed = as_observed(execute(*replayed.implementation->concrete(), run.run).back());
    return breaks_rule(run);
}

// Nothing if the file is damaged or foreign, which is told on standard error. `on`: null for the file's own
// implementation.
std::optional<ReplayedRun> replay(const std::string& path, const proof::ImplementationEntry* on) {
    const FileText file = read_text_file(path);
    RunFileText read;
    if (file.error.empty()) read = read_run_file(file.text, file.name);
    else read.error = file.error;
    if (!read.error.empty()) {
        complain(read.error);
        return std::nullopt;
    }
    ReplayedRun replayed{path, std::move(read.file)};
    replayed.implementation = on != nullptr ? on : replayed.file.implementation;
    replayed.broken = is_broken(replayed);
    return replayed;
}

} // namespace

int run_replay(const std::vector<std::string>& paths, const std::string& implementation, Format format) {
    const proof::ImplementationEntry* on = nullptr;
    if (!implementation.empty()) {
        on = proof::find_implementation(implementation);
        if (on == nullptr) {
            complain(unknown_implementation(implementation));
            return 2;
        }
    }
    std::vector<ReplayedRun> all;
    bool damaged = false;
    bool shows = false;
    for (const std::string& path : paths) {
        std::optional<ReplayedRun> one = replay(path, on);
        damaged = damaged || !one;
        shows = shows || (one && one->broken);
        if (one) all.push_back(std::move(*one));
    }
    if (format == Format::json) write_replay_json(std::cout, all);
    else write_replay_text(std::cout, all);
    return damaged ? 2 : shows ? 1 : 0;
}

} // namespace lapicheck::checker
