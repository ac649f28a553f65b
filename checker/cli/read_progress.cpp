#include "checker/cli/read_progress.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "traces/archive.hpp"

namespace lapicheck::checker {
namespace {

// Of a packed file the bytes that are read are not those that it has.
std::uint64_t size_of(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) return 0;
    std::array<char, 512> first{};
    std::ifstream file(path, std::ios::binary);
    file.read(first.data(), first.size());
    if (traces::is_packed({first.data(), static_cast<std::size_t>(file.gcount())})) return 0;
    const auto size = std::filesystem::file_size(path, ignored);
    return ignored ? 0 : size;
}

} // namespace

ReadProgress::ReadProgress(std::string path)
    : path_(std::move(path)), all_(shows_progress() ? size_of(path_) : 0) {}

void ReadProgress::tell(std::uint64_t bytes) {
    line_.tell([&] { return text(bytes); });
}

std::string ReadProgress::text(std::uint64_t bytes) const {
    constexpr std::uint64_t mega = 1'000'000;
    if (bytes == 0) return fmt::format("{}: reading", path_);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    const double rate = static_cast<double>(bytes) / std::max(seconds, 0.001);
    if (bytes > all_)
        return fmt::format("{}: {} MB read, {:.0f} MB a second", path_, bytes / mega, rate / mega);
    return fmt::format("{}: {} of {} MB read ({} %), {:.0f} MB a second, {:.0f} s left", path_, bytes / mega,
                       all_ / mega, 100 * bytes / all_, rate / mega,
                       static_cast<double>(all_ - bytes) / rate);
}

} // namespace lapicheck::checker
