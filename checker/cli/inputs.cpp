#include "checker/cli/inputs.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "programs/file.hpp"

namespace lapicheck::checker {
namespace {

namespace files = std::filesystem;

// Its regular files, by path, so that two runs name them in the same order. Links to folders are not
// followed: they may lead in a circle.
std::string add_folder(const files::path& folder, std::vector<std::string>& paths) {
    std::error_code error;
    std::vector<std::string> found;
    for (files::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        if (at->is_regular_file(error)) found.push_back(at->path().string());
    if (error) return fmt::format("{}: cannot read the folder: {}", folder.string(), error.message());
    std::ranges::sort(found);
    paths.insert(paths.end(), found.begin(), found.end());
    return {};
}

// Names with line breaks are what `find -print0` is for.
void add_lines(std::string_view text, std::vector<std::string>& paths) {
    const char separator = text.find('\0') != std::string_view::npos ? '\0' : '\n';
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        if (end != 0) paths.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

// "3/8"
std::string read_shard(const std::string& text, Inputs& into) {
    const char* const end = text.data() + text.size();
    const auto [slash, fault] = std::from_chars(text.data(), end, into.shard);
    const bool has_slash = fault == std::errc{} && slash != end && *slash == '/';
    const auto [stop, second] = has_slash ? std::from_chars(slash + 1, end, into.shards)
                                          : std::from_chars_result{end, std::errc::invalid_argument};
    if (second == std::errc{} && stop == end && into.shard >= 1 && into.shard <= into.shards) return {};
    return fmt::format("'{}' is no part of a whole; give I/N, such as 3/8", text);
}

} // namespace

void add_inputs(CLI::App& command, Inputs& into) {
    command.add_option(
        "TRACE", into.named,
        "recordings, also compressed or in archives (gzip, xz, zstd, bzip2, lz4, tar, zip); - is standard "
        "input");
    command.add_flag("-r,--recursive", into.recursive,
                     "of a folder, all files in it and below, in the order of their names");
    command
        .add_option("--files-from", into.list,
                    "also the files that FILE names, one a line; - is standard input")
        ->option_text("FILE");
    command
        .add_option_function<std::string>(
            "--shard",
            [&into](const std::string& text) {
                if (const std::string error = read_shard(text, into); !error.empty())
                    throw CLI::ValidationError("--shard", error);
            },
            "only the I-th of N parts of the files; 'lapicheck merge' puts the reports together. A file is "
            "never divided")
        ->option_text("I/N");
}

InputPaths expand(const Inputs& inputs) {
    std::vector<std::string> named = inputs.named;
    if (!inputs.list.empty()) {
        const programs::FileText list = programs::read_text_file(inputs.list);
        if (!list.error.empty()) return {{}, list.error};
        add_lines(list.text, named);
    }
    if (named.empty())
        return {{},
                inputs.list.empty()
                    ? "TRACE is required; name recordings, a folder with -r, or a list with --files-from"
                    : fmt::format("{}: names no file", inputs.list)};
    InputPaths all;
    for (const std::string& path : named) {
        std::error_code ignored;
        if (!inputs.recursive || !files::is_directory(path, ignored)) all.paths.push_back(path);
        else if (all.error = add_folder(path, all.paths); !all.error.empty()) return all;
    }
    InputPaths part;
    for (std::size_t i = inputs.shard - 1; i < all.paths.size(); i += inputs.shards)
        part.paths.push_back(all.paths[i]);
    return part;
}

} // namespace lapicheck::checker
