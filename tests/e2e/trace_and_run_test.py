"""A recording made while a program runs, against what the run itself saw and judged.

Both must tell of the same accesses with the same answers, and find the same divergences but for what a trace
cannot show (docs/live.md)."""

import collections
import json
import pathlib
import re
import unittest

import program
import rich_program
import run_test
import tracing

ACCESS = re.compile(
    r" kvm_msr: msr_(?P<msr>read|write) (?P<index>[0-9a-f]+) = (?P<data>0x[0-9a-f]+)(?P<gp> \(#GP\))?$"
    r"| kvm_mmio: mmio (?P<mmio>read|write) len (?P<size>\d+) gpa (?P<gpa>0x[0-9a-f]+) val (?P<val>0x[0-9a-f]+)$")
LOADS_STATE = ("save-load", "reset")


THREAD = re.compile(r"^.{16}-(\d+) ")


def without_other_guests(text, ours):
    """A recording holds every guest of the machine: less the threads that run others' vCPUs."""
    lines = text.splitlines(keepends=True)
    runs = {THREAD.match(line)[1] for line in lines if "cmd: 0xae80," in line} - {ours}
    return "".join(line for line in lines if not (found := THREAD.match(line)) or found[1] not in runs)


def host_vendor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    return "amd" if "AuthenticAMD" in text else "intel"


def accesses_of_trace(text):
    """(action, address, value, #GP); of a read that faulted no value."""
    for line in text.splitlines():
        found = ACCESS.search(line)
        if not found:
            continue
        if found["msr"]:
            kind = {"read": "rdmsr", "write": "wrmsr"}[found["msr"]]
            faulted_read = kind == "rdmsr" and found["gp"]
            yield kind, int(found["index"], 16), None if faulted_read else int(found["data"], 16), bool(found["gp"])
        else:
            yield f"mmio-{found['mmio']}", int(found["gpa"], 16), int(found["val"], 16), False


def accesses_of_run(steps):
    for step in steps:
        outcome = step["outcome"]
        if step["do"] in ("rdmsr", "wrmsr", "mmio-read", "mmio-write"):
            address = int(step.get("msr") or step["address"], 16)
            value = step["value"] if "value" in step else outcome.get("value")
            yield step["do"], address, None if value is None else int(value, 16), outcome["gp"]


def kinds_of_run(steps):
    """Each kind of divergence with the steps that show it."""
    kinds = collections.defaultdict(list)
    for index, step in enumerate(steps):
        for divergence in step["judgement"].get("divergences", []):
            kinds[divergence["rule"], divergence["mode"], divergence["register"]].append(index)
    return kinds


def register_of(step):
    return next(d["register"] for d in step["judgement"]["divergences"])


def kinds_of_check(report):
    return {(d["rule"], d["mode"], d["access"]["register"]) for d in report["divergences"]}


def has_withdrawn(report):
    return any("withdrawn" in note for note in report["notes"])


@tracing.needs_tracing
@run_test.needs_kvm
class TraceAndRun(program.Case):
    @classmethod
    def setUpClass(cls):
        cls.temporary = program.tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        folder = pathlib.Path(cls.temporary.name)
        (folder / "rich.json").write_text(json.dumps(rich_program.rich()))
        trace = folder / "rich.txt"
        command = 'echo $$ > "$1" && exec "$2" run "$3" --on kvm --format json'
        # On a busy host the thread is off its CPU for long, so that check withdraws what it may have missed there.
        for _ in range(5):
            trace.unlink(missing_ok=True)
            recorded = program.run("record", "-o", trace, "--", "sh", "-c", command, "sh", folder / "id", program.PATH,
                                   folder / "rich.json")
            assert recorded.status == 0, recorded.err
            cls.steps = recorded.json()["steps"]
            cls.text = without_other_guests(trace.read_text(), (folder / "id").read_text().strip())
            trace.write_text(cls.text)
            report = program.run("check", "--cpu", host_vendor(), "--format", "json", trace)
            cls.report = report.json()["traces"][0]
            if not has_withdrawn(cls.report):
                break

    def setUp(self):
        super().setUp()
        if any("hardware virtualizes" in note for note in self.report["notes"]):
            self.skipTest("hardware virtualizes the APIC here: most accesses leave no event")
        if self.report["lost_events"]:
            self.skipTest(f"{self.report['lost_events']} events were lost")

    def test_the_trace_has_each_access_of_the_run_with_its_answer(self):
        of_run = list(accesses_of_run(self.steps))
        of_trace = list(accesses_of_trace(self.text))
        self.assertGreater(len(of_run), 5000)
        for index, (ours, theirs) in enumerate(zip(of_run, of_trace)):
            self.assertEqual(ours, theirs, f"access {index}")
        self.assertEqual(len(of_run), len(of_trace))

    def test_what_the_trace_shows_diverging_diverged_in_the_run(self):
        self.assertEqual(kinds_of_check(self.report) - set(kinds_of_run(self.steps)), set())

    def is_beyond_a_trace(self, index):
        step = self.steps[index]
        if step["do"] not in ("rdmsr", "wrmsr", "mmio-read", "mmio-write"):
            # Which vector was taken shows in kvm_inj_virq, if KVM has it here.
            return "kvm_inj_virq:" not in self.text
        # A MOV to CR8, which leaves no event, clears TPR[3:0], and so those of PPR.
        if register_of(step) in ("tpr", "ppr") and int(step["outcome"].get("value", "0xf"), 16) & 0xf == 0:
            return True
        # What userspace set is unknown to whoever sees only that it did.
        return any(earlier["do"] in LOADS_STATE and earlier["vcpu"] == step["vcpu"] for earlier in self.steps[:index])

    def test_what_diverged_in_the_run_shows_in_the_trace_unless_a_trace_cannot_show_it(self):
        if has_withdrawn(self.report):
            self.skipTest("the host is too busy: five recordings in turn have pauses in which events may be missing")
        kinds = kinds_of_run(self.steps)
        self.assertGreater(len(kinds), 10)
        shown = kinds_of_check(self.report)
        for kind, steps in kinds.items():
            if all(self.is_beyond_a_trace(index) for index in steps):
                continue
            self.assertIn(kind, shown, f"steps {steps[:5]}")


if __name__ == "__main__":
    program.main()
