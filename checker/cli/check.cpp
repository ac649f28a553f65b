#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/examples.hpp"
#include "checker/cli/in_order.hpp"
#include "checker/cli/inputs.hpp"
#include "checker/cli/progress.hpp"
#include "checker/cli/read_progress.hpp"
#include "checker/counterexample/counterexample.hpp"
#include "checker/report/output_file.hpp"

namespace lapicheck::checker {
namespace {

struct Options {
    Inputs inputs;
    unsigned jobs = 0; // 0: as many as there are processors
    CheckOptions check;
    std::string export_to;            // a folder; empty: none
    std::vector<std::string> results; // logs of tests that the one recording is of
    std::size_t vm = 0;               // by its number in the report; 0: all
    const ReportFormat* format = nullptr;
};

std::vector<TraceReport> check_with_progress(const std::string& path, CheckOptions options) {
    if (!shows_progress()) return check_input(path, options);
    ReadProgress line(path);
    options.progress = [&line](std::uint64_t bytes) { line.tell(bytes); };
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

// What stands in the report of one path, or why there is none.
struct CheckedPath {
    std::vector<TraceReport> traces;
    std::string error;
};

CheckedPath check_path(const std::string& path, const Options& options, bool alone, unsigned jobs) {
    CheckOptions judged = options.check;
    judged.reads_ahead = alone && jobs > 1;
    if (options.vm != 0)
        if (std::string error = select_vm(path, options.vm, judged); !error.empty())
            return {{}, std::move(error)};
    return {alone ? check_with_progress(path, judged) : check_input(path, judged), {}};
}

// Of many files, how many are done and how long the others will take.
class ManyProgress {
  public:
    explicit ManyProgress(std::size_t all) : all_(all) {}
    void tell(std::size_t done) {
        if (all_ < 2 || !shows_progress()) return;
        line_.tell([&] {
            const double seconds =
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
            const double left = seconds / static_cast<double>(done) * static_cast<double>(all_ - done);
            return fmt::format("checked {} of {} files ({} %), {:.0f} a second, {:.0f} s left", done, all_,
                               100 * done / all_, static_cast<double>(done) / std::max(seconds, 0.001), left);
        });
    }
    void erase() { line_.erase(); }

  private:
    std::size_t all_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    ProgressLine line_;
};

// Each trace is printed when it is due, and kept only if it is needed for what comes at the end.
class Printer {
  public:
    explicit Printer(const Options& options)
        : options_(options), report_{{}, options.check.profile, options.check.cpu, {}} {}

    // What the tests say that the recording is of. A failed one is a divergence as the recording's are.
    void take_logs(std::vector<ReadLog>&& logs) {
        for (const ReadLog& log : logs) {
            if (!log.error.empty()) message(log.error);
            code_ = worst(code_, !log.error.empty()              ? exit_code::bad_input
                                 : log.log.failed_of_apic() != 0 ? exit_code::diverges
                                                                 : exit_code::conforms);
        }
        report_.logs = std::move(logs);
    }

    void take(TraceReport&& trace) {
        if (!trace.error.empty()) message(trace.error);
        code_ = worst(code_, exit_code_of(std::vector<TraceReport>{trace}));
        if (options_.format->streams) {
            const CheckReport one{{trace}, report_.profile, report_.cpu, report_.logs};
            options_.format->check(std::cout, one, presentation());
            std::cout.flush();
        }
        if (!options_.format->streams || !options_.export_to.empty())
            report_.traces.push_back(std::move(trace));
    }
    int finish() {
        return options_.format->streams ? printed(code_) : print(options_.format->check, report_, code_);
    }
    bool failed() const { return !std::cout; }
    const CheckReport& report() const { return report_; }

  private:
    // 2 says that something could not be read, 1 that something diverges, 4 that something could not be
    // checked.
    static int worst(int one, int other) {
        for (const int code : {exit_code::bad_input, exit_code::diverges, exit_code::undecided})
            if (one == code || other == code) return code;
        return exit_code::conforms;
    }

    const Options& options_;
    CheckReport report_;
    int code_ = exit_code::conforms;
};

int check(const Options& options) {
    const InputPaths inputs = expand(options.inputs);
    if (!inputs.error.empty()) return complain("check", exit_code::bad_input, inputs.error);
    const std::vector<std::string>& paths = inputs.paths;
    const unsigned jobs =
        options.jobs != 0 ? options.jobs : std::max(std::thread::hardware_concurrency(), 1U);
    if (!options.results.empty() && paths.size() != 1)
        return complain("check", exit_code::bad_input,
                        "--results wants the one recording that the tests are of");
    Printer printer(options);
    printer.take_logs(read_logs(options.results));
    ManyProgress progress(paths.size());
    std::string refused;
    std::atomic<bool> is_over = false; // nobody will read the rest
    errno = 0;
    in_order<CheckedPath>(
        paths.size(), jobs,
        [&](std::size_t i) {
            return is_over ? CheckedPath{} : check_path(paths[i], options, paths.size() == 1, jobs);
        },
        [&](std::size_t i, CheckedPath&& checked) {
            progress.tell(i + 1);
            if (!checked.error.empty() && refused.empty()) refused = checked.error;
            if (!checked.traces.empty()) progress.erase();
            for (TraceReport& trace : checked.traces) printer.take(std::move(trace));
            is_over = is_over || !refused.empty() || printer.failed();
        });
    progress.erase();
    if (!refused.empty()) return complain("check", exit_code::bad_input, refused);
    const int code = printer.finish();
    const CheckReport& report = printer.report();
    if (!options.export_to.empty())
        if (const std::string error = export_divergences(report, options.export_to); !error.empty())
            return complain("check", exit_code::bad_input, error);
    return code;
}

} // namespace

void add_check(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("check", "check recordings of KVM against the manuals");
    add_inputs(*command, options->inputs);
    add_input_format(*command, options->check);
    command
        ->add_option("--jobs", options->jobs,
                     "files to check side by side; default: one for each processor. A large file alone is "
                     "read by one and "
                     "judged by another. The report is the same")
        ->option_text("N")
        ->check(CLI::Range(1U, 256U));
    add_profile(*command, options->check.profile);
    add_cpu(*command, options->check.cpu,
            "the guest CPU's vendor; default: behaviour that either vendor's manual allows is accepted");
    add_format(*command, options->format, &ReportFormat::check);
    add_selection(*command, options->check);
    command
        ->add_option(
            "--results", options->results,
            "the log of kvm-unit-tests or selftests that the recording is of: which failed test it shows")
        ->option_text("LOG")
        ->allow_extra_args(false);
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
