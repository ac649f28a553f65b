#include "checker/report/output_file.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

namespace lapicheck::checker {
namespace {

std::string reason() { return std::generic_category().message(errno); }

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

// Empty: all of it is on its way to the disk.
std::string write_text(const std::filesystem::path& path, std::string_view text) {
    std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "wb"));
    if (!file) return reason();
    if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size()) return reason();
    return std::fclose(file.release()) == 0 ? "" : reason();
}

} // namespace

std::string make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    return error ? fmt::format("{}: {}", folder.string(), error.message()) : "";
}

std::string write_whole(const std::filesystem::path& path, std::string_view text) {
    // Renaming would put a file in the place of a device or a pipe.
    std::error_code unknown;
    const auto status = std::filesystem::status(path, unknown);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        return fmt::format("cannot write {}: it is no regular file; name one that may be replaced",
                           path.string());
    std::filesystem::path part = path;
    part += fmt::format(".{}.part", getpid());
    std::string error = write_text(part, text);
    if (error.empty() && std::rename(part.c_str(), path.c_str()) != 0) error = reason();
    if (error.empty()) return {};
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    return fmt::format("{}: cannot write: {}", path.string(), error);
}

} // namespace lapicheck::checker
