// The processor's instructions that C does not have, and the parts of the image that its files share.
#ifndef LAPICHECK_IMAGE_MACHINE_H
#define LAPICHECK_IMAGE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "../step_names.h"
#include "../wire.h"

#define KEPT __attribute__((section(".kept")))

static inline void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline void pause(void) { __asm__ volatile("pause" : : : "memory"); }
static inline void enable_interrupts(void) { __asm__ volatile("sti; nop" : : : "memory"); }
static inline void disable_interrupts(void) { __asm__ volatile("cli" : : : "memory"); }
static inline uint64_t rdtsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
struct cpuid {
    uint32_t a, b, c, d;
};
static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub_leaf) {
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub_leaf));
    return r;
}
static inline volatile uint32_t* word_at(uint32_t address) {
    return (volatile uint32_t*)(uintptr_t)address;
}

// ---- what happened

enum event_kind { EVENT_TAKEN, EVENT_INIT, EVENT_SIPI };
struct event {
    uint8_t kind, cpu, vector;
};
#define MOST_EVENTS 256
struct outcome {
    char status; // of a token: one of .=#!-xh
    uint8_t detail;
    uint64_t value;
    uint32_t count; // of events; more than MOST_EVENTS are not kept
    struct event events[MOST_EVENTS];
};
void note(struct outcome* outcome, enum event_kind kind, uint32_t cpu, uint8_t vector);

// What an access gave.
struct answer {
    uint64_t value;
    uint8_t fault; // the exception's vector
    bool faulted;
};

// ---- CPUs (cpus.c, traps.c)

#define LOG_ENTRIES 64
struct cpu {
    uint32_t index;
    // Written by the first CPU: the number of the order that this one is to carry out, and the order.
    volatile uint32_t ordered;
    volatile uint32_t order; // enum order
    struct wire_step step;
    // Written by this one.
    volatile uint32_t done; // the number of the last order carried out
    struct answer answer;
    volatile uint32_t log_count; // vectors taken since the image began
    volatile uint8_t log[LOG_ENTRIES];
    volatile uint32_t starts; // by SIPI
    volatile uint8_t sipi_vector;
    volatile uint32_t resume; // where an exception in an access goes on; 0: it is the image's own fault
    // The first CPU's book on it.
    uint32_t log_seen, starts_seen;
    bool interrupts_enabled, waits_for_sipi, halted, stopped;
};
extern uint32_t section_cpus;
extern uint8_t section_ids[WIRE_MOST_VCPUS];
extern uint32_t settle_pauses;

struct cpu* cpu_of(uint32_t index);
struct cpu* this_cpu(void);
void load_descriptors(void);
void write_stubs(void);
// Whether all of a section's CPUs run the image; wire_skip otherwise, 0: they do.
uint32_t start_cpus(const struct wire_section* section);
// The access, carried out by that CPU. False: it did not come back.
static inline bool is_halt(const struct wire_step* step) {
    return step->what == DO_HALT || step->what == DO_ENABLE_AND_HALT;
}
bool ask(struct cpu* cpu, const struct wire_step* step, struct answer* answer);
void delay(uint32_t pauses);
void collect(struct outcome* outcome);
// Lets every CPU take interrupts that may. `closed`: what was sent may also reach those that take none.
void settle(struct outcome* outcome, bool closed);
// Sends a SIPI to a CPU that INIT has stopped and leaves the first CPU's ICR as RESET does. False: it cannot.
bool restart(struct cpu* cpu);
void ready_for_sipi(struct cpu* cpu);

// ---- accesses (accesses.c)

void carry_out(const struct wire_step* step, struct answer* answer);
// WIRE reason why the image cannot make this access; 0: it can.
uint32_t refusal_of(const struct wire_step* step);

// ---- devices (devices.c)

bool has_pin(void);
// A message of the I/O APIC: the low word of a redirection entry, but for its mask.
void raise_pin(uint8_t destination, uint32_t low);
void lower_pin(void); // where an INIT by it did not let raise_pin() end
// Tells an INIT of this CPU from a RESET of the machine.
void mark_devices(void);
bool devices_are_marked(void);
void quiet_devices(void);
uint32_t measure_tsc(void); // ticks a millisecond
// Returns if the machine has no way to.
void reset_machine(void);

// ---- frames (output.c)

uint32_t crc32(const void* from, uint32_t bytes);
void begin_frame(const char* kind);
void put_text(const char* text);
void put_char(char c);
void put_hex(uint64_t value);
void put_field(const char* name, uint64_t value);
void end_frame(void);
void put_answer(uint32_t step, const struct outcome* outcome);
void flush_answers(void);

// ---- what outlives RESET (main.c)

enum phase { PHASE_RUNNING = 0x52554e21, PHASE_RESETTING = 0x52455345 };
struct kept {
    uint64_t magic;
    uint32_t phase;
    uint32_t blob, nonce; // address; nonce of the blob that is being run
    uint32_t frames;      // written
    uint32_t section, begun;
    uint32_t step; // the one that is being run, or to go on with
    uint32_t tsc_per_ms;
    bool no_reset; // it was tried
    struct outcome outcome;
    uint32_t answers_from, answers_count, answers_bytes;
    char answers[4096];
};
extern struct kept kept;
const struct wire_blob* blob(void);

#endif
