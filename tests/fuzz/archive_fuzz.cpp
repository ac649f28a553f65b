// libFuzzer target for compressed files and archives: whatever the bytes, and in whatever pieces they come,
// it does not crash, ends, and says of what it could not unpack why.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "traces/archive.hpp"

extern "C" lapicheck::traces::Archive* lapicheck_open_archive(lapicheck::traces::ByteSource& packed);

namespace {

class Bytes final : public lapicheck::traces::ByteSource {
  public:
    Bytes(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
    std::string_view read() override {
        const std::string_view some = bytes_.substr(0, piece_);
        bytes_.remove_prefix(some.size());
        return some;
    }
    const std::string& error() const override { return error_; }
    const std::string& name() const override { return name_; }

  private:
    std::string_view bytes_;
    std::size_t piece_;
    std::string error_;
    std::string name_ = "fuzz";
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr std::size_t most = std::size_t{1} << 20; // unpacked: a bomb need not go off
    Bytes packed({reinterpret_cast<const char*>(data) + 1, size - 1}, std::size_t{16} << data[0] % 16);
    const std::unique_ptr<lapicheck::traces::Archive> archive(lapicheck_open_archive(packed));
    std::size_t bytes = 0;
    while (bytes < most && archive->next()) {
        for (std::string_view block = archive->read(); !block.empty() && bytes < most;
             block = archive->read())
            bytes += block.size();
        if (archive->failed_in_member() && archive->error().empty()) std::abort();
    }
    return 0;
}
