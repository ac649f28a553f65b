// The command line: which sub-command, and what it returns.
#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/cli/command.hpp"
#include "checker/cli/examples.hpp"
#include "checker/cli/traced_command.hpp"
#include "specs/near_names.hpp"

namespace {

using namespace lapicheck::checker;

// A word that is no command: CLI11 would only say that a command is required. Nothing: there is none.
std::string unknown_command(int argc, char** argv) {
    if (argc < 2 || argv[1][0] == '-') return {};
    const std::string_view word = argv[1];
    std::vector<std::string_view> names;
    for (const Command& command : commands()) names.push_back(command.name);
    if (std::ranges::find(names, word) != names.end()) return {};
    const auto near = lapicheck::specs::near_names(word, names);
    if (near.empty()) return fmt::format("unknown command '{}'; commands: {}", word, fmt::join(names, ", "));
    return fmt::format("unknown command '{}'; did you mean '{}'?", word, near.front());
}

int run(int argc, char** argv) {
    if (const std::string unknown = unknown_command(argc, argv); !unknown.empty()) {
        fmt::print(stderr, "lapicheck: {}\n", unknown);
        return exit_code::bad_input;
    }
    keep_traced_command(argc, argv);
    CLI::App app{"Checks what a hypervisor's local APIC did against the rules of the Intel and AMD manuals.",
                 "lapicheck"};
    app.set_version_flag("--version", std::string{"lapicheck "} + LAPICHECK_VERSION);
    app.require_subcommand(1);
    app.footer(examples);
    Action action;
    for (const Command& command : commands()) command.add(app, action);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_code::conforms : exit_code::bad_input;
    }
    return action();
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "lapicheck: {}\n", error.what());
        return exit_code::bad_input;
    }
}
