"""What kvm-6.18 does that the manual does not allow, held against what is known of KVM."""

import json
import pathlib
import tempfile
import unittest

import jsonschema

import program

SCHEMAS = program.SOURCE / "specs/schema"


def validator(name):
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / name).read_text()))


class Refine(program.Case):
    """Asked once: it takes a minute."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.to = pathlib.Path(folder.name) / "runs"
        cls.result = program.run(
            "prove", "--impl", "kvm-6.18", "--refines", "sdm", "--format", "json", "--export", cls.to, hangs_after=800
        )

    def setUp(self):
        super().setUp()
        (self.kvm,) = self.result.json()["results"]

    def test_the_report_is_by_its_schema(self):
        self.assertEqual(self.result.status, 1)
        schema = validator("refine-report.schema.json")
        schema.check_schema(schema.schema)
        schema.validate(self.result.json())
        self.assertTrue(self.kvm["complete"])

    def test_each_departure_that_is_found_is_known(self):
        self.assertGreater(len(self.kvm["departures"]), 20)
        self.assertEqual([d for d in self.kvm["departures"] if not d["known"]], [])

    def test_each_known_departure_is_found_or_has_a_reason(self):
        self.assertEqual(self.kvm["known_missing"], [])
        known = {d["id"] for d in json.loads((program.SOURCE / "specs/kvm-departures.json").read_text())["departures"]}
        shown = {id for d in self.kvm["departures"] for id in d["known"]}
        explained = {entry["id"] for entry in self.kvm["known_not_shown"]}
        self.assertEqual(shown | explained, known)
        self.assertEqual(shown & explained, set())

    def test_each_run_is_a_file_that_run_takes(self):
        files = sorted(self.to.iterdir())
        self.assertEqual(len(files), len(self.kvm["departures"]))
        schema = validator("program.schema.json")
        for path in files:
            self.assertRegex(path.name, r"^kvm-6\.18\.[A-Z]\d\d[a-z]?\.\d+\.json$")
            schema.validate(json.loads(path.read_text()))
        out = self.expect(1, "run", "--on", "model:kvm-6.18", self.to / "kvm-6.18.X07.1.json").out
        self.assertIn("X07", out)

    def test_each_run_carried_out_again_departs_and_the_manual_does_not(self):
        files = sorted(self.to.iterdir())
        for impl, status in (("kvm-6.18", 1), ("sdm", 0)):
            report = self.expect(status, "replay", "--impl", impl, "--format", "json", *files).json()
            validator("replay-report.schema.json").validate(report)
            self.assertEqual({r["shows"] for r in report["replays"]}, {status == 1})
            self.assertEqual(len(report["replays"]), len(files))

    def test_a_departure_says_what_was_done_and_what_is_allowed(self):
        (eoi,) = [d for d in self.kvm["departures"] if d["rule"] == "X07"]
        self.assertEqual(eoi["steps"], ["WRMSR 1BH (apic_base) = 0xfee00d00", "WRMSR 80BH (eoi) = 0x1"])
        self.assertEqual(eoi["difference"], "gp-missing")
        self.assertEqual(eoi["did"], "EOI with ISR empty")
        self.assertEqual(eoi["allowed"], "#GP, and nothing changes")
        self.assertEqual(eoi["known"], ["kvm-x2apic-eoi-nonzero-accepted"])


class Usage(program.Case):
    def test_the_manual_refines_itself(self):
        out = self.expect(0, "prove", "--impl", "sdm", "--refines", "sdm").out
        self.assertIn("sdm: 0 departures from the manual; the manual allows everything else that it does", out)

    def test_what_does_not_go_with_it_is_refused(self):
        refines = ["prove", "--impl", "sdm", "--refines", "sdm"]
        for option in (["--property", "mmio-isolation"], ["--dump-smt2", self.folder], ["--timings"]):
            err = self.expect(2, *refines, *option).err
            self.assertIn("--refines", err)
            self.assertIn(option[0], err)


if __name__ == "__main__":
    program.main()
