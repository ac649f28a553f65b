// The CPUs of a section. The first one drives; each further one waits for its orders with interrupts disabled, and
// takes interrupts when it is told to: what happens, happens in the same order in every run.
#include "machine.h"

#include "../step_names.h"

enum order { ORDER_ACCESS, ORDER_WINDOW };

#define APIC_PAGE 0xfee00000
#define ICR 0x300
#define ICR_HIGH 0x310
#define ESR 0x280
#define LVT_ERROR 0x370
#define LVT_MASK 0x10000
#define SEND_INIT 0x4500 // INIT, assert
#define SEND_SIPI 0x4600
#define NOBODY 0xfe
#define MSR_APIC_BASE 0x1b
#define EXTD 0x400
#define EN 0x800
#define LONG_WAIT 3000  // milliseconds, for a CPU that must answer
#define SHORT_WAIT 100  // for one that an INIT may have stopped, or a SIPI started
#define MOST_ROUNDS 16

uint32_t section_cpus;
uint8_t section_ids[WIRE_MOST_VCPUS];
uint32_t settle_pauses;

struct cpu* cpu_of(uint32_t index) { return (struct cpu*)(uintptr_t)(CPU_AREAS + index * CPU_AREA_BYTES); }

// Port 80H takes a microsecond of a bus, and a hypervisor that interprets the guest looks for interrupts when the
// guest exits to it, not at each PAUSE.
void delay(uint32_t pauses) {
    enum { POST = 0x80, PAUSES_A_POST = 64 };
    for (uint32_t i = 0; i < pauses; ++i) {
        if (i % PAUSES_A_POST == 0) outb(POST, 0);
        pause();
    }
}

static bool is_past(uint64_t deadline) { return (int64_t)(rdtsc() - deadline) >= 0; }
static uint64_t in_milliseconds(uint32_t ms) { return rdtsc() + (uint64_t)ms * kept.tsc_per_ms; }

// ---- a further CPU

static void window(void) {
    enable_interrupts();
    delay(settle_pauses);
    disable_interrupts();
}

void further_cpu_main(uint32_t sipi_vector);
void further_cpu_main(uint32_t sipi_vector) {
    struct cpu* const cpu = this_cpu();
    load_descriptors();
    cpu->resume = 0;
    cpu->done = cpu->ordered; // an INIT ended what it was at
    cpu->sipi_vector = (uint8_t)sipi_vector;
    ++cpu->starts;
    while (true) {
        while (cpu->ordered == cpu->done) pause();
        const uint32_t ordered = cpu->ordered;
        if (cpu->order == ORDER_WINDOW) window();
        else carry_out(&cpu->step, &cpu->answer);
        __asm__ volatile("" : : : "memory");
        cpu->done = ordered;
    }
}

// ---- orders

static bool wait_for(const struct cpu* cpu, uint32_t ms) {
    const uint64_t deadline = in_milliseconds(ms);
    while (cpu->done != cpu->ordered) {
        pause();
        if (is_past(deadline)) return cpu->done == cpu->ordered;
    }
    return true;
}

static bool give_order(struct cpu* cpu, enum order order, uint32_t ms) {
    cpu->order = order;
    __asm__ volatile("" : : : "memory");
    ++cpu->ordered;
    return wait_for(cpu, ms);
}

bool ask(struct cpu* cpu, const struct wire_step* step, struct answer* answer) {
    if (cpu->index == 0) {
        carry_out(step, &cpu->answer);
    } else {
        cpu->step = *step;
        if (!give_order(cpu, ORDER_ACCESS, is_halt(step) ? SHORT_WAIT : LONG_WAIT)) return false;
    }
    *answer = cpu->answer;
    return true;
}

// ---- what happens between steps

void note(struct outcome* outcome, enum event_kind kind, uint32_t cpu, uint8_t vector) {
    if (outcome->count < MOST_EVENTS)
        outcome->events[outcome->count] = (struct event){(uint8_t)kind, (uint8_t)cpu, vector};
    ++outcome->count;
}

void collect(struct outcome* outcome) {
    for (uint32_t i = 0; i < section_cpus; ++i) {
        struct cpu* const cpu = cpu_of(i);
        while (cpu->log_seen != cpu->log_count)
            note(outcome, EVENT_TAKEN, i, cpu->log[cpu->log_seen++ % LOG_ENTRIES]);
    }
}

static void notice_sipi(struct outcome* outcome, struct cpu* cpu) {
    if (cpu->starts == cpu->starts_seen) return;
    cpu->starts_seen = cpu->starts;
    cpu->waits_for_sipi = cpu->halted = cpu->interrupts_enabled = false;
    note(outcome, EVENT_SIPI, cpu->index, cpu->sipi_vector);
}

// Whether INIT has stopped a CPU shows in that it carries out nothing more.
static void notice_restarts(struct outcome* outcome) {
    const uint64_t deadline = in_milliseconds(SHORT_WAIT);
    bool waits = false;
    for (uint32_t i = 1; i < section_cpus; ++i) waits = waits || cpu_of(i)->waits_for_sipi;
    while (waits && !is_past(deadline)) {
        for (uint32_t i = 1; i < section_cpus; ++i)
            if (cpu_of(i)->waits_for_sipi && cpu_of(i)->starts != cpu_of(i)->starts_seen) waits = false;
        pause();
    }
    for (uint32_t i = 1; i < section_cpus; ++i) {
        struct cpu* const cpu = cpu_of(i);
        notice_sipi(outcome, cpu);
        if (cpu->waits_for_sipi || cpu->stopped || cpu->halted) continue;
        struct wire_step nothing = {.what = DO_ENABLE_INTERRUPTS};
        cpu->step = nothing;
        if (give_order(cpu, ORDER_ACCESS, SHORT_WAIT)) continue;
        note(outcome, EVENT_INIT, i, 0);
        cpu->waits_for_sipi = true;
        cpu->interrupts_enabled = false;
    }
}

