#include <algorithm>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checker/cli/command.hpp"
#include "checker/report/json.hpp"
#include "programs/bounded_json.hpp"
#include "programs/file.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(Puts reports of 'check --format json' or jsonl together: those of several machines, or of parts ('--shard'). The recordings
stand in the order of their paths, each once, whatever the order of the reports; a report that is merged twice changes
nothing. Reports of another schema version, profile or --cpu are refused, and such as disagree about a recording.

Examples:
  lapicheck merge part-*.json > all.json
  lapicheck check --shard 1/2 -r runs --format jsonl > a.jsonl; lapicheck check --shard 2/2 -r runs --format jsonl > b.jsonl
  lapicheck merge --format jsonl a.jsonl b.jsonl | jq -r '.traces[] | select(.verdict == "diverges").path'

Exit status: that of 'check' on all the recordings; 2 also if a report cannot be read or does not belong to the others.)";

struct Options {
    std::vector<std::string> paths;
    bool as_lines = false;
};

class Merged {
  public:
    // Empty, or why the report is refused. `place`: "a.json", or "a.jsonl:3".
    std::string add(const json& report, const std::string& place) {
        if (!report.is_object() || !report.contains("schema_version") || !report.contains("traces") ||
            !report["traces"].is_array())
            return fmt::format("{}: no report of 'check --format json'", place);
        json head = report;
        head.erase("traces");
        if (head["schema_version"] != report_head()["schema_version"])
            return fmt::format("{}: schema version {}; this program reads version {}", place,
                               head["schema_version"].dump(), report_head()["schema_version"].dump());
        if (head_.is_null()) head_ = head;
        for (const char* key : {"profile", "cpu"})
            if (head.value(key, json()) != head_.value(key, json()))
                return fmt::format("{}: {} is {} here and {} in the others; check all with the same", place,
                                   key, head.value(key, json()).dump(), head_.value(key, json()).dump());
        for (const json& trace : report["traces"])
            if (std::string error = add_trace(trace, place); !error.empty()) return error;
        return {};
    }

    int exit_code() const {
        bool unread = false;
        bool diverges = false;
        bool undecided = false;
        for (const auto& [path, trace] : traces_) {
            unread = unread || !trace.value("error", json()).is_null();
            diverges = diverges || trace.value("verdict", json()) == "diverges";
            undecided = undecided || trace.value("verdict", json()) == "inconclusive";
        }
        return unread      ? exit_code::bad_input
               : diverges  ? exit_code::diverges
               : undecided ? exit_code::undecided
                           : exit_code::conforms;
    }

    void print_to(std::ostream& out, bool as_lines) const {
        json whole = head_.is_null() ? report_head() : head_;
        whole["traces"] = json::array();
        if (!as_lines) {
            for (const auto& [path, trace] : traces_) whole["traces"].push_back(trace);
            return print(out, whole);
        }
        for (const auto& [path, trace] : traces_) {
            whole["traces"] = json::array({trace});
            print_line(out, whole);
        }
    }

  private:
    std::string add_trace(const json& trace, const std::string& place) {
        if (!trace.is_object() || !trace.contains("path") || !trace["path"].is_string())
            return fmt::format("{}: a recording without a path", place);
        const auto& path = trace["path"].get_ref<const std::string&>();
        const auto [known, is_new] = traces_.try_emplace(path, trace);
        if (is_new || known->second == trace) return {};
        return fmt::format("{}: {} was judged otherwise in another of these reports; check it again", place,
                           path);
    }

    json head_;
    std::map<std::string, json> traces_; // by path
};

// Discarded: it is no JSON, or none of ours.
json parsed(std::string_view text) {
    try {
        return programs::parse_bounded(text);
    } catch (const json::exception&) {
        json none(json::value_t::discarded); // braces would make an array of it
        return none;
    }
}

// A report, or one in each line.
std::string add_file(const std::string& path, Merged& merged) {
    const programs::FileText file = programs::read_text_file(path);
    if (!file.error.empty()) return file.error;
    if (const json whole = parsed(file.text); !whole.is_discarded()) return merged.add(whole, file.name);
    std::size_t number = 0;
    for (std::string_view rest = file.text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
        const std::string place = fmt::format("{}:{}", file.name, number);
        const json report = parsed(line);
        if (report.is_discarded())
            return fmt::format("{}: no JSON; is the report complete? Check this part again", place);
        if (std::string error = merged.add(report, place); !error.empty()) return error;
    }
    return number == 0 ? fmt::format("{}: the file is empty; check this part again", file.name)
                       : std::string{};
}

int merge(const Options& options) {
    Merged merged;
    for (const std::string& path : options.paths)
        if (const std::string error = add_file(path, merged); !error.empty())
            return complain("merge", exit_code::bad_input, error);
    errno = 0;
    merged.print_to(std::cout, options.as_lines);
    return printed(merged.exit_code());
}

} // namespace

void add_merge(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("merge", "put the JSON reports of several runs of 'check' together");
    command
        ->add_option("REPORT", options->paths,
                     "files that 'check --format json' or jsonl wrote; - is standard input")
        ->required();
    add_choice<bool>(*command, "--format", options->as_lines, {{"json", false}, {"jsonl", true}},
                     "the report's format; default: json");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return merge(*options); }; });
}

} // namespace lapicheck::checker
