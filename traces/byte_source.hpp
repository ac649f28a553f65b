// Where the bytes of a recording come from: a file, a pipe, a member of an archive.
#pragma once

#include <string>
#include <string_view>

namespace lapicheck::traces {

class ByteSource {
  public:
    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    // The next bytes, as soon as there are any. Empty at the end of the input and after an error. Valid until
    // the next call.
    virtual std::string_view read() = 0;
    // "trace.txt: cannot open: No such file or directory"; empty: no error so far.
    virtual const std::string& error() const = 0;
    // The name for messages.
    virtual const std::string& name() const = 0;
    // A regular file that holds exactly these bytes and can be positioned; -1: there is none.
    virtual int file() const { return -1; }
};

} // namespace lapicheck::traces
