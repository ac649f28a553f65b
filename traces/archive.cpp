#include "traces/archive.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "traces/loaded_object.hpp"

namespace lapicheck::traces {
namespace {

using namespace std::string_view_literals;

constexpr std::array signatures = {
    "\x1f\x8b"sv,         // gzip
    "\x1f\x9d"sv,         // compress
    "\xfd\x37zXZ\0"sv,    // xz
    "\x28\xb5\x2f\xfd"sv, // zstd
    "\x04\x22\x4d\x18"sv, // lz4
    "BZh"sv,              // bzip2
    "LZIP"sv,             // lzip
    "PK\x03\x04"sv,       // zip
};

constexpr std::size_t tar_signature_at = 257;

} // namespace

bool is_packed(std::string_view first_bytes) {
    const auto begins = [first_bytes](std::string_view bytes) { return first_bytes.starts_with(bytes); };
    if (std::ranges::any_of(signatures, begins)) return true;
    return first_bytes.size() > tar_signature_at && first_bytes.substr(tar_signature_at).starts_with("ustar");
}

std::unique_ptr<Archive> open_archive(ByteSource& packed, std::string& error) {
    static const LoadedSymbol open = load_symbol(unpack_object, unpack_symbol);
    if (open.symbol != nullptr)
        return std::unique_ptr<Archive>(reinterpret_cast<OpenArchive>(open.symbol)(packed));
    error =
        fmt::format("{}: cannot be unpacked: {}; put {} beside the program, and install libarchive (Debian: "
                    "libarchive13)",
                    packed.name(), open.error, unpack_object);
    return nullptr;
}

} // namespace lapicheck::traces
