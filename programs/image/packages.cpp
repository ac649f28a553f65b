#include "programs/image/packages.hpp"

#include <elf.h>

#include <cassert>
#include <cstring>

#include "programs/image/embedded.hpp"
#include "programs/image/wire.h"

namespace lapicheck::programs::image {
namespace {

constexpr std::size_t rom_unit = WIRE_ROM_BYTES;
constexpr std::size_t bss_end_in_header = 24; // Multiboot header's bss_end_addr
constexpr std::size_t large_page = 0x20'0000; // rust-vmm's loader wants segments aligned to it

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

wire_payload head_of(std::string_view payload) {
    wire_payload head{};
    std::memcpy(&head, payload.data(), sizeof head);
    assert(head.magic == WIRE_MAGIC);
    return head;
}

// `blob`: the address where it will lie; 0: nowhere.
std::string payload_of(Bits bits, std::uint64_t blob) {
    std::string payload = text_of(bits == Bits::b64 ? payload64() : payload32());
    wire_payload head = head_of(payload);
    head.blob = static_cast<std::uint32_t>(blob);
    std::memcpy(payload.data(), &head, sizeof head);
    return payload;
}

void set_word(std::string& bytes, std::size_t at, std::uint64_t value) {
    const auto word = static_cast<std::uint32_t>(value);
    std::memcpy(bytes.data() + at, &word, sizeof word);
}

template <class Struct>
void append(std::string& bytes, const Struct& what) {
    bytes.append(reinterpret_cast<const char*>(&what), sizeof what);
}

} // namespace

std::string rom_package(std::string_view blob, Bits bits) {
    constexpr std::uint64_t end = std::uint64_t{1} << 32;
    const std::size_t below = round_up(blob.size(), rom_unit);
    std::string file(blob);
    file.resize(below, '\0');
    const std::string vector = text_of(rom());
    file += payload_of(bits, blob.empty() ? 0 : end - below - rom_unit);
    assert(file.size() + vector.size() <= below + rom_unit);
    file.resize(below + rom_unit - vector.size(), '\0');
    return file + vector;
}

std::string multiboot_package(std::string_view blob, Bits bits) {
    constexpr std::size_t distance = WIRE_BLOB_ADDRESS - WIRE_PAYLOAD_ADDRESS;
    std::string file = payload_of(bits, blob.empty() ? 0 : WIRE_BLOB_ADDRESS);
    if (blob.empty()) return file;
    const std::size_t header = head_of(file).multiboot;
    file.resize(distance, '\0');
    file += blob;
    set_word(file, header + bss_end_in_header, WIRE_PAYLOAD_ADDRESS + file.size());
    return file;
}

std::string pvh_package(std::string_view blob) {
    std::string payload = payload_of(Bits::b64, blob.empty() ? 0 : WIRE_BLOB_ADDRESS);
    const wire_payload head = head_of(payload);
    set_word(payload, head.multiboot, 0); // QEMU would rather load it by that

    struct Note { // xen/include/public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY
        Elf64_Nhdr head{sizeof "Xen", sizeof(std::uint32_t), 18};
        char name[4] = {'X', 'e', 'n', '\0'};
        std::uint32_t entry = 0;
    } note;
    note.entry = head.entry_pvh;

    constexpr std::size_t note_at = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
    Elf64_Ehdr elf{};
    std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
    elf.e_ident[EI_CLASS] = ELFCLASS64;
    elf.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.e_ident[EI_VERSION] = EV_CURRENT;
    elf.e_type = ET_EXEC;
    elf.e_machine = EM_X86_64;
    elf.e_version = EV_CURRENT;
    elf.e_entry = head.entry_pvh;
    elf.e_phoff = sizeof elf;
    elf.e_ehsize = sizeof elf;
    elf.e_phentsize = sizeof(Elf64_Phdr);
    elf.e_phnum = blob.empty() ? 2 : 3;

    const auto load = [](std::size_t offset, std::uint64_t address, std::size_t in_file,
                         std::size_t in_memory) {
        Elf64_Phdr segment{};
        segment.p_type = PT_LOAD;
        segment.p_flags = PF_R | PF_W | PF_X;
        segment.p_offset = offset;
        segment.p_vaddr = segment.p_paddr = address;
        segment.p_filesz = in_file;
        segment.p_memsz = in_memory;
        segment.p_align = large_page;
        return segment;
    };
    Elf64_Phdr notes{};
    notes.p_type = PT_NOTE;
    notes.p_flags = PF_R;
    notes.p_offset = note_at;
    notes.p_filesz = notes.p_memsz = sizeof note;
    notes.p_align = 4;

    const std::size_t blob_at = 2 * large_page;
    std::string file;
    append(file, elf);
    append(file, notes);
    append(file,
           load(large_page, WIRE_PAYLOAD_ADDRESS, payload.size(), WIRE_BLOB_ADDRESS - WIRE_PAYLOAD_ADDRESS));
    append(file, load(blob_at, WIRE_BLOB_ADDRESS, blob.size(), blob.size()));
    append(file, note);
    file.resize(large_page, '\0');
    file += payload;
    if (blob.empty()) return file;
    file.resize(blob_at, '\0');
    return file += blob;
}

} // namespace lapicheck::programs::image
