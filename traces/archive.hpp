// Compressed files and archives, unpacked on the way: gzip, xz, zstd, bzip2, lz4, lzip and compress, and tar
// and zip, each alone or in another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "traces/byte_source.hpp"

namespace lapicheck::traces {

// Told by the first bytes, of which there should be 512.
bool is_packed(std::string_view first_bytes);

// The members one after the other; read() gives the bytes of the one that next() has moved to. A member is
// called "traces.tar.xz:boot.txt"; what is only compressed has the name of the file.
class Archive : public ByteSource {
  public:
    // False: there is none, or error() says what is wrong with the archive.
    virtual bool next() = 0;
    // The error is one of the member that was read.
    virtual bool failed_in_member() const = 0;
};

// By libarchive, which is loaded with the first archive: it draws in more than all the rest of the program.
// Null: it cannot be loaded, and `error` says why.
std::unique_ptr<Archive> open_archive(ByteSource& packed, std::string& error);

// What the object that is loaded has.
inline constexpr auto unpack_object = "lapicheck-unpack.so";
inline constexpr auto unpack_symbol = "lapicheck_open_archive";
using OpenArchive = Archive* (*)(ByteSource& packed);

} // namespace lapicheck::traces
