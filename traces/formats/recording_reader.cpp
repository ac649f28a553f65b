#include "traces/formats/recording_reader.hpp"

#include <fmt/format.h>

#include "traces/formats/format.hpp"
#include "traces/recordings.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::size_t sniffed_bytes = 64 * 1024;

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
    std::vector<Event> events;
    std::uint64_t bytes = 0;
    for (; error.empty() && !block.empty(); block = source.read()) {
        events.clear();
        bytes += block.size();
        stream_->feed(block, events);
        take(events, bytes);
    }
    return error.empty() ? source.error() : error;
}

std::string RecordingReader::read_file(ByteSource& source, std::string_view first, const Take& take) {
    const PositionedFile positioned = position(source, first);
    const auto named = [this](const std::string& why) { return fmt::format("{}: {}", name_, why); };
    if (!positioned.error.empty()) return positioned.error;
    if (const std::string error = file_->open(positioned.file); !error.empty()) return named(error);
    std::vector<Event> events;
    for (bool more = true; more;) {
        events.clear();
        more = file_->read(events);
        take(events, 0);
    }
    return file_->error().empty() ? std::string{} : named(file_->error());
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
    if (stream_ != nullptr) return stream_->summary();
    return file_ != nullptr ? file_->summary() : nothing;
}

} // namespace lapicheck::traces
