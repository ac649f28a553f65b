#include "programs/image/frames.hpp"

#include <charconv>

#include "programs/image/blob.hpp"
#include "programs/image/wire.h"

namespace lapicheck::programs::image {
namespace {

constexpr std::string_view tag = WIRE_FRAME_TAG;
constexpr std::size_t longest = 16384; // no frame of the image is as long
constexpr std::size_t word_digits = 8;

bool is_end(char c) { return static_cast<unsigned char>(c) < ' '; }

// Eight lower-case hexadecimal digits.
std::optional<std::uint32_t> word_of(std::string_view text) {
    if (text.size() != word_digits) return std::nullopt;
    for (const char c : text)
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
}

struct Parsed {
    std::uint32_t nonce = 0;
    Frame frame;
};

// `line`: from the tag on, without its end. None: it is not whole.
std::optional<Parsed> parse(std::string_view line) {
    constexpr std::size_t shortest = tag.size() + 3 * (word_digits + 1) + 1;
    if (line.size() < shortest || line[line.size() - word_digits - 1] != ' ') return std::nullopt;
    const auto checksum = word_of(line.substr(line.size() - word_digits));
    const std::string_view checked = line.substr(1, line.size() - word_digits - 2);
    if (!checksum || crc32(checked) != *checksum) return std::nullopt;
    std::string_view rest = checked.substr(tag.size() - 1);
    const auto nonce = word_of(rest.substr(0, word_digits));
    if (rest.size() < 2 * word_digits + 3 || rest[word_digits] != ' ' || rest[2 * word_digits + 1] != ' ')
        return std::nullopt;
    const auto number = word_of(rest.substr(word_digits + 1, word_digits));
    if (!nonce || !number) return std::nullopt;
    rest.remove_prefix(2 * word_digits + 2);
    const std::size_t blank = rest.find(' ');
    Parsed parsed{*nonce, {*number, std::string(rest.substr(0, blank)), {}}};
    if (blank != std::string_view::npos) parsed.frame.words = rest.substr(blank + 1);
    return parsed;
}

} // namespace

// Returns how many bytes of the line are done with: of a damaged frame the tag alone, since another may begin
// in it.
std::size_t FrameReader::take_line(std::string_view line, std::vector<Frame>& frames) {
    std::optional<Parsed> parsed = parse(line);
    if (!parsed) {
        ++counts_.damaged;
        return tag.size();
    }
    if (!nonce_) nonce_ = parsed->nonce;
    if (parsed->nonce != *nonce_) {
        ++counts_.foreign;
    } else if (parsed->frame.number < next_) {
        ++counts_.repeated;
    } else {
        counts_.missing += parsed->frame.number - next_;
        next_ = parsed->frame.number + 1;
        ++counts_.sound;
        frames.push_back(std::move(parsed->frame));
    }
    return line.size();
}

void FrameReader::feed(std::string_view bytes, std::vector<Frame>& frames) {
    pending_ += bytes;
    std::size_t at = 0;
    while (true) {
        const std::size_t begin = pending_.find(tag, at);
        if (begin == std::string::npos) {
            // The tag itself may be coming.
            const std::size_t kept = std::min(pending_.size(), tag.size() - 1);
            pending_.erase(0, std::max(at, pending_.size() - kept));
            return;
        }
        std::size_t end = begin;
        while (end < pending_.size() && !is_end(pending_[end])) ++end;
        if (end == pending_.size() && end - begin < longest) {
            pending_.erase(0, begin);
            return;
        }
        at = begin + take_line(std::string_view(pending_).substr(begin, end - begin), frames);
    }
}

void FrameReader::finish() {
    std::vector<Frame> frames;
    if (pending_.find(tag) != std::string::npos) ++counts_.damaged;
    pending_.clear();
}

} // namespace lapicheck::programs::image
