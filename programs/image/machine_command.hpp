// Who runs the image: a command, by its own words or by a ready name.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "programs/image/packages.hpp"

namespace lapicheck::programs::image {

// In the words: {rom}, {kernel} and {program} become the paths of the image and of the program beside it,
// {output} that of a pipe for what the machine prints, {memory} that of a file of memory_bytes which is to be
// the machine's memory (then a machine takes one program after the other), {vcpus} their number. Without
// {output}, standard output is read.
struct MachineCommand {
    std::string name; // "image:qemu-tcg"
    std::vector<std::string> words;
    std::uint32_t settle = 4000;       // PAUSEs until an interrupt has landed
    std::chrono::seconds patience{30}; // without a byte of output, it hangs
    Bits bits = Bits::b64;
    // Files that the command reads: the placeholder for the path, and the text, in which the others are
    // filled in.
    std::vector<std::pair<std::string, std::string>> files;
    // What {features} becomes for a machine whose CPUID shall be so; empty: it cannot choose.
    std::string without_x2apic, without_deadline, as_intel, as_amd;
};

inline constexpr std::size_t memory_bytes = std::size_t{64} << 20;

// Whether the placeholder stands in one of the words.
bool names(const MachineCommand& command, std::string_view placeholder);

struct ReadyName {
    std::string_view name;    // "qemu-tcg"
    std::string_view what;    // "QEMU, interpreting (TCG)"
    std::string_view program; // that must be found
    std::string_view how;     // to get it
};
std::span<const ReadyName> ready_names();
bool is_here(const ReadyName& name);

struct NamedCommand {
    MachineCommand command;
    std::string error; // why there is none of this name; empty: none
};
// `text`: what follows "image:", a ready name or a command's words.
NamedCommand machine_command(std::string_view text);

} // namespace lapicheck::programs::image
