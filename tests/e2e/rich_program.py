"""An access program that visits the whole register space of two vCPUs: every register in both modes, read,
written with what it takes and with each reserved bit, and read back; MSRs that are none; odd places and sizes
of the window; interrupts to oneself and the other vCPU; timers; INIT, RESET, save and load."""

import program

WINDOW = 0xFEE00000
BASE_MSR = 0x1B
XAPIC, X2APIC, DISABLED = "0xfee00800", "0xfee00c00", "0xfee00000"


def registers():
    """The register table, as the program itself lists it."""
    return program.run("list", "registers", "--format", "json").json()


def rdmsr(vcpu, msr):
    return {"vcpu": vcpu, "do": "rdmsr", "msr": hex(msr)}


def wrmsr(vcpu, msr, value):
    return {"vcpu": vcpu, "do": "wrmsr", "msr": hex(msr), "value": hex(value)}


def mmio_read(vcpu, offset, size=4):
    return {"vcpu": vcpu, "do": "mmio-read", "address": hex(WINDOW + offset), "size": size}


def mmio_write(vcpu, offset, value, size=4):
    return {"vcpu": vcpu, "do": "mmio-write", "address": hex(WINDOW + offset), "value": hex(value), "size": size}


def base(vcpu, value):
    return {"vcpu": vcpu, "do": "wrmsr", "msr": hex(BASE_MSR), "value": value}


def bits(mask):
    return [1 << i for i in range(64) if mask >> i & 1]


# Written with values of their own: they send interrupts, or start what the clock ends.
COMMANDS = ("icr", "icr_high", "self_ipi", "eoi", "initial_count", "current_count")


def values(row):
    return [0, row["writable"], *bits(row["reserved"]), row["reset"]]


def sweep(vcpu, read, write):
    """Each register: read; each value written and read back."""
    steps = []
    for row in registers():
        if row["name"] in COMMANDS:
            steps += read(vcpu, row)
            continue
        for value in values(row):
            steps += write(vcpu, row, value) + read(vcpu, row)
        if row["name"] == "svr":
            steps += write(vcpu, row, 0x1FF)
    return steps


def by_msr(row):
    return row.get("msr") is not None


def read_msr(vcpu, row):
    return [rdmsr(vcpu, row["msr"])] if by_msr(row) else []


def write_msr(vcpu, row, value):
    return [wrmsr(vcpu, row["msr"], value)] if by_msr(row) else []


def read_mmio(vcpu, row):
    return [mmio_read(vcpu, row["offset"])] if row.get("offset") is not None else []


def write_mmio(vcpu, row, value):
    return [mmio_write(vcpu, row["offset"], value)] if row.get("offset") is not None else []


def open_and_close(vcpu):
    return [{"vcpu": vcpu, "do": "enable-interrupts"}, {"vcpu": vcpu, "do": "disable-interrupts"}]


def interrupts(vcpu, x2apic):
    """To oneself, to the other, to all; with vectors that are none; EOI."""
    other = 1 - vcpu

    def command(low, destination):
        if x2apic:
            return [wrmsr(vcpu, 0x830, destination << 32 | low)]
        return [mmio_write(vcpu, 0x310, destination << 24), mmio_write(vcpu, 0x300, low)]

    def eoi(of):
        return [wrmsr(of, 0x80B, 0)] if x2apic else [mmio_write(of, 0xB0, 0)]

    steps = []
    for low, destination, takes in ((0x40031, 0, vcpu), (0x4051, other, other), (0x4071, vcpu, vcpu),
                                    (0x84061, 0, vcpu), (0xC4063, 0, other), (0x4005, vcpu, vcpu)):
        steps += command(low, destination) + open_and_close(takes) + eoi(takes)
        steps += [rdmsr(vcpu, 0x828)] if x2apic else [mmio_write(vcpu, 0x280, 0), mmio_read(vcpu, 0x280)]
        steps += [rdmsr(vcpu, 0x830)] if x2apic else [mmio_read(vcpu, 0x300), mmio_read(vcpu, 0x310)]
    steps += open_and_close(other) + eoi(other) + open_and_close(vcpu) + eoi(vcpu)
    return steps


