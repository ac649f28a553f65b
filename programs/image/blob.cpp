#include "programs/image/blob.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "programs/image/step_names.h"
#include "programs/image/wire.h"

namespace lapicheck::programs::image {
namespace {

static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(wire_blob) == 32 && sizeof(wire_section) == 80 && sizeof(wire_step) == 24);
static_assert(DO_MMIO_READ == static_cast<int>(Do::mmio_read) && DO_HALT == static_cast<int>(Do::halt) &&
              DO_WAIT == static_cast<int>(Do::wait) && DO_RESET == static_cast<int>(Do::reset) &&
              DO_MSI == static_cast<int>(Do::msi) && DO_HARDWARE == static_cast<int>(Do::hardware) &&
              DO_HARDWARE + 1 == do_count);

template <class Struct>
void append(std::string& bytes, const Struct& what) {
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof what);
    std::memcpy(bytes.data() + at, &what, sizeof what);
}

wire_step wire_of(const Step& step) {
    return {static_cast<std::uint8_t>(step.what),
            step.size,
            step.vector,
            step.level ? std::uint8_t{1} : std::uint8_t{0},
            step.vcpu,
            step.address,
            step.value};
}

// Cheap for a guest whose every instruction is interpreted.
std::uint32_t sum_of(std::string_view bytes) {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at + sizeof sum <= bytes.size(); at += sizeof sum) {
        std::uint32_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        sum = (sum ^ word) * WIRE_SUM_FACTOR;
    }
    return sum;
}

constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb8'8320 : 0);
        table[i] = crc;
    }
    return table;
}();

} // namespace

std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = ~std::uint32_t{0};
    for (const char byte : bytes)
        crc = (crc >> 8) ^ crc_table[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff];
    return ~crc;
}

std::uint32_t needs_of(const Machine& machine) {
    return static_cast<std::uint32_t>((machine.x2apic ? WIRE_X2APIC : WIRE_NO_X2APIC) |
                                      (machine.tsc_deadline ? WIRE_DEADLINE : WIRE_NO_DEADLINE));
}

std::string write_blob(std::span<const Section> sections, const BlobOptions& options) {
    std::size_t steps = 0;
    for (const Section& section : sections) steps += section.steps.size();
    wire_blob head{};
    head.magic = WIRE_MAGIC;
    head.nonce = options.nonce;
    if (options.flush_each) head.flags |= WIRE_FLUSH_EACH;
    if (options.session) head.flags |= WIRE_SESSION;
    if (options.no_serial) head.flags |= WIRE_NO_SERIAL;
    head.settle = options.settle;
    head.sections = static_cast<std::uint32_t>(sections.size());
    std::string bytes;
    bytes.reserve(sizeof head + sections.size() * sizeof(wire_section) + steps * sizeof(wire_step));
    append(bytes, head);
    std::uint32_t first = 0;
    for (const Section& section : sections) {
        wire_section made{};
        made.first = first;
        made.steps = static_cast<std::uint32_t>(section.steps.size());
        made.needs = section.needs;
        made.vcpus = static_cast<std::uint32_t>(section.apic_ids.size());
        std::ranges::transform(section.apic_ids, made.apic_ids,
                               [](std::uint32_t id) { return static_cast<std::uint8_t>(id); });
        first += made.steps;
        append(bytes, made);
    }
    for (const Section& section : sections)
        for (const Step& step : section.steps) append(bytes, wire_of(step));
    head.bytes = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &head, sizeof head);
    head.checksum = sum_of(std::string_view(bytes).substr(offsetof(wire_blob, nonce)));
    std::memcpy(bytes.data(), &head, sizeof head);
    return bytes;
}

std::string refusal_of(const Machine& machine) {
    for (const std::uint32_t id : machine.apic_ids)
        if (id > 0xfe) return fmt::format("the image starts CPUs by 8-bit APIC IDs, and {:#x} is none", id);
    if (machine.split_irqchip)
        return "where the I/O APIC is, the image cannot choose; leave out \"split_irqchip\"";
    if (!machine.disabled_quirks.empty())
        return "a guest cannot disable KVM's quirks; leave out \"disabled_quirks\"";
    return {};
}

} // namespace lapicheck::programs::image
