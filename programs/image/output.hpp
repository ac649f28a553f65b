// What an image that was booted by hand left behind: a file, a serial log.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "programs/image/blob.hpp"
#include "programs/image/frames.hpp"
#include "programs/target.hpp"

namespace lapicheck::programs::image {

// The nonce of programs that are run by hand: another program, or another version's, has another one.
std::uint32_t nonce_of(std::span<const Section> sections);

struct Output {
    std::string error; // why nothing of it is believed; empty: nothing is wrong
    FrameCounts frames;
    bool has_ended = false;
    std::string hypervisor; // CPUID.40000000H's signature; empty: none
    // Of each section; refused: the machine is none for it, or the output ends before.
    std::vector<Execution> executions;
};
Output read_output(std::string_view text, std::span<const Section> sections);

} // namespace lapicheck::programs::image
