#include "programs/kvm/guest_code.hpp"

#include <cassert>
#include <cstring>

namespace lapicheck::programs::guest {
namespace {

constexpr std::uint64_t synced_at = offsetof(Area, synced);
constexpr std::uint64_t log_count_at = offsetof(Area, log_count);

} // namespace

void BatchCode::add_mmio(const Step& step, std::uint64_t linear) {
    code_.bytes({0x48, 0xbb}).u64(linear); // mov rbx, linear
    if (step.what == Do::mmio_read) {
        switch (step.size) {
        case 1: code_.bytes({0x8a, 0x03}); break;       // mov al, [rbx]
        case 2: code_.bytes({0x66, 0x8b, 0x03}); break; // mov ax, [rbx]
        case 4: code_.bytes({0x8b, 0x03}); break;       // mov eax, [rbx]
        default: code_.bytes({0x48, 0x8b, 0x03});       // mov rax, [rbx]
        }
        code_.bytes({0x48, 0x89, 0x07}); // mov [rdi], rax
        return;
    }
    if (step.size == 8) code_.bytes({0x48, 0xb8}).u64(step.value); // mov rax, value
    else code_.bytes({0xb8}).u32(step.value);                      // mov eax, value
    switch (step.size) {
    case 1: code_.bytes({0x88, 0x03}); break;       // mov [rbx], al
    case 2: code_.bytes({0x66, 0x89, 0x03}); break; // mov [rbx], ax
    case 4: code_.bytes({0x89, 0x03}); break;       // mov [rbx], eax
    default: code_.bytes({0x48, 0x89, 0x03});       // mov [rbx], rax
    }
}

bool BatchCode::add(const Step& step) {
    const bool is_mmio = step.what == Do::mmio_read || step.what == Do::mmio_write;
    const std::uint64_t linear = is_mmio ? memory_.linear(step.address) : 0;
    if (is_mmio && linear == 0) return false;
    code_.bytes({0xbf}).u32(Memory::slot_address(vcpu_, ends_.size())); // mov edi, slot
    switch (step.what) {
    case Do::mmio_read:
    case Do::mmio_write: add_mmio(step, linear); break;
    case Do::rdmsr:
        code_.bytes({0xb9}).u32(step.address); // mov ecx, msr
        code_.bytes({0x0f, 0x32});             // rdmsr
        code_.bytes({0x89, 0x07});             // mov [rdi], eax
        code_.bytes({0x89, 0x57, 0x04});       // mov [rdi + 4], edx
        break;
    case Do::wrmsr:
        code_.bytes({0xb9}).u32(step.address);     // mov ecx, msr
        code_.bytes({0xb8}).u32(step.value);       // mov eax, low
        code_.bytes({0xba}).u32(step.value >> 32); // mov edx, high
        code_.bytes({0x0f, 0x30});                 // wrmsr
        break;
    case Do::cr8_read:
        code_.bytes({0x44, 0x0f, 0x20, 0xc0}); // mov rax, cr8
        code_.bytes({0x48, 0x89, 0x07});       // mov [rdi], rax
        break;
    case Do::cr8_write:
        code_.bytes({0x48, 0xb8}).u64(step.value); // mov rax, value
        code_.bytes({0x44, 0x0f, 0x22, 0xc0});     // mov cr8, rax
        break;
    case Do::enable_interrupts: code_.bytes({0xfb, 0x90}); break; // sti; nop
    case Do::disable_interrupts: code_.bytes({0xfa}); break;      // cli
    case Do::halt: code_.bytes({0xf4}); break;                    // hlt
    case Do::enable_and_halt: code_.bytes({0xfb, 0xf4}); break;   // sti; hlt
    case Do::wait:
    case Do::reset:
    case Do::init:
    case Do::save_load:
    case Do::interrupt:
    case Do::msi:
    case Do::timer_expires:
    case Do::message:
    case Do::take_interrupt:
    case Do::hardware: assert(false && "the host's action is no guest code");
    }
    ends_.push_back(here());
    return true;
}

void BatchCode::add_coming_out() {
    const std::uint64_t area = Memory::area_address(vcpu_);
    code_.bytes({0xc7, 0x04, 0x25}).u32(area + synced_at).u32(syncs_++); // mov dword [synced], number
    code_.bytes({0xe6, port_sync});                                      // L: out port_sync, al
}

void BatchCode::add_sync() {
    add_coming_out();
    code_.bytes({0x83, 0x3c, 0x25})
        .u32(Memory::area_address(vcpu_) + log_count_at)
        .bytes({0});           // cmp [log_count], 0
    code_.bytes({0x75, 0xf4}); // jne L
}

void BatchCode::finish() {
    add_coming_out();
    code_.bytes({0xeb, 0xfc}); // jmp L
    Area& area = memory_.area(vcpu_);
    assert(code_.size() <= area.code.size() && size() <= batch_steps);
    std::memcpy(area.code.data(), code_.code().data(), code_.size());
    std::memset(area.slots.data(), 0, size() * sizeof(Slot));
}

} // namespace lapicheck::programs::guest
