"""The JSON report: by its schema, and the same from run to run."""

import json

import jsonschema

import program

SCHEMA = json.loads((program.SOURCE / "specs/schema/check-report.schema.json").read_text())


class Json(program.Case):
    def validated(self, *arguments):
        result = program.run("check", "--format", "json", *arguments)
        self.assertIn(result.status, (0, 1, 2, 4), result.err)
        report = result.json()
        jsonschema.Draft202012Validator(SCHEMA).validate(report)
        return result, report

    def test_the_schema_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_every_recording_under_both_profiles(self):
        recordings = program.recordings()
        for profile in ("sdm", "kvm"):
            _, report = self.validated("--profile", profile, *recordings)
            self.assertEqual(report["profile"], profile)
            self.assertEqual([trace["path"] for trace in report["traces"]], list(map(str, recordings)))
            for trace in report["traces"]:
                self.holds_together(trace)

    def holds_together(self, trace):
        unknown = [d for d in trace["divergences"] if d["known"] is None]
        self.assertEqual(trace["verdict"] == "diverges", bool(unknown), trace["path"])
        self.assertEqual(trace["checked"] + trace["undetermined"], trace["accesses"], trace["path"])
        for divergence in trace["divergences"]:
            self.assertLessEqual(divergence["first_line"], divergence["line"])
            for because in divergence["because"]:
                self.assertLess(because["line"], divergence["first_line"])

    def test_known_departures_are_known_under_the_kvm_profile_only(self):
        path = program.recording("probe-smp2")
        known = {}
        for profile in ("sdm", "kvm"):
            _, report = self.validated("--profile", profile, path)
            known[profile] = [d["known"] for d in report["traces"][0]["divergences"]]
        self.assertEqual(set(known["sdm"]), {None})
        self.assertNotIn(None, known["kvm"])
        self.assertEqual(len(known["sdm"]), len(known["kvm"]))

    def test_the_vendor_that_was_told_is_in_the_report(self):
        path = program.recording("smptest-2")
        for cpu in ("intel", "amd"):
            self.assertEqual(self.validated("--cpu", cpu, path)[1]["cpu"], cpu)
        self.assertIsNone(self.validated(path)[1]["cpu"])

    def test_an_input_that_cannot_be_read_is_an_entry_with_its_reason(self):
        missing, foreign = self.folder / "missing.txt", self.file('{"a": 1}', "foreign.json")
        result, report = self.validated(missing, program.recording("smptest-2"), foreign)
        self.assertEqual(result.status, 2)
        self.assertEqual([trace["verdict"] for trace in report["traces"]], [None, "conforms", None])
        self.assertIn("cannot open: No such file", report["traces"][0]["error"])
        self.assertIn("JSON, not a trace", report["traces"][2]["error"])
        self.assertIsNone(report["traces"][1]["error"])
        for trace in (report["traces"][0], report["traces"][2]):
            self.assertIn(trace["error"], result.err)

    def test_a_recording_without_a_record(self):
        self.validated(self.file("# tracer: nop\n#\n"))

    def test_a_file_without_even_a_header(self):
        self.validated(self.file("\n\n"))

    def test_two_runs_give_the_same_bytes(self):
        for profile in ("sdm", "kvm"):
            for form in ("text", "json"):
                arguments = ["check", "--profile", profile, "--format", form, *program.recordings()]
                self.assertEqual(program.run(*arguments).out, program.run(*arguments).out)


if __name__ == "__main__":
    program.main()
