#include "checker/report/output_file.hpp"

#include <system_error>

#include <fmt/format.h>

#include "checker/report/whole_file.hpp"

namespace lapicheck::checker {

std::string make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    return error ? fmt::format("{}: {}", folder.string(), error.message()) : "";
}

std::string write_whole(const std::filesystem::path& path, std::string_view text) {
    WholeFile file;
    std::string error = file.open(path);
    if (error.empty()) error = file.write(text);
    return error.empty() ? file.keep() : error;
}

} // namespace lapicheck::checker
