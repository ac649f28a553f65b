#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "programs/file.hpp"
#include "programs/json_place.hpp"
#include "programs/sim/scenario_json.hpp"
#include "programs/targets/targets.hpp"
#include "specs/properties/names.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer = R"(Examples:
  lapicheck replay runs/kvm-2018.no-mmio-read-in-x2apic.json
  lapicheck replay runs/kvm-2018.*.json --impl kvm-rfc
  lapicheck replay runs/kvm-2018.*.json --on kvm             whether this machine's KVM shows it

Exit status: 0 no run shows its divergence (or violates its property), 1 one does, 2 wrong usage or a damaged file,
4 with --on: the target could execute none of the runs.)";

struct Options {
    std::vector<std::string> paths;
    std::string implementation; // empty: the file's own
    std::string target;         // on which the runs are tried; empty: none
    const ReportFormat* format = nullptr;
};

void tell(std::string_view reason) { complain("replay", 0, reason); }

std::string not_exported(std::string_view file) {
    return fmt::format("{0} is an access program; run it with: lapicheck run {0} --on kvm", file);
}

// Nothing if the file is damaged or foreign, which is told on standard error. `on`: null for the file's own
// implementation.
std::optional<ReplayedScenario> replay_file(const std::string& path, const model::ImplementationEntry* on) {
    const programs::FileText file = programs::read_text_file(path);
    ScenarioFileText read;
    if (file.error.empty()) read = read_scenario_file(file.text, file.name);
    else read.error = file.error;
    if (!read.error.empty()) {
        tell(read.error);
        return std::nullopt;
    }
    ReplayedScenario replayed{path, std::move(read.file)};
    replayed.implementation = on != nullptr ? on : replayed.file.implementation;
    replayed.shows = still_shows(replayed.file, replayed.implementation);
    return replayed;
}

int replay(const Options& options) {
    const model::ImplementationEntry* on = nullptr;
    if (!options.implementation.empty()) {
        on = model::find_implementation(options.implementation);
        if (on == nullptr)
            return complain("replay", exit_code::bad_input,
                            specs::unknown_implementation(options.implementation));
    }
    ReplayReport report;
    bool damaged = false;
    bool shows = false;
    for (const std::string& path : options.paths) {
        std::optional<ReplayedScenario> one = replay_file(path, on);
        damaged = damaged || !one;
        shows = shows || (one && one->shows);
        if (one) report.replayed.push_back(std::move(*one));
    }
    return print(options.format->replay, report,
                 damaged ? exit_code::bad_input
                 : shows ? exit_code::diverges
                         : exit_code::conforms);
}

// Nothing if the file is damaged, which is told.
std::optional<ConfirmReport::One> confirm_file(const std::string& path, const std::string& target) {
    const programs::FileText file = programs::read_text_file(path);
    if (!file.error.empty()) return tell(file.error), std::nullopt;
    const programs::ProgramText text = programs::read_program(file.text, file.name);
    if (!text.error.empty()) return tell(text.error), std::nullopt;
    if (programs::find_key(text.program, "rules") == nullptr)
        return tell(not_exported(file.name)), std::nullopt;
    try {
        return ConfirmReport::One{path, confirm(text.program, target)};
    } catch (const programs::Refusal& refusal) {
        tell(fmt::format("{}: {}", file.name, refusal.what()));
    } catch (const programs::json::exception& error) { // of a key that is no program's
        tell(fmt::format("{}: {}", file.name, error.what()));
    }
    return std::nullopt;
}

// On a target, judged by what a guest can see.
int confirm_all(const Options& options) {
    if (const programs::NamedTarget named = programs::make_target(options.target); named.target == nullptr)
        return complain("replay", exit_code::bad_input, named.error);
    ConfirmReport report{options.target, {}};
    bool damaged = false;
    for (const std::string& path : options.paths) {
        std::optional<ConfirmReport::One> one = confirm_file(path, options.target);
        damaged = damaged || !one;
        if (one) report.confirmations.push_back(std::move(*one));
    }
    const auto any = [&](Confirmation::Answer answer) {
        return std::ranges::any_of(report.confirmations, [answer](const ConfirmReport::One& one) {
            return one.confirmation.answer == answer;
        });
    };
    int code = any(Confirmation::Answer::does_not) ? exit_code::conforms : exit_code::undecided;
    if (any(Confirmation::Answer::shows)) code = exit_code::diverges;
    return print(options.format->confirm, report, damaged ? exit_code::bad_input : code);
}

} // namespace

void add_replay(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("replay", "replay the runs that 'prove --export' or 'check --export' wrote");
    command->add_option("FILE", options->paths, "files that --export wrote; - is standard input")->required();
    command
        ->add_option("--impl", options->implementation,
                     "replay them on this implementation; default: the one that the file names")
        ->option_text("NAME");
    command
        ->add_option("--on", options->target, "replay them on this target and compare what a guest can see")
        ->option_text("TARGET")
        ->excludes("--impl");
    add_format(*command, options->format, &ReportFormat::replay, &ReportFormat::confirm);
    command->footer(footer);
    command->callback([options, &action] {
        action = [options] { return options->target.empty() ? replay(*options) : confirm_all(*options); };
    });
}

} // namespace lapicheck::checker
