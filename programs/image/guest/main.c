// Steps through a blob: section by section, step by step, from one RESET to the next.
#include "machine.h"

#include "../step_names.h"

KEPT struct kept kept;

#define ICR_OFFSET 0x300
#define MSR_APIC_BASE 0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_ICR 0x830
#define MSR_SELF_IPI 0x83f
#define WINDOW 0xfee00000
#define EN 0x800
#define EXTD 0x400

static enum wire_start started_by;
static bool is_used;     // something has been done since RESET
static bool is_stale;    // the next step needs a RESET before it
static bool is_prepared; // the section's CPUs run the image
static bool can_raise_pin;

const struct wire_blob* blob(void) { return (const struct wire_blob*)(uintptr_t)kept.blob; }
static const struct wire_section* section(void) {
    return (const struct wire_section*)(blob() + 1) + kept.section;
}
static const struct wire_step* steps(void) {
    return (const struct wire_step*)((const struct wire_section*)(blob() + 1) + blob()->sections);
}

static void finish(char status, uint8_t detail) {
    kept.outcome.status = status;
    kept.outcome.detail = detail;
}

// ---- the guest's own steps

static bool writes_register(const struct wire_step* step, uint32_t offset) {
    if (step->what == DO_WRMSR) return step->address == 0x800 + offset / 16;
    return step->what == DO_MMIO_WRITE && (step->address & 0xff0) == offset; // wherever the window is
}

// After which an INIT, a SIPI or an NMI may have come to a CPU that takes no interrupts.
static bool reaches_closed(const struct wire_step* step) {
    const bool queued = (step->value & 0x600) == 0;
    return writes_register(step, ICR_OFFSET) && (!queued || (step->what == DO_MMIO_WRITE && step->size != 4));
}

static void own_step(const struct wire_step* step) {
    struct cpu* const cpu = cpu_of(step->vcpu);
    const uint32_t refused = cpu->stopped          ? WIRE_CPU_STOPPED
                             : cpu->waits_for_sipi ? WIRE_WAITS_FOR_SIPI
                             : cpu->halted         ? WIRE_IN_HLT
                             : is_halt(step) && step->vcpu == 0 ? WIRE_FIRST_CPU_HALTS
                                                                        : refusal_of(step);
    if (refused != 0) return finish('-', (uint8_t)refused);
    struct answer answer;
    if (!ask(cpu, step, &answer)) {
        if (step->what == DO_ENABLE_AND_HALT) cpu->interrupts_enabled = true;
        if (is_halt(step)) return cpu->halted = true, finish('h', 0);
        if (reaches_closed(step)) return; // it sent itself an INIT: settle() sees that
        cpu->stopped = true;
        return finish('x', WIRE_NO_RETURN);
    }
    if (step->what == DO_ENABLE_INTERRUPTS || step->what == DO_ENABLE_AND_HALT) cpu->interrupts_enabled = true;
    if (step->what == DO_DISABLE_INTERRUPTS) cpu->interrupts_enabled = false;
    if (answer.faulted) return answer.fault == 13 ? finish('#', 0) : finish('!', answer.fault);
    const bool reads = step->what == DO_MMIO_READ || step->what == DO_RDMSR || step->what == DO_CR8_READ;
    kept.outcome.value = answer.value;
    if (reads) finish('=', 0);
}

// ---- what comes from outside

static uint64_t read_on(struct cpu* cpu, uint8_t what, uint32_t address) {
    const struct wire_step step = {.what = what, .size = 4, .address = address};
    struct answer answer = {0};
    return ask(cpu, &step, &answer) && !answer.faulted ? answer.value : 0;
}

// The register, by the way that is open; the disabled APIC has none.
static uint32_t register_on(struct cpu* cpu, uint32_t offset) {
    const uint64_t base = read_on(cpu, DO_RDMSR, MSR_APIC_BASE);
    if ((base & EN) == 0) return 0;
    if ((base & EXTD) != 0) return (uint32_t)read_on(cpu, DO_RDMSR, 0x800 + offset / 16);
    return (uint32_t)read_on(cpu, DO_MMIO_READ, (uint32_t)(base & 0xfffff000) + offset);
}

