"""Text reports as they were read and approved by eye: golden/NAME.txt.

After a change that is meant: golden_test.py --update, and read the difference.
"""

import pathlib
import sys

import program

GOLDEN = pathlib.Path(__file__).parent / "golden"
# File, recording, options.
REPORTS = [
    ("x2apic-mmio-alive-smp1", "x2apic-mmio-alive-smp1", []),
    ("probe-eoi-clears-lowest-kvm", "probe-eoi-clears-lowest", ["--profile", "kvm"]),
    ("reset-x2apic", "reset-x2apic", []),
    ("userspace-irqchip", "userspace-irqchip", []),
]


def report(recording, options):
    path = program.recording(recording)
    return program.run("check", *options, path.name, cwd=path.parent).out


class Golden(program.Case):
    maxDiff = None

    def test_reports_read_as_approved(self):
        for name, recording, options in REPORTS:
            with self.subTest(name):
                self.assertEqual(report(recording, options), (GOLDEN / f"{name}.txt").read_text())

    def test_no_approved_report_is_left_over(self):
        files = {path.stem for path in GOLDEN.glob("*.txt")}
        self.assertEqual(files, {name for name, _, _ in REPORTS})


def update():
    for name, recording, options in REPORTS:
        (GOLDEN / f"{name}.txt").write_text(report(recording, options))


if __name__ == "__main__":
    update() if sys.argv[1:] == ["--update"] else program.main()
