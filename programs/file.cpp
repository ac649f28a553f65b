#include "programs/file.hpp"

#include <fmt/format.h>

#include "traces/input.hpp"

namespace lapicheck::programs {

namespace {
constexpr std::size_t most_bytes = std::size_t{1} << 30;
} // namespace

FileText read_text_file(const std::string& path) {
    traces::Input input(path);
    FileText file{input.name(), {}, {}};
    for (std::string_view block = input.read(); !block.empty(); block = input.read()) {
        file.text += block;
        if (file.text.size() > most_bytes) {
            file.error = fmt::format("{}: larger than 1 GiB; split it", file.name);
            return file;
        }
    }
    file.error = input.error();
    return file;
}

} // namespace lapicheck::programs