static bool answers(const struct cpu* cpu) { return !cpu->stopped && !cpu->waits_for_sipi && !cpu->halted; }

// As the APIC has it now, where that can be asked.
static uint8_t id_of(struct cpu* cpu) {
    const uint64_t base = answers(cpu) ? read_on(cpu, DO_RDMSR, MSR_APIC_BASE) : 0;
    if ((base & EN) == 0) return section_ids[cpu->index];
    const uint32_t id = register_on(cpu, 0x20);
    return (uint8_t)((base & EXTD) != 0 ? id : id >> 24);
}

static void interrupt(const struct wire_step* step) {
    if (!can_raise_pin) return finish('-', WIRE_NO_PIN);
    raise_pin(id_of(cpu_of(step->vcpu)), step->vector | (step->level ? 0x8000U : 0U));
}

// SDM Vol. 3A, 10.11: what of a message a redirection entry has, too.
static bool message(const struct wire_step* step) {
    const uint32_t data = (uint32_t)step->value;
    const bool logical = (step->address & 4) != 0;
    const bool is_plain = step->address >> 20 == 0xfee && (step->address & 0xff8 & ~4U) == 0 &&
                          (data & ~0xc7ffU) == 0 && (data & 0x700) != 0x600 && (data & 0x700) != 0x300 &&
                          ((data & 0x8000) == 0 || (data & 0x4000) != 0);
    if (!is_plain || !can_raise_pin) return finish('-', can_raise_pin ? WIRE_NO_SUCH_MESSAGE : WIRE_NO_PIN), false;
    const uint32_t mode = data & 0x700;
    if (mode == 0x500 && started_by != WIRE_ROM) return finish('-', WIRE_FIRMWARE_RESTARTS), false;
    raise_pin((uint8_t)(step->address >> 12), (data & 0x87ff) | (logical ? 0x800 : 0));
    return mode > 0x100 && mode != 0x700;
}

// Then the CPU goes on without a SIPI: the first one does by itself, another is sent one.
static void init(const struct wire_step* step) {
    struct cpu* const cpu = cpu_of(step->vcpu);
    if (!can_raise_pin) return finish('-', WIRE_NO_PIN);
    if (step->vcpu == 0 && started_by != WIRE_ROM) return finish('-', WIRE_FIRMWARE_RESTARTS);
    raise_pin(id_of(cpu), 0x500);
    settle(&kept.outcome, true);
    if (!cpu->waits_for_sipi) return finish('-', WIRE_INIT_LOST); // the first one is not here after an INIT
    if (restart(cpu)) cpu->waits_for_sipi = cpu->interrupts_enabled = false;
    else finish('x', WIRE_SIPI_CHANGES_ICR);
}

static void wait_microseconds(uint64_t microseconds) {
    const uint32_t us = (uint32_t)microseconds; // at most limits::wait_microseconds
    const uint64_t end =
        rdtsc() + (uint64_t)(us / 1000) * kept.tsc_per_ms + us % 1000 * (kept.tsc_per_ms / 1000);
    while ((int64_t)(rdtsc() - end) < 0) settle(&kept.outcome, false);
}

