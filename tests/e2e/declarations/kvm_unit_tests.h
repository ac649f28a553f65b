// What an emitted test uses of kvm-unit-tests, declared as that tree does: enough for a compiler to check the use.
#ifndef DECLARATIONS_KVM_UNIT_TESTS_H
#define DECLARATIONS_KVM_UNIT_TESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef struct { int entry; } idt_entry_t;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define APIC_DEFAULT_PHYS_BASE 0xfee00000UL
#define APIC_ID 0x20
#define APIC_LVR 0x30
#define APIC_LVTT 0x320
#define APIC_TMCCT 0x390
#define APIC_BASE_MSR 0x800
#define APIC_BSP (1UL << 8)
#define APIC_EXTD (1UL << 10)
#define APIC_EN (1UL << 11)
#define APIC_LVT_MASKED (1 << 16)
#define APIC_LVT_TIMER_TSCDEADLINE (2 << 17)
#define MSR_IA32_APICBASE 0x1b
#define MSR_IA32_TSCDEADLINE 0x6e0
#define GP_VECTOR 13
#define X86_FEATURE_X2APIC 1
#define X86_FEATURE_TSC_DEADLINE_TIMER 2

extern idt_entry_t boot_idt[256];
bool report(bool pass, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
int report_summary(void);
u64 rdmsr(u32 index);
void wrmsr(u32 index, u64 value);
int rdmsr_safe(u32 index, uint64_t *value);
int wrmsr_safe(u32 index, u64 value);
int exception_vector(void);
#define asm_safe(insn, inputs...) ({ asm volatile(insn : : inputs : "memory"); exception_vector(); })
unsigned long long rdtsc(void);
bool is_intel(void);
bool this_cpu_has(int feature);
uint32_t apic_read(unsigned reg);
void ioapic_write_reg(unsigned reg, uint32_t value);
void set_irq_line(unsigned line, int value);
void *get_idt_addr(idt_entry_t *entry);
void set_idt_entry(int vector, void *address, int dpl);
int smp_id(void);
void on_cpu_async(int cpu, void (*function)(void *data), void *data);
void *memcpy(void *to, const void *from, size_t bytes);

#endif
