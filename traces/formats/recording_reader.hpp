// Reads one recording, whatever its format: as the content says, or as it is told.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "traces/byte_source.hpp"
#include "traces/formats/read_ahead.hpp"
#include "traces/formats/reader.hpp"

namespace lapicheck::traces {

class RecordingReader {
  public:
    // `name` is the recording's in messages. `format`: null: as the content says. `with_requests`: see
    // Reader::want_requests().
    RecordingReader(std::string name, const TraceFormat* format, bool with_requests)
        : name_(std::move(name)), format_(format), with_requests_(with_requests) {}

    // Where the recording is large, a thread of its own reads on while what it has read is taken.
    void read_ahead() { reads_ahead_ = true; }

    // Called with a batch of Events, in the order of the recording, and with the bytes read so far.
    using Take = std::function<void(std::vector<Event>& events, std::uint64_t bytes)>;

    // All of it. Empty, or "trace.txt: why" it is no trace, or ends early.
    std::string read(ByteSource& source, const Take& take);
    // Or the next piece of a text, whose Events are appended to `events`.
    std::string feed(std::string_view bytes, std::vector<Event>& events);
    // The input has ended.
    void finish(std::vector<Event>& events);

    // What is known so far; while a block is taken, what was known when it had been read.
    const ReadSummary& summary() const;

  private:
    std::string choose(std::string_view first_bytes);
    std::string read_file(ByteSource& source, std::string_view first, const Take& take);
    void take_blocks(const std::function<bool(ReadBlock&)>& produce, const Take& take);

    std::string name_;
    const TraceFormat* format_;
    bool with_requests_;
    bool reads_ahead_ = false;
    const ReadSummary* known_ = nullptr; // when the block that is being taken was read; null: by now
    // One of the two once the first bytes have come.
    std::unique_ptr<StreamReader> stream_;
    std::unique_ptr<FileReader> file_;
};

} // namespace lapicheck::traces
