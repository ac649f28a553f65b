"""Text reports as they were read and approved by eye: golden/NAME.txt.

After a change that is meant: golden_test.py --update, and read the difference.
"""

import pathlib
import sys
import tempfile

import program

GOLDEN = pathlib.Path(__file__).parent / "golden"
WINDOW = [
    "no-mmio-read-in-x2apic",
    "no-mmio-effect-in-x2apic",
    "no-mmio-read-when-disabled",
    "no-mmio-effect-when-disabled",
    "closed-window-tells-nothing",
    "mmio-isolation",
    "no-msi-from-window",
    "no-memory-in-closed-window",
    "no-exit-from-closed-window",
]
# File, what to prove.
PROOFS = [
    ("prove-window", ["--property", *WINDOW]),
    ("prove-kvm-2018", ["--impl", "kvm-2018", "--property", "no-mmio-read-in-x2apic", "closed-window-tells-nothing"]),
    ("prove-flexpriority", ["--impl", "flexpriority", "--property", "mmio-isolation"]),
    ("prove-userspace-qemu", ["--impl", "userspace-qemu", "--property", "no-msi-from-window"]),
]
# File, recording, options.
REPORTS = [
    ("x2apic-mmio-alive-smp1", "x2apic-mmio-alive-smp1", []),
    ("probe-eoi-clears-lowest-kvm", "probe-eoi-clears-lowest", ["--profile", "kvm"]),
    ("reset-x2apic", "reset-x2apic", []),
    ("userspace-irqchip", "userspace-irqchip", []),
]
# File, recording.
LEDGERS = [
    ("interrupts-probe-smp2", "probe-smp2"),
    ("interrupts-ioapic-x2apic-smp4", "ioapic-x2apic-smp4"),
]


# File, program, form.
EMITTED = [
    ("emit-kvm-unit-test", "interrupt-below-16", "kvm-unit-test"),
    ("emit-kselftest", "interrupt-below-16", "kselftest"),
]


def emitted(name, form):
    with tempfile.NamedTemporaryFile(suffix=".c") as file:
        path = pathlib.Path(__file__).parent / f"programs/{name}.json"
        result = program.run("emit", path, "--as", form, "-o", file.name)
        return result.err + pathlib.Path(file.name).read_text()


def report(recording, options, command="check"):
    path = program.recording(recording)
    return program.run(command, *options, path.name, cwd=path.parent).out


def printed():
    """What each approved file is held against."""
    for name, recording, options in REPORTS:
        yield name, report(recording, options)
    for name, recording in LEDGERS:
        yield name, report(recording, [], "interrupts")
    for name, options in PROOFS:
        yield name, program.run("prove", *options).out
    for name, source, form in EMITTED:
        yield name, emitted(source, form)


class Golden(program.Case):
    maxDiff = None

    def test_reports_read_as_approved(self):
        for name, text in printed():
            with self.subTest(name):
                self.assertEqual(text, (GOLDEN / f"{name}.txt").read_text())

    def test_no_approved_report_is_left_over(self):
        files = {path.stem for path in GOLDEN.glob("*.txt")}
        self.assertEqual(files, {name for name, *_ in REPORTS + LEDGERS + PROOFS + EMITTED})


def update():
    for name, text in printed():
        (GOLDEN / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    update() if sys.argv[1:] == ["--update"] else program.main()
