// Finds the image's frames (wire.h) in whatever came out of a machine: a serial log with firmware's chatter,
// lost and damaged bytes, panics, the same line twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lapicheck::programs::image {

struct Frame {
    std::uint32_t number = 0; // from 0
    std::string kind;         // "a"
    std::string words;        // what follows it
};

struct FrameCounts {
    std::size_t sound = 0;
    std::size_t damaged = 0;  // begun, but their checksum does not hold
    std::size_t repeated = 0; // that had come before, as where two ports print
    std::size_t foreign = 0;  // of another image, by their nonce
    std::size_t missing = 0;  // numbers that were passed over
};

// Takes bytes as they come. What a frame says is for others to judge; here it is only whole or not.
class FrameReader {
  public:
    // None: whatever nonce the first sound frame has.
    explicit FrameReader(std::optional<std::uint32_t> nonce) : nonce_(nonce) {}

    // Appends the frames that are complete by now.
    void feed(std::string_view bytes, std::vector<Frame>& frames);
    // Nothing more comes.
    void finish();

    std::optional<std::uint32_t> nonce() const { return nonce_; }
    const FrameCounts& counts() const { return counts_; }

  private:
    std::size_t take_line(std::string_view line, std::vector<Frame>& frames);

    std::optional<std::uint32_t> nonce_;
    std::string pending_; // from where a frame may begin
    std::uint32_t next_ = 0;
    FrameCounts counts_;
};

} // namespace lapicheck::programs::image
