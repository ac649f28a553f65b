"""scripts/testbed.sh: a real kvm_amd in QEMU's TCG. Minutes; skipped where a package is missing or cannot be fetched."""

import json
import os
import subprocess
import unittest

import jsonschema
import program

REPORT = json.loads((program.SOURCE / "specs/schema/audit-report.schema.json").read_text())
SECONDS = 600  # not a speed that is asked for: a loaded machine takes its time
MISSING = 77


class TestBed(program.Case):
    @unittest.skipUnless(program.MEASURES_MEMORY, "with sanitizers, in an emulator, it would take an hour")
    def test_svm(self):
        kernel = os.environ.get("LAPICHECK_TESTBED_KERNEL")
        command = [program.SOURCE / "scripts/testbed.sh", "-o", self.folder, "--seconds", str(SECONDS)]
        done = subprocess.run([*command, *(["--kernel", kernel] if kernel else [])], capture_output=True, text=True,
                              check=False, env=dict(os.environ, LAPICHECK=program.PATH))
        if done.returncode == MISSING:
            self.skipTest(done.stderr.strip().splitlines()[-1])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # A small guest was recorded there; here the recording says the same.
        self.assertEqual((self.folder / "check.txt.status").read_text(), "0\n")
        checked = self.expect(0, "check", self.folder / "recording.txt", "--profile", "kvm", "--format", "json").json()
        self.assertIn("kvm_entry", (self.folder / "recording.txt").read_text())
        self.assertTrue(checked)
        # Nearly all that is found there is known of KVM.
        report = json.loads((self.folder / "audit.json").read_text())
        jsonschema.validate(report, REPORT, cls=jsonschema.Draft202012Validator)
        self.assertEqual(report["host"]["modules"], ["kvm", "kvm_amd"])
        self.assertGreater(report["accesses"], 100_000)
        known = {d["known"] for d in report["departures"]}
        self.assertIn("kvm-esr-always-zero", known)
        self.assertIn("kvm-svm-tpr-subclass-lost", known)  # of kvm_amd alone


if __name__ == "__main__":
    program.main()
