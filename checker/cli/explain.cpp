#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/cli/command.hpp"
#include "specs/near_names.hpp"

namespace lapicheck::checker {
namespace {

struct Options {
    std::string name;
    const ReportFormat* format = nullptr;
};

std::vector<std::string> near(const std::string& name) {
    std::vector<std::string_view> known;
    for (const specs::RuleEntry& rule : specs::catalogue().rules) {
        known.emplace_back(rule.id);
        known.emplace_back(rule.slug);
    }
    for (const auto& property : specs::properties())
        if (specs::find_rule(property.id) == nullptr) known.push_back(property.id);
    for (const auto& implementation : model::implementations()) known.push_back(implementation.name);
    return specs::near_names(name, known);
}

int explain(const Options& options) {
    const Explanation explanation{specs::find_rule(options.name), model::find_register(options.name),
                                  specs::find_property(options.name),
                                  model::find_implementation(options.name)};
    if (!explanation.empty()) return print(options.format->explain, explanation, exit_code::conforms);
    const auto names = near(options.name);
    return complain("explain", exit_code::bad_input,
                    fmt::format("no rule, register, property or implementation is called '{}'{}{}; see "
                                "'lapicheck list rules'",
                                options.name, names.empty() ? "" : "; near: ", fmt::join(names, ", ")));
}

} // namespace

void add_explain(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "explain", "explain a rule (M01), a register (svr), a property or an implementation");
    command->add_option("NAME", options->name)->required();
    add_format(*command, options->format, &ReportFormat::explain);
    command->callback([options, &action] { action = [options] { return explain(*options); }; });
}

} // namespace lapicheck::checker
