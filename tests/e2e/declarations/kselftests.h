// What an emitted test uses of the kernel's KVM selftests, declared as that tree does: enough for a compiler to check
// the use. The structures and ioctls are the system's own (linux/kvm.h).
#ifndef DECLARATIONS_KSELFTESTS_H
#define DECLARATIONS_KSELFTESTS_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APIC_DEFAULT_GPA 0xfee00000ULL
#define APIC_LVR 0x30
#define APIC_TMCCT 0x390
#define GP_VECTOR 13
#define X86_FEATURE_X2APIC 1
#define X86_FEATURE_TSC_DEADLINE_TIMER 2

struct kvm_vm;
struct kvm_vcpu {
	struct kvm_vm *vm;
	struct kvm_run *run;
};
struct ex_regs {
	uint64_t rax, vector, error_code, rip;
};
enum { UCALL_NONE, UCALL_SYNC, UCALL_ABORT, UCALL_PRINTF, UCALL_DONE };
struct ucall {
	uint64_t cmd;
};

void guest_assert(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));
void test_assert(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define __GUEST_ASSERT(condition, format, args...) guest_assert(condition, format, ##args)
#define TEST_ASSERT(condition, format, args...) test_assert(condition, format, ##args)
#define TEST_FAIL(format, args...) test_assert(false, format, ##args)
#define REPORT_GUEST_ASSERT(uc) ((void)(uc))
void test_require(bool condition);
#define TEST_REQUIRE(condition) test_require(condition)
void guest_sync(uint64_t stage);
#define GUEST_SYNC(stage) guest_sync(stage)
#define GUEST_DONE() guest_sync(0)
void vcpu_ioctl_of(struct kvm_vcpu *vcpu, unsigned long command, void *argument);
#define vcpu_ioctl(vcpu, command, argument) vcpu_ioctl_of(vcpu, command, argument)
#define __vm_ioctl(vm, command, argument) ((void)(vm), (void)(argument))
void write_to_guest(struct kvm_vm *vm, const void *global);
#define sync_global_to_guest(vm, global) write_to_guest(vm, &(global))
int kvm_asm_vector(void);
#define kvm_asm_safe(insn, inputs...) ({ asm volatile(insn : : inputs : "memory"); kvm_asm_vector(); })

uint8_t rdmsr_safe(uint32_t msr, uint64_t *value);
uint8_t wrmsr_safe(uint32_t msr, uint64_t value);
bool this_cpu_is_intel(void);
bool this_cpu_is_amd(void);
bool kvm_cpu_has(int feature);
struct kvm_vm *vm_create(uint32_t vcpus);
struct kvm_vcpu *vm_vcpu_add(struct kvm_vm *vm, uint32_t id, void *guest_code);
void kvm_vm_free(struct kvm_vm *vm);
void vcpu_clear_cpuid_feature(struct kvm_vcpu *vcpu, int feature);
void vm_install_exception_handler(struct kvm_vm *vm, int vector, void (*handler)(struct ex_regs *));
void virt_pg_map(struct kvm_vm *vm, uint64_t virtual_address, uint64_t physical_address);
void vcpu_run(struct kvm_vcpu *vcpu);
uint64_t get_ucall(struct kvm_vcpu *vcpu, struct ucall *uc);
void vcpu_mp_state_get(struct kvm_vcpu *vcpu, struct kvm_mp_state *state);
void vcpu_mp_state_set(struct kvm_vcpu *vcpu, struct kvm_mp_state *state);
void vcpu_regs_get(struct kvm_vcpu *vcpu, struct kvm_regs *regs);
void vcpu_regs_set(struct kvm_vcpu *vcpu, struct kvm_regs *regs);
void vcpu_sregs_get(struct kvm_vcpu *vcpu, struct kvm_sregs *sregs);
void vcpu_sregs_set(struct kvm_vcpu *vcpu, struct kvm_sregs *sregs);

#endif