// The timer has fired when a count has run out or begun again, the deadline is cleared, or its vector is pending or
// taken.
static void await_timer(const struct wire_step* step) {
    struct cpu* const cpu = cpu_of(step->vcpu);
    if (!answers(cpu)) return finish('-', WIRE_WAITS_FOR_SIPI);
    if ((read_on(cpu, DO_RDMSR, MSR_APIC_BASE) & EN) == 0) return finish('-', WIRE_APIC_DISABLED);
    const uint32_t entry = register_on(cpu, 0x320);
    const uint32_t irr = 0x200 + (entry & 0xe0) / 2;
    const uint32_t bit = 1U << (entry & 0x1f);
    const bool by_deadline = (entry & 0x60000) == 0x40000;
    const bool was_pending = (register_on(cpu, irr) & bit) != 0;
    const bool brings_vector = (entry & 0x10000) == 0 && !was_pending;
    const uint32_t initial = register_on(cpu, 0x380);
    uint32_t count = register_on(cpu, 0x390);
    bool ran_out = by_deadline ? read_on(cpu, DO_RDMSR, MSR_TSC_DEADLINE) == 0 : initial == 0 || count == 0;
    // It has fired before this step: nothing tells whether since the program's last one.
    if (ran_out) return was_pending ? finish('.', 0) : finish('-', WIRE_TIMER_IDLE);
    const uint32_t events = kept.outcome.count;
    uint64_t end = rdtsc() + 1000ULL * kept.tsc_per_ms;
    while ((int64_t)(rdtsc() - end) < 0) {
        settle(&kept.outcome, false);
        const uint32_t next = register_on(cpu, 0x390);
        if ((!was_pending && (register_on(cpu, irr) & bit) != 0) || kept.outcome.count != events) return;
        if (!ran_out && (by_deadline ? read_on(cpu, DO_RDMSR, MSR_TSC_DEADLINE) == 0 : next == 0 || next > count)) {
            if (!brings_vector) return;
            ran_out = true;
            end = rdtsc() + 50ULL * kept.tsc_per_ms;
        }
        count = next;
    }
    if (!ran_out) finish('x', WIRE_TIMER_SILENT);
}

// ---- steps

static void run_step(const struct wire_step* step) {
    bool closed = reaches_closed(step);
    bool quiet = false; // it sends nothing
    switch (step->what) {
    case DO_WAIT: wait_microseconds(step->value); break;
    case DO_RESET: finish('-', WIRE_NO_PARTIAL_RESET); break;
    case DO_INIT: init(step); break;
    case DO_SAVE_LOAD: finish('-', WIRE_NO_SAVE_LOAD); break;
    case DO_INTERRUPT: interrupt(step); break;
    case DO_MSI: closed = message(step); break;
    case DO_TIMER_EXPIRES: await_timer(step); break;
    case DO_MESSAGE:
    case DO_TAKE_INTERRUPT:
    case DO_HARDWARE: finish('-', WIRE_MODEL_ONLY); break;
    default:
        own_step(step);
        quiet = step->what == DO_MMIO_READ || step->what == DO_RDMSR || step->what == DO_CR8_READ;
        break;
    }
    if (quiet || kept.outcome.status == '-') return;
    bool listens = closed || step->what >= DO_WAIT || writes_register(step, ICR_OFFSET) ||
                   writes_register(step, 0x3f0);
    for (uint32_t i = 0; i < section_cpus; ++i)
        listens = listens || cpu_of(i)->interrupts_enabled || cpu_of(i)->halted;
    if (listens) settle(&kept.outcome, closed);
}

static void clear_outcome(void) {
    kept.outcome.status = '.';
    kept.outcome.count = 0;
}

static uint32_t section_end(void) { return section()->first + section()->steps; }

// Of all CPUs, one after the other: what RESET of the machine does.
static bool is_machine_reset(uint32_t at) {
    if (at + section()->vcpus > section_end()) return false;
    for (uint32_t i = 0; i < section()->vcpus; ++i)
        if (steps()[at + i].what != DO_RESET || steps()[at + i].vcpu != i) return false;
    return true;
}

// ---- RESET

static void put_registers(void) {
    static const uint16_t offsets[] = {0x20,  0x30,  0x80,  0xa0,  0xd0,  0xe0,  0xf0,  0x280, 0x300, 0x310,
                                       0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0};
    for (uint32_t i = 0; i < section_cpus; ++i) {
        struct cpu* const cpu = cpu_of(i);
        put_char(' ');
        put_hex(i);
        put_char(':');
        put_text("1b=");
        put_hex(read_on(cpu, DO_RDMSR, MSR_APIC_BASE));
        for (uint32_t j = 0; j < sizeof offsets / sizeof offsets[0]; ++j) {
            put_char(',');
            put_hex(offsets[j]);
            put_char('=');
            put_hex(register_on(cpu, offsets[j]));
        }
    }
}