def timer(vcpu, x2apic):
    def write(offset, value):
        return wrmsr(vcpu, 0x800 + (offset >> 4), value) if x2apic else mmio_write(vcpu, offset, value)

    def read(offset):
        return rdmsr(vcpu, 0x800 + (offset >> 4)) if x2apic else mmio_read(vcpu, offset)

    return [write(0x3E0, 0xB), write(0x320, 0x41), write(0x380, 0x1000), read(0x390),
            {"vcpu": vcpu, "do": "timer-expires"}, *open_and_close(vcpu), write(0xB0, 0), read(0x380), read(0x390),
            write(0x320, 0x40041), read(0x320), wrmsr(vcpu, 0x6E0, 1), rdmsr(vcpu, 0x6E0),
            *open_and_close(vcpu), write(0xB0, 0), write(0x320, 0x10000)]


def odd_places(vcpu):
    steps = [mmio_read(vcpu, offset) for offset in (0x000, 0x010, 0x040, 0x1F4, 0x2A0, 0x3F0, 0x400, 0xFF0)]
    steps += [mmio_read(vcpu, 0x30, size) for size in (1, 2, 8)] + [mmio_read(vcpu, 0x34), mmio_read(vcpu, 0x2E)]
    steps += [mmio_write(vcpu, 0x84, 0x10), mmio_write(vcpu, 0x80, 0x20, 1), mmio_read(vcpu, 0x80)]
    return steps


def closed_window_before_msr(vcpu):
    """Writes that go nowhere, each right before the MSR of the same register takes, or refuses, the same value."""
    steps = []
    for offset, value in ((0x280, 0), (0xB0, 0), (0x280, 1), (0x3E0, 0xB), (0x80, 0x20), (0x380, 0)):
        steps += [mmio_write(vcpu, offset, value), wrmsr(vcpu, 0x800 + (offset >> 4), value)]
    return steps


def no_registers(vcpu):
    return [rdmsr(vcpu, msr) for msr in (0x800, 0x801, 0x804, 0x80C, 0x80E, 0x831, 0x83A, 0x83D, 0x840, 0x8FF)] + [
        wrmsr(vcpu, 0x800, 0), wrmsr(vcpu, 0x831, 0), wrmsr(vcpu, 0x80F, 1 << 32 | 0x1FF), wrmsr(vcpu, 0x80B, 1)]


def transitions(vcpu):
    steps = []
    for value in (DISABLED, XAPIC, X2APIC, XAPIC, DISABLED, X2APIC, "0xfee00400", DISABLED, XAPIC):
        steps += [base(vcpu, value), rdmsr(vcpu, BASE_MSR), mmio_read(vcpu, 0x30), rdmsr(vcpu, 0x803),
                  mmio_read(vcpu, 0xD0)]
    return steps


def rich():
    steps = []
    for vcpu in (0, 1):
        steps += [base(vcpu, XAPIC), mmio_write(vcpu, 0xF0, 0x1FF)]
    for vcpu in (0, 1):
        steps += sweep(vcpu, read_mmio, write_mmio) + odd_places(vcpu) + no_registers(vcpu)
    for vcpu in (0, 1):
        steps += interrupts(vcpu, False) + timer(vcpu, False)
    for vcpu in (0, 1):
        steps += [base(vcpu, X2APIC), wrmsr(vcpu, 0x80F, 0x1FF)]
    for vcpu in (0, 1):
        steps += sweep(vcpu, read_msr, write_msr) + odd_places(vcpu) + no_registers(vcpu)
    for vcpu in (0, 1):
        steps += interrupts(vcpu, True) + timer(vcpu, True)
        steps += closed_window_before_msr(vcpu)
        steps += [wrmsr(vcpu, 0x83F, 0x91), *open_and_close(vcpu), wrmsr(vcpu, 0x80B, 0)]
    for what in ("save-load", "init", "reset"):
        for vcpu in (0, 1):
            steps += [{"vcpu": vcpu, "do": what}, rdmsr(vcpu, BASE_MSR)]
            steps += sweep(vcpu, read_msr, lambda *_: []) + sweep(vcpu, read_mmio, lambda *_: [])
    for vcpu in (0, 1):
        steps += transitions(vcpu)
    return {"schema_version": 1, "machine": {"vcpus": [{"apic_id": 0}, {"apic_id": 1}]}, "steps": steps}
