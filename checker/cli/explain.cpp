#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/cli/command.hpp"
#include "specs/near_names.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer = R"(Examples:
  lapicheck explain M01                           a rule: its statement, its sources, KVM's departures from it
  lapicheck explain svr                           a register of the window, or apic_base, tsc_deadline, cr8
  lapicheck explain mmio-isolation                a property of 'lapicheck prove'
  lapicheck explain kvm-2018                      an implementation
  lapicheck explain kvm-esr-always-zero           a known departure of KVM

Exit status: 0 explained, 2 nothing has this name.)";

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
    for (const model::RegisterRow& row : model::sdm_registers) known.push_back(row.name);
    for (const model::OutsideRegister& reg : model::outside_registers()) known.push_back(reg.name);
    for (const specs::Departure& departure : specs::catalogue().departures) known.emplace_back(departure.id);
    return specs::near_names(name, known);
}

int explain(const Options& options) {
    // Registers are written as the manual writes them, too: TPR.
    const model::RegisterRow* const as_typed = model::find_register(options.name);
    const std::string lower = specs::lowered(options.name);
    const model::OutsideRegister* const outside = model::find_outside_register(options.name);
    const Explanation explanation{specs::find_rule(options.name),
                                  as_typed != nullptr ? as_typed : model::find_register(lower),
                                  outside != nullptr ? outside : model::find_outside_register(lower),
                                  specs::find_property(options.name),
                                  model::find_implementation(options.name),
                                  specs::find_departure(options.name)};
    if (!explanation.empty()) return print(options.format->explain, explanation, exit_code::conforms);
    const auto names = near(options.name);
    return complain(
        "explain", exit_code::bad_input,
        fmt::format("no rule, register, property, implementation or departure is called '{}'{}{}; "
                    "see 'lapicheck list rules' (or registers, properties, implementations, "
                    "departures)",
                    options.name, names.empty() ? "" : "; near: ", fmt::join(names, ", ")));
}

} // namespace

void add_explain(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "explain", "explain a rule (M01), a register (svr), a property, an implementation or a departure");
    command->add_option("NAME", options->name, "an id or a name")->required();
    add_format(*command, options->format, &ReportFormat::explain);
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return explain(*options); }; });
}

} // namespace lapicheck::checker
