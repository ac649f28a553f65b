"""`audit`: a party examined by programs of lapicheck's own; what needs a KVM is skipped where there is none."""

import html.parser
import json
import os
import unittest

import jsonschema
import program

SCHEMAS = program.SOURCE / "specs/schema"
REPORT = json.loads((SCHEMAS / "audit-report.schema.json").read_text())
PROGRAM = json.loads((SCHEMAS / "program.schema.json").read_text())
HAS_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)
needs_kvm = unittest.skipUnless(HAS_KVM, "no KVM on this machine: /dev/kvm is missing or forbidden")


class AuditCase(program.Case):
    def audit(self, status, *arguments):
        report = self.expect(status, "audit", "--format", "json", *arguments).json()
        jsonschema.validate(report, REPORT, cls=jsonschema.Draft202012Validator)
        for departure in report["departures"]:
            jsonschema.validate(departure["program"], PROGRAM, cls=jsonschema.Draft202012Validator)
        return report

    def rules(self, report):
        return {(d["rule"], d["mode"]) for d in report["departures"]}

    def programs_show_it_again(self, party, folder, status=1):
        files = sorted(folder.glob("*.json"))
        self.assertTrue(files)
        for path in files:
            judged = self.expect(status, "run", path, "--on", party, "--format", "json").json()
            last = judged["steps"][-1]["judgement"]
            broken = {d["rule"] for d in last.get("divergences", [])}
            self.assertIn(path.name.split(".")[0], broken, path.name)


class OnModels(AuditCase):
    def test_programs_are_left_out_by_a_step_s_name(self):
        whole = self.expect(1, "audit", "--on", "model:kvm-6.18", "--format", "json").json()
        less = self.expect(1, "audit", "--on", "model:kvm-6.18", "--without", "cr8-write", "--format", "json").json()
        self.assertLess(less["accesses"], whole["accesses"])
        self.assertIn("programs with cr8-write: left out (--without)", less["not_examined"])
        self.assertIn("'cr8-writ'", self.expect(2, "audit", "--on", "model:kvm-6.18", "--without", "cr8-writ").err)

    def test_the_reference_departs_from_nothing(self):
        report = self.audit(0, "--on", "model:sdm")
        self.assertEqual(report["departures"], [])
        self.assertGreater(report["accesses"], 100_000)
        self.assertEqual(report["not_examined"], [])

    def test_the_fault_of_2018(self):
        report = self.audit(1, "--on", "model:kvm-2018", "--export", self.folder / "programs")
        self.assertEqual(self.rules(report), {("M01", "x2apic"), ("M02", "x2apic")})
        read = next(d for d in report["departures"] if d["rule"] == "M01")
        self.assertIn("version", read["registers"])
        self.assertIsNone(read["known"])
        self.assertEqual([step["do"] for step in read["program"]["steps"]], ["wrmsr", "mmio-read"])
        self.programs_show_it_again("model:kvm-2018", self.folder / "programs")

    def test_what_closes_the_window_departs_from_nothing(self):
        for name in ("kvm-rfc", "kvm-quirk-on", "kvm-quirk-off"):
            self.assertEqual(self.audit(0, "--on", f"model:{name}")["departures"], [], name)

    def test_known_departures_do_not_fail_it_under_their_profile(self):
        report = self.audit(1, "--on", "model:kvm-6.18")
        known = [d for d in report["departures"] if d["known"]]
        self.assertGreater(len(known), 10)
        self.assertIn(("X06", "x2apic"), self.rules(report))
        masked = next(d for d in report["departures"] if d["rule"] == "X06")
        self.assertEqual(masked["known"], "kvm-x2apic-reserved-low-bits-masked")
        self.assertTrue({"tpr", "svr", "dcr", "lvt_timer"} <= set(masked["registers"]))

    def test_the_manual_of_the_cpu_decides_where_the_two_differ(self):
        def of_one_vendor(cpu):
            report = self.audit(1, "--on", "model:kvm-6.18", "--cpu", cpu)
            self.assertEqual(report["cpu"], cpu)
            self.assertEqual({d["program"]["machine"]["vendor"] for d in report["departures"]}, {cpu})
            return {(d["rule"], register) for d in report["departures"] if d["by_one_vendor"]
                    for register in d["registers"]}
        amd, intel = of_one_vendor("amd"), of_one_vendor("intel")
        self.assertIn("apr", {register for _, register in amd})
        self.assertIn(("X10", "icr"), amd)
        self.assertIn(("I18", "tmr"), intel)
        self.assertEqual(amd & intel, set())

    def test_the_same_twice(self):
        outputs = {self.expect(1, "audit", "--on", "model:kvm-6.18", "--format", "json").out for _ in range(2)}
        self.assertEqual(len(outputs), 1)

    def test_text_names_rule_registers_and_program(self):
        out = self.expect(1, "audit", "--on", "model:kvm-2018").out
        for part in ("model:kvm-2018: 2 departures", "M01 no-mmio-read-in-x2apic (M)", "x2APIC mode",
                     "WRMSR 1BH (apic_base) = 0xfee00d00", "accesses checked"):
            self.assertIn(part, out)

    def test_one_page_that_needs_nothing_else(self):
        page = self.folder / "audit.html"
        self.expect(1, "audit", "--on", "model:kvm-2018", "--html", page)
        text = page.read_text()
        tags = []

        class Reader(html.parser.HTMLParser):
            def handle_starttag(self, tag, attributes):
                tags.append((tag, dict(attributes)))

        Reader().feed(text)
        self.assertNotIn("http", text)
        self.assertFalse([tag for tag, _ in tags if tag in ("script", "link", "img")])
        rows = [tag for tag, _ in tags if tag == "tr"]
        self.assertGreater(len(rows), 25)
        classes = {attributes.get("class") for tag, attributes in tags if tag == "td"}
        self.assertEqual(classes, {"ok", "bad"})


class Usage(AuditCase):
    def test_unknown_parties(self):
        self.assertIn("unknown target 'xen'; targets: kvm, model:NAME, image:NAME", self.expect(2, "audit", "--on", "xen").err)
        self.assertIn("kvm-2018", self.expect(2, "audit", "--on", "model:kvm-2081").err)

    def test_what_cannot_be_written(self):
        err = self.expect(2, "audit", "--on", "model:sdm", "--html", self.folder / "no/such/page.html").err
        self.assertIn("page.html", err)


@needs_kvm
class OnKvm(AuditCase):
    def test_the_same_departures_in_every_run_and_each_shows_again(self):
        folder = self.folder / "programs"
        first = program.run("audit", "--format", "json", "--export", folder)
        self.assertIn(first.status, (0, 1), first.err)
        second = program.run("audit", "--format", "json")
        report = first.json()
        jsonschema.validate(report, REPORT, cls=jsonschema.Draft202012Validator)
        self.assertTrue(report["host"]["kernel"])
        kinds = [
            sorted((d["rule"], d["mode"], d["known"] or "", tuple(d["registers"])) for d in run.json()["departures"])
            for run in (first, second)
        ]
        self.assertEqual(*kinds)
        if report["departures"]:
            self.programs_show_it_again("kvm", folder)


if __name__ == "__main__":
    program.main()
