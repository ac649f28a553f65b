// What the IDT points to: each vector pushes its number, 100H more if the processor pushed an error code, and goes
// on in C.
//
// Vectors of exceptions with an error code may also come as interrupts, without one. Then the code selector stands
// where the address of an instruction would, and no instruction has that address.
#include "layout.h"

#ifdef __x86_64__
#define WORD 8
#define PUSH pushq
#define CODE_AT cmpq $SELECTOR_CODE, 8(%rsp)
    .code64
#else
#define WORD 4
#define PUSH pushl
#define CODE_AT cmpl $SELECTOR_CODE, 4(%esp)
    .code32
#endif

    .text
    .balign 32
    .globl trap_stubs
trap_stubs:
    vector = 0
    .rept 256 // 32 bytes each
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
    CODE_AT
    je 1f
    PUSH $(vector + 0x100)
    jmp common
1:
    .endif
    PUSH $0
    PUSH $vector
    jmp common
    vector = vector + 1
    .balign 32
    .endr

common:
#ifdef __x86_64__
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rbx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbp
    movq %rsp, %rdi
    movq %rsp, %rbp
    andq $-16, %rsp
    cld
    call trap
    movq %rbp, %rsp
    popq %rbp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rbx
    popq %rdx
    popq %rcx
    popq %rax
    addq $16, %rsp
    iretq
#else
    pushal
    movl %esp, %ebp
    andl $-16, %esp
    subl $12, %esp
    pushl %ebp
    cld
    call trap
    movl %ebp, %esp
    popal
    addl $8, %esp
    iretl
#endif
