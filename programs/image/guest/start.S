// The ways into the payload, for each package one, and for each further CPU; page tables and long mode.
#include "layout.h"

#define BLOB_MODULE 0

    .section .start, "ax"
// struct wire_payload
    .quad 0x31424c434950414c
    .long 0 // blob: a package's writer sets it
    .long payload_end - 0x200000
    .long entry_rom
    .long entry_multiboot
    .long entry_pvh
    .long multiboot_header - 0x200000

// Multiboot Specification 0.6.96, 3.1.1: modules on page boundaries, addresses given here.
#define MULTIBOOT_FLAGS 0x00010001
    .balign 4
multiboot_header:
    .long 0x1badb002
    .long MULTIBOOT_FLAGS
    .long -(0x1badb002 + MULTIBOOT_FLAGS)
    .long multiboot_header
    .long 0x200000 // load address
    .long 0        // its end: all of the file
    .long 0x400000 // end of what is zeroed: the writer sets it if a blob follows
    .long entry_multiboot

    .text
    .code32
entry_rom:
    movl $0, %esi
    jmp first_cpu
entry_multiboot:
    movl $1, %esi
    jmp first_cpu
entry_pvh:
    movl $2, %esi

// ESI: enum wire_start; EBX: what the loader left there.
first_cpu:
    cli
    cld
    lgdtl gdt_pointer
    ljmpl $SELECTOR_CODE32, $1f
1:  movl $SELECTOR_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $(CPU_AREAS + CPU_AREA_BYTES), %esp
#ifdef __x86_64__
    call write_page_tables
    call enter_long_mode
    ljmpl $SELECTOR_CODE, $2f
    .code64
2:  movl %esi, %edi
    movl %ebx, %esi
    andq $-16, %rsp
    call first_cpu_main
#else
    subl $8, %esp
    pushl %ebx
    pushl %esi
    call first_cpu_main
#endif
3:  hlt
    jmp 3b

#ifdef __x86_64__
    .code32
// 4 GiB as they are, in pages of 2 MiB, the last GiB uncached; a second entry of the PML4 for what lies above.
// Written again after an INIT of the first CPU, the same.
write_page_tables:
    movl $page_directories, %edi
    movl $0x83, %eax // present, writable, large
    movl $2048, %ecx
1:  cmpl $0xc0000083, %eax
    jne 2f
    orl $0x10, %eax // PCD, from here on
2:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 1b
    movl $pdpt, %edi
    movl $(page_directories + 3), %eax
    movl $4, %ecx
3:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $0x1000, %eax
    addl $8, %edi
    loop 3b
    movl $(pdpt + 3), pml4
    movl $(far_pdpt + 3), pml4 + 8
    movl $(far_directory + 3), far_pdpt
    ret

enter_long_mode:
    movl %cr4, %eax
    orl $0x20, %eax // PAE
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx // IA32_EFER
    rdmsr
    orl $0x100, %eax // LME
    wrmsr
    movl %cr0, %eax
    andl $0x9fffffff, %eax
    orl $0x80000001, %eax
    movl %eax, %cr0
    ret
#endif

// ---- further CPUs

    .code32
// EDI: the vector of the SIPI.
further_cpu:
    movl $SELECTOR_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $1, %eax
    cpuid
    shrl $24, %ebx // the initial APIC ID
    movl section_cpus, %ecx
    xorl %esi, %esi
1:  cmpl %ecx, %esi
    je 4f
    movzbl section_ids(%esi), %eax
    cmpl %ebx, %eax
    je 2f
    incl %esi
    jmp 1b
2:  movl %esi, %esp
    incl %esp
    shll $CPU_AREA_SHIFT, %esp
    addl $CPU_AREAS, %esp
#ifdef __x86_64__
    call enter_long_mode
    ljmpl $SELECTOR_CODE, $3f
    .code64
3:  andq $-16, %rsp
    call further_cpu_main // EDI
#else
    subl $12, %esp
    pushl %edi
    call further_cpu_main
#endif
4:  cli
    hlt
    jmp 4b

    .section .rodata
    .balign 8
gdt:
    .quad 0
#ifdef __x86_64__
    .quad 0x00af9b000000ffff // SELECTOR_CODE
#else
    .quad 0x00cf9b000000ffff
#endif
    .quad 0x00cf93000000ffff // SELECTOR_DATA
    .quad 0x00cf9b000000ffff // SELECTOR_CODE32
gdt_pointer:
    .word . - gdt - 1
    .long gdt

// Copied to TRAMPOLINE_PAGE, offset TRAMPOLINE_OFFSET. AX: CS of the page where the CPU started.
    .globl trampoline, trampoline_end
trampoline:
    .code16
    cli
    movzwl %ax, %edi
    shrl $8, %edi
    movw %cs, %ax
    movw %ax, %ds
    lgdtl TRAMPOLINE_OFFSET + (trampoline_gdt_pointer - trampoline)
    movl %cr0, %eax
    andl $0x9fffffff, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $SELECTOR_CODE32, $further_cpu
    .balign 4
trampoline_gdt_pointer:
    .word 4 * 8 - 1
    .long gdt
trampoline_end:

// Copied to the beginning of each page.
    .globl stub, stub_end, smm_stub, smm_stub_end
smm_stub:
    .code16
    movw %cs, %ax
    cmpb $0x30, %ah // CS is SMBASE >> 4: an SMI, not a SIPI
    jne stub
    rsm
stub:
    movw %cs, %ax
    ljmp $(TRAMPOLINE_PAGE << 8), $TRAMPOLINE_OFFSET
stub_end:
smm_stub_end:

#ifdef __x86_64__
    .section .tables, "aw", @nobits
    .balign 4096
    .globl far_directory
pml4: .skip 4096
pdpt: .skip 4096
page_directories: .skip 4 * 4096
far_pdpt: .skip 4096
far_directory: .skip 4096
#endif
