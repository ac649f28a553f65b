#include <atomic>
#include <exception>
#include <iostream>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checker/cli/commands.hpp"
#include "checker/cli/progress.hpp"
#include "checker/prove/mutants.hpp"

namespace lapicheck::checker {
namespace {

using proof::Fate;
using proof::Mutant;
using proof::MutantResult;

// Into so many parts the mutants are divided, whatever the machine.
constexpr std::size_t slices = 2;

// What becomes of each mutant, in their order.
class Trials {
  public:
    Trials(const std::vector<Mutant>& mutants, bool all_killers)
        : mutants_(mutants), all_killers_(all_killers), results_(mutants.size()) {}

    std::vector<MutantResult> run() {
        {
            std::vector<std::jthread> threads;
            for (std::size_t slice = 0; slice < slices; ++slice)
                threads.emplace_back([this, slice] { judge(slice); });
        }
        if (error_) std::rethrow_exception(error_);
        return std::move(results_);
    }

  private:
    void judge(std::size_t slice) {
        try {
            proof::MutationRun run({.all_killers = all_killers_});
            for (std::size_t i = slice; i < mutants_.size(); i += slices) {
                results_[i] = run.judge(mutants_[i]);
                tell();
            }
        } catch (...) {
            const std::lock_guard lock(mutex_);
            error_ = std::current_exception();
        }
    }
    void tell() {
        const std::lock_guard lock(mutex_);
        ++done_;
        if (line_) line_->tell([this] { return fmt::format("mutants: {} of {}", done_, mutants_.size()); });
    }

    const std::vector<Mutant>& mutants_;
    bool all_killers_;
    std::vector<MutantResult> results_;
    std::mutex mutex_;
    std::size_t done_ = 0;
    std::exception_ptr error_;
    std::optional<ProgressLine> line_ =
        shows_progress() ? std::optional<ProgressLine>(std::in_place) : std::nullopt;
};

struct Counts {
    std::size_t killed = 0, allowed = 0, survived = 0, unknown = 0;

    // Of those that do something that the manual does not allow.
    double share() const {
        const std::size_t wrong = killed + survived + unknown;
        return wrong == 0 ? 100.0 : 100.0 * static_cast<double>(killed) / static_cast<double>(wrong);
    }
};

Counts count(const std::vector<MutantResult>& results) {
    Counts counts;
    for (const MutantResult& result : results) {
        if (result.fate == Fate::killed) ++counts.killed;
        else if (result.fate == Fate::allowed) ++counts.allowed;
        else if (result.fate == Fate::survived) ++counts.survived;
        else ++counts.unknown;
    }
    return counts;
}

void write_text(const std::vector<Mutant>& mutants, const std::vector<MutantResult>& results, bool verbose) {
    for (std::size_t i = 0; i < mutants.size(); ++i) {
        const MutantResult& result = results[i];
        if (result.fate == Fate::killed || result.fate == Fate::allowed) {
            if (verbose)
                fmt::print("{:9} {}{}{}\n", proof::to_string(result.fate), mutants[i].name,
                           result.killers.empty() ? "" : ": ", fmt::join(result.killers, ", "));
            continue;
        }
        fmt::print("{:9} {}: {}\n", proof::to_string(result.fate), mutants[i].name, result.remark);
    }
    const Counts counts = count(results);
    fmt::print("\n{} mutants: {} killed, {} survived, {} not decided, {} do only what the manual allows.\n"
               "Of those that do not, {:.1f} % are killed.\n",
               mutants.size(), counts.killed, counts.survived, counts.unknown, counts.allowed,
               counts.share());
}

void write_json(const std::vector<Mutant>& mutants, const std::vector<MutantResult>& results) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < mutants.size(); ++i)
        list.push_back({{"mutant", mutants[i].name},
                        {"rule", model::to_string(mutants[i].rule)},
                        {"fate", proof::to_string(results[i].fate)},
                        {"killers", results[i].killers},
                        {"remark", results[i].remark}});
    const Counts counts = count(results);
    const nlohmann::ordered_json report = {
        {"schema_version", 1},       {"tool", {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}}},
        {"killed", counts.killed},   {"survived", counts.survived},
        {"unknown", counts.unknown}, {"allowed", counts.allowed},
        {"mutants", std::move(list)}};
    std::cout << report.dump(2) << '\n';
}

} // namespace

int run_mutate(const MutateOptions& options, Format format) {
    std::vector<Mutant> mutants = proof::mutants();
    if (options.every > 1) {
        std::vector<Mutant> sample;
        for (std::size_t i = 0; i < mutants.size(); i += options.every)
            sample.push_back(std::move(mutants[i]));
        mutants = std::move(sample);
    }
    const std::vector<MutantResult> results = Trials(mutants, options.all_killers).run();
    if (format == Format::json) write_json(mutants, results);
    else write_text(mutants, results, options.verbose);
    const Counts counts = count(results);
    if (counts.survived != 0) return 1;
    return counts.unknown != 0 ? 4 : 0;
}

} // namespace lapicheck::checker
