// One CPU's records of one buffer of a trace.dat, in the order of that CPU's clock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct tracecmd_input;

namespace lapicheck::traces::trace_dat {

struct Record {
    const void* data = nullptr; // until the next call; null: the stream has ended
    std::size_t size = 0;
    std::uint64_t time = 0;
    std::int64_t missed = 0; // events before it; -1: some, nobody knows how many
};

class Stream {
  public:
    explicit Stream(int cpu) : cpu_(cpu) {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;

    int cpu() const { return cpu_; }
    virtual Record next() = 0;
    // Why it ended before its end; empty: it did not.
    const std::string& error() const { return error_; }

  protected:
    std::string error_;

  private:
    int cpu_;
};
using Streams = std::vector<std::unique_ptr<Stream>>;

// By libtracecmd, which maps the data of a file, and keeps what it has decompressed until the file is closed.
void add_library_streams(tracecmd_input* handle, int cpus, Streams& streams);

// By the file's own description, in constant memory: of files of version 7 but for those of a guest whose
// times follow its host's. False: this is none.
bool add_file_streams(int file, Streams& streams);

} // namespace lapicheck::traces::trace_dat
