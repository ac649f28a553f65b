#include "traces/formats/recording_reader.hpp"

#include <fmt/format.h>

#include "traces/formats/format.hpp"
#include "traces/recordings.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::size_t sniffed_bytes = 64 * 1024;
constexpr std::uint64_t read_ahead_from = 50'000; // events, about 5 MB of text

} // namespace

std::string RecordingReader::choose(std::string_view first_bytes) {
    first_bytes = first_bytes.substr(0, sniffed_bytes);
    if (format_ == nullptr) format_ = find_format(first_bytes);
    if (format_ == nullptr) return fmt::format("{}: {}", name_, refuse(first_bytes).value_or("not a trace"));
    Reader* chosen = nullptr;
    if (format_->make_reader != nullptr) {
        stream_ = format_->make_reader();
        chosen = stream_.get();
    } else {
        file_ = format_->make_file_reader();
        chosen = file_.get();
    }
    if (with_requests_) chosen->want_requests();
    return {};
}

std::string RecordingReader::read(ByteSource& source, const Take& take) {
    std::string_view block = source.read();
    if (block.empty()) return source.error();
    std::string error = choose(block);
    if (error.empty() && file_ != nullptr) return read_file(source, block, take);
    if (!error.empty()) return error;
    std::uint64_t bytes = 0;
    take_blocks(
        [&](ReadBlock& into) {
            if (block.empty()) return false;
            bytes += block.size();
            stream_->feed(block, into.events);
            into.bytes = bytes;
            block = source.read();
            return true;
        },
        take);
    return source.error();
}

std::string RecordingReader::read_file(ByteSource& source, std::string_view first, const Take& take) {
    const PositionedFile positioned = position(source, first);
    const auto named = [this](const std::string& why) { return fmt::format("{}: {}", name_, why); };
    if (!positioned.error.empty()) return positioned.error;
    if (const std::string error = file_->open(positioned.file); !error.empty()) return named(error);
    bool more = true;
    take_blocks(
        [&](ReadBlock& into) {
            if (!more) return false;
            more = file_->read(into.events);
            return true;
        },
        take);
    return file_->error().empty() ? std::string{} : named(file_->error());
}

// The first events here: a thread does not pay for a small recording, and the reader knows its clock by then.
void RecordingReader::take_blocks(const std::function<bool(ReadBlock&)>& produce, const Take& take) {
    ReadBlock block;
    for (std::uint64_t events = 0; !reads_ahead_ || events < read_ahead_from; events += block.events.size()) {
        block.events.clear();
        if (!produce(block)) return;
        take(block.events, block.bytes);
    }
    const ReadSummary& read = summary();
    traces::read_ahead(
        [&](ReadBlock& into) {
            if (!produce(into)) return false;
            copy_facts(read, into.read);
            return true;
        },
        [&](ReadBlock& taken) {
            known_ = &taken.read;
            take(taken.events, taken.bytes);
        });
    known_ = nullptr;
}

std::string RecordingReader::feed(std::string_view bytes, std::vector<Event>& events) {
    if (stream_ == nullptr && file_ == nullptr)
        if (std::string error = choose(bytes); !error.empty()) return error;
    if (stream_ == nullptr) return fmt::format("{}: this format cannot be read piece by piece", name_);
    stream_->feed(bytes, events);
    return {};
}

void RecordingReader::finish(std::vector<Event>& events) {
    if (stream_ != nullptr) stream_->finish(events);
}

const ReadSummary& RecordingReader::summary() const {
    static const ReadSummary nothing;
    if (known_ != nullptr) return *known_;
    if (stream_ != nullptr) return stream_->summary();
    return file_ != nullptr ? file_->summary() : nothing;
}

} // namespace lapicheck::traces
