"""The interrupt ledger: its forms, and that a part of a recording never says more than the whole."""

import json
import os
import re
import stat

import jsonschema

import program

SCHEMA = json.loads((program.SOURCE / "specs/schema/interrupts-report.schema.json").read_text())
# What a finding of a part may rest on that the whole does not show: the interrupt was seen to go on later.
SEEN_LATER = {"halted-while-pending", "in-service"}


def findings(recording):
    """Kind, vCPU, vector and first line of each; `late` is `overtaken` of which the end was seen.

    Of EOIs that ended a lower vector only the first is told, and a part may begin behind it."""
    found = set()
    for conclusion in recording["conclusions"]:
        if conclusion["weight"] != "finding":
            continue
        kind = {"late": "overtaken"}.get(conclusion["kind"], conclusion["kind"])
        vcpu = recording["vcpus"][conclusion["vcpu"]]["id"]
        line = None if kind in ("eoi-of-lower", "storm") else conclusion["lines"][0]
        found.add((kind, vcpu, conclusion["vector"], line))
    return found


class Interrupts(program.Case):
    maxDiff = None

    def ledger(self, *arguments):
        result = program.run("interrupts", "--format", "json", *arguments)
        self.assertIn(result.status, (0, 4), result.err)
        report = result.json()
        jsonschema.Draft202012Validator(SCHEMA).validate(report)
        return report

    def test_every_recording_by_the_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        recordings = program.recordings()
        report = self.ledger(*recordings)
        self.assertEqual([trace["path"] for trace in report["traces"]], list(map(str, recordings)))
        for trace in report["traces"]:
            for recording in trace["recordings"]:
                for vcpu in recording["vcpus"]:
                    self.adds_up(trace["path"], vcpu)

    def adds_up(self, path, vcpu):
        for row in vcpu["vectors"]:
            where = f"{path}: {vcpu['label']}: vector {row['vector']}"
            self.assertEqual(sum(row["requested"].values()), row["accepted"], where)
            self.assertLessEqual(row["accept_to_injection"]["count"], row["injected"], where)
            self.assertLessEqual(row["injection_to_eoi"]["count"], row["ended"], where)
            for waits in ("accept_to_injection", "injection_to_eoi", "accept_to_eoi"):
                longest = row[waits]["longest"]
                if longest is not None:
                    self.assertLess(longest["from_line"], longest["to_line"], where)

    def test_two_runs_give_the_same_bytes(self):
        for form in ("text", "json", "html"):
            arguments = ["interrupts", "--format", form, *program.recordings()]
            self.assertEqual(program.run(*arguments).out, program.run(*arguments).out)

    def test_no_recording_of_a_right_apic_has_an_interrupt_that_was_overtaken(self):
        for path in program.recordings():
            for recording in self.ledger(path)["traces"][0]["recordings"]:
                kinds = {kind for kind, *_ in findings(recording)}
                self.assertFalse(kinds & {"overtaken", "eoi-of-nothing", "sipi-without-effect"}, path)

    def test_a_part_finds_nothing_that_the_whole_does_not(self):
        for name in ("probe-smp2", "fixed-smp1", "ioapic-x2apic-smp4", "smptest-2", "probe-eoi-clears-lowest"):
            text = program.recording(name).read_text()
            lines = text.splitlines(keepends=True)
            head = [line for line in lines[:12] if line.startswith("#")]
            whole = set()
            for recording in self.ledger(program.recording(name))["traces"][0]["recordings"]:
                whole |= findings(recording)
            for part in range(1, 12):
                at = len(lines) * part // 12
                self.holds_of_part(name, whole, lines[:at], 0)
                # Lines are counted from the new beginning.
                self.holds_of_part(name, whole, head + lines[max(at, len(head)):], max(at, len(head)) - len(head))

    def holds_of_part(self, name, whole, lines, shift):
        path = self.file("".join(lines))
        text = program.run("interrupts", path).out
        self.assertNotRegex(text, r"\b(lost|never)\b(?! events)", name)
        for trace in self.ledger(path)["traces"]:
            for recording in trace["recordings"]:
                for kind, vcpu, vector, line in findings(recording):
                    if kind not in SEEN_LATER:
                        there = None if line is None else line + shift
                        self.assertIn((kind, vcpu, vector, there), whole, f"{name}: {len(lines)} lines")

    def test_filtered_tracepoints_find_nothing_new(self):
        for name in ("probe-smp2", "fixed-smp1"):
            lines = program.recording(name).read_text().splitlines(keepends=True)
            for missing in ("kvm_inj_virq", "kvm_eoi", "kvm_apic_accept_irq", "kvm_apic_ipi", "kvm_msr", "kvm_apic", "kvm_entry"):
                kept = [line for line in lines if f": {missing}: " not in line]
                for recording in self.ledger(self.file("".join(kept)))["traces"][0]["recordings"]:
                    self.assertEqual({f for f in findings(recording) if f[0] not in SEEN_LATER}, set(), f"{name} {missing}")

    def test_exit_statuses(self):
        head = "# tracer: nop\n#\n"
        line = "            qemu-44      [000] .....     1.000010: "
        self.expect(4, "interrupts", self.file(head + line + "kvm_entry: vcpu 0, rip 0x4000\n"))
        self.expect(0, "interrupts", self.file(head + line + "kvm_apic_accept_irq: apicid 0 vec 65 (Fixed|edge)\n"))
        self.expect(2, "interrupts", self.folder / "missing.txt")
        self.expect(2, "interrupts", self.file("{}"))
        self.expect(2, "interrupts")

    def test_the_page_needs_nothing_beside_it(self):
        page = self.folder / "page.html"
        result = self.expect(0, "interrupts", "--format", "html", "-o", page, program.recording("probe-smp2"))
        self.assertEqual(result.out, "")
        text = page.read_text()
        self.assertIsNone(re.search(r"(src|href)\s*=|url\(|https?://|@import", text))
        data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)[1])
        self.assertEqual(len(data["deliveries"]) % data["width"], 0)
        self.assertGreater(len(data["deliveries"]), 0)

    def test_only_a_regular_file_is_replaced(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        link = self.folder / "link"
        link.symlink_to(pipe)
        for path in (pipe, link):
            result = self.expect(2, "interrupts", "-o", path, program.recording("smptest-2"))
            self.assertIn("no regular file", result.err)
        self.assertTrue(stat.S_ISFIFO(pipe.stat().st_mode))
        self.assertTrue(link.is_symlink())
        self.expect(2, "interrupts", "-o", self.folder / "missing/page.txt", program.recording("smptest-2"))

    def test_a_name_in_the_recording_is_no_markup(self):
        name = "<script>alert(1)<!--.txt"
        path = self.file(program.recording("smptest-2").read_bytes(), name)
        text = program.run("interrupts", "--format", "html", path).out
        self.assertNotIn("<script>alert", text)


if __name__ == "__main__":
    program.main()
