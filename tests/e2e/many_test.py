"""Many recordings: folders, lists, parts, side by side, and their reports put together."""

import gzip
import json
import os
import pty
import shutil
import subprocess
import time

import jsonschema

import program

SCHEMA = json.loads((program.SOURCE / "specs/schema/check-report.schema.json").read_text())


class Many(program.Case):
    def setUp(self):
        super().setUp()
        self.runs = self.folder / "runs"
        (self.runs / "deep").mkdir(parents=True)
        for name, to in (("smptest-2", "b.txt"), ("probe-smp2", "a.txt"), ("userspace-irqchip", "deep/c.txt"),
                         ("x2apic-smp1", "deep/d.txt")):
            shutil.copy(program.recording(name), self.runs / to)
        self.paths = [str(self.runs / name) for name in ("a.txt", "b.txt", "deep/c.txt", "deep/d.txt")]

    def lines(self, *arguments, status=1):
        result = self.expect(status, "check", "--format", "jsonl", *arguments)
        return [json.loads(line) for line in result.out.splitlines()]

    def test_a_folder_is_read_in_the_order_of_names(self):
        reports = self.lines("-r", self.runs)
        self.assertEqual([report["traces"][0]["path"] for report in reports], self.paths)
        for report in reports:
            jsonschema.Draft202012Validator(SCHEMA).validate(report)
        self.assertIn("is a directory; name a file in it, or -r", self.expect(2, "check", self.runs).err)

    def test_a_list_of_files(self):
        by_line = self.file("\n".join(self.paths) + "\n", "list")
        by_zero = self.file("\0".join(self.paths), "list0")
        for listed in (by_line, by_zero):
            reports = self.lines("--files-from", listed)
            self.assertEqual([report["traces"][0]["path"] for report in reports], self.paths)
        self.assertIn("names no file", self.expect(2, "check", "--files-from", self.file("", "none")).err)
        self.assertIn("TRACE is required", self.expect(2, "check").err)

    def test_the_bytes_do_not_depend_on_the_jobs(self):
        missing = self.folder / "missing.txt"
        for form in ("text", "json", "jsonl"):
            arguments = ["check", "--format", form, "-r", self.runs, missing, *program.recordings()]
            one = program.run(*arguments, "--jobs", 1)
            for jobs in (2, 7, 64):
                more = program.run(*arguments, "--jobs", jobs)
                self.assertEqual((more.status, more.out, more.err), (one.status, one.out, one.err), f"{form} {jobs}")

    def test_of_one_large_recording_neither(self):
        # Large enough that a thread reads ahead; other recordings begin in it, some damaged.
        text = b"".join(path.read_bytes() for path in program.recordings())
        large = self.file(text * 2, "large.txt")
        packed = gzip.compress(text * 2, 1)
        cases = [large, self.file(packed, "large.gz"), self.file(packed[:-1000], "cut.gz")]
        for path in cases:
            for form in ("text", "json"):
                one, two = (program.run("check", "--format", form, "--jobs", jobs, path) for jobs in (1, 2))
                self.assertEqual((two.status, two.out, two.err), (one.status, one.out, one.err), path)
                if program.MEASURES_MEMORY:
                    self.assertLess(two.kilobytes, one.kilobytes + 12 * 1024)

    def test_on_a_terminal_the_progress_is_shown(self):
        def progress(command, feed=None):
            master, terminal = pty.openpty()
            child = subprocess.Popen([program.PATH, *map(str, command)], stdin=subprocess.PIPE,
                                     stdout=subprocess.DEVNULL, stderr=terminal)
            os.close(terminal)
            if feed:
                feed(child.stdin)
            child.stdin.close()
            shown = b""
            try:
                while block := os.read(master, 4096):
                    shown += block
            except OSError:  # the terminal's other side is closed
                pass
            os.close(master)
            child.wait()
            return shown.decode()

        def slowly(pipe):
            for _ in range(3):
                pipe.write(program.recording("probe-smp2").read_bytes())
                pipe.flush()
                time.sleep(0.4)

        # Of a pipe nobody knows how much is to come.
        shown = progress(["check", "-"], slowly)
        self.assertRegex(shown, r"-: \d+ MB read, \d+ MB a second")
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)
        self.assertEqual(progress(["check", self.paths[1]]), "")  # done before there is anything to tell

    def test_each_recording_is_printed_when_it_is_done(self):
        # The second input never ends; the first must have been printed.
        command = [program.PATH, "check", "--format", "jsonl", "--jobs", "2", self.paths[1], "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            line = child.stdout.readline()
            child.stdin.close()
            child.stdout.read()
        self.assertEqual(json.loads(line)["traces"][0]["path"], self.paths[1])

    def test_parts_make_the_whole(self):
        whole = self.expect(1, "check", "--format", "json", "--jobs", 1, "-r", self.runs).json()
        parts = []
        for part in (1, 2, 3):
            result = program.run("check", "--format", "jsonl", "--shard", f"{part}/3", "-r", self.runs)
            parts.append(self.file(result.out, f"{part}.jsonl"))
        for order in (parts, parts[::-1], parts + parts):
            self.assertEqual(self.expect(1, "merge", *order).json(), whole)
        lines = self.expect(1, "merge", "--format", "jsonl", *parts).out
        again = self.file(lines, "merged.jsonl")
        self.assertEqual(self.expect(1, "merge", again).json(), whole)
        self.assertEqual(self.expect(1, "merge", "--format", "jsonl", again, parts[0]).out, lines)
        for wrong in ("0/3", "4/3", "1", "a/b", "1/"):
            self.assertIn("is no part of a whole", self.expect(2, "check", "--shard", wrong, self.paths[0]).err)

    def test_reports_that_do_not_belong_together_are_refused(self):
        report = self.expect(0, "check", "--format", "json", self.paths[1]).json()
        good = self.file(json.dumps(report), "good.json")

        def refused(change, *parts):
            other = json.loads(json.dumps(report))
            change(other)
            err = self.expect(2, "merge", good, self.file(json.dumps(other), "other.json")).err
            for part in parts:
                self.assertIn(part, err)

        refused(lambda r: r.update(schema_version=2), "other.json: schema version 2")
        refused(lambda r: r.update(profile="kvm"), 'profile is "kvm" here and "sdm" in the others')
        refused(lambda r: r["traces"][0].update(events=1), "was judged otherwise")
        refused(lambda r: r.pop("traces"), "no report of 'check --format json'")
        cut = self.file(json.dumps(report)[:-20], "cut.json")
        self.assertIn("is the report complete?", self.expect(2, "merge", cut).err)
        self.assertIn("the file is empty", self.expect(2, "merge", self.file("", "empty.json")).err)


if __name__ == "__main__":
    program.main()
