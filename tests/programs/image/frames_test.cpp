// What is read out of a machine's output: sound frames, and nothing else.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "programs/image/blob.hpp"
#include "programs/image/frames.hpp"

using namespace lapicheck::programs::image;

namespace {

constexpr std::uint32_t ours = 0x1234'abcd;

std::string frame(std::uint32_t number, std::string_view words, std::uint32_t nonce = ours) {
    const std::string checked = fmt::format("lapicheck {:08x} {:08x} {}", nonce, number, words);
    return fmt::format("\n@{} {:08x}\n", checked, crc32(checked));
}

struct Read {
    std::vector<Frame> frames;
    FrameCounts counts;
};
Read read(std::string_view text, std::size_t piece = 1000, std::optional<std::uint32_t> nonce = ours) {
    Read result;
    FrameReader reader(nonce);
    for (std::size_t at = 0; at < text.size(); at += piece)
        reader.feed(text.substr(at, piece), result.frames);
    reader.finish();
    result.counts = reader.counts();
    return result;
}

std::string words_of(const Read& read) {
    std::string text;
    for (const Frame& frame : read.frames)
        text += fmt::format("[{}|{}|{}]", frame.number, frame.kind, frame.words);
    return text;
}

} // namespace

TEST_CASE("CRC-32: the check value of IEEE 802.3") { CHECK(crc32("123456789") == 0xcbf4'3926); }

TEST_CASE("frames are found between a firmware's lines, in pieces of any size") {
    const std::string text = "SeaBIOS (version 1.16.2)\r\n" + frame(0, "hello 0 -") + "Booting from ROM..." +
                             frame(1, "a 0 . =1f #") + "\x1b[2J" + frame(2, "end");
    for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
        const Read all = read(text, piece);
        CHECK(words_of(all) == "[0|hello|0 -][1|a|0 . =1f #][2|end|]");
        CHECK(all.counts.sound == 3);
        CHECK(all.counts.damaged == 0);
        CHECK(all.counts.missing == 0);
    }
}

TEST_CASE("a frame whose line ends as a serial terminal ends lines is whole") {
    std::string text = frame(0, "end");
    text.insert(text.size() - 1, "\r");
    CHECK(words_of(read(text)) == "[0|end|]");
}

TEST_CASE("every single byte that is lost, changed or put in makes the frame none") {
    const std::string whole = frame(0, "a 10 . =fee00900 .t0:31");
    const std::string good = whole.substr(1, whole.size() - 2);
    REQUIRE(words_of(read(whole)) == "[0|a|10 . =fee00900 .t0:31]");
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const int change : {1, 2, 32}) {
            std::string text = good;
            text[at] = static_cast<char>(text[at] ^ change);
            CHECK(read("\n" + text + "\n").frames.empty());
        }
        CHECK(read("\n" + good.substr(0, at) + good.substr(at + 1) + "\n").frames.empty());
        CHECK(read("\n" + good.substr(0, at) + "x" + good.substr(at) + "\n").frames.empty() == (at != 0));
    }
}

TEST_CASE("a frame that begins within a damaged one is found") {
    const Read both = read("\n@lapicheck 1234abcd 000000" + frame(0, "end").substr(1));
    CHECK(words_of(both) == "[0|end|]");
    CHECK(both.counts.damaged == 1);
}

TEST_CASE("what is printed twice counts once; what is missing is counted") {
    const Read twice =
        read(frame(0, "hello 0 -") + frame(0, "hello 0 -") + frame(3, "end") + frame(1, "a 0 ."));
    CHECK(words_of(twice) == "[0|hello|0 -][3|end|]");
    CHECK(twice.counts.repeated == 2);
    CHECK(twice.counts.missing == 2);
}

TEST_CASE("frames of another program are none of ours") {
    const Read mixed = read(frame(0, "end", 7) + frame(0, "hello 0 -"));
    CHECK(words_of(mixed) == "[0|hello|0 -]");
    CHECK(mixed.counts.foreign == 1);
    CHECK(words_of(read(frame(0, "end", 7), 1000, std::nullopt)) == "[0|end|]");
}

TEST_CASE("an end in the middle of a frame is a damaged frame") {
    const std::string text = frame(0, "hello 0 -") + frame(1, "a 0 . . .").substr(0, 30);
    const Read cut = read(text);
    CHECK(words_of(cut) == "[0|hello|0 -]");
    CHECK(cut.counts.damaged == 1);
}

TEST_CASE("tags without end take no memory without end") {
    FrameReader reader(ours);
    std::vector<Frame> frames;
    for (int i = 0; i < 2000; ++i)
        reader.feed("@lapicheck 1234abcd 00000000 a 0 " + std::string(1000, '.'), frames);
    CHECK(frames.empty());
    CHECK(reader.counts().damaged > 1000);
}
