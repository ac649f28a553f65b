// What the sub-commands share: how they declare their options, how they report, how they end.
//
// A sub-command is one file with `void add_NAME(CLI::App&, Action&)`, and a line in commands.cpp.
#pragma once

#include <cerrno>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "checker/audit/known_list.hpp"
#include "checker/judge/profile.hpp"
#include "checker/report/format.hpp"

namespace lapicheck::checker {

// Exit codes, the same for every command.
namespace exit_code {
inline constexpr int conforms = 0;  // or proved, agrees, recorded
inline constexpr int diverges = 1;  // or refuted, differs
inline constexpr int bad_input = 2; // usage, input, or a report that could not be written
inline constexpr int undecided = 4; // nothing could be checked, or the target is not there
} // namespace exit_code

int exit_code_of(Verdict verdict);

// Runs the command that the command line chose; returns the exit code.
using Action = std::function<int()>;

struct Command {
    std::string_view name;
    // Declares the sub-command; parsing it sets `action`.
    void (*add)(CLI::App& app, Action& action);
};
std::span<const Command> commands();

// "lapicheck: what", on standard error; nothing of it acts on a terminal.
void message(std::string_view what);
// "lapicheck: check: what", on standard error; returns `code`.
int complain(std::string_view command, int code, std::string_view what);

// Accepts the words alone, and names them to who typed another.
CLI::Validator one_of(std::vector<std::string> words);

// An option that takes one of a few words.
template <class Value>
CLI::Option* add_choice(CLI::App& command, const std::string& option, Value& into,
                        std::vector<std::pair<std::string, Value>> words, const std::string& help) {
    std::string list;
    std::vector<std::string> allowed;
    for (const auto& [word, value] : words) {
        list += (list.empty() ? "" : "|") + word;
        allowed.push_back(word);
    }
    return command
        .add_option_function<std::string>(
            option,
            [&into, words = std::move(words)](const std::string& chosen) {
                for (const auto& [word, value] : words)
                    if (word == chosen) into = value;
            },
            help)
        ->check(one_of(std::move(allowed)))
        ->option_text(list);
}

// TRACE... and --input-format.
void add_traces(CLI::App& command, std::vector<std::string>& paths, CheckOptions& into);
void add_input_format(CLI::App& command, CheckOptions& into);
// --pid, --thread and --min-checked.
void add_selection(CLI::App& command, CheckOptions& into);
void add_profile(CLI::App& command, Profile& into);
// --known; read_known() of what it was given.
void add_known(CLI::App& command, std::string& into);
KnownList read_known(const std::string& path);
void add_cpu(CLI::App& command, GuestCpu& into, const std::string& help);

// The form of a command's report: one of those that have a shape for each of `writers`.
template <class... Report>
void add_format(CLI::App& command, const ReportFormat*& into, Writer<Report> ReportFormat::*... writers) {
    std::vector<std::pair<std::string, const ReportFormat*>> words;
    for (const ReportFormat* format : report_formats())
        if (((format->*writers != nullptr) && ...)) words.emplace_back(format->name, format);
    into = words.front().second;
    add_choice(command, "--format", into, std::move(words), "the report's format; default: text");
}

// What a report's reader can see: colour on a terminal alone.
Presentation presentation(bool verbose = false);

// After the report was printed: returns `code`, or that it could not be written, which is told. errno, 0
// before the printing, says why.
int printed(int code);
// Prints the report to standard output.
template <class Report>
int print(Writer<Report> writer, const Report& report, int code, bool verbose = false) {
    const Presentation how = presentation(verbose);
    errno = 0;
    writer(std::cout, report, how);
    return printed(code);
}

} // namespace lapicheck::checker
