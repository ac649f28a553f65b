#include <memory>

#include "checker/cli/command.hpp"

namespace lapicheck::checker {

void add_list(CLI::App& app, Action& action) {
    struct Options {
        Listing what = Listing::rules;
        const ReportFormat* format = nullptr;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "list", "list rules, registers, properties, implementations, KVM's departures or targets");
    add_choice<Listing>(*command, "WHAT", options->what,
                        {{"rules", Listing::rules},
                         {"registers", Listing::registers},
                         {"properties", Listing::properties},
                         {"implementations", Listing::implementations},
                         {"departures", Listing::departures},
                         {"targets", Listing::targets}},
                        "what to list; 'lapicheck explain NAME' tells more of each")
        ->required();
    add_format(*command, options->format, &ReportFormat::list);
    command->footer(R"(Examples:
  lapicheck list rules                            ids, levels and names of the rules
  lapicheck list departures --format json         where KVM is known to depart from the manuals
  lapicheck list targets                          on what programs can be run, and what is missing here

Exit status: 0 listed, 2 wrong usage.)");
    command->callback([options, &action] {
        action = [options] { return print(options->format->list, options->what, exit_code::conforms); };
    });
}

} // namespace lapicheck::checker
