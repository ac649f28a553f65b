#include "traces/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

namespace lapicheck::traces {
namespace {

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

class LibArchive final : public Archive {
  public:
    explicit LibArchive(ByteSource& packed);
    bool next() override;
    std::string_view read() override;
    const std::string& error() const override { return error_; }
    bool failed_in_member() const override { return failed_in_member_; }
    const std::string& name() const override { return name_; }

  private:
    void fail();

    ByteSource& packed_;
    std::unique_ptr<archive, int (*)(archive*)> archive_;
    std::string name_;
    std::string error_;
    bool failed_in_member_ = false;
};

LibArchive::LibArchive(ByteSource& packed)
    : packed_(packed), archive_(archive_read_new(), archive_read_free), name_(packed.name()) {
    support(archive_.get());
    if (archive_read_open(archive_.get(), &packed_, nullptr, give_packed, nullptr) != ARCHIVE_OK) fail();
}

bool LibArchive::next() {
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

std::string_view LibArchive::read() {
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

void LibArchive::fail() {
    const char* const why = archive_error_string(archive_.get());
    error_ = packed_.error();
    if (error_.empty())
        error_ =
            fmt::format("{}: damaged, or not complete: {}", name_, why == nullptr ? "unknown error" : why);
}

} // namespace
} // namespace lapicheck::traces

// The door of the shared object: what traces/archive.cpp asks for.
extern "C" __attribute__((visibility("default"))) lapicheck::traces::Archive*
lapicheck_open_archive(lapicheck::traces::ByteSource& packed);
extern "C" lapicheck::traces::Archive* lapicheck_open_archive(lapicheck::traces::ByteSource& packed) {
    return std::make_unique<lapicheck::traces::LibArchive>(packed).release();
}
