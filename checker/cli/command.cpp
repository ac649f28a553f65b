#include "checker/cli/command.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "programs/file.hpp"
#include "traces/formats/format.hpp"
#include "traces/printable.hpp"

namespace lapicheck::checker {

int exit_code_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::conforms: return exit_code::conforms;
    case Verdict::diverges: return exit_code::diverges;
    case Verdict::inconclusive: break;
    }
    return exit_code::undecided;
}

void message(std::string_view what) { fmt::print(stderr, "lapicheck: {}\n", traces::visible(what)); }

int complain(std::string_view command, int code, std::string_view what) {
    message(fmt::format("{}: {}", command, what));
    return code;
}

CLI::Validator one_of(std::vector<std::string> words) {
    return {[words = std::move(words)](const std::string& word) {
                if (std::ranges::find(words, word) != words.end()) return std::string{};
                return fmt::format("'{}' is not one of: {}", word, fmt::join(words, ", "));
            },
            ""};
}

void add_traces(CLI::App& command, std::vector<std::string>& paths, CheckOptions& into) {
    command
        .add_option("TRACE", paths,
                    "recordings, also compressed or in archives (gzip, xz, zstd, bzip2, lz4, tar, zip); - is "
                    "standard "
                    "input")
        ->required();
    add_input_format(command, into);
}

void add_input_format(CLI::App& command, CheckOptions& into) {
    std::vector<std::pair<std::string, const traces::TraceFormat*>> words;
    std::string help = "how to read them; default: as the content says";
    for (const traces::TraceFormat* format : traces::formats()) {
        words.emplace_back(format->name, format);
        help += fmt::format("; {}: {}", format->name, format->what);
    }
    add_choice(command, "--input-format", into.input_format, std::move(words), help);
}

void add_selection(CLI::App& command, CheckOptions& into) {
    command.add_option("--pid", into.selection.processes, "judge only guests of these processes")
        ->allow_extra_args(false)
        ->option_text("PID");
    command.add_option("--thread", into.selection.threads, "judge only vCPUs that run in these host threads")
        ->allow_extra_args(false)
        ->option_text("TID");
    command
        .add_option(
            "--min-checked", into.min_checked,
            "the least share of the accesses that must be checked for 'conforms', in percent; default: 50")
        ->option_text("PERCENT")
        ->check(CLI::Range(0U, 100U));
}

void add_known(CLI::App& command, std::string& into) {
    command
        .add_option(
            "--known", into,
            "what the target, if it is no KVM, is known to do wrong: specs/departures/*.json, or a file "
            "like these; it does not count")
        ->option_text("FILE");
}

KnownList read_known(const std::string& path) {
    if (path.empty()) return {};
    const programs::FileText file = programs::read_text_file(path);
    if (!file.error.empty()) throw std::runtime_error(file.error);
    KnownList list = KnownList::read(file.text, file.name);
    if (!list.error().empty()) throw std::runtime_error(list.error());
    return list;
}

void add_profile(CLI::App& command, Profile& into) {
    add_choice<Profile>(command, "--profile", into, {{"kvm", Profile::kvm}, {"sdm", Profile::sdm}},
                        "sdm (default): every divergence counts; kvm: known departures of KVM do not");
}

void add_cpu(CLI::App& command, GuestCpu& into, const std::string& help) {
    add_choice<GuestCpu>(command, "--cpu", into, {{"amd", GuestCpu::amd}, {"intel", GuestCpu::intel}}, help);
}

Presentation presentation(bool verbose) { return {isatty(STDOUT_FILENO) != 0, verbose}; }

int printed(int code) {
    std::cout.flush();
    if (std::cout) return code;
    fmt::print(stderr, "lapicheck: cannot write the report to standard output: {}\n",
               std::generic_category().message(errno == 0 ? EIO : errno));
    return exit_code::bad_input;
}

} // namespace lapicheck::checker
