"""Models that are wrong in one place: what becomes of every fortieth."""

import json
import signal
import subprocess
import time
import unittest

import jsonschema

import program


class Mutate(program.Case):
    @classmethod
    def setUpClass(cls):
        cls.result = program.run("mutate", "--every", "40", "--format", "json")

    def test_the_report_is_by_its_schema(self):
        schema = json.loads((program.SOURCE / "specs/schema/mutate-report.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(self.result.json())

    def test_none_survives(self):
        self.assertEqual(self.result.status, 0)
        report = self.result.json()
        fates = [mutant["fate"] for mutant in report["mutants"]]
        for fate in ("killed", "survived", "unknown", "allowed"):
            self.assertEqual(report[fate], fates.count(fate))
        self.assertGreater(report["killed"], 10)
        self.assertEqual([m for m in report["mutants"] if m["fate"] in ("survived", "unknown")], [])

    def test_the_text_counts_the_same(self):
        out = self.expect(0, "mutate", "--every", "200").out
        self.assertRegex(out, r"^\n?\d mutants: \d killed, 0 survived, 0 not decided, \d equivalent")

    def test_an_interrupt_ends_it(self):
        default = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
        with subprocess.Popen([program.PATH, "mutate"], stdout=subprocess.PIPE, preexec_fn=default) as process:
            time.sleep(2)  # the solver is at work
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.communicate(timeout=600)[0], b"")
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_every_is_a_number_above_0(self):
        for every in ("0", "-1", "x", "1.5"):
            self.assertIn("--every", self.expect(2, "mutate", "--every", every).err)


if __name__ == "__main__":
    program.main()
