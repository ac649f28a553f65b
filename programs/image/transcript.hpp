// What the image said of its sections, put together from its frames (wire.h).
//
// Whatever comes is only ever taken as an answer to a step that was asked, once, with words that the image
// has; anything else makes the whole output one that is not believed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "programs/image/blob.hpp"
#include "programs/image/frames.hpp"
#include "programs/target.hpp"

namespace lapicheck::programs::image {

// How the image was started, and on what.
struct Hello {
    std::uint32_t start = 0; // wire_start
    std::string hypervisor;  // CPUID.40000000H; empty: none
};

struct SectionAnswers {
    std::uint32_t first = 0; // of its steps in the blob
    bool begun = false;
    std::uint32_t skipped = 0; // wire_skip; 0: it was not
    Found found;
    std::vector<std::optional<StepOutcome>> outcomes;
    std::vector<SoftStart> soft_starts; // Execution::soft_starts

    // The first step without an answer behind the last one that has one; its size if there is none.
    std::size_t answered() const;
};

class Transcript {
  public:
    explicit Transcript(std::span<const Section> sections);

    // What is wrong with it; empty: nothing. Then nothing of the output is believed.
    std::string take(const Frame& frame);

    const std::optional<Hello>& hello() const { return hello_; }
    const std::vector<SectionAnswers>& sections() const { return sections_; }
    bool has_ended() const { return ended_; }
    bool is_ready() const { return ready_; }            // for another blob
    const std::string& panic() const { return panic_; } // an exception of the image's own; empty: none

  private:
    std::string take_hello(std::string_view words);
    std::string take_begin(std::string_view words);
    std::string take_skip(std::string_view words);
    std::string take_soft(std::string_view words);
    std::string take_answers(std::string_view words);
    SectionAnswers* section_of(std::uint64_t step);

    std::optional<Hello> hello_;
    std::vector<SectionAnswers> sections_;
    std::vector<std::size_t> vcpus_; // of each section
    bool ended_ = false;
    bool ready_ = false;
    std::string panic_;
};

// "its CPUID has no x2APIC".
std::string_view skip_text(std::uint32_t skip);

} // namespace lapicheck::programs::image