static void open_window(struct cpu* cpu) {
    if (cpu->halted) {
        if (cpu->done != cpu->ordered) return;
        cpu->halted = false;
    }
    if (!cpu->interrupts_enabled || cpu->waits_for_sipi || cpu->stopped) return;
    if (cpu->index == 0) window();
    else if (!give_order(cpu, ORDER_WINDOW, LONG_WAIT)) cpu->stopped = true;
}

void settle(struct outcome* outcome, bool closed) {
    delay(settle_pauses);
    if (closed) notice_restarts(outcome);
    for (uint32_t round = 0; round < MOST_ROUNDS; ++round) {
        const uint32_t before = outcome->count;
        for (uint32_t i = 0; i < section_cpus; ++i) open_window(cpu_of(i));
        collect(outcome);
        if (outcome->count == before) break;
    }
}

// ---- starting CPUs

void write_stubs(void) {
    extern const uint8_t trampoline[], trampoline_end[], stub[], stub_end[], smm_stub[], smm_stub_end[];
    for (uint32_t page = 0; page < STUB_PAGES; ++page) {
        const uint8_t* const from = page == SMM_PAGE ? smm_stub : stub;
        const uint8_t* const end = page == SMM_PAGE ? smm_stub_end : stub_end;
        volatile uint8_t* const to = (volatile uint8_t*)(uintptr_t)(page << 12);
        for (uint32_t i = 0; from + i < end; ++i) to[i] = from[i];
    }
    volatile uint8_t* const to =
        (volatile uint8_t*)(uintptr_t)((TRAMPOLINE_PAGE << 12) + TRAMPOLINE_OFFSET);
    for (uint32_t i = 0; trampoline + i < trampoline_end; ++i) to[i] = trampoline[i];
}

static volatile uint32_t* window_register(uint32_t offset) { return word_at(APIC_PAGE + offset); }

static void send(uint8_t destination, uint32_t command) {
    *window_register(ICR_HIGH) = (uint32_t)destination << 24;
    *window_register(ICR) = command;
    delay(settle_pauses);
}

// A command of all zeros is one: a fixed interrupt with an illegal vector. Sent to nobody, it leaves the error that
// writes of ESR clear.
static bool clear_icr(void) {
    send(NOBODY, 0);
    *window_register(ICR_HIGH) = 0;
    *window_register(ESR) = 0;
    *window_register(ESR) = 0;
    return *window_register(ICR) == 0 && *window_register(ICR_HIGH) == 0 && *window_register(ESR) == 0;
}

static bool has_started(struct cpu* cpu) {
    const uint64_t deadline = in_milliseconds(SHORT_WAIT);
    while (cpu->starts == cpu->starts_seen)
        if (is_past(deadline)) return false;
        else pause();
    return true;
}

void ready_for_sipi(struct cpu* cpu) { cpu->starts_seen = cpu->starts; }

// After RESET a CPU waits for a SIPI; where it takes none, an INIT first.
static bool start(struct cpu* cpu) {
    const uint8_t id = section_ids[cpu->index];
    send(id, SEND_SIPI | TRAMPOLINE_PAGE);
    if (has_started(cpu)) return true;
    send(id, SEND_INIT);
    delay(16 * settle_pauses);
    send(id, SEND_SIPI | TRAMPOLINE_PAGE);
    return has_started(cpu);
}

static void forget(struct cpu* cpu, uint32_t index) {
    cpu->index = index;
    cpu->resume = 0;
    cpu->log_seen = cpu->log_count = 0;
    cpu->starts = cpu->starts_seen = 0;
    cpu->ordered = cpu->done = 0;
    cpu->interrupts_enabled = cpu->waits_for_sipi = cpu->halted = cpu->stopped = false;
}

uint32_t start_cpus(const struct wire_section* section) {
    section_cpus = section->vcpus;
    for (uint32_t i = 0; i < section->vcpus; ++i) {
        section_ids[i] = section->apic_ids[i];
        forget(cpu_of(i), i);
    }
    if (section_ids[0] != cpuid(1, 0).b >> 24) return WIRE_SKIP_CPUS;
    for (uint32_t i = 1; i < section->vcpus; ++i) {
        struct cpu* const cpu = cpu_of(i);
        if (!start(cpu)) return WIRE_SKIP_CPUS;
        cpu->starts_seen = cpu->starts;
    }
    return section->vcpus > 1 && !clear_icr() ? WIRE_SKIP_RESTORE : 0;
}

// Only where the first CPU's ICR and ESR are as RESET leaves them can they be left so.
bool restart(struct cpu* cpu) {
    const struct wire_step read_base = {.what = DO_RDMSR, .address = MSR_APIC_BASE};
    struct answer base;
    carry_out(&read_base, &base);
    const bool is_xapic = base.value >> 12 == APIC_PAGE >> 12 && (base.value & (EN | EXTD)) == EN;
    if (!is_xapic || *window_register(ICR) != 0 || *window_register(ICR_HIGH) != 0 ||
        *window_register(ESR) != 0 || (*window_register(LVT_ERROR) & LVT_MASK) == 0)
        return false;
    cpu->starts_seen = cpu->starts;
    send(section_ids[cpu->index], SEND_SIPI | TRAMPOLINE_PAGE);
    const bool started = has_started(cpu);
    cpu->starts_seen = cpu->starts;
    clear_icr();
    cpu->stopped = !started;
    return started;
}
