// Access programs in the form that the image reads: wire.h has the layout.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "programs/program.hpp"

namespace lapicheck::programs::image {

// A machine and what is done on it. Several are tried one after the other; those that the machine is not are
// skipped.
struct Section {
    std::span<const Step> steps;
    std::vector<std::uint32_t> apic_ids; // below 256
    std::uint32_t needs = 0;             // wire_needs
};
// That the machine's CPUID is as the program has it.
std::uint32_t needs_of(const Machine& machine);

struct BlobOptions {
    std::uint32_t nonce = 0;
    std::uint32_t settle = 2000; // PAUSEs
    bool flush_each = false;     // an answer a frame
    bool session = false;        // then wait for another blob in its memory
    bool no_serial = false;      // where there is a port E9H, print there alone
};
std::string write_blob(std::span<const Section> sections, const BlobOptions& options);

// CRC-32 (IEEE 802.3), as frames have it.
std::uint32_t crc32(std::string_view bytes);

// Why the image cannot be this machine; empty: it may be.
std::string refusal_of(const Machine& machine);

} // namespace lapicheck::programs::image
