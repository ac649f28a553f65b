// Losing information never creates an alarm: transforms recordings at random, and holds what is reported of
// the transformed text against what is reported of the whole recording. See --help.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/judge/divergence_text.hpp"
#include "checker/replay/check.hpp"
#include "reduce.hpp"
#include "transformations.hpp"

namespace lapicheck::metamorphic {
namespace {

using checker::Divergence;
using checker::TraceReport;
using model::Rule;

struct Options {
    std::string corpus;
    std::uint64_t seed = 1;
    std::uint64_t first = 0;
    std::uint64_t count = 200;
    std::vector<std::string> only;
    std::vector<std::string> recordings;
    std::string write;
    bool reduces = false;
    bool lists = false;
};

TraceReport report_of(std::string_view text) {
    checker::TraceCheck check("transformed", {});
    constexpr std::size_t block = 64 * 1024;
    std::string error;
    for (std::size_t at = 0; at < text.size() && error.empty(); at += block)
        error = check.feed(text.substr(at, block));
    if (error.empty()) return check.finish();
    TraceReport report;
    report.error = std::move(error);
    return report;
}

std::set<Rule> rules_of(const TraceReport& report) {
    std::set<Rule> rules;
    for (const Divergence& divergence : report.divergences) rules.insert(divergence.mismatch.rule);
    return rules;
}

struct Tally {
    std::uint64_t runs = 0;
    std::uint64_t alarms = 0;
    std::set<std::string_view> rules;
};

class Runner {
  public:
    explicit Runner(Options options) : options_(std::move(options)) {}

    // Empty, or why nothing can be done.
    std::string read() {
        namespace fs = std::filesystem;
        std::error_code error;
        std::vector<fs::path> paths;
        for (const auto& entry : fs::recursive_directory_iterator(options_.corpus, error))
            if (entry.path().extension() == ".txt") paths.push_back(entry.path());
        std::ranges::sort(paths);
        for (const fs::path& path : paths)
            if (auto recording =
                    read_recording(path, fs::relative(path, options_.corpus, error).replace_extension()))
                recordings_.push_back(std::move(*recording));
        if (recordings_.empty())
            return fmt::format("{}: no recordings; scripts/unpack-corpus.sh unpacks them", options_.corpus);
        rules_.resize(recordings_.size());
        return {};
    }

    bool run() {
        std::uint64_t runs = 0;
        for (std::uint64_t number = options_.first; runs < options_.count; ++number)
            runs += run(number) ? 1U : 0U;
        std::uint64_t alarms = 0;
        for (const auto& [name, tally] : tallies_) {
            alarms += tally.alarms;
            fmt::print("{:28} {:6} runs {:5} false alarms  {}\n", name, tally.runs, tally.alarms,
                       fmt::join(tally.rules, " "));
        }
        fmt::print("seed {}: {} transformations of {} recordings, {} false alarms\n", options_.seed, runs,
                   recordings_.size(), alarms);
        return alarms == 0;
    }

  private:
    bool is_asked(const Transformation& transformation) const {
        const auto& only = options_.only;
        return only.empty() || std::ranges::find(only, transformation.name) != only.end();
    }

    // Whether it was one of those that are asked for.
    bool run(std::uint64_t number) {
        const auto all = transformations();
        const Transformation& transformation = all[number % all.size()];
        Random random(options_.seed * 0x1'0000'0001 + number);
        random.next();
        const std::size_t which = random.below(recordings_.size());
        const std::size_t other = random.below(recordings_.size());
        const Recording& recording = recordings_[which];
        if (!is_asked(transformation) || !is_asked(recording)) return false;
        if (transformation.needs_other &&
            (which == other || recording.clock_digits != recordings_[other].clock_digits))
            return false;
        Transformed transformed;
        Recording moved;
        std::string moves;
        const bool moves_threads =
            random.one_in(3) &&
            std::ranges::none_of(recording.lines, &Line::is_mark); // that stand for one CPU
        if (moves_threads) moved = with_threads_moved(recording, random, moves);
        const Sources from{moves_threads ? moved : recording, recordings_[other]};
        transformation.transform(from, random, transformed);
        transformed.words = moves + transformed.words;
        const std::string text = text_of(transformed);
        const TraceReport report = report_of(text);
        std::set<Rule> allowed = rules_of_whole(which);
        if (transformation.needs_other) allowed.merge(std::set(rules_of_whole(other)));
        Tally& tally = tallies_[transformation.name];
        ++tally.runs;
        const Divergence* alarm = nullptr;
        for (const Divergence& divergence : report.divergences) {
            if (allowed.contains(divergence.mismatch.rule)) continue;
            if (alarm == nullptr) alarm = &divergence;
            tally.rules.insert(model::to_string(divergence.mismatch.rule));
        }
        if (alarm != nullptr) {
            ++tally.alarms;
            tell(number, transformation, from, transformed, *alarm);
            if (!options_.write.empty()) write(from, transformed, alarm->mismatch.rule);
        } else if (!options_.write.empty()) {
            save(options_.write, text);
        }
        return true;
    }

