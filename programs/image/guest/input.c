// The next blob, from COM1. Until a whole one with its right checksum has come, it is asked for again.
#include "machine.h"

#define COM1 0x3f8
#define COM1_LSR (COM1 + 5)
#define LSR_DATA 0x01
#define MOST_BYTES (16 << 20)

static uint8_t receive(void) {
    while ((inb(COM1_LSR) & LSR_DATA) == 0) pause();
    return inb(COM1);
}

static void receive_bytes(uint8_t* to, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) to[i] = receive();
}

void receive_blob(void) {
    struct wire_blob* const to = (struct wire_blob*)(uintptr_t)WIRE_BLOB_ADDRESS;
    const uint32_t checked_from = offsetof(struct wire_blob, nonce);
    while (true) {
        begin_frame("ready");
        end_frame();
        uint8_t* const bytes = (uint8_t*)to;
        receive_bytes(bytes, 8);
        while (to->magic != WIRE_MAGIC) { // what is not the beginning of a blob
            for (uint32_t i = 0; i < 7; ++i) bytes[i] = bytes[i + 1];
            bytes[7] = receive();
        }
        receive_bytes(bytes + 8, 8);
        if (to->bytes < sizeof *to || to->bytes > MOST_BYTES) continue;
        receive_bytes(bytes + 16, to->bytes - 16);
        if (crc32(bytes + checked_from, to->bytes - checked_from) == to->checksum) return;
    }
}
