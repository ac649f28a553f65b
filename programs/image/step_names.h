// What a step does: programs::Do, in its order.
#ifndef LAPICHECK_IMAGE_STEP_NAMES_H
#define LAPICHECK_IMAGE_STEP_NAMES_H

enum step_name {
    DO_MMIO_READ,
    DO_MMIO_WRITE,
    DO_RDMSR,
    DO_WRMSR,
    DO_CR8_READ,
    DO_CR8_WRITE,
    DO_ENABLE_INTERRUPTS,
    DO_DISABLE_INTERRUPTS,
    DO_HALT,
    DO_WAIT,
    DO_RESET,
    DO_INIT,
    DO_SAVE_LOAD,
    DO_INTERRUPT,
    DO_MSI,
    DO_TIMER_EXPIRES,
    DO_MESSAGE,
    DO_TAKE_INTERRUPT,
    DO_HARDWARE,
};

#endif