// Where there is no RESET: as near to it as writes of registers come.
static void soft_reset_of(struct cpu* cpu) {
    const uint32_t base = 0xfee00000 | (cpu->index == 0 ? 0x100 : 0);
    const uint64_t now = read_on(cpu, DO_RDMSR, MSR_APIC_BASE);
    struct wire_step write = {.what = DO_WRMSR, .address = MSR_APIC_BASE};
    struct answer answer;
    if ((now & EXTD) != 0) {
        write.value = base;
        ask(cpu, &write, &answer);
    }
    write.value = base | EN;
    if ((now & (EN | EXTD)) != EN || (now & 0xfffff000) != WINDOW) ask(cpu, &write, &answer);
    static const struct {
        uint16_t offset;
        uint32_t value;
    } writes[] = {{0x380, 0},           {0xf0, 0x1ff},  {0x80, 0},      {0x320, 0x10000}, {0x330, 0x10000},
                  {0x340, 0x10000},     {0x350, 0x10000}, {0x360, 0x10000}, {0x370, 0x10000}, {0x3e0, 0},
                  {0xe0, 0xffffffff},   {0xd0, 0},      {0x310, 0}};
    write.what = DO_MMIO_WRITE;
    write.size = 4;
    for (uint32_t i = 0; i < sizeof writes / sizeof writes[0]; ++i) {
        write.address = WINDOW + writes[i].offset;
        write.value = writes[i].value;
        ask(cpu, &write, &answer);
    }
    // What waits is taken and ended, without a trace in the log.
    struct outcome ignored = {.count = 0};
    for (uint32_t i = 0; i < 256; ++i) {
        cpu->interrupts_enabled = true;
        settle(&ignored, false);
        cpu->interrupts_enabled = false;
        uint32_t pending = 0;
        for (uint32_t word = 0; word < 8; ++word)
            pending |= register_on(cpu, 0x100 + 16 * word) | register_on(cpu, 0x200 + 16 * word);
        if (pending == 0) break;
        write.address = WINDOW + 0xb0;
        write.value = 0;
        ask(cpu, &write, &answer);
    }
    write.address = WINDOW + 0x280;
    write.value = 0;
    ask(cpu, &write, &answer);
    ask(cpu, &write, &answer);
    write.address = WINDOW + 0xf0;
    write.value = 0xff;
    ask(cpu, &write, &answer);
}

static void soft_reset(void) {
    for (uint32_t i = 0; i < section_cpus; ++i) {
        struct cpu* const cpu = cpu_of(i);
        if (i != 0 && !answers(cpu)) continue;
        cpu->halted = cpu->stopped = cpu->interrupts_enabled = false;
        soft_reset_of(cpu);
    }
    begin_frame("soft ");
    put_hex(kept.step);
    put_registers();
    end_frame();
}

static bool cpu_facts_fit(uint32_t* skip) {
    const uint32_t c = cpuid(1, 0).c;
    const bool x2apic = (c >> 21 & 1) != 0;
    const bool deadline = (c >> 24 & 1) != 0;
    const uint32_t needs = section()->needs;
    if ((needs & (x2apic ? WIRE_NO_X2APIC : WIRE_X2APIC)) != 0) *skip = WIRE_SKIP_X2APIC;
    else if ((needs & (deadline ? WIRE_NO_DEADLINE : WIRE_DEADLINE)) != 0) *skip = WIRE_SKIP_DEADLINE;
    return *skip == 0;
}

