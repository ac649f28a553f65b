#include <memory>

#include "checker/cli/command.hpp"

namespace lapicheck::checker {

void add_list(CLI::App& app, Action& action) {
    struct Options {
        Listing what = Listing::rules;
        const ReportFormat* format = nullptr;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("list", "list the rules, registers, properties or implementations");
    add_choice<Listing>(*command, "WHAT", options->what,
                        {{"rules", Listing::rules},
                         {"registers", Listing::registers},
                         {"properties", Listing::properties},
                         {"implementations", Listing::implementations}},
                        "rules, registers, properties or implementations")
        ->required();
    add_format(*command, options->format, &ReportFormat::list);
    command->callback([options, &action] {
        action = [options] { return print(options->format->list, options->what, exit_code::conforms); };
    });
}

} // namespace lapicheck::checker
