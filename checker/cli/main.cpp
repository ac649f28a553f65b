// The command line: which sub-command, and what it returns.
#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/cli/command.hpp"
#include "checker/cli/examples.hpp"
#include "checker/cli/standard_streams.hpp"
#include "checker/cli/traced_command.hpp"
#include "specs/near_names.hpp"
#include "traces/printable.hpp"

namespace {

using namespace lapicheck::checker;

// No command, or a word that is none: CLI11 would only say that a command is required. Empty: there is one.
std::string unknown_command(int argc, char** argv) {
    std::vector<std::string_view> names;
    for (const Command& command : commands()) names.push_back(command.name);
    if (argc < 2)
        return fmt::format("no command; commands: {}; see 'lapicheck --help'", fmt::join(names, ", "));
    const std::string_view word = argv[1];
    constexpr std::array<std::string_view, 3> options = {"-h", "--help", "--version"};
    if (word.starts_with('-') && std::ranges::find(options, word) == options.end())
        return fmt::format("unknown option '{}' before the command; options here: --help, --version", word);
    if (word.starts_with('-')) return {};
    if (std::ranges::find(names, word) != names.end()) return {};
    const auto near = lapicheck::specs::near_names(word, names);
    if (near.empty()) return fmt::format("unknown command '{}'; commands: {}", word, fmt::join(names, ", "));
    return fmt::format("unknown command '{}'; did you mean '{}'?", word, near.front());
}

// "lapicheck: check: --cpu: 'via' is not one of: amd, intel; see 'lapicheck check --help'".
std::string usage_error(const CLI::App* app, const CLI::Error& error) {
    std::string command;
    for (const CLI::App* chosen : app->get_subcommands()) command = chosen->get_name();
    if (command.empty())
        return fmt::format("lapicheck: {}; see 'lapicheck --help'\n",
                           lapicheck::traces::visible(error.what()));
    return fmt::format("lapicheck: {0}: {1}; see 'lapicheck {0} --help'\n", command,
                       lapicheck::traces::visible(error.what()));
}

int run(int argc, char** argv) {
    if (const std::string unknown = unknown_command(argc, argv); !unknown.empty()) {
        message(unknown);
        return exit_code::bad_input;
    }
    keep_traced_command(argc, argv);
    CLI::App app{"Checks what a hypervisor's local APIC did against the rules of the Intel and AMD manuals.",
                 "lapicheck"};
    app.set_version_flag("--version", std::string{"lapicheck "} + LAPICHECK_VERSION);
    app.require_subcommand(1);
    app.failure_message(usage_error);
    app.footer(examples);
    Action action;
    for (const Command& command : commands()) command.add(app, action);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        errno = 0;
        return app.exit(error) == 0 ? printed(exit_code::conforms)
                                    : exit_code::bad_input; // --help, --version
    }
    return action();
}

} // namespace

int main(int argc, char** argv) {
    secure_standard_streams();
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc&) {
        fmt::print(stderr, "lapicheck: out of memory\n");
        return exit_code::bad_input;
    } catch (const std::exception& error) {
        message(error.what());
        return exit_code::bad_input;
    }
}
