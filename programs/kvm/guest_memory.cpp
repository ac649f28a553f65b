#include "programs/kvm/guest_memory.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "programs/kvm/machine_code.hpp"

namespace lapicheck::programs::guest {
namespace {

constexpr std::uint64_t page_bytes = 0x20'0000;
constexpr std::uint64_t ram_pdpt = base + 0x1000;
constexpr std::uint64_t ram_directory = base + 0x2000;
constexpr std::uint64_t far_pdpt = base + 0x3000;
constexpr std::uint64_t stubs = base + 0x8000;
constexpr std::uint64_t stub_bytes = 32;
constexpr std::uint64_t handlers = base + 0xa000;
constexpr std::uint64_t far_directories = base + 0x10'0000;
constexpr std::uint64_t far_linear = std::uint64_t{1} << 39; // the PML4's second entry
// Each place is two pages in a row, so that an access may cross the end of the first.
constexpr std::size_t most_places = (0x10'0000 / 8) / 2;

// SDM Vol. 3A, 4.5 4-Level Paging.
constexpr std::uint64_t present_writable = 0x3;
constexpr std::uint64_t uncached = 0x10; // PCD
constexpr std::uint64_t large = 0x80;

// SDM Vol. 3A, 6.15: these push an error code.
constexpr bool has_error_code(unsigned vector) {
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 ||
           vector == 30;
}
constexpr unsigned general_protection = 13;

// Where in an area.
constexpr std::uint64_t log_count_at = offsetof(Area, log_count);
constexpr std::uint64_t log_at = offsetof(Area, log);
constexpr std::uint64_t area_mask = 0xffff'ffff & ~(area_bytes - 1);
static_assert(offsetof(Slot, gp) == 8 && offsetof(Slot, fault) == 12 && sizeof(LogEntry) == 8);

// An interrupt: writes vector and slot to the vCPU's log. On the stack: vector, RIP, ...
Assembly interrupt_handler() {
    Assembly a;
    a.bytes({0x50, 0x53, 0x51, 0x52});           // push rax; push rbx; push rcx; push rdx
    a.bytes({0x89, 0xf8});                       // mov eax, edi
    a.bytes({0x25}).u32(area_mask);              // and eax, area_mask
    a.bytes({0x8b, 0x98}).u32(log_count_at);     // mov ebx, [rax + log_count]
    a.bytes({0x89, 0xd9});                       // mov ecx, ebx
    a.bytes({0x81, 0xe1}).u32(log_entries - 1);  // and ecx, log_entries - 1
    a.bytes({0x8b, 0x54, 0x24, 0x20});           // mov edx, [rsp + 32]
    a.bytes({0x89, 0x94, 0xc8}).u32(log_at);     // mov [rax + rcx*8 + log], edx
    a.bytes({0x89, 0xbc, 0xc8}).u32(log_at + 4); // mov [rax + rcx*8 + log + 4], edi
    a.bytes({0x83, 0xc3, 0x01});                 // add ebx, 1
    a.bytes({0x89, 0x98}).u32(log_count_at);     // mov [rax + log_count], ebx
    a.bytes({0x5a, 0x59, 0x5b, 0x58});           // pop rdx; pop rcx; pop rbx; pop rax
    a.bytes({0x48, 0x83, 0xc4, 0x08});           // add rsp, 8
    a.bytes({0x48, 0xcf});                       // iretq
    return a;
}

// An exception that is no #GP: to the host. On the stack: vector, error code, RIP, ...
Assembly fault_handler() {
    Assembly a;
    a.bytes({0x58});             // pop rax
    a.bytes({0x89, 0x47, 0x0c}); // mov [rdi + 12], eax
    a.bytes({0xe6, port_fault}); // out port_fault, al
    a.bytes({0xf4, 0xeb, 0xfd}); // hlt; jmp to the hlt
    return a;
}

// #GP: noted in the slot; the guest goes on behind RDMSR, WRMSR (0F 3x) or MOV CR8 (44 0F 2x C0).
// On the stack: error code, RIP, ...
Assembly gp_handler(std::uint64_t at, std::uint64_t fault) {
    Assembly a;
    a.bytes({0xc7, 0x47, 0x08}).u32(1);               // mov dword [rdi + 8], 1
    a.bytes({0x50});                                  // push rax
    a.bytes({0x48, 0x8b, 0x44, 0x24, 0x10});          // mov rax, [rsp + 16]
    a.bytes({0x80, 0x38, 0x0f, 0x74, 0x0b});          // cmp byte [rax], 0x0f; je two
    a.bytes({0x80, 0x38, 0x44, 0x75, 0x13});          // cmp byte [rax], 0x44; jne other
    a.bytes({0x48, 0x83, 0x44, 0x24, 0x10, 0x02});    // add qword [rsp + 16], 2
    a.bytes({0x48, 0x83, 0x44, 0x24, 0x10, 0x02});    // two: add qword [rsp + 16], 2
    a.bytes({0x58});                                  // pop rax
    a.bytes({0x48, 0x83, 0xc4, 0x08});                // add rsp, 8
    a.bytes({0x48, 0xcf});                            // iretq
    a.bytes({0x58});                                  // other: pop rax
    a.bytes({0x6a, general_protection});              // push 13
    a.bytes({0xe9}).u32(fault - (at + a.size() + 4)); // jmp fault
    return a;
}

// What the IDT points to. Vectors of exceptions with an error code may also come as interrupts (KVM
// delivers 0-15 too); then RFLAGS stands where the code selector would, and is never 8.
Assembly stub(unsigned vector, std::uint64_t at, std::uint64_t interrupt, std::uint64_t exception) {
    Assembly a;
    const int pushed = static_cast<int>(vector);
    if (has_error_code(vector)) {
        const int skipped = vector == general_protection ? 5 : 7;
        a.bytes({0x83, 0x7c, 0x24, 0x10, code_selector, 0x75, skipped}); // cmp dword [rsp+16], 8; jne
        if (vector != general_protection) a.bytes({0x6a, pushed});       // push vector
        a.bytes({0xe9}).u32(exception - (at + a.size() + 4));            // jmp exception
    }
    a.bytes({0x6a, pushed});                              // push vector
    a.bytes({0xe9}).u32(interrupt - (at + a.size() + 4)); // jmp interrupt
    return a;
}

} // namespace

Memory::Memory(std::uint8_t* ram) : ram_(ram) {
    write_tables();
    write_descriptors();
    write_handlers();
}

std::uint64_t& Memory::word(std::uint64_t address) const {
    assert(address >= base && address + 8 <= base + ram_bytes && address % 8 == 0);
    return *reinterpret_cast<std::uint64_t*>(ram_ + (address - base));
}

Area& Memory::area(std::size_t vcpu) const {
    return *reinterpret_cast<Area*>(ram_ + (area_address(vcpu) - base));
}

std::uint64_t Memory::slot_address(std::size_t vcpu, std::size_t slot) {
    return area_address(vcpu) + offsetof(Area, slots) + slot * sizeof(Slot);
}

std::uint64_t Memory::stack_top(std::size_t vcpu) {
    return area_address(vcpu) + offsetof(Area, stack) + sizeof(Area::stack);
}

bool Memory::holds(std::uint64_t address, std::size_t bytes) {
    return address + bytes > base && address < base + ram_bytes;
}

void Memory::write_tables() {
    word(page_table) = ram_pdpt | present_writable;
    word(page_table + 8) = far_pdpt | present_writable;
    word(ram_pdpt + 8 * (base >> 30)) = ram_directory | present_writable;
    for (std::uint64_t at = 0; at < ram_bytes; at += page_bytes)
        word(ram_directory + 8 * (at / page_bytes)) = (base + at) | present_writable | large;
    for (std::uint64_t i = 0; i < 256; ++i)
        word(far_pdpt + 8 * i) = (far_directories + i * 0x1000) | present_writable;
}

std::uint64_t Memory::linear(std::uint64_t address) {
    const std::uint64_t page = address / page_bytes;
    auto found = mapped_.find(page);
    if (found == mapped_.end()) {
        const std::size_t place = mapped_.size();
        if (place == most_places) return 0;
        for (std::uint64_t i = 0; i < 2 && (page + i) * page_bytes <= limits::physical_address; ++i)
            word(far_directories + 8 * (2 * place + i)) =
                (page + i) * page_bytes | present_writable | large | uncached;
        found = mapped_.emplace(page, place).first;
    }
    return far_linear + 2 * page_bytes * found->second + address % page_bytes;
}

void Memory::write_descriptors() {
    word(gdt + code_selector) = 0x00af'9b00'0000'ffff; // 64-bit code, DPL 0
    word(gdt + data_selector) = 0x00cf'9300'0000'ffff;
    constexpr std::uint64_t interrupt_gate = 0x8e00; // present, DPL 0
    for (std::uint64_t vector = 0; vector < 256; ++vector) {
        const std::uint64_t at = stubs + vector * stub_bytes;
        word(idt + 16 * vector) = (at & 0xffff) | (std::uint64_t{code_selector} << 16) |
                                  (interrupt_gate << 32) | ((at >> 16 & 0xffff) << 48);
        word(idt + 16 * vector + 8) = at >> 32;
    }
}

void Memory::write_handlers() {
    std::uint64_t next = handlers;
    const auto write = [this](std::uint64_t at, const Assembly& assembly) {
        std::memcpy(ram_ + (at - base), assembly.code().data(), assembly.size());
        return at + assembly.size();
    };
    const std::uint64_t interrupt = next;
    next = write(interrupt, interrupt_handler());
    const std::uint64_t fault = next;
    next = write(fault, fault_handler());
    const std::uint64_t gp = next;
    write(gp, gp_handler(gp, fault));
    for (unsigned vector = 0; vector < 256; ++vector) {
        const std::uint64_t at = stubs + vector * stub_bytes;
        const Assembly assembly = stub(vector, at, interrupt, vector == general_protection ? gp : fault);
        assert(assembly.size() <= stub_bytes);
        write(at, assembly);
    }
}

} // namespace lapicheck::programs::guest
