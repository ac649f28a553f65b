"""Proofs and refutations: the matrix, the runs that refute as files, and what becomes of a damaged file."""

import json
import pathlib
import tempfile
import unittest

import jsonschema

import program

SCHEMAS = program.SOURCE / "specs/schema"
# What the window may do: few, and refuted by some implementation each.
WINDOW = [
    "no-mmio-read-in-x2apic",
    "no-mmio-effect-in-x2apic",
    "no-mmio-read-when-disabled",
    "no-mmio-effect-when-disabled",
    "closed-window-tells-nothing",
    "mmio-isolation",
    "no-msi-from-window",
]


def validator(name):
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / name).read_text()))


REPORT = validator("prove-report.schema.json")
REPLAYS = validator("replay-report.schema.json")
PROGRAM = validator("program.schema.json")


class Matrix(program.Case):
    """The window's properties, proved once with each number of jobs."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.runs = {}
        for jobs in ("1", "2"):
            to = pathlib.Path(folder.name) / jobs / "runs"
            result = program.run(
                "prove", "--property", *WINDOW, "--format", "json", "--jobs", jobs, "--export", to, "--witnesses"
            )
            files = {path.name: path.read_text() for path in to.iterdir()}
            cls.runs[jobs] = (result, files, to)

    def setUp(self):
        super().setUp()
        self.result, self.files, self.exported = self.runs["2"]
        self.results = {(r["impl"], r["property"]): r for r in self.result.json()["results"]}

    def counterexamples(self):
        return {name: text for name, text in self.files.items() if not name.endswith(".witness.json")}

    def test_the_schemas_are_schemas(self):
        for schema in (REPORT, REPLAYS, PROGRAM):
            schema.check_schema(schema.schema)

    def test_the_report_is_by_its_schema(self):
        REPORT.validate(self.result.json())

    def test_two_runs_give_the_same_bytes_whatever_the_jobs(self):
        self.assertEqual(self.runs["1"][0].out, self.runs["2"][0].out)
        self.assertEqual(self.runs["1"][1], self.runs["2"][1])

    def test_the_mails_answers(self):
        refuted = {key for key, r in self.results.items() if r["status"] == "refuted"}
        self.assertEqual(
            refuted,
            {
                ("kvm-2018", "no-mmio-read-in-x2apic"),
                ("kvm-2018", "no-mmio-effect-in-x2apic"),
                ("kvm-2018", "closed-window-tells-nothing"),
                ("userspace-qemu", "no-mmio-effect-in-x2apic"),
                ("userspace-qemu", "no-mmio-effect-when-disabled"),
                ("userspace-qemu", "no-msi-from-window"),
                ("flexpriority", "mmio-isolation"),
                ("shadow-page-vm", "mmio-isolation"),
            },
        )
        self.assertEqual(self.result.status, 1)
        self.assertEqual(self.results["kvm-2018", "no-mmio-read-in-x2apic"]["steps"], 2)

    def test_one_file_for_each_refuting_run(self):
        refuted = {f"{i}.{p}.json" for (i, p), r in self.results.items() if r["status"] == "refuted"}
        self.assertEqual(set(self.counterexamples()), refuted)
        self.assertFalse([name for name in self.files if "part" in name])

    def test_each_file_is_an_access_program(self):
        self.assertGreater(len(self.files), len(self.counterexamples()))
        for name, text in self.files.items():
            with self.subTest(name):
                PROGRAM.validate(json.loads(text))

    def test_the_fault_of_the_mail_as_a_file(self):
        file = json.loads(self.files["kvm-2018.no-mmio-read-in-x2apic.json"])
        enter, read = file["steps"]
        self.assertEqual((enter["do"], enter["msr"], enter["value"]), ("wrmsr", "0x1b", "0xfee00d00"))
        self.assertEqual((read["do"], read["address"]), ("mmio-read", "0xfee00030"))
        self.assertEqual(read["outcome"]["value"], "0x50014")
        self.assertIn("any value that does not come from the APIC", read["allowed"]["text"])
        self.assertEqual(file["rules"], ["M01"])
        self.assertRegex(file["solver"], r"^Z3 \d+\.\d+\.\d+$")

    def test_replayed_each_run_shows_what_it_was_kept_for(self):
        paths = sorted(self.exported.iterdir())
        result = self.expect(1, "replay", "--format", "json", *paths)
        REPLAYS.validate(result.json())
        for replay in result.json()["replays"]:
            self.assertEqual(replay["shows"], replay["kind"] == "counterexample", replay["path"])

    def test_replayed_elsewhere_it_shows_where_the_property_is_refuted(self):
        for name in sorted(self.counterexamples()):
            replay = ["replay", self.exported / name]
            self.expect(0, *replay, "--impl", "kvm-rfc")
            self.expect(0, *replay, "--impl", "sdm")
        fault = self.exported / "kvm-2018.no-mmio-read-in-x2apic.json"
        out = self.expect(0, "replay", fault, "--impl", "kvm-rfc").out
        self.assertIn("kvm-rfc does not violate no-mmio-read-in-x2apic", out)
        self.assertIn("0xffffffff, not from the APIC", out)

    def test_a_damaged_file_is_refused_with_path_and_reason(self):
        whole = json.loads(self.files["flexpriority.mmio-isolation.json"])

        def changed(change):
            copy = json.loads(json.dumps(whole))
            change(copy)
            return json.dumps(copy)

        for damage, reason in (
            ("", "not JSON"),
            ("[]", "not an access program"),
            (self.files["flexpriority.mmio-isolation.json"][:300], "not JSON"),
            (changed(lambda f: f.pop("kind")), 'has no "kind"'),
            (changed(lambda f: [f.pop(key) for key in ("kind", "property")]), "run it with: lapicheck run"),
            (changed(lambda f: f.update(kind="proof")), '/kind: "proof"'),
            (changed(lambda f: f.update(impl="kvm-2017")), "near: kvm-2018"),
            (changed(lambda f: f.update(impl=7)), "/impl: 7 is no string"),
            (changed(lambda f: f.update(property="mmio-isolatoin")), "near: mmio-isolation"),
            (changed(lambda f: f.pop("other_run")), 'has no "other_run"'),
            (changed(lambda f: f.update(other_run={})), '/other_run: has no "steps"'),
            (changed(lambda f: f["other_run"]["steps"][0].update(do="dance")), "/other_run: /steps/0/do"),
            (changed(lambda f: f["steps"][0].update(do="halt", msr=None)), "/steps/0/msr"),
            (changed(lambda f: f["steps"].clear()), "/steps: there is no step"),
            (changed(lambda f: f["steps"][0].update(vcpu=9)), "/steps/0/vcpu"),
            (changed(lambda f: f["steps"][0].update(choices={"B15.way.0": "x"})), "/steps/0/choices/B15.way.0"),
            (changed(lambda f: f["apic"].update(version=5)), "/apic/version"),
            (changed(lambda f: f["machine"]["vcpus"][1].update(apic_id=7)), "/machine/vcpus/1/apic_id"),
        ):
            with self.subTest(reason):
                err = self.expect(2, "replay", self.file(damage, "damaged.json")).err
                self.assertIn("damaged.json", err)
                self.assertIn(reason, err)

    def test_what_no_model_can_be_told_is_refused(self):
        file = json.loads(self.files["kvm-2018.no-mmio-read-in-x2apic.json"])
        file["steps"].insert(1, {"vcpu": 0, "do": "halt"})
        err = self.expect(2, "replay", self.file(json.dumps(file), "halt.json")).err
        self.assertIn('halt.json: /steps/1/do: "halt"', err)

    def test_a_damaged_file_does_not_keep_the_others_from_being_replayed(self):
        fault = self.exported / "kvm-2018.no-mmio-read-in-x2apic.json"
        result = self.expect(2, "replay", self.file("{}", "damaged.json"), fault)
        self.assertIn("kvm-2018 violates no-mmio-read-in-x2apic", result.out)


class Prove(program.Case):
    def test_0_if_all_that_was_asked_holds(self):
        out = self.expect(0, "prove", "--impl", "kvm-rfc", "--property", "no-mmio-read-in-x2apic").out
        self.assertIn("no-mmio-read-in-x2apic  holds", out)

    def test_what_the_manual_leaves_open_is_not_applicable_to_it(self):
        out = self.expect(0, "prove", "--impl", "sdm", "--property", "no-memory-in-closed-window").out
        self.assertIn("n/a", out)

    def test_unknown_names_have_advice(self):
        self.assertIn("near: kvm-2018", self.expect(2, "prove", "--impl", "kvm-2019").err)
        self.assertIn("near: mmio-isolation", self.expect(2, "prove", "--property", "mmio-isolatoin").err)
        self.assertIn("kvm-2018", self.expect(2, "replay", "--impl", "kvm-2019", self.file("{}")).err)

    def test_timings_tell_what_each_result_cost(self):
        asked = ["prove", "--impl", "kvm-2018", "--property", "no-mmio-read-in-x2apic", "mode-transitions", "--timings"]
        report = self.expect(1, *asked, "--format", "json").json()
        REPORT.validate(report)
        for result in report["results"]:
            self.assertGreater(result["cost"]["questions"], 0)
        text = self.expect(1, *asked).out
        self.assertRegex(text, r"\n +[0-9.]+ +[0-9]+  kvm-2018 no-mmio-read-in-x2apic\n")
        self.assertRegex(text, r"\n +[0-9.]+ +[0-9]+  all 2 results\n$")

    def test_a_party_is_asked_whether_it_shows_each_counterexample(self):
        asked = ["prove", "--impl", "kvm-2018", "kvm-rfc", "--property", "no-mmio-read-in-x2apic", "--confirm"]
        for party, answer in (("model:kvm-2018", "shows"), ("model:kvm-rfc", "does-not")):
            report = self.expect(1, *asked, party, "--format", "json").json()
            REPORT.validate(report)
            self.assertEqual(report["party"], party)
            (confirmation,) = report["confirmations"]
            self.assertEqual((confirmation["impl"], confirmation["answer"]), ("kvm-2018", answer))
        self.assertIn("kvm-2018 no-mmio-read-in-x2apic: model:kvm-rfc does not show it\n",
                      self.expect(1, *asked, "model:kvm-rfc").out)

    def test_an_export_that_cannot_be_written_is_an_error(self):
        blocked = self.file("", "blocked")
        run = ["prove", "--impl", "kvm-2018", "--property", "no-mmio-read-in-x2apic", "--export"]
        self.assertIn("blocked", self.expect(2, *run, blocked / "runs").err)
        taken = self.folder / "taken"
        (taken / "kvm-2018.no-mmio-read-in-x2apic.json").mkdir(parents=True)
        self.assertIn("cannot write", self.expect(2, *run, taken).err)
        self.assertEqual([path.suffix for path in taken.iterdir()], [".json"])


if __name__ == "__main__":
    program.main()
