#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/progress.hpp"
#include "checker/cli/refine.hpp"
#include "checker/prove/prover.hpp"
#include "checker/report/output_file.hpp"
#include "programs/targets/targets.hpp"
#include "specs/properties/names.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer = R"(Examples:
  lapicheck prove                                 every property of every implementation
  lapicheck prove --impl kvm-2018                 one implementation, with counterexamples
  lapicheck prove --impl kvm-rfc --property mmio-isolation
  lapicheck prove --format json --export runs     also write each counterexample to a file
  lapicheck prove --impl kvm-6.18 --confirm kvm   also replay each counterexample on this machine's KVM
  lapicheck prove --impl kvm-6.18 --refines sdm   what it does that the manual does not allow

Exit status: 0 all that was asked holds or is not applicable, 1 something is refuted, 2 wrong usage, or a
counterexample that fails when it is executed (an error of lapicheck), 4 nothing is refuted, but something
is not proved.)";

struct Options {
    std::vector<std::string> implementations = {"all"};
    std::vector<std::string> properties = {"all"};
    std::string refines;    // "sdm": all steps against the manual's; empty: the properties
    bool verbose = false;   // each refuting run
    std::string export_to;  // a folder; empty: none
    std::string dump_to;    // a folder for the obligations as SMT-LIB 2; empty: none
    std::string confirm_on; // a target on which each refuting run is tried; empty: none
    bool witnesses = false; // export those of proofs too
    bool timings = false;   // of each result, what it cost: no run gives the same
    unsigned threads = 0;   // 0: as many as there are processors
    const ReportFormat* format = nullptr;
};

int refuse(const std::string& reason) { return complain("prove", exit_code::bad_input, reason); }

prove::Matrix prove_with_progress(prove::MatrixRequest request) {
    if (!shows_progress()) return prove::prover().prove(request);
    ProgressLine line;
    const std::size_t all = request.implementations.size() * request.properties.size();
    request.progress = [&line, all](std::size_t done) {
        line.tell([&] { return fmt::format("proving: {} of {}", done, all); });
    };
    return prove::prover().prove(request);
}

std::string counterexample_of(const prove::Result& result, const std::string& solver) {
    return counterexample_text({*result.implementation, *result.property, *result.counterexample, solver},
                               Shows::counterexample);
}

// One file a run. Empty: done.
std::string export_runs(const prove::Matrix& matrix, const std::filesystem::path& folder, bool witnesses) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    for (const prove::Result& result : matrix.results) {
        const std::string name = fmt::format("{}.{}", result.implementation->name, result.property->id);
        std::string error;
        if (result.counterexample)
            error = write_whole(folder / (name + ".json"), counterexample_of(result, matrix.solver));
        else if (result.witness && witnesses)
            error = write_whole(
                folder / (name + ".witness.json"),
                counterexample_text(
                    {*result.implementation, *result.property, {*result.witness, {}}, matrix.solver},
                    Shows::witness));
        if (!error.empty()) return error;
    }
    return {};
}

// Each refuting run.
void confirm_all(ProveReport& report) {
    for (const prove::Result& result : report.matrix.results) {
        if (!result.counterexample) continue;
        const programs::ProgramText text =
            programs::read_program(counterexample_of(result, report.matrix.solver), "counterexample");
        report.confirmed.push_back({&result, confirm(text.program, report.target)});
    }
}

int prove_properties(const Options& options) {
    specs::Chosen chosen = specs::choose(options.implementations, options.properties);
    if (!chosen.error.empty()) return refuse(chosen.error);
    prove::MatrixRequest request;
    request.implementations = std::move(chosen.implementations);
    request.properties = std::move(chosen.properties);
    request.options.wants_witness = options.witnesses;
    request.threads = options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
    if (!options.dump_to.empty()) {
        if (const std::string error = make_folder(options.dump_to); !error.empty()) return refuse(error);
        request.options.dump = [folder = std::filesystem::path(options.dump_to)](const std::string& name,
                                                                                 const std::string& smt2) {
            const std::string error = write_whole(folder / (name + ".smt2"), smt2);
            if (!error.empty()) throw std::runtime_error(error);
        };
    }
    const bool one_asked = request.implementations.size() == 1 || request.properties.size() == 1;
    if (!options.confirm_on.empty())
        if (const programs::NamedTarget named = programs::make_target(options.confirm_on);
            named.target == nullptr)
            return refuse(named.error);

    ProveReport report{prove_with_progress(std::move(request)), options.timings, options.confirm_on, {}};
    for (const prove::Result* result : report.matrix.unconfirmed)
        complain(
            "prove", 0,
            fmt::format("{} {}: the counterexample does not break the property when it is executed; this "
                        "is an error of lapicheck, please report it",
                        result->implementation->name, result->property->id));
    if (!report.target.empty()) confirm_all(report);
    const int code =
        print(options.format->prove, report, exit_code_of(report.matrix), options.verbose || one_asked);
    if (!options.export_to.empty())
        if (const std::string error = export_runs(report.matrix, options.export_to, options.witnesses);
            !error.empty())
            return refuse(error);
    return code;
}

int prove(const Options& options) {
    if (options.refines.empty()) return prove_properties(options);
    return refine({options.implementations, options.export_to}, *options.format);
}

} // namespace

void add_prove(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("prove", "prove or refute properties of implementations");
    command
        ->add_option("--impl", options->implementations,
                     "implementations (lapicheck list implementations); default: all")
        ->option_text("NAME|all");
    command
        ->add_option("--property", options->properties,
                     "properties (lapicheck list properties); default: all")
        ->option_text("ID|all");
    command->add_flag("--verbose", options->verbose,
                      "show every counterexample, however many results there are");
    command
        ->add_option("--export", options->export_to,
                     "write each counterexample to DIR/NAME.ID.json; with --refines: each departure's "
                     "access program to DIR/NAME.RULE.N.json, for 'lapicheck run'")
        ->option_text("DIR");
    command
        ->add_flag("--witnesses", options->witnesses,
                   "with --export: for each proof, write a run that meets the property's premise")
        ->needs("--export");
    command->add_option("--dump-smt2", options->dump_to, "write each obligation to DIR as SMT-LIB 2")
        ->option_text("DIR");
    command->add_option("--confirm", options->confirm_on, "replay each counterexample on this target")
        ->option_text("TARGET");
    command
        ->add_option("--jobs", options->threads,
                     "implementations to prove in parallel; default: one for each processor")
        ->option_text("N")
        ->check(CLI::Range(1U, 256U));
    command->add_flag(
        "--timings", options->timings,
        "also print what each result cost: solver queries and milliseconds; varies between runs");
    add_format(*command, options->format, &ReportFormat::prove, &ReportFormat::refine);
    command
        ->add_option("--refines", options->refines,
                     "instead of properties: find everything that the implementation does and the manual "
                     "does not allow")
        ->option_text("sdm")
        ->check(one_of({"sdm"}))
        ->excludes("--property", "--witnesses", "--dump-smt2", "--timings");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return prove(*options); }; });
}

} // namespace lapicheck::checker
