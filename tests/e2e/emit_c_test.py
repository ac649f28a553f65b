"""C tests for other projects' trees: what they assert, whether they compile, and, in a snapshot of kvm-unit-tests that
LAPICHECK_KVM_UNIT_TESTS names (configured and built once), whether they say on QEMU what lapicheck says."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import program

HERE = pathlib.Path(__file__).parent
PROGRAM = HERE / "programs/interrupt-below-16.json"
SNAPSHOT = os.environ.get("LAPICHECK_KVM_UNIT_TESTS", "")
QEMU = "qemu-system-x86_64"
HAS_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)
needs_snapshot = unittest.skipUnless(
    SNAPSHOT and shutil.which(QEMU),
    "no snapshot of kvm-unit-tests: set LAPICHECK_KVM_UNIT_TESTS to its folder, and install qemu-system-x86")
WINDOW = 0xFEE00000
# Form, the headers that its files include, the declarations that stand for them, the compiler's options there.
TREES = {
    "kvm-unit-test": (("libcflat.h", "apic.h", "desc.h", "isr.h", "msr.h", "processor.h", "smp.h"), "kvm_unit_tests.h",
                      ("-ffreestanding", "-mno-red-zone", "-mno-sse")),
    "kselftest": (("apic.h", "kvm_util.h", "processor.h", "test_util.h"), "kselftests.h", ("-D_GNU_SOURCE",)),
}


def read(offset, vcpu=0):
    return {"vcpu": vcpu, "do": "mmio-read", "address": hex(WINDOW + offset), "size": 4}


def write(offset, value, vcpu=0):
    return {"vcpu": vcpu, "do": "mmio-write", "address": hex(WINDOW + offset), "size": 4, "value": hex(value)}


def wrmsr(msr, value):
    return {"vcpu": 0, "do": "wrmsr", "msr": hex(msr), "value": hex(value)}


def rdmsr(msr):
    return {"vcpu": 0, "do": "rdmsr", "msr": hex(msr)}


def interrupt(vector):
    return {"vcpu": 0, "do": "interrupt", "vector": vector, "trigger": "edge"}


ENABLE = {"vcpu": 0, "do": "enable-interrupts"}
# What each tree must be able to say; some of it holds on QEMU and KVM, some does not.
PROGRAMS = {
    "lvt-read-only": [write(0x350, 0x1F7FF), read(0x350)],
    "timer-vector": [write(0xF0, 0x1FF), write(0x320, 0x10041), read(0x320)],
    "taken-and-ended": [write(0xF0, 0x1FF), interrupt(0x55), ENABLE, read(0x120), write(0xB0, 0), read(0x120)],
    "vector-below-16": [write(0xF0, 0x1FF), interrupt(5), read(0x200), ENABLE],
    "invalid-base": [wrmsr(0x1B, 0xFEE00500)],
    "software-disabled": [write(0xF0, 0x1FF), write(0x320, 0x61), write(0xF0, 0xFF), read(0x320)],
    "cr8-reserved-bits": [{"vcpu": 0, "do": "cr8-write", "value": "0x10"}],
    "tpr-by-cr8": [{"vcpu": 0, "do": "cr8-write", "value": "0x3"}, read(0x80), {"vcpu": 0, "do": "cr8-read"}],
    "window-disabled": [wrmsr(0x1B, 0xFEE00100), read(0x30)],
    "illegal-register": [read(0x40), write(0x280, 0), read(0x280)],
    "self-ipi": [write(0xF0, 0x1FF), write(0x300, 0x44077), read(0x230)],
    "ended-by-eoi": [write(0xF0, 0x1FF), interrupt(0x31), interrupt(0x91), ENABLE, write(0xB0, 0), write(0xB0, 0)],
    "timer": [write(0xF0, 0x1FF), write(0x3E0, 0xB), write(0x320, 0x61), write(0x380, 0x1000000),
              {"vcpu": 0, "do": "timer-expires"}, read(0x230)],
    "nmi-to-another": [write(0x310, 0x1000000), write(0x300, 0x4400)],
    "init-and-sipi": [write(0x310, 0x1000000), write(0x300, 0x4500), write(0x300, 0x4610)],
    "outside-x2apic": [rdmsr(0x803)],
    "eoi-nonzero": [wrmsr(0x1B, 0xFEE00D00), wrmsr(0x80B, 0xFFFFFFFF)],
}


def content(steps):
    vcpus = 2 if any("0x1000000" == step.get("value") for step in steps) else 1
    return {"schema_version": 1, "machine": {"vcpus": [{"apic_id": i} for i in range(vcpus)]}, "steps": steps}


class EmitCase(program.Case):
    def emitted(self, name, form):
        path = self.folder / f"{name}.{form}.c"
        self.expect(0, "emit", self.file(json.dumps(content(PROGRAMS[name])), f"{name}.json"), "--as", form, "-o", path)
        return path


class Text(EmitCase):
    def test_every_program_compiles(self):
        for form, (headers, declarations, options) in TREES.items():
            include = self.folder / form
            include.mkdir()
            for header in headers:
                (include / header).write_text(f'#include "{HERE / "declarations" / declarations}"\n')
            for name in PROGRAMS:
                with self.subTest(name, form=form):
                    compiled = subprocess.run(
                        ["gcc", "-std=gnu99", "-Wall", "-Wstrict-prototypes", "-Werror", "-fsyntax-only", *options, "-I",
                         include, self.emitted(name, form)], capture_output=True, text=True, check=False)
                    self.assertEqual(compiled.returncode, 0, compiled.stderr)

    def test_the_message_names_rule_and_section(self):
        for form in TREES:
            text = self.emitted("vector-below-16", form).read_text()
            self.assertIn("P06 vectors-below-16-never-pending: 0x0; Intel SDM Vol. 3A, 10.5.3 Error Handling", text)
            self.assertIn("(value & 0xffffffffull) == 0x0ull", text)
            self.assertIn("taken_none_but(0,", text)  # the vector is not taken either

    def test_only_the_right_machine_is_asked(self):
        text = self.emitted("eoi-nonzero", "kvm-unit-test").read_text()
        self.assertIn("if (!(this_cpu_has(X86_FEATURE_X2APIC)))", text)
        self.assertIn("fault == GP_VECTOR", text)
        self.assertNotIn("X86_FEATURE", self.emitted("tpr-by-cr8", "kvm-unit-test").read_text())

    def test_what_the_manual_leaves_open_is_not_asserted(self):
        steps = [write(0xF0, 0x1FF), write(0x300, 0x44077), read(0x230), read(0x300)]
        text_path = self.folder / "open.c"
        self.expect(0, "emit", self.file(json.dumps(content(steps)), "open.json"), "--as", "kvm-unit-test", "-o", text_path)
        self.assertIn("\tvalue = read_mmio32(0xfee00230);", text_path.read_text())
        self.assertIn("\tread_mmio32(0xfee00300);", text_path.read_text())  # the delivery status

    def test_what_cannot_be_carried_is_refused_with_the_reason(self):
        target = self.folder / "x.c"
        reset = {"vcpu": 0, "do": "reset"}
        cases = [("kvm-unit-test", [read(0x350)], "right after RESET"),
                 ("kvm-unit-test", [write(0xF0, 0x1FF), {"vcpu": 0, "do": "save-load"}, read(0xF0)], "only the host"),
                 ("kvm-unit-test", [write(0xF0, 0x1FF), {"vcpu": 0, "do": "init"}, read(0xF0)], "INIT"),
                 ("kvm-unit-test", [write(0xF0, 0x1FF), reset, read(0xF0)], "cannot RESET"),
                 ("kselftest", [write(0xF0, 0x1FF), reset, read(0xF0)], "begins with RESET"),
                 ("kselftest", [{"vcpu": 0, "do": "halt"}], "HLT"),
                 ("kvm-unit-test", [read(0xF0)] * 300, "at most 256 steps")]
        for form, steps, reason in cases:
            with self.subTest(form, reason=reason):
                path = self.file(json.dumps(content(steps)), "program.json")
                self.assertIn(reason, self.expect(2, "emit", path, "--as", form, "-o", target).err)
                self.assertFalse(target.exists())
        self.assertIn("audit --export", self.expect(2, "emit", "--audit", "--as", "kselftest", "-o", target).err)

    def test_each_departure_of_a_model_is_emitted_or_refused(self):
        self.expect(1, "audit", "--on", "model:kvm-6.18", "--export", self.folder / "audit")
        paths = sorted((self.folder / "audit").glob("*.json"))
        self.assertGreater(len(paths), 20)
        emitted = {form: 0 for form in TREES}
        for path in paths:
            for form in TREES:
                result = program.run("emit", path, "--as", form, "-o", self.folder / "x.c")
                self.assertIn(result.status, (0, 2), result.err)
                emitted[form] += result.status == 0
                if result.status != 0:
                    self.assertRegex(result.err, r"^lapicheck: emit: \S+\.json: \S+ \S+ \S+")
        for form, count in emitted.items():
            self.assertGreater(count, len(paths) * 2 // 3, form)


class InTheTree(EmitCase):
    """What a test reports there is what lapicheck says of the same program."""

    def report(self, name, accelerator):
        tree = pathlib.Path(SNAPSHOT)
        stem = f"lapicheck_{name.replace('-', '_')}"
        source = tree / "x86" / f"{stem}.c"
        try:
            shutil.copy(self.emitted(name, "kvm-unit-test"), source)
            built = subprocess.run(["make", "-C", tree, f"x86/{stem}.flat"], capture_output=True, text=True, check=False)
            self.assertEqual(built.returncode, 0, built.stderr)
            cpus = re.search(r"-smp (\d+)", source.read_text())[1]
            cpu = "max" if accelerator == "tcg" else "host,-arch-capabilities"
            out = subprocess.run(
                [QEMU, "-nodefaults", "-no-reboot", "-device", "pc-testdev", "-device",
                 "isa-debug-exit,iobase=0xf4,iosize=0x4", "-display", "none", "-serial", "stdio", "-accel", accelerator,
                 "-cpu", cpu, "-smp", cpus, "-kernel", tree / "x86" / f"{stem}.flat"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=100).stdout
        finally:
            for path in (tree / "x86").glob(f"*{stem}.*"):
                path.unlink()
        self.assertIn("SUMMARY", out)
        return None if "SKIP" in out else "FAIL" in out

    def compare(self, accelerator):
        compared = 0
        for name, steps in PROGRAMS.items():
            with self.subTest(name):
                path = self.file(json.dumps(content(steps)), f"{name}.json")
                failed = self.report(name, accelerator)
                if failed is None:
                    continue
                judged = program.run("run", path, "--on", f"image:qemu-{accelerator}")
                self.assertEqual(judged.status, 1 if failed else 0, judged.out)
                compared += 1
        self.assertGreater(compared, 12)

    @needs_snapshot
    def test_on_tcg(self):
        self.compare("tcg")

    @needs_snapshot
    @unittest.skipUnless(HAS_KVM, "no KVM on this machine: /dev/kvm is missing or forbidden")
    def test_on_kvm(self):
        self.compare("kvm")


if __name__ == "__main__":
    program.main()
