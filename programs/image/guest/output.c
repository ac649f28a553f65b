// Frames: wire.h says of what they are made.
#include "machine.h"

#define PORT_E9 0xe9
#define COM1 0x3f8
#define COM1_LSR (COM1 + 5)
#define LSR_EMPTY 0x20
#define ANSWERS_A_FRAME 32

static char line[sizeof kept.answers + 128];
static uint32_t line_bytes;

uint32_t crc32(const void* from, uint32_t bytes) {
    const uint8_t* const byte = from;
    static KEPT uint32_t table[256];
    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t crc = i;
            for (uint32_t bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
            table[i] = crc;
        }
    uint32_t crc = ~0U;
    for (uint32_t i = 0; i < bytes; ++i) crc = crc >> 8 ^ table[(crc ^ byte[i]) & 0xff];
    return ~crc;
}

static uint32_t print_hex(char* to, uint64_t value, uint32_t least) {
    uint32_t digits = 16;
    while (digits > least && digits > 1 && value >> (4 * (digits - 1)) == 0) --digits;
    for (uint32_t i = 0; i < digits; ++i) to[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 0xf];
    return digits;
}

void put_char(char c) {
    if (line_bytes < sizeof line) line[line_bytes++] = c;
}
void put_text(const char* text) {
    while (*text != 0) put_char(*text++);
}
void put_hex(uint64_t value) {
    char digits[16];
    const uint32_t count = print_hex(digits, value, 1);
    for (uint32_t i = 0; i < count; ++i) put_char(digits[i]);
}
static void put_word(uint32_t value) {
    char digits[16];
    print_hex(digits, value, 8);
    // print_hex() gives 16 digits at most and 8 at least; of a word, 8.
    for (uint32_t i = 0; i < 8; ++i) put_char(digits[i]);
}
void put_field(const char* name, uint64_t value) {
    put_char(' ');
    put_text(name);
    put_char('=');
    put_hex(value);
}

static bool has_e9(void) { return inb(PORT_E9) == PORT_E9; }

static void send_e9(const char* from, uint32_t bytes) {
    const void* at = from;
    uintptr_t count = bytes;
    __asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"((uint16_t)PORT_E9) : "memory");
}

static void send_serial(const char* from, uint32_t bytes) {
    enum { PATIENCE = 100000 };
    for (uint32_t i = 0; i < bytes; ++i) {
        for (uint32_t n = 0; (inb(COM1_LSR) & LSR_EMPTY) == 0 && n < PATIENCE; ++n) pause();
        outb(COM1, (uint8_t)from[i]);
    }
}

void begin_frame(const char* kind) {
    line_bytes = 0;
    put_char('\n');
    put_text(WIRE_FRAME_TAG);
    put_word(kept.nonce);
    put_char(' ');
    put_word(kept.frames++);
    put_char(' ');
    put_text(kind);
}

void end_frame(void) {
    const uint32_t checksum = crc32(line + 2, line_bytes - 2); // behind the '@'
    put_char(' ');
    put_word(checksum);
    put_char('\n');
    const bool e9 = has_e9();
    if (e9) send_e9(line, line_bytes);
    if (!e9 || (blob()->flags & WIRE_NO_SERIAL) == 0) send_serial(line, line_bytes);
}

// ---- answers, many a frame

void flush_answers(void) {
    if (kept.answers_count == 0) return;
    begin_frame("a ");
    put_hex(kept.answers_from);
    for (uint32_t i = 0; i < kept.answers_bytes; ++i) put_char(kept.answers[i]);
    kept.answers_count = kept.answers_bytes = 0;
    end_frame();
}

static void keep(char c) { kept.answers[kept.answers_bytes++] = c; }
static void keep_hex(uint64_t value, uint32_t least) {
    kept.answers_bytes += print_hex(kept.answers + kept.answers_bytes, value, least);
}
static void keep_byte(uint8_t value) {
    keep("0123456789abcdef"[value >> 4]);
    keep("0123456789abcdef"[value & 0xf]);
}

static void keep_event(const struct event* event) {
    keep("tis"[event->kind]);
    keep_hex(event->cpu, 1);
    if (event->kind == EVENT_INIT) return;
    keep(':');
    keep_byte(event->vector);
}

void put_answer(uint32_t step, const struct outcome* outcome) {
    enum { LONGEST = 24 + MOST_EVENTS * 6 };
    if (kept.answers_bytes + LONGEST > sizeof kept.answers) flush_answers();
    if (kept.answers_count == 0) kept.answers_from = step;
    keep(' ');
    keep(outcome->status);
    if (outcome->status == '=') keep_hex(outcome->value, 1);
    else if (outcome->status == '!' || outcome->status == '-' || outcome->status == 'x')
        keep_byte(outcome->detail);
    const uint32_t count = outcome->count < MOST_EVENTS ? outcome->count : MOST_EVENTS;
    for (uint32_t i = 0; i < count; ++i) keep_event(&outcome->events[i]);
    ++kept.answers_count;
    const uint32_t most = (blob()->flags & WIRE_FLUSH_EACH) != 0 ? 1 : ANSWERS_A_FRAME;
    if (kept.answers_count >= most) flush_answers();
}
