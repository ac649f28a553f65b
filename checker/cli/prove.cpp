#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "checker/cli/commands.hpp"
#include "checker/cli/names.hpp"
#include "checker/cli/output_file.hpp"
#include "checker/cli/progress.hpp"
#include "checker/prove/counterexample.hpp"
#include "checker/prove/matrix.hpp"
#include "checker/report/matrix.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

Matrix prove_with_progress(MatrixRequest request) {
    if (!shows_progress()) return prove_all(request);
    ProgressLine line;
    const std::size_t all = request.implementations.size() * request.properties.size();
    request.progress = [&line, all](std::size_t done) {
        line.tell([&] { return fmt::format("proving: {} of {}", done, all); });
    };
    return prove_all(request);
}

// One file a run. Empty: done.
std::string export_runs(const Matrix& matrix, const std::filesystem::path& folder, bool witnesses) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    const auto put = [&folder](const proof::Result& result, Shows shows, std::string_view ending) {
        return write_whole(
            folder / fmt::format("{}.{}{}", result.implementation->name, result.property->id, ending),
            counterexample_text(result, shows));
    };
    for (const proof::Result& result : matrix.results) {
        std::string error;
        if (result.counterexample) error = put(result, Shows::counterexample, ".json");
        else if (result.witness && witnesses) error = put(result, Shows::witness, ".witness.json");
        if (!error.empty()) return error;
    }
    return {};
}

// Each refuting run.
std::vector<Confirmed> confirm_all(const Matrix& matrix, const std::string& party) {
    std::vector<Confirmed> all;
    for (const proof::Result& result : matrix.results) {
        if (!result.counterexample) continue;
        const traces::ProgramText text =
            traces::read_program(counterexample_text(result, Shows::counterexample), "counterexample");
        all.push_back({&result, confirm(text.program, party)});
    }
    return all;
}

int refuse(const std::string& reason) {
    fmt::print(stderr, "lapicheck: prove: {}\n", reason);
    return 2;
}

} // namespace

int run_prove(const ProveOptions& options, Format format) {
    Chosen chosen = choose(options.implementations, options.properties);
    if (!chosen.error.empty()) return refuse(chosen.error);
    MatrixRequest request;
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
        if (const NamedParty named = make_party(options.confirm_on); named.party == nullptr)
            return refuse(named.error);

    const Matrix matrix = prove_with_progress(std::move(request));
    for (const proof::Result* result : matrix.unconfirmed)
        fmt::print(stderr,
                   "lapicheck: prove: {} {}: the run found does not break the property when it is carried "
                   "out; this is an error of lapicheck\n",
                   result->implementation->name, result->property->id);
    MatrixExtras extras{options.timings, options.confirm_on, {}};
    if (!options.confirm_on.empty()) extras.confirmed = confirm_all(matrix, options.confirm_on);
    if (format == Format::json) {
        write_matrix_json(std::cout, matrix, extras);
    } else {
        write_matrix_text(std::cout, matrix, options.verbose || one_asked);
        if (options.timings) write_costs(std::cout, matrix);
        write_confirmed(std::cout, extras);
    }
    if (!options.export_to.empty())
        if (const std::string error = export_runs(matrix, options.export_to, options.witnesses);
            !error.empty())
            return refuse(error);
    return exit_code(matrix);
}

} // namespace lapicheck::checker
