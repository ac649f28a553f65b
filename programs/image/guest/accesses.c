// One access of a step, with the exception that it may raise.
#include "machine.h"

#include "../step_names.h"

// An exception goes on behind the instruction; traps.c notes its vector.
#define ATTEMPT(cpu, instruction, outputs, inputs)                                                           \
    __asm__ volatile("movl $1f, %[resume]\n\t" instruction "\n1:"                                           \
                     : [resume] "=m"((cpu)->resume)outputs                                                   \
                     : inputs                                                                                \
                     : "memory")
#define AND ,

#ifdef __x86_64__
extern uint64_t far_directory[512];
#define FAR_LINEAR (1ULL << 39)

static void* reach(uint64_t address) {
    if (address >> 32 == 0) return (void*)(uintptr_t)address;
    const uint64_t page = address & ~0x1fffffULL;
    for (uint32_t i = 0; i < 2; ++i) {
        far_directory[i] = (page + i * 0x200000ULL) | 0x93; // present, writable, PCD, large
        __asm__ volatile("invlpg (%0)" : : "r"(FAR_LINEAR + i * 0x200000ULL) : "memory");
    }
    return (void*)(FAR_LINEAR + (address - page));
}
#else
static void* reach(uint64_t address) { return (void*)(uintptr_t)address; }
#endif

static void mmio_read(struct cpu* cpu, const struct wire_step* step, struct answer* answer) {
    void* const at = reach(step->address);
    uint32_t word = 0;
    switch (step->size) {
    case 1: ATTEMPT(cpu, "movb (%[at]), %b[word]", AND[word] "+q"(word), [at] "r"(at)); break;
    case 2: ATTEMPT(cpu, "movw (%[at]), %w[word]", AND[word] "+q"(word), [at] "r"(at)); break;
    case 4: ATTEMPT(cpu, "movl (%[at]), %k[word]", AND[word] "+q"(word), [at] "r"(at)); break;
    default: break;
    }
    answer->value = word;
#ifdef __x86_64__
    if (step->size == 8)
        ATTEMPT(cpu, "movq (%[at]), %[word]", AND[word] "+r"(answer->value), [at] "r"(at));
#endif
}

static void mmio_write(struct cpu* cpu, const struct wire_step* step) {
    void* const at = reach(step->address);
    const uint32_t word = (uint32_t)step->value;
    switch (step->size) {
    case 1: ATTEMPT(cpu, "movb %b[word], (%[at])", , [word] "q"(word)AND[at] "r"(at)); break;
    case 2: ATTEMPT(cpu, "movw %w[word], (%[at])", , [word] "q"(word)AND[at] "r"(at)); break;
    case 4: ATTEMPT(cpu, "movl %k[word], (%[at])", , [word] "q"(word)AND[at] "r"(at)); break;
    default: break;
    }
#ifdef __x86_64__
    if (step->size == 8) ATTEMPT(cpu, "movq %[word], (%[at])", , [word] "r"(step->value) AND[at] "r"(at));
#endif
}

void carry_out(const struct wire_step* step, struct answer* answer) {
    struct cpu* const cpu = this_cpu();
    uint32_t low = (uint32_t)step->value;
    uint32_t high = (uint32_t)(step->value >> 32);
    const uint32_t index = (uint32_t)step->address;
    answer->value = 0;
    answer->faulted = false;
    switch (step->what) {
    case DO_MMIO_READ: mmio_read(cpu, step, answer); break;
    case DO_MMIO_WRITE: mmio_write(cpu, step); break;
    case DO_RDMSR:
        low = high = 0;
        ATTEMPT(cpu, "rdmsr", AND "+a"(low) AND "+d"(high), "c"(index));
        answer->value = (uint64_t)high << 32 | low;
        break;
    case DO_WRMSR: ATTEMPT(cpu, "wrmsr", , "a"(low) AND "d"(high) AND "c"(index)); break;
#ifdef __x86_64__
    case DO_CR8_READ: ATTEMPT(cpu, "movq %%cr8, %[value]", AND[value] "+r"(answer->value), ); break;
    case DO_CR8_WRITE: ATTEMPT(cpu, "movq %[value], %%cr8", , [value] "r"(step->value)); break;
#endif
    case DO_HALT:
    case DO_ENABLE_AND_HALT:
        if (cpu->interrupts_enabled || step->what == DO_ENABLE_AND_HALT)
            __asm__ volatile("sti; hlt; cli" : : : "memory");
        else __asm__ volatile("hlt" : : : "memory");
        break;
    default: break;
    }
    cpu->resume = 0;
}

static bool is_mmio(const struct wire_step* step) {
    return step->what == DO_MMIO_READ || step->what == DO_MMIO_WRITE;
}

static bool overlaps(const struct wire_step* step, uint64_t begin, uint64_t end) {
    return step->address + step->size > begin && step->address < end;
}

uint32_t refusal_of(const struct wire_step* step) {
    if (is_mmio(step)) {
        if (step->size > 8) return WIRE_ODD_SIZE;
        const uint64_t blob_at = (uintptr_t)blob();
        if (overlaps(step, 0, STUB_PAGES << 12) ||
            overlaps(step, WIRE_PAYLOAD_ADDRESS, WIRE_BLOB_ADDRESS) ||
            overlaps(step, blob_at, blob_at + blob()->bytes))
            return WIRE_OWN_MEMORY;
    }
#ifndef __x86_64__
    const bool far = is_mmio(step) && step->address + step->size > 1ULL << 32;
    if (far || (is_mmio(step) && step->size == 8) || step->what == DO_CR8_READ || step->what == DO_CR8_WRITE)
        return WIRE_NOT_IN_32_BITS;
#endif
    return 0;
}
