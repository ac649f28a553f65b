"""Logs of kvm-unit-tests and of KVM's selftests, and the rules that their tests are about."""

import json

import jsonschema

import program

SCHEMA = json.loads((program.SOURCE / "specs/schema/check-report.schema.json").read_text())

# The form of kvm-unit-tests and of the selftests; made up, but for the fault of 2018.
LOG = """\
enabling apic
PASS: apic existence
PASS: apic_disable: Local apic enabled in x2APIC mode
FAIL: apic_disable: *0xfee00030: 50014
PASS: apic_disable: Local apic disabled
FAIL: apic_disable: *0xfee00030: 50014
PASS: x2apic enabled to invalid state
FAIL: x2apic enabled to apic enabled
FAIL: pic remap\x1b[31m
SKIP: tsc deadline timer
PASS: APIC physical broadcast address
"""
TAP = """\
TAP version 13
ok 1 selftests: kvm: xapic_ipi_test
not ok 2 selftests: kvm: xapic_state_test # exit=254
not ok 3 selftests: kvm: dirty_log_test # exit=254
ok 4 selftests: kvm: xapic_tpr_test # SKIP
"""


class Results(program.Case):
    def log(self, status, text):
        (log,) = self.expect(status, "results", "--format", "json", self.file(text, "a.log")).json()["logs"]
        return log

    def test_each_failed_test_has_its_rules(self):
        log = self.log(1, LOG)
        failed = [(r["line"], r["name"], r["rules"]) for r in log["failed"]]
        self.assertEqual(failed, [(4, "apic_disable: *0xfee00030: 50014", ["M01"]),
                                  (6, "apic_disable: *0xfee00030: 50014", ["M03"]),
                                  (8, "x2apic enabled to apic enabled", ["B03"]),
                                  (9, "pic remap?[31m", [])])
        self.assertEqual([r["rules"] for r in log["skipped"]], [["T10"]])
        self.assertEqual((log["passed_of_apic"], log["passed_others"]), (4, 1))

    def test_the_text_goes_on_from_there(self):
        out = self.expect(1, "results", self.file(LOG, "a.log")).out
        for part in ("a.log:4: FAIL: apic_disable", "M01 no-mmio-read-in-x2apic: In x2APIC mode", "lapicheck explain M01",
                     "lapicheck record"):
            self.assertIn(part, out)
        self.assertNotIn("\x1b", out)

    def test_selftests(self):
        log = self.log(1, TAP)
        self.assertEqual([(r["name"].split()[0], r["of_apic"]) for r in log["failed"]],
                         [("xapic_state_test", True), ("dirty_log_test", False)])
        self.assertEqual(len(log["skipped"]), 1)

    def test_the_log_of_the_fault_of_2018(self):
        logs = [path for path in program.CORPUS.rglob("*.log") if "FAIL: " in path.read_text(errors="replace")]
        for path in logs:
            self.assertIn(program.run("results", path).status, (1, 4), path)

    def test_beside_a_recording_each_failed_test_has_what_shows_it(self):
        recording = program.recording("x2apic-mmio-alive-smp1")
        log = self.file(LOG, "a.log")
        report = self.expect(1, "check", "--format", "json", recording, "--results", log).json()
        jsonschema.Draft202012Validator(SCHEMA).validate(report)
        (trace,) = report["traces"]
        ((alive, disabled, *_),) = [tests["failed"] for tests in trace["tests"]]
        lines = [d["line"] for d in trace["divergences"] if d["rule"] == "M01"]
        self.assertEqual([shown["line"] for shown in alive["shown_by"]], lines)
        self.assertGreater(len(lines), 0)
        self.assertEqual(disabled["shown_by"], [])
        out = self.expect(1, "check", recording, "--results", log).out
        self.assertIn(f"{recording}:{lines[0]} shows it: M01", out)
        self.assertIn("the recording shows no divergence from M03", out)

    def test_a_failed_test_beside_a_recording_that_conforms_is_a_failure(self):
        recording = program.recording("fixed-smp1")
        self.expect(1, "check", recording, "--results", self.file(LOG, "a.log"))
        self.expect(0, "check", recording, "--results", self.file("PASS: apic existence\n", "b.log"))
        self.assertIn("no log of", self.expect(2, "check", recording, "--results", self.file("x\n", "c.log")).err)
        self.assertIn("--results", self.expect(2, "check", recording, recording, "--results", self.file(LOG)).err)

    def test_exit_status(self):
        self.expect(0, "results", self.file("PASS: x2apic enabled to apic enabled\n"))
        self.expect(4, "results", self.file("PASS: something else\n"))
        self.assertIn("no log of kvm-unit-tests", self.expect(2, "results", self.file("hello\n")).err)
        self.expect(2, "results", self.folder / "missing.log")


if __name__ == "__main__":
    program.main()
