"""Divergences of recordings as runs from RESET."""

import json

import jsonschema

import program

PROGRAM = jsonschema.Draft202012Validator(json.loads((program.SOURCE / "specs/schema/program.schema.json").read_text()))
REPLAYS = jsonschema.Draft202012Validator(
    json.loads((program.SOURCE / "specs/schema/replay-report.schema.json").read_text())
)


class Export(program.Case):
    def exported(self, recording, *options):
        to = self.folder / "runs"
        result = self.expect(1, "check", *options, "--export", to, program.recording(recording))
        return result, sorted(to.iterdir())

    def test_the_fault_of_2018_takes_two_steps(self):
        _, paths = self.exported("x2apic-mmio-alive-smp1")
        self.assertEqual([path.name for path in paths], ["x2apic-mmio-alive-smp1.M01.1.json"])
        file = json.loads(paths[0].read_text())
        enter, read = file["steps"]
        self.assertEqual((enter["do"], enter["msr"], enter["value"]), ("wrmsr", "0x1b", "0xfee00d00"))
        self.assertEqual((read["do"], read["address"], read["size"]), ("mmio-read", "0xfee00030", 4))
        self.assertEqual(read["outcome"]["value"], "0x50014")
        self.assertEqual(file["trace"]["line"], 34211)
        self.assertIn("0x50014, KVM's kvm_apic event shows that the register was accessed", self.expect(1, "replay", paths[0]).out)
        self.expect(1, "replay", paths[0], "--impl", "kvm-2018")
        self.expect(0, "replay", paths[0], "--impl", "kvm-rfc")

    def test_every_divergence_of_the_probes_is_shown_from_reset(self):
        for recording in ("probe-sw-disable-lvt-not-masked", "probe-eoi-clears-lowest"):
            with self.subTest(recording):
                result, paths = self.exported(recording)
                self.assertEqual(result.err, "")
                report = program.run("check", "--format", "json", program.recording(recording)).json()
                own = [path for path in paths if path.name.startswith(recording)]
                self.assertEqual(len(own), len(report["traces"][0]["divergences"]))
                for path in own:
                    PROGRAM.validate(json.loads(path.read_text()))
                replays = self.expect(1, "replay", "--format", "json", *own).json()
                REPLAYS.validate(replays)
                self.assertTrue(all(replay["shows"] for replay in replays["replays"]))
                self.expect(0, "replay", "--impl", "sdm", *own)

    def test_an_ipi_that_is_not_the_commanded_one(self):
        """Each field of the command that kvm_apic_ipi shows otherwise."""
        for rule, sent in (
            ("I02", "dst 1 vec 69 (LowPrio|physical|assert|edge|dst)"),
            ("I02", "dst 1 vec 70 (Fixed|physical|assert|edge|dst)"),
            ("I05", "dst 1 vec 69 (Fixed|physical|assert|edge|all)"),
            ("I09", "dst 1 vec 69 (Fixed|logical|assert|edge|dst)"),
            ("I09", "dst 2 vec 69 (Fixed|physical|assert|edge|dst)"),
        ):
            lines = [
                "kvm_msr: msr_write 1b = 0xfee00d00",
                f"kvm_apic_ipi: {sent}",
                "kvm_apic: apic_write APIC_ICR = 0x100004045",
                "kvm_msr: msr_write 830 = 0x100004045",
                "kvm_userspace_exit: reason KVM_EXIT_IO (2)",
            ]
            text = "# tracer: nop\n#\n" + "".join(
                f"       CPU 0/KVM-10      [000] d..1.     1.0000{i}0: {line}\n" for i, line in enumerate(lines, 1)
            )
            with self.subTest(sent):
                to = self.folder / sent.replace("|", " ").replace(" ", "-")
                self.expect(1, "check", "--export", to, self.file(text, "sent.txt"))
                (path,) = to.iterdir()
                self.assertIn(f".{rule}.", path.name)
                PROGRAM.validate(json.loads(path.read_text()))
                self.expect(1, "replay", path)
                self.expect(0, "replay", "--impl", "sdm", path)

    def test_known_departures_are_not_exported(self):
        _, paths = self.exported("probe-eoi-clears-lowest", "--profile", "kvm")
        self.assertEqual({path.name.split(".")[1] for path in paths}, {"P04"})

    def test_a_damaged_file_is_refused(self):
        _, paths = self.exported("x2apic-mmio-alive-smp1")
        file = json.loads(paths[0].read_text())
        for change, reason in (
            (lambda f: f.pop("observed"), 'has no "observed"'),
            (lambda f: f.update(rules=["M99"]), "/rules/0: there is no rule 'M99'"),
            (lambda f: f.update(rules=["M01", "M02"]), "/rules: a divergence or departure has one rule"),
            (lambda f: f["steps"][1].pop("outcome"), '/steps/1: has no "outcome"'),
            (lambda f: f["observed"].update(ipis=-1), "/observed/ipis"),
        ):
            damaged = json.loads(json.dumps(file))
            change(damaged)
            with self.subTest(reason):
                self.assertIn(reason, self.expect(2, "replay", self.file(json.dumps(damaged), "d.json")).err)


if __name__ == "__main__":
    program.main()
