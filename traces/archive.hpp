// Compressed files and archives, unpacked on the way by libarchive: gzip, xz, zstd, bzip2, lz4, lzip and
// compress, and tar and zip, each alone or in another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "traces/byte_source.hpp"

struct archive;

namespace lapicheck::traces {

// Told by the first bytes, of which there should be 512.
bool is_packed(std::string_view first_bytes);

// The members one after the other; read() gives the bytes of the one that next() has moved to.
class Archive final : public ByteSource {
  public:
    explicit Archive(ByteSource& packed);
    ~Archive() override;

    // False: there is none, or error() says what is wrong with the archive.
    bool next();

    std::string_view read() override;
    const std::string& error() const override { return error_; }
    // The error is one of the member that was read.
    bool failed_in_member() const { return failed_in_member_; }
    // "traces.tar.xz:boot.txt"; of a file that is only compressed, its own name.
    const std::string& name() const override { return name_; }

  private:
    void fail();

    ByteSource& packed_;
    std::unique_ptr<archive, int (*)(archive*)> archive_;
    std::string name_;
    std::string error_;
    bool failed_in_member_ = false;
};

} // namespace lapicheck::traces