static void put_begin(void) {
    const struct cpuid leaf_1 = cpuid(1, 0);
    const struct cpuid vendor = cpuid(0, 0);
    const bool has_sizes = cpuid(0x80000000, 0).a >= 0x80000008;
    const bool amd = vendor.b == 0x68747541 || vendor.b == 0x6f677948; // Auth(enticAMD), Hygo(nGenuine)
    begin_frame("begin ");
    put_hex(kept.section);
    put_field("amd", amd);
    put_field("family", leaf_1.a);
    put_field("x2apic", leaf_1.c >> 21 & 1);
    put_field("deadline", leaf_1.c >> 24 & 1);
    put_field("maxphyaddr", has_sizes ? cpuid(0x80000008, 0).a & 0xff : 36);
    put_field("base", read_on(cpu_of(0), DO_RDMSR, MSR_APIC_BASE));
    uint64_t locked = 0;
    if (vendor.a >= 7 && (cpuid(7, 0).d >> 29 & 1) != 0 &&
        (read_on(cpu_of(0), DO_RDMSR, 0x10a) >> 21 & 1) != 0) // IA32_ARCH_CAPABILITIES
        locked = read_on(cpu_of(0), DO_RDMSR, 0xbd) & 1;
    put_field("locked", locked);
    put_field("pin", can_raise_pin);
    put_field("bits", 8 * sizeof(void*));
    for (uint32_t i = 0; i < section_cpus; ++i) put_field("version", register_on(cpu_of(i), 0x30));
    end_frame();
}

// The section's CPUs run the image. False: it is no machine for this section.
static bool prepare(void) {
    uint32_t skip = 0;
    if (cpu_facts_fit(&skip)) skip = start_cpus(section());
    can_raise_pin = has_pin();
    mark_devices();
    if (skip == 0 && kept.begun != kept.section + 1) {
        put_begin();
        kept.begun = kept.section + 1;
    }
    if (skip == 0) return true;
    begin_frame("skip ");
    put_hex(kept.section);
    put_char(' ');
    put_hex(skip);
    end_frame();
    return false;
}

// The machine becomes what the next step finds: as RESET leaves it. Does not return where it can be RESET, but comes
// back by the reset vector. False: it is no machine for this section.
static bool renew(void) {
    if (is_used && started_by == WIRE_ROM && !kept.no_reset) {
        kept.phase = PHASE_RESETTING;
        reset_machine();
        kept.phase = PHASE_RUNNING;
        kept.no_reset = true;
    }
    if (!is_prepared && !prepare()) return false;
    is_prepared = true;
    flush_answers();
    if (is_used) soft_reset();
    is_stale = false;
    is_used = true;
    return true;
}

static void begin_section(uint32_t index) {
    kept.section = index;
    is_prepared = false;
    is_stale = true;
    if (index < blob()->sections) kept.step = section()->first;
}

static void run_section(void) {
    while (kept.step < section_end()) {
        clear_outcome();
        if (is_machine_reset(kept.step)) {
            for (uint32_t i = 0; i < section()->vcpus; ++i) put_answer(kept.step++, &kept.outcome);
            is_stale = true;
            continue;
        }
        if (is_stale && !renew()) break;
        run_step(&steps()[kept.step]);
        put_answer(kept.step++, &kept.outcome);
    }
    flush_answers();
    begin_section(kept.section + 1);
}

// A host that shares this machine's memory has put another blob there.
static void await_blob(void) {
    const volatile uint32_t* const doorbell = word_at(WIRE_DOORBELL);
    begin_frame("ready");
    end_frame();
    while (*doorbell == 0 || *doorbell == kept.nonce) pause();
    kept.blob = WIRE_BLOB_ADDRESS;
    kept.nonce = blob()->nonce;
    kept.frames = kept.begun = 0;
    begin_section(0);
}

static void run(void) {
    while (true) {
        while (kept.section < blob()->sections) run_section();
        begin_frame("end");
        end_frame();
        if ((blob()->flags & WIRE_SESSION) == 0) break;
        await_blob();
    }
    while (true) __asm__ volatile("cli; hlt");
}

// ---- the beginning

struct multiboot_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, command_line, modules, modules_at;
};
struct pvh_info {
    uint32_t magic, version, flags, modules;
    uint64_t modules_at;
};

// The first module, where the blob is not in the image.
static uint32_t find_blob(uint32_t info) {
    const struct wire_payload* const payload = (const struct wire_payload*)(uintptr_t)WIRE_PAYLOAD_ADDRESS;
    if (payload->blob != 0) return payload->blob;
    if (started_by == WIRE_MULTIBOOT) {
        const struct multiboot_info* const multiboot = (const struct multiboot_info*)(uintptr_t)info;
        if ((multiboot->flags & 8) != 0 && multiboot->modules != 0) return *word_at(multiboot->modules_at);
    }
    if (started_by == WIRE_PVH) {
        const struct pvh_info* const pvh = (const struct pvh_info*)(uintptr_t)info;
        if (pvh->modules != 0) return *word_at((uint32_t)pvh->modules_at);
    }
    return 0;
}

