// The end of a ROM: the reset vector and the way from real mode to the payload, which stands at the beginning of
// the ROM's last 64 KiB. All is addressed where PCs repeat the end of the ROM below 1 MiB.
#include "layout.h"

#define ROM 0xf0000
#define ROM_OFFSET 0xfe00 /* of this code in it; rom.ld ends it at FFFFFFFFH */
#define PAYLOAD 0x200000
#define ENTRY_ROM 16 /* offset in struct wire_payload */
#define CODE_FLAT 0x08
#define DATA_FLAT 0x10

    .section .rom, "ax"
    .code16
    .globl rom_begin
rom_begin:
    cli
    cld
    movb $0x02, %al // A20, if there is a gate: port 92H
    outb %al, $0x92
    lgdtl %cs:(rom_gdt_pointer - rom_begin + ROM_OFFSET)
    movl %cr0, %eax
    andl $0x9fffffff, %eax // caches on: CD, NW
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $CODE_FLAT, $(rom_flat - rom_begin + ROM + ROM_OFFSET)

    .code32
rom_flat:
    movl $DATA_FLAT, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $ROM, %esi
    movl $PAYLOAD, %edi
    movl 12(%esi), %ecx // wire_payload.bytes
    addl $3, %ecx
    shrl $2, %ecx
    rep movsl
    jmp *(PAYLOAD + ENTRY_ROM)

    .balign 8
rom_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
rom_gdt_pointer:
    .word . - rom_gdt - 1
    .long rom_gdt - rom_begin + ROM + ROM_OFFSET

    .section .reset, "ax"
    .code16
    // SDM Vol. 3A, 9.1.4: the first instruction, at FFFFFFF0H.
    .byte 0xe9 // jmp rel16
    .word ROM_OFFSET - 0xfff3
    .balign 16