    bool is_asked(const Recording& recording) const {
        return options_.recordings.empty() ||
               std::ranges::find(options_.recordings, recording.name) != options_.recordings.end();
    }

    const std::set<Rule>& rules_of_whole(std::size_t which) {
        if (!rules_[which]) rules_[which] = rules_of(report_of(recordings_[which].text));
        return *rules_[which];
    }

    void tell(std::uint64_t number, const Transformation& transformation, const Sources& from,
              const Transformed& transformed, const Divergence& alarm) const {
        fmt::print("false alarm: seed {}, number {}: {}, {} ({})\n  {}\n", options_.seed, number,
                   from.recording.name, transformation.name, transformation.comes_about, transformed.words);
        fmt::print("  line {} of the text: {} {}: {}\n", alarm.line, model::to_string(alarm.mismatch.rule),
                   model::register_name(alarm.mismatch.reg), headline(alarm));
        fmt::print("  the text: lapicheck_metamorphic --seed {} --first {} --count 1 --write FILE --reduce\n",
                   options_.seed, number);
    }

    static void save(const std::string& path, const std::string& text) {
        if (!(std::ofstream(path, std::ios::binary) << text)) fmt::print("{}: cannot be written\n", path);
    }

    void write(const Sources& from, const Transformed& transformed, Rule rule) const {
        const auto fails = [rule](const Texts& texts) {
            return rules_of(report_of(texts.transformed)).contains(rule) &&
                   !rules_of(report_of(texts.recording)).contains(rule) &&
                   !rules_of(report_of(texts.other)).contains(rule);
        };
        const Texts texts = options_.reduces ? reduce(from, transformed, fails) : texts_of(from, transformed);
        save(options_.write, texts.transformed);
        save(options_.write + ".whole", texts.recording);
        if (!texts.other.empty()) save(options_.write + ".other", texts.other);
    }

    Options options_;
    std::vector<Recording> recordings_;
    std::vector<std::optional<std::set<Rule>>> rules_; // of each whole recording
    std::map<std::string_view, Tally> tallies_;
};

void list() {
    for (const Transformation& transformation : transformations())
        fmt::print("{:28} {}\n", transformation.name, transformation.comes_about);
}

} // namespace
} // namespace lapicheck::metamorphic

int main(int argc, char** argv) {
    using namespace lapicheck::metamorphic;
    Options options;
    options.corpus = std::string(LAPICHECK_BINARY_DIR) + "/corpus";
    CLI::App app{
        "Transforms recordings so that they tell less, and looks for divergences that the whole ones "
        "do not have."};
    app.add_option("--corpus", options.corpus, "folder of recordings, *.txt")->capture_default_str();
    app.add_option("--seed", options.seed)->capture_default_str();
    app.add_option("--first", options.first, "number of the first transformation")->capture_default_str();
    app.add_option("--count", options.count, "how many transformations")->capture_default_str();
    app.add_option("--only", options.only, "only transformations of this name");
    app.add_option("--recording", options.recordings, "only of this recording");
    app.add_option("--write", options.write, "write the (last) transformed text to this file");
    app.add_flag("--reduce", options.reduces, "... made small, and what it was made of to FILE.whole");
    app.add_flag("--list", options.lists, "list the transformations");
    CLI11_PARSE(app, argc, argv);
    if (options.lists) {
        list();
        return 0;
    }
    Runner runner(std::move(options));
    if (const std::string error = runner.read(); !error.empty()) {
        fmt::print(stderr, "{}\n", error);
        return 2;
    }
    return runner.run() ? 0 : 1;
}
