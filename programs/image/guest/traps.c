// Exceptions and interrupts.
#include "machine.h"

struct frame {
#ifdef __x86_64__
    uint64_t rbp, r11, r10, r9, r8, rdi, rsi, rbx, rdx, rcx, rax;
    uint64_t vector, error, ip, cs, flags;
#else
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint32_t vector, error, ip, cs, flags;
#endif
};

#define FLAG_IF 0x200
#define NMI 2
#define STUB_BYTES 32

extern const uint8_t trap_stubs[];

struct cpu* this_cpu(void) {
    uintptr_t here;
#ifdef __x86_64__
    __asm__ volatile("movq %%rsp, %0" : "=r"(here));
#else
    __asm__ volatile("movl %%esp, %0" : "=r"(here));
#endif
    return (struct cpu*)(here & ~(uintptr_t)(CPU_AREA_BYTES - 1));
}

// All interrupts are taken in settle() with IF = 1, all accesses made with IF = 0: what pushes no error code and
// comes at IF = 0 is an exception, if it is none of the vectors that are no exception's.
static bool is_exception(const struct frame* frame) {
    if ((frame->vector & 0x100) != 0) return true;
    return (frame->flags & FLAG_IF) == 0 && frame->vector < 32 && frame->vector != NMI;
}

static void panic(const struct frame* frame) {
    begin_frame("panic");
    put_field("vector", frame->vector & 0xff);
    put_field("at", frame->ip);
    end_frame();
    while (true) __asm__ volatile("cli; hlt");
}

void trap(struct frame* frame);
void trap(struct frame* frame) {
    struct cpu* const cpu = this_cpu();
    const uint8_t vector = (uint8_t)frame->vector;
    if (!is_exception(frame)) {
        if (cpu->log_count - cpu->log_seen < LOG_ENTRIES) cpu->log[cpu->log_count++ % LOG_ENTRIES] = vector;
        return;
    }
    if (cpu->resume == 0) panic(frame);
    cpu->answer.fault = vector;
    cpu->answer.faulted = true;
    frame->ip = cpu->resume;
}

struct gate {
#ifdef __x86_64__
    uint16_t offset_low, selector, type, offset_middle;
    uint32_t offset_high, reserved;
#else
    uint16_t offset_low, selector, type, offset_middle;
#endif
};
static struct gate idt[256];

void load_descriptors(void) {
    for (uint32_t vector = 0; vector < 256; ++vector) {
        const uintptr_t at = (uintptr_t)trap_stubs + vector * STUB_BYTES;
        idt[vector].offset_low = (uint16_t)at;
        idt[vector].selector = SELECTOR_CODE;
        idt[vector].type = 0x8e00; // interrupt gate, DPL 0
        idt[vector].offset_middle = (uint16_t)(at >> 16);
    }
    struct {
        uint16_t limit;
        uintptr_t base;
    } __attribute__((packed)) pointer = {sizeof idt - 1, (uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}