static bool is_sound(const struct wire_blob* candidate) {
    if (candidate->magic != WIRE_MAGIC || candidate->bytes < sizeof *candidate) return false;
    const uint32_t* const words = (const uint32_t*)candidate;
    uint32_t sum = 0;
    for (uint32_t i = offsetof(struct wire_blob, nonce) / 4; i < candidate->bytes / 4; ++i)
        sum = (sum ^ words[i]) * WIRE_SUM_FACTOR;
    return sum == candidate->checksum;
}

static void put_hello(void) {
    const struct cpuid hypervisor = cpuid(0x40000000, 0);
    const bool is_guest = (cpuid(1, 0).c >> 31) != 0;
    begin_frame("hello ");
    put_hex(started_by);
    put_char(' ');
    const uint32_t words[3] = {hypervisor.b, hypervisor.c, hypervisor.d};
    bool any = false;
    for (uint32_t i = 0; is_guest && i < 12; ++i) {
        const char c = (char)(words[i / 4] >> (8 * (i % 4)));
        if (c <= ' ' || c >= 127) continue;
        put_char(c);
        any = true;
    }
    if (!any) put_char('-');
    end_frame();
}

static void begin(uint32_t info) {
    const uint32_t at = find_blob(info);
    if (at == 0 || !is_sound((const struct wire_blob*)(uintptr_t)at)) {
        kept.blob = WIRE_PAYLOAD_ADDRESS; // no flags
        begin_frame("panic no-program");
        end_frame();
        while (true) __asm__ volatile("cli; hlt");
    }
    kept.magic = WIRE_MAGIC;
    kept.phase = PHASE_RUNNING;
    kept.blob = at;
    kept.nonce = blob()->nonce;
    kept.frames = kept.begun = kept.answers_count = kept.answers_bytes = 0;
    kept.no_reset = false;
    write_stubs();
    kept.tsc_per_ms = measure_tsc();
    put_hello();
    begin_section(0);
}

// The machine was RESET, and nobody had asked for it: the steps until the next RESET find no machine.
static void go_on_behind(void) {
    finish('x', WIRE_MACHINE_RESET);
    put_answer(kept.step++, &kept.outcome);
    while (kept.step < section_end() && !is_machine_reset(kept.step)) {
        clear_outcome();
        finish('-', WIRE_CPU_STOPPED);
        put_answer(kept.step++, &kept.outcome);
    }
}

// The first CPU is here again after an INIT: in the middle of a step.
static void go_on_after_init(void) {
    lower_pin();
    cpu_of(0)->resume = 0;
    cpu_of(0)->interrupts_enabled = false;
    note(&kept.outcome, EVENT_INIT, 0, 0);
    settle(&kept.outcome, true);
    put_answer(kept.step++, &kept.outcome);
}

static void clear_bss(void) {
    extern char bss_begin[], bss_end[];
    void* at = bss_begin;
    uintptr_t words = (uintptr_t)(bss_end - bss_begin) / 4;
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(words) : "a"(0) : "memory");
}

void first_cpu_main(uint32_t start, uint32_t info);
void first_cpu_main(uint32_t start, uint32_t info) {
    const bool in_progress = start == WIRE_ROM && kept.magic == WIRE_MAGIC;
    load_descriptors();
    if (in_progress && kept.phase == PHASE_RUNNING && devices_are_marked()) {
        go_on_after_init();
        run();
    }
    clear_bss();
    load_descriptors();
    started_by = start;
    is_stale = true;
    is_used = start != WIRE_ROM;
    quiet_devices();
    if (!in_progress) begin(info);
    settle_pauses = blob()->settle;
    if (kept.phase == PHASE_RUNNING && in_progress) go_on_behind();
    kept.phase = PHASE_RUNNING;
    run();
}
