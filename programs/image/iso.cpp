#include "programs/image/iso.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "programs/image/process.hpp"

namespace lapicheck::programs::image {
namespace {

constexpr std::string_view grub_configuration = R"(set timeout=0
menuentry lapicheck {
    multiboot /boot/lapicheck
    boot
}
)";

// A folder that is gone, with all in it, when it goes out of scope.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string path = (std::filesystem::temp_directory_path() / "lapicheck-XXXXXX").string();
        if (mkdtemp(path.data()) == nullptr)
            throw std::system_error(errno, std::generic_category(), "mkdtemp");
        path_ = path;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

} // namespace

std::string write_iso(const std::filesystem::path& file, std::string_view kernel) {
    constexpr std::chrono::minutes patience{2};
    constexpr std::string_view advice =
        "; it needs: apt install grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools";
    try {
        const TemporaryFolder folder;
        std::filesystem::create_directories(folder.path() / "boot/grub");
        std::ofstream(folder.path() / "boot/lapicheck", std::ios::binary) << kernel;
        std::ofstream(folder.path() / "boot/grub/grub.cfg") << grub_configuration;
        Process process;
        std::string error = process.start({"grub-mkrescue", "-o", file.string(), folder.path().string()}, {});
        if (!error.empty()) return error;
        for (Process::Read read; !read.ended;) {
            read = process.read(patience);
            if (read.silent) return "grub-mkrescue says nothing for two minutes";
        }
        if (const std::string ending = process.ending(); ending.find("exit status 0") != 0)
            return fmt::format("grub-mkrescue: {}{}", ending, advice);
    } catch (const std::system_error& error) { // filesystem_error is one
        return error.what();
    }
    return {};
}

} // namespace lapicheck::programs::image
