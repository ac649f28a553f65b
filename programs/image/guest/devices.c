// The devices by which a guest plays the outside: the I/O APIC with the serial port's pin sends interrupts, port
// CF9H and the keyboard controller RESET the machine, the PIT measures time.
#include "machine.h"

#define IOAPIC_SELECT 0xfec00000
#define IOAPIC_WINDOW 0xfec00010
#define IOAPIC_VERSION 1
#define IOAPIC_PIN(n) (0x10 + 2 * (n))
#define ENTRY_MASK 0x10000
#define SERIAL_PIN 4
#define MARKED_PIN 23
#define MARK (ENTRY_MASK | 0xa5)

#define COM1 0x3f8
#define COM1_IER (COM1 + 1)
#define COM1_MCR (COM1 + 4)
#define IER_THRE 2 // the transmitter is empty: it always is between frames
#define MCR_DTR_RTS_OUT2 0x0b

#define RESET_CONTROL 0xcf9
#define KEYBOARD 0x64

static uint32_t ioapic_read(uint32_t index) {
    *word_at(IOAPIC_SELECT) = index;
    return *word_at(IOAPIC_WINDOW);
}
static void ioapic_write(uint32_t index, uint32_t value) {
    *word_at(IOAPIC_SELECT) = index;
    *word_at(IOAPIC_WINDOW) = value;
}

static bool has_ioapic(void) {
    const uint32_t version = ioapic_read(IOAPIC_VERSION);
    return version != 0 && version != 0xffffffff && (version >> 16 & 0xff) >= SERIAL_PIN;
}

bool has_pin(void) {
    if (!has_ioapic()) return false;
    outb(COM1_IER, IER_THRE | 1);
    const bool is_serial = (inb(COM1_IER) & 0xf) == (IER_THRE | 1);
    outb(COM1_IER, 0);
    return is_serial && (inb(COM1_IER) & 0xf) == 0;
}

void lower_pin(void) {
    outb(COM1_IER, 0);
    ioapic_write(IOAPIC_PIN(SERIAL_PIN), ENTRY_MASK);
}

// The pin falls again at once: a level-triggered entry sends once, whenever the EOI comes. The entry is left
// edge-triggered, which clears its remote IRR for the next time.
void raise_pin(uint8_t destination, uint32_t low) {
    ioapic_write(IOAPIC_PIN(SERIAL_PIN), ENTRY_MASK);
    ioapic_write(IOAPIC_PIN(SERIAL_PIN) + 1, (uint32_t)destination << 24);
    ioapic_write(IOAPIC_PIN(SERIAL_PIN), low);
    outb(COM1_MCR, MCR_DTR_RTS_OUT2);
    outb(COM1_IER, IER_THRE);
    delay(settle_pauses / 4 + 1);
    lower_pin();
}

// INIT of a CPU leaves the I/O APIC alone.
void mark_devices(void) {
    if (has_ioapic()) ioapic_write(IOAPIC_PIN(MARKED_PIN), MARK);
}
bool devices_are_marked(void) { return has_ioapic() && ioapic_read(IOAPIC_PIN(MARKED_PIN)) == MARK; }

// Of the legacy interrupt controllers nothing comes.
void quiet_devices(void) {
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    outb(COM1_IER, 0);
    outb(COM1 + 3, 0x80); // 115200 baud, 8N1
    outb(COM1, 1);
    outb(COM1 + 1, 0);
    outb(COM1 + 3, 0x03);
    outb(COM1 + 2, 0x07); // FIFOs on and empty
    outb(COM1_MCR, MCR_DTR_RTS_OUT2);
}

// Counter 2 of the PIT, gated by port 61H, counts 1,193,182 a second.
#define PIT_TICKS 11932 /* 10 ms */

static uint32_t pit_count(void) {
    outb(0x43, 0x80); // latch counter 2
    const uint32_t low = inb(0x42);
    return low | (uint32_t)inb(0x42) << 8;
}

uint32_t measure_tsc(void) {
    enum { GUESS = 2000000, PATIENCE = 1000000 };
    outb(0x61, (uint8_t)((inb(0x61) & ~2) | 1));
    outb(0x43, 0xb0); // counter 2, mode 0, both bytes
    outb(0x42, PIT_TICKS & 0xff);
    outb(0x42, PIT_TICKS >> 8);
    const uint64_t begin = rdtsc();
    uint32_t last = PIT_TICKS;
    for (uint32_t i = 0; i < PATIENCE; ++i) {
        const uint32_t now = pit_count();
        if (now > last) { // it went through 0
            const uint32_t ticks = (uint32_t)((uint32_t)(rdtsc() - begin) / 10);
            return ticks < 1000 ? 1000 : ticks;
        }
        last = now;
        if (i == PATIENCE / 10 && now == PIT_TICKS) break; // it does not count
    }
    return GUESS;
}

void reset_machine(void) {
    enum { PATIENCE = 200000 };
    outb(RESET_CONTROL, 0x02);
    outb(RESET_CONTROL, 0x06);
    delay(PATIENCE);
    outb(KEYBOARD, 0xfe);
    delay(PATIENCE);
}
