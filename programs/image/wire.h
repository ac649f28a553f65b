// What goes into the image and what comes out of it: the layout of a blob of steps, the words of an answer.
// Shared by the host (C++) and the guest (C); all integers are little endian.
//
// Out come frames, one a line:
//
//     @lapicheck NONCE NUMBER KIND words... CHECKSUM
//
// NONCE (8 hex digits) is the blob's, NUMBER counts the frames from 0, CHECKSUM (8 hex digits) is the CRC-32 of all
// between '@' and the blank before it. Whatever else stands on the line or between lines is not ours.
//
//     hello START HYPERVISOR      what started the image (wire_start), CPUID.40000000H's signature or -
//     begin SECTION key=value...  a machine of this kind is there: what its CPUID says
//     skip SECTION REASON         it is not (wire_skip)
//     soft STEP cpu:register=value...  there was no RESET before this step; what the registers hold there
//     a STEP token...             what came of the steps from STEP on, one token each
//     panic VECTOR ADDRESS        an exception of the image's own
//     end                         all sections are done
//     ready                       waits for another blob in its memory
//
// A token: what came of the step, and what happened until the next one.
//
//     .        done               =HEX  done, the value read      #     #GP
//     !VV      exception VV       -RR   not run (wire_reason)     xRR   stopped (wire_reason)
//     h        still in HLT
//     tC:VV    CPU C took vector VV     iC  CPU C was restarted by INIT     sC:VV  by SIPI with vector VV
#ifndef LAPICHECK_IMAGE_WIRE_H
#define LAPICHECK_IMAGE_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC 0x31424c434950414cULL /* "LAPICLB1" */
#define WIRE_SUM_FACTOR 0x01000193U
#define WIRE_MOST_VCPUS 64
#define WIRE_FRAME_TAG "@lapicheck "

enum wire_flags {
    WIRE_FLUSH_EACH = 1, // a frame for each step: shows in which one the machine stops
    WIRE_SESSION = 2,    // when all is done, wait for another blob, whose nonce the host writes to WIRE_DOORBELL
    WIRE_NO_SERIAL = 4,  // where there is a port E9H, print there alone
};

// What a section's machine must have; a bit of neither asks nothing.
enum wire_needs {
    WIRE_X2APIC = 1,
    WIRE_NO_X2APIC = 2,
    WIRE_DEADLINE = 4,
    WIRE_NO_DEADLINE = 8,
};

struct wire_blob {
    uint64_t magic;
    uint32_t bytes;    // of all
    uint32_t checksum; // of the words that follow: sum = (sum ^ word) * WIRE_SUM_FACTOR, from 0
    uint32_t nonce;
    uint32_t flags;    // wire_flags
    uint32_t settle;   // PAUSEs after a step until what it sent has arrived
    uint32_t sections; // wire_section[sections], then the steps
};
struct wire_section {
    uint32_t first; // step
    uint32_t steps;
    uint32_t needs; // wire_needs
    uint32_t vcpus;
    uint8_t apic_ids[WIRE_MOST_VCPUS];
};
struct wire_step {
    uint8_t what; // programs::Do
    uint8_t size;
    uint8_t vector;
    uint8_t level;
    uint32_t vcpu;
    uint64_t address;
    uint64_t value;
};

enum wire_start { WIRE_ROM, WIRE_MULTIBOOT, WIRE_PVH };

enum wire_skip {
    WIRE_SKIP_X2APIC = 1, // CPUID.1:ECX[21] is not as the section needs it
    WIRE_SKIP_DEADLINE,   // CPUID.1:ECX[24]
    WIRE_SKIP_CPUS,       // a CPU with one of the APIC IDs did not start
    WIRE_SKIP_RESTORE,    // starting them left its mark on the first one's ICR or ESR
};

// Why a step was not run, or how it stopped. The words stand in answers.cpp.
enum wire_reason {
    WIRE_WAITS_FOR_SIPI = 1,
    WIRE_IN_HLT,
    WIRE_CPU_STOPPED,
    WIRE_NO_SAVE_LOAD,
    WIRE_NO_PARTIAL_RESET,
    WIRE_NO_PIN,         // no I/O APIC with a serial port to raise its pin
    WIRE_OWN_MEMORY,     // the address is the image's
    WIRE_ODD_SIZE,
    WIRE_MODEL_ONLY,
    WIRE_NOT_IN_32_BITS, // CR8, addresses above 4 GiB, 8-byte accesses
    WIRE_FIRST_CPU_HALTS,
    WIRE_FIRMWARE_RESTARTS, // INIT of the first CPU would start the firmware
    WIRE_TIMER_IDLE,
    WIRE_NO_SUCH_MESSAGE, // that the I/O APIC could send
    WIRE_SIPI_CHANGES_ICR,
    WIRE_APIC_DISABLED,
    WIRE_MACHINE_RESET, // by itself
    WIRE_NO_RETURN,     // the CPU did not come back from the step
    WIRE_TIMER_SILENT,  // it did not fire within a second
    WIRE_INIT_LOST,
    WIRE_REASONS,
};

// At the beginning of the payload, where a package's writer finds it.
struct wire_payload {
    uint64_t magic;
    uint32_t blob;  // its address; 0: it comes as a module
    uint32_t bytes; // of the payload
    uint32_t entry_rom, entry_multiboot, entry_pvh;
    uint32_t multiboot; // offset of the Multiboot header
};

#define WIRE_PAYLOAD_ADDRESS 0x200000 // where it is linked to run
#define WIRE_DOORBELL 0x2ff000        // a word of its memory
#define WIRE_BLOB_ADDRESS 0x400000    // of a blob that is loaded with it, or that a host writes to its memory
#define WIRE_ROM_BYTES 0x10000        // payload and reset vector, at the end of a ROM

#endif
