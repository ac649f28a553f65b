"""QEMU's own trace logs, made here: whose APIC an access is to is judged where the log tells it, and nowhere else."""

import json
import os
import shutil
import subprocess
import time

import program

QEMU = shutil.which("qemu-system-x86_64")
EVENTS = ["-trace", "apic_*", "-trace", "cpu_*_apic_base"]
REGIONS = ["-trace", "memory_region_ops_*"]
STAMPS = ["-msg", "timestamp=on"]


# What QEMU's APIC carries out as the manual says.
ACCESSES = [("0xfee00030", None), ("0xfee000f0", "0x1ff"), ("0xfee000f0", None), ("0xfee00080", "0x20"),
            ("0xfee00080", None), ("0xfee00020", None)]
STEPS = len(ACCESSES) + 1  # the image itself reads the version register


def step(address, value):
    """A read without a value, a write with one."""
    access = {"vcpu": 0, "do": "mmio-read" if value is None else "mmio-write", "address": address, "size": 4}
    return access if value is None else dict(access, value=value)


def access_program(steps):
    return json.dumps({"schema_version": 1, "machine": {"vcpus": [{"apic_id": 0}]}, "steps": steps})


@program.unittest.skipIf(QEMU is None, "qemu-system-x86_64 is missing")
class QemuLog(program.Case):
    def setUp(self):
        super().setUp()
        self.rom = self.folder / "program.rom"
        self.expect(0, "emit", "--as", "rom", "-o", self.rom, self.file(access_program([step(*one) for one in ACCESSES]), "p.json"))

    def log(self, *options):
        path, answers = self.folder / "qemu.log", self.folder / "answers"
        answers.write_bytes(b"")
        qemu = subprocess.Popen([QEMU, "-nographic", "-monitor", "none", "-serial", "none",
                                 "-debugcon", f"file:{answers}", "-bios", self.rom, "-D", path, *options],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + program.HANGS_AFTER_SECONDS
            while b" end " not in answers.read_bytes() and qemu.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            qemu.terminate()
            qemu.wait()
        return path

    def check(self, status, *options):
        report = self.expect(status, "check", "--format", "json", self.log(*options)).json()["traces"][0]
        self.assertEqual(report["format"], "QEMU trace log")
        return report

    def test_tcg_with_and_without_time_stamps(self):
        for options in ([], STAMPS, REGIONS, REGIONS + STAMPS, ["-d", "int,cpu_reset"]):
            report = self.check(0, *EVENTS, *options)
            self.assertEqual(report["accesses"], STEPS, options)
            self.assertGreaterEqual(report["checked"], STEPS - 2, options)

    def test_what_qemu_s_apic_does_wrong_is_found(self):
        # It accepts vectors below 16, and a reset at the end takes nothing back.
        rom = self.folder / "wrong.rom"
        steps = [step("0xfee000f0", "0x1ff"), step("0xfee00300", "0x4400e"), step("0xfee00200", None)]
        self.expect(0, "emit", "--as", "rom", "-o", rom, self.file(access_program(steps), "wrong.json"))
        self.rom = rom
        report = self.check(1, *EVENTS, *STAMPS, "-d", "cpu_reset")
        self.assertEqual([d["rule"] for d in report["divergences"]], ["P06"])

    def test_two_vcpus_in_one_thread_are_told_apart_by_their_number_alone(self):
        two = ["-smp", "2", "-accel", "tcg,thread=single"]
        self.assertEqual(self.check(4, *EVENTS, *STAMPS, *two)["checked"], 0)
        self.assertGreater(self.check(0, *EVENTS, *REGIONS, *two)["checked"], 0)

    @program.unittest.skipIf(not os.access("/dev/kvm", os.R_OK | os.W_OK), "/dev/kvm is missing")
    def test_kvm_with_qemu_s_apic_and_with_its_own(self):
        kvm = ["-trace", "kvm_*", *EVENTS, *STAMPS]
        report = self.check(0, *kvm, "-accel", "kvm,kernel-irqchip=off")
        self.assertEqual(report["accesses"], STEPS)
        own = self.check(4, *kvm, "-accel", "kvm")
        self.assertEqual(own["accesses"], 0)
        self.assertIn("the local APIC was KVM's", " ".join(own["notes"]))


if __name__ == "__main__":
    program.main()
