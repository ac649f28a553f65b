#include <filesystem>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/examples.hpp"
#include "checker/cli/output_file.hpp"
#include "checker/cli/progress.hpp"
#include "checker/counterexample/counterexample.hpp"

namespace lapicheck::checker {
namespace {

struct Options {
    std::vector<std::string> paths;
    CheckOptions check;
    std::string export_to; // a folder; empty: none
    std::size_t vm = 0;    // by its number in the report; 0: all
    const ReportFormat* format = nullptr;
};

std::vector<TraceReport> check_with_progress(const std::string& path, CheckOptions options) {
    if (!shows_progress()) return check_input(path, options);
    ProgressLine line;
    options.progress = [&line, &path](std::uint64_t bytes) {
        line.tell([&] { return fmt::format("{}: {} MB read", path, bytes / 1'000'000); });
    };
    return check_input(path, options);
}

// "trace" of "/tmp/trace.txt".
std::string stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

// One file a divergence: TRACE.RULE.N.json, the N-th of that rule. Empty: done.
std::string export_divergences(const CheckReport& report, const std::filesystem::path& folder) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    std::map<std::string, unsigned> written;
    for (const TraceReport& trace : report.traces)
        for (const Divergence& divergence : trace.divergences) {
            if (divergence.known != nullptr) continue;
            const auto id = model::to_string(divergence.mismatch.rule);
            const auto run = shortest_run(divergence, report.cpu);
            if (!run) {
                complain("check", 0,
                         fmt::format("{}:{}: not exported: no run from RESET shows this divergence ({})",
                                     trace.path, divergence.line, id));
                continue;
            }
            const std::string name = fmt::format("{}.{}", stem(trace.path), id);
            std::string error = write_whole(folder / fmt::format("{}.{}.json", name, ++written[name]),
                                            divergence_text(*run, divergence, trace.path));
            if (!error.empty()) return error;
        }
    return {};
}

// The threads of the VM with this number in the list of a first report.
std::string select_vm(const std::string& path, std::size_t number, CheckOptions& options) {
    if (path == "-")
        return "--vm reads the recording twice, which standard input does not allow; give a file";
    const std::vector<TraceReport> first = check_with_progress(path, options);
    if (first.size() != 1)
        return fmt::format("{}: --vm wants a single recording, and this holds {}; unpack it, and name one",
                           path, first.size());
    if (first.front().is_refused()) return {}; // told by the second pass
    const auto& vms = first.front().replay.vms;
    if (number > vms.size())
        return fmt::format("{}: no VM {}: the recording holds {}", path, number, vms.size());
    options.selection.threads = vms[number - 1].threads;
    return {};
}

int check(const Options& options) {
    CheckReport report{{}, options.check.profile, options.check.cpu};
    for (const std::string& path : options.paths) {
        CheckOptions judged = options.check;
        if (options.vm != 0)
            if (const std::string error = select_vm(path, options.vm, judged); !error.empty())
                return complain("check", exit_code::bad_input, error);
        for (TraceReport& trace : check_with_progress(path, judged)) {
            if (!trace.error.empty()) fmt::print(stderr, "lapicheck: {}\n", trace.error);
            report.traces.push_back(std::move(trace));
        }
    }
    const int code = print(options.format->check, report, exit_code_of(report.traces));
    if (!options.export_to.empty())
        if (const std::string error = export_divergences(report, options.export_to); !error.empty())
            return complain("check", exit_code::bad_input, error);
    return code;
}

} // namespace

void add_check(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("check", "check recordings of KVM against the manuals");
    add_traces(*command, options->paths, options->check);
    add_profile(*command, options->check.profile);
    add_cpu(*command, options->check.cpu,
            "the guest CPU's vendor; default: behaviour that either vendor's manual allows is accepted");
    add_format(*command, options->format, &ReportFormat::check);
    add_selection(*command, options->check);
    command->add_option("--vm", options->vm, "judge only the VM with this number in the list of the report")
        ->option_text("N")
        ->check(CLI::PositiveNumber);
    command->add_flag(
        "--monitor", options->check.monitor,
        "check every access, not only divergences, against the properties of 'lapicheck prove'; slower");
    command
        ->add_option("--export", options->export_to,
                     "for each divergence, write a run from RESET that shows it to DIR/TRACE.RULE.N.json")
        ->option_text("DIR");
    command->footer(examples);
    command->callback([options, &action] { action = [options] { return check(*options); }; });
}

} // namespace lapicheck::checker
