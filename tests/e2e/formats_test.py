"""One run, recorded in several formats: each reader must see the same events, and the judge find the same."""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import time
import unittest

import jsonschema

import program
import rich_program
import run_test
import tracing

SCHEMA = json.loads((program.SOURCE / "specs/schema/events.schema.json").read_text())
TRACING = pathlib.Path("/sys/kernel/tracing")


def converted(path, *options):
    result = program.run("convert", *options, path)
    assert result.status == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def events(lines):
    return [line for line in lines if line.get("event") not in (None, "thread", "belongs", "lost")]


def without_place(event):
    """Line numbers differ by the header of the text, which also rounds the time to microseconds."""
    return {key: value for key, value in event.items() if key not in ("line", "time")}


def divergences(path, *options):
    report = program.run("check", "--format", "json", *options, path).json()["traces"][0]
    return report, sorted((d["rule"], d["mode"], d["access"]["register"], d["count"]) for d in report["divergences"])


class Binary(program.Case):
    """trace.dat against the kernel's text of the same buffer."""

    dat = program.CORPUS / "kvm-6.18-pvm/smptest-2.dat"

    def test_the_binary_has_the_events_of_the_text(self):
        binary, text = (events(converted(path)) for path in (self.dat, program.recording("smptest-2")))
        self.assertGreater(len(binary), 2000)
        self.assertEqual(list(map(without_place, binary)), list(map(without_place, text)))
        for one, other in zip(binary, text):
            self.assertLessEqual(abs(one["time"] - other["time"]), 1000)

    def test_from_a_pipe_and_compressed(self):
        whole = converted(self.dat)
        packed = program.SOURCE / "traces/corpus/kvm-6.18-pvm/smptest-2.dat.zst"
        self.assertEqual(converted(packed), whole)
        with open(self.dat, "rb") as file:
            piped = program.run("convert", "-", stdin=file)
        self.assertEqual([json.loads(line) for line in piped.out.splitlines()], whole)

    def with_options(self, *options):
        """The file with these options before its own: (id, data)."""
        data = bytearray(self.dat.read_bytes())
        at = len(b"\x17\x08\x44tracing7\0") + 6
        for _ in range(2):  # compression and its version
            at = data.index(b"\0", at) + 1
        first = data[at:at + 8]
        data[at:at + 8] = struct.pack("<Q", len(data))
        added = b"".join(struct.pack("<HI", number, len(value)) + value for number, value in (*options, (0, first)))
        return self.file(bytes(data) + struct.pack("<HHIQ", 0, 0, 0, len(added)) + added, "options.dat")

    def test_times_are_shifted_and_converted_as_the_file_says(self):
        recorded = [event["time"] for event in events(converted(self.dat))]
        self.assertGreater(len(recorded), 100)
        offset, multiplier, shift = -1_234_567, 3_000_000_000, 31
        scale = struct.pack("<IIQ", multiplier, shift, 99)  # the last one is for guests alone
        cases = {
            "offset": ([(7, b"%d\0" % offset)], lambda time: time + offset),
            "hexadecimal": ([(7, b"0x100\0"), (7, b"1\0")], lambda time: time + 257),
            "scale": ([(14, scale)], lambda time: time * multiplier >> shift),
            "both": ([(7, b"%d\0" % offset), (14, scale)], lambda time: (time * multiplier >> shift) + offset),
            "damaged": ([(14, scale[:10])], lambda time: time),
        }
        for name, (options, expected) in cases.items():
            path = self.with_options(*options)
            times = [event["time"] for event in events(converted(path))]
            self.assertEqual(times, list(map(expected, recorded)), name)
            if shutil.which("trace-cmd") and name in ("offset", "hexadecimal"):
                report = subprocess.run(["trace-cmd", "report", "-t", "-i", path], capture_output=True, text=True,
                                        check=True).stdout
                shown = {int(a + b) for a, b in re.findall(r"\s(\d+)\.(\d{9}): ", report)}
                self.assertLessEqual(set(times), shown)

    def test_a_file_that_is_cut_anywhere_is_no_crash(self):
        whole = self.dat.read_bytes()
        for size in range(0, len(whole), len(whole) // 40):
            result = program.run("check", "--format", "json", self.file(whole[:size], "cut.dat"))
            # The last piece may only lack what stands behind the data.
            self.assertIn(result.status, (2,) if size < 0.9 * len(whole) else (0, 2), result.err)
            self.assertNotIn("Sanitizer", result.err)


class Jsonl(program.Case):
    def test_each_line_is_of_the_schema(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        validator = jsonschema.Draft202012Validator(SCHEMA)
        kinds = set()
        for name in ("probe-smp2", "reset-x2apic-ioctls", "ioapic-x2apic-smp4", "xapic-smp2-overrun"):
            of_kind = {}
            for line in converted(program.recording(name)):
                of_kind.setdefault(line.get("event"), []).append(line)
            kinds |= set(of_kind)
            for lines in of_kind.values():
                for line in lines[:20]:
                    validator.validate(line)
        self.assertGreater(len(kinds), 15)

    def test_what_is_written_is_read_as_the_same(self):
        for path in program.recordings():
            lines = program.run("convert", path).out
            again = program.run("convert", self.file(lines, "events.jsonl")).out
            self.assertEqual(again, lines, path)

    def test_the_verdict_is_that_of_the_recording(self):
        for name in ("probe-smp2", "x2apic-mmio-alive-smp1", "reset-x2apic", "init", "xapic-smp2-overrun"):
            jsonl = self.folder / "events.jsonl"
            self.expect(0, "convert", "-o", jsonl, program.recording(name))
            (report, found), (original, expected) = divergences(jsonl), divergences(program.recording(name))
            self.assertEqual(found, expected, name)
            for key in ("verdict", "accesses", "checked", "notes"):
                self.assertEqual(report[key], original[key], f"{name}: {key}")
            self.assertEqual([d["line"] for d in report["divergences"]], [d["line"] for d in original["divergences"]])

    def test_a_line_that_cannot_be_read_is_a_hole_with_its_reason(self):
        good = '{"event":"msr_write","thread":1,"msr":"0x1b","value":"0xfee00d00","gp":false}\n'
        cases = {
            '{"event":"msr_write","msr":"0x808"}': 'msr_write: no "value"',
            '{"event":"msr_write","msr":2056,"value":"16","gp":false}': '"value" is not a string such as',
            '{"event":"msr_wrote"}': 'unknown event "msr_wrote"',
            '{"event":"eoi","apic_id":0,"vector":256}': "a number up to 255, or null",
            '{"lapicheck_events":2}': "version 2 of the events is unknown",
            "[" * 5000: "no JSON object",
            "{": "no JSON object",
        }
        for line, why in cases.items():
            report, _ = divergences(self.file(good + line + "\n", "events.jsonl"))
            self.assertEqual(report["skipped_lines"], 1, line)
            self.assertIn(why, report["skipped"][0]["why"])
            self.assertEqual(report["skipped"][0]["line"], 2)

    def test_a_simulator_s_own_events_are_judged(self):
        lines = ['{"event":"msr_write","thread":1,"msr":"0x1b","value":"0xfee00d00","gp":false}',
                 '{"event":"apic_read","thread":1,"offset":"0x30","value":"0x50014"}',
                 '{"event":"mmio_read","thread":1,"address":"0xfee00030","size":4,"value":"0x50014"}']
        out = self.expect(1, "check", self.file("\n".join(lines) + "\n", "mine.jsonl")).out
        self.assertIn("M01", out)
        self.assertIn("mine.jsonl:2-3", out)


@tracing.needs_tracing
@run_test.needs_kvm
@unittest.skipUnless(shutil.which("trace-cmd") and shutil.which("perf"), "trace-cmd or perf is not installed")
class FourFormats(program.Case):
    """One run on this machine's KVM: the kernel's text, trace.dat, perf.data and its text, JSONL of each."""

    def record(self):
        instance = TRACING / f"instances/lapicheck-formats-{os.getpid()}"
        instance.mkdir()
        try:
            (instance / "tracing_on").write_text("0")  # until the run: others' guests may fill the buffer
            (instance / "buffer_size_kb").write_text("65536")
            (instance / "trace_clock").write_text("mono")
            for event in ("kvm", "syscalls/sys_enter_ioctl", "sched/sched_process_fork"):
                (instance / "events" / event / "enable").write_text("1")
            perf_data = self.folder / "run.perf.data"
            perf = subprocess.Popen(
                ["perf", "record", "-q", "-a", "-m", "4096", "-k", "CLOCK_MONOTONIC", "-e", "kvm:*", "-e",
                 "syscalls:sys_enter_ioctl", "-e", "sched:sched_process_fork", "-o", str(perf_data)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(2)
            (self.folder / "rich.json").write_text(json.dumps(rich_program.rich()))
            (instance / "tracing_on").write_text("1")
            shell = 'echo $$ > "$1" && exec "$2" run "$3" --on kvm --format json'
            subprocess.run(["sh", "-c", shell, "sh", self.folder / "id", program.PATH, self.folder / "rich.json"],
                           stdout=subprocess.DEVNULL, check=False)
            (instance / "tracing_on").write_text("0")
            perf.terminate()
            perf.wait()
            text = self.folder / "run.txt"
            text.write_bytes((instance / "trace").read_bytes())
            dat = self.folder / "run.dat"
            subprocess.run(["trace-cmd", "extract", "-B", instance.name, "-o", str(dat)], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            if instance.exists():  # trace-cmd removes what it has extracted
                self.remove(instance)
        return {"text": text, "trace.dat": dat, "perf.data": perf_data}

    @staticmethod
    def remove(instance):
        (instance / "tracing_on").write_text("0")
        for event in ("kvm", "syscalls/sys_enter_ioctl", "sched/sched_process_fork"):
            (instance / "events" / event / "enable").write_text("0")
        instance.rmdir()

    def results(self):
        """Report and divergences of one run in each format."""
        files = self.record()
        script = subprocess.run(["perf", "script", "-f", "--ns", "-i", files["perf.data"]], capture_output=True,
                                check=True)
        files["perf script"] = self.file(script.stdout, "run.perf.txt")
        for name in ("trace.dat", "text", "perf.data"):
            jsonl = self.folder / f"{name}.jsonl"
            self.expect(0, "convert", "-o", jsonl, files[name])
            files[f"JSONL of {name}"] = jsonl
        process = (self.folder / "id").read_text().strip()
        return {name: divergences(path, "--pid", process) for name, path in files.items()}

    def test_the_same_divergences_in_each(self):
        # Events that are lost, and pauses of a busy host in which some may be missing, differ from one buffer to the
        # other: then there is another run.
        for _ in range(4):
            results = self.results()
            reports = [report for report, _ in results.values()]
            lost = {name: report["lost_events"] for name, (report, _) in results.items()}
            withdrawn = any("withdrawn" in note for report in reports for note in report["notes"])
            if not any(lost.values()) and not withdrawn:
                break
        else:
            self.skipTest(f"the host is too busy: events lost {lost}, or pauses in which some may be missing")
        report, expected = results["text"]
        self.assertGreater(len(expected), 5)
        for name, (other, found) in results.items():
            self.assertEqual(found, expected, name)
            self.assertEqual(other["accesses"], report["accesses"], name)


if __name__ == "__main__":
    program.main()
