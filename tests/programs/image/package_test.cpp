// The image's forms, byte by byte where a loader looks.
#include <cstring>
#include <string>

#include <doctest/doctest.h>
#include <elf.h>

#include "programs/image/blob.hpp"
#include "programs/image/machine_command.hpp"
#include "programs/image/packages.hpp"
#include "programs/image/wire.h"

using namespace lapicheck::programs;
using namespace lapicheck::programs::image;

namespace {

std::uint32_t word_at(const std::string& bytes, std::size_t at) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
}

std::string some_blob() {
    const Step step{.what = Do::rdmsr, .address = 0x1b};
    const Section section{std::span(&step, 1), {0}, 0};
    return write_blob(std::span(&section, 1), {.nonce = 5});
}

} // namespace

TEST_CASE("a blob says how long it is, and its checksum notices each bit") {
    const std::string blob = some_blob();
    CHECK(word_at(blob, 8) == blob.size());
    CHECK(blob.size() == sizeof(wire_blob) + sizeof(wire_section) + sizeof(wire_step));
    const auto sum = [](const std::string& bytes) {
        std::uint32_t value = 0;
        for (std::size_t at = 16; at < bytes.size(); at += 4)
            value = (value ^ word_at(bytes, at)) * WIRE_SUM_FACTOR;
        return value;
    };
    CHECK(word_at(blob, 12) == sum(blob));
    for (std::size_t at = 16; at < blob.size(); ++at) {
        std::string other = blob;
        other[at] = static_cast<char>(other[at] ^ 0x10);
        CHECK(sum(other) != word_at(blob, 12));
    }
}

TEST_CASE("a ROM ends in the reset vector, and knows where its blob lies below 4 GiB") {
    for (const Bits bits : {Bits::b64, Bits::b32}) {
        const std::string rom = rom_package(some_blob(), bits);
        CHECK(rom.size() == 2 * WIRE_ROM_BYTES);
        CHECK(static_cast<std::uint8_t>(rom[rom.size() - 16]) == 0xe9); // JMP rel16
        CHECK(word_at(rom, rom.size() - WIRE_ROM_BYTES + 8) == 0x1'0000'0000 - rom.size());
        CHECK(rom.starts_with(some_blob()));
    }
}

TEST_CASE("a Multiboot header lies in the first 8 KiB, adds up to 0 and covers the blob") {
    const std::string kernel = multiboot_package(some_blob());
    std::size_t at = 0;
    while (at < 8192 && word_at(kernel, at) != 0x1bad'b002) at += 4;
    REQUIRE(at < 8192);
    CHECK(word_at(kernel, at) + word_at(kernel, at + 4) + word_at(kernel, at + 8) == 0);
    CHECK(word_at(kernel, at + 24) == WIRE_PAYLOAD_ADDRESS + kernel.size());
}

TEST_CASE("a PVH kernel is an ELF64 with Xen's note and segments on 2 MiB") {
    const std::string kernel = pvh_package(some_blob());
    Elf64_Ehdr head{};
    std::memcpy(&head, kernel.data(), sizeof head);
    CHECK(std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0);
    CHECK(head.e_phnum == 3);
    Elf64_Phdr note{};
    std::memcpy(&note, kernel.data() + head.e_phoff, sizeof note);
    CHECK(note.p_type == PT_NOTE);
    CHECK(word_at(kernel, note.p_offset + 8) == 18);
    CHECK(word_at(kernel, note.p_offset + 16) == head.e_entry);
    for (unsigned i = 1; i < head.e_phnum; ++i) {
        Elf64_Phdr load{};
        std::memcpy(&load, kernel.data() + head.e_phoff + i * sizeof load, sizeof load);
        CHECK(load.p_type == PT_LOAD);
        CHECK(load.p_paddr % 0x20'0000 == 0);
        CHECK(load.p_offset + load.p_filesz <= kernel.size());
    }
}

TEST_CASE("names: ready ones, commands, and what is neither") {
    CHECK(machine_command("qemu-tcg").error.empty());
    const NamedCommand command = machine_command("'my emulator' --rom={rom} \"a b\" c");
    CHECK(command.error.empty());
    CHECK(command.command.words == std::vector<std::string>{"my emulator", "--rom={rom}", "a b", "c"});
    CHECK(machine_command("qemu-tgc").error.find("did you mean qemu-tcg?") != std::string::npos);
    CHECK_FALSE(machine_command("").error.empty());
    CHECK_FALSE(machine_command("emulator --rom={rom").error.empty());
    CHECK_FALSE(machine_command("emulator '{rom}").error.empty());
}
