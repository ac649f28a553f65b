#include <memory>
#include <optional>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/progress.hpp"
#include "checker/prove/prover.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer = R"(Examples:
  lapicheck mutate                                all mutants; those that survive are listed
  lapicheck mutate --every 20 --all-killers --verbose
  lapicheck mutate --format json

Exit status: 0 every mutant that breaks a rule is killed, 1 one survives, 2 wrong usage, 4 not decided.)";

struct Options {
    prove::MutationRequest request;
    bool verbose = false; // list the killed ones too
    const ReportFormat* format = nullptr;
};

int mutate(const Options& options) {
    prove::MutationRequest request = options.request;
    std::optional<ProgressLine> line;
    if (shows_progress()) {
        line.emplace();
        request.progress = [&line](std::size_t done, std::size_t all) {
            line->tell([&] { return fmt::format("mutants: {} of {}", done, all); });
        };
    }
    const prove::Mutation mutation = prove::prover().mutate(request);
    line.reset();
    return print(options.format->mutate, mutation, exit_code_of(mutation), options.verbose);
}

} // namespace

void add_mutate(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("mutate", "mutation-test the properties: break the model in one place at a time");
    command->add_flag("--all-killers", options->request.all_killers,
                      "name every property that kills a mutant, not only the first");
    command->add_flag("--verbose", options->verbose, "list the killed mutants too");
    command->add_option("--every", options->request.every, "only every N-th mutant")
        ->option_text("N")
        ->check(CLI::Range(1, 1000));
    add_format(*command, options->format, &ReportFormat::mutate);
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return mutate(*options); }; });
}

} // namespace lapicheck::checker
