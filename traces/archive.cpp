#include "traces/archive.hpp"

#include <algorithm>
#include <array>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

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

la_ssize_t give_packed(archive*, void* source, const void** bytes) {
    const std::string_view block = static_cast<ByteSource*>(source)->read();
    *bytes = block.data();
    return static_cast<la_ssize_t>(block.size());
}

// Only what is_packed() knows: libarchive also takes texts for archives (mtree), and runs programs.
void support(archive* a) {
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_compress(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_lz4(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_lzip(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_gnutar(a);
    archive_read_support_format_zip_streamable(a);
    archive_read_support_format_raw(a);
    archive_read_support_format_empty(a);
}

} // namespace

bool is_packed(std::string_view first_bytes) {
    const auto begins = [first_bytes](std::string_view bytes) { return first_bytes.starts_with(bytes); };
    if (std::ranges::any_of(signatures, begins)) return true;
    return first_bytes.size() > tar_signature_at && first_bytes.substr(tar_signature_at).starts_with("ustar");
}

Archive::Archive(ByteSource& packed)
    : packed_(packed), archive_(archive_read_new(), archive_read_free), name_(packed.name()) {
    support(archive_.get());
    if (archive_read_open(archive_.get(), &packed_, nullptr, give_packed, nullptr) != ARCHIVE_OK) fail();
}

Archive::~Archive() = default;

bool Archive::next() {
    if (!error_.empty()) return false;
    archive_entry* entry = nullptr;
    do {
        const int result = archive_read_next_header(archive_.get(), &entry);
        if (result == ARCHIVE_EOF && packed_.error().empty()) return false;
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return fail(), false;
    } while (archive_format(archive_.get()) != ARCHIVE_FORMAT_RAW &&
             archive_entry_filetype(entry) != AE_IFREG);
    name_ = packed_.name();
    const char* const member = archive_entry_pathname(entry);
    if (archive_format(archive_.get()) != ARCHIVE_FORMAT_RAW)
        name_ = fmt::format("{}:{}", packed_.name(), member == nullptr ? "(a name that is no text)" : member);
    return true;
}

std::string_view Archive::read() {
    if (!error_.empty()) return {};
    const void* bytes = nullptr;
    std::size_t size = 0;
    la_int64_t at = 0;
    int result = ARCHIVE_OK;
    do result = archive_read_data_block(archive_.get(), &bytes, &size, &at);
    while (size == 0 && (result == ARCHIVE_OK || result == ARCHIVE_WARN));
    if (result == ARCHIVE_EOF) return {};
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
        fail();
        failed_in_member_ = true;
        return {};
    }
    return {static_cast<const char*>(bytes), size};
}

void Archive::fail() {
    const char* const why = archive_error_string(archive_.get());
    error_ = packed_.error();
    if (error_.empty())
        error_ =
            fmt::format("{}: damaged, or not complete: {}", name_, why == nullptr ? "unknown error" : why);
}

} // namespace lapicheck::traces
