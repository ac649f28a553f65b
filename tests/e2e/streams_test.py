"""Standard input, output and error that are full, closed, or a pipe that nobody reads: in every command."""

import json
import os
import re
import signal
import subprocess
import unittest

import program
import tracing

CONFORMS = """\
# tracer: nop
 qemu-system-x86-43      [001]     2.392646: kvm_apic: apic_read APIC_LVR = 0x50014
 qemu-system-x86-43      [001]     2.392647: kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
"""
PROGRAM = json.dumps({"schema_version": 1, "machine": {"vcpus": [{"apic_id": 0}]},
                      "steps": [{"vcpu": 0, "do": "rdmsr", "msr": "0x1b"}]})
NEEDS_TRACING = {"record", "watch"}
# Their report is in the file that they write.
SILENT = {"emit", "record"}


def commands():
    listed = program.run("--help").out.split("Subcommands:")[1].split("Examples:")[0]
    return re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)


class Streams(program.Case):
    def setUp(self):
        super().setUp()
        trace = self.file(CONFORMS)
        access_program = self.file(PROGRAM, "program.json")
        report = self.file(program.run("check", "--format", "json", trace).out, "report.json")
        log = self.file("PASS: apic existence\n", "a.log")
        dump = self.file("dumping local APIC state for CPU 0\nSPIV 0x1ff\nISR 65\nAPR 0x00 TPR 0x10 PPR 0x40\n", "dump")
        image = self.folder / "a.blob"
        counterexamples = self.folder / "counterexamples"
        program.run("prove", "--impl", "kvm-2018", "--property", "no-mmio-read-in-x2apic", "--export", counterexamples)
        self.rows = {
            "check": ["check", trace], "interrupts": ["interrupts", trace], "convert": ["convert", trace],
            "merge": ["merge", report], "state": ["state", dump], "results": ["results", log],
            "record": ["record", "-o", self.folder / "r.txt", "--", "true"], "watch": ["watch", "--", "true"],
            "run": ["run", access_program, "--on", "model:sdm"], "audit": ["audit", "--on", "model:sdm"],
            "emit": ["emit", access_program, "--as", "blob", "-o", image],
            "judge": ["judge", log, access_program],
            "prove": ["prove", "--impl", "sdm", "--property", "mmio-isolation"],
            "replay": ["replay", *counterexamples.glob("*.json")], "mutate": ["mutate", "--help"],
            "explain": ["explain", "M01"], "list": ["list", "rules"],
        }

    def table(self):
        """Each command with how it ends where all is well."""
        self.assertEqual(sorted(self.rows), sorted(commands()))
        for name, row in self.rows.items():
            if name in NEEDS_TRACING and tracing.why_not():
                continue
            yield name, row, program.run(*row)

    def ends(self, row, before=None, **streams):
        """Exit status and what came on standard output and error, where those are pipes."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        child = subprocess.run([program.PATH, *map(str, row)], preexec_fn=before, check=False,
                               timeout=program.HANGS_AFTER_SECONDS, **streams)
        return child.returncode, child.stdout, child.stderr

    def test_an_output_that_is_full_or_closed_is_2_with_the_reason(self):
        for name, row, well in self.table():
            if name in SILENT or well.out == "":
                continue
            with open("/dev/full", "wb") as full:
                status, _, err = self.ends(row, stdout=full)
            self.assertEqual((status, b"No space left" in err), (2, True), (row, err))
            status, _, err = self.ends(row, before=lambda: os.close(1))
            self.assertEqual((status, b"Bad file descriptor" in err), (2, True), (row, err))

    def test_an_output_that_nobody_reads_ends_it_without_a_word(self):
        for name, row, well in self.table():
            if name in SILENT or well.out == "":
                continue
            reads, writes = os.pipe()
            os.close(reads)
            status, _, err = self.ends(row, stdout=writes)
            os.close(writes)
            self.assertIn(status, (-signal.SIGPIPE, 2), row)
            if status != 2:
                self.assertEqual(err.decode(), well.err if name not in NEEDS_TRACING else err.decode(), row)

    def test_messages_that_cannot_be_written_change_nothing(self):
        for name, row, well in self.table():
            reads, writes = os.pipe()
            os.close(reads)
            with open("/dev/full", "wb") as full:
                for streams in ({"stderr": full}, {"stderr": writes}, {"before": lambda: os.close(2)}):
                    status, out, _ = self.ends(row, **streams)
                    self.assertEqual(status, well.status, (row, streams))
                    if name not in NEEDS_TRACING:
                        self.assertEqual(out.decode(), well.out, (row, streams))
            os.close(writes)

    def test_complaints_that_cannot_be_written_are_2(self):
        for row in (["check", "missing.txt"], ["nothing"], ["check", "--nothing"], ["run", "missing.json"], []):
            with open("/dev/full", "wb") as full:
                self.assertEqual(self.ends(row, stderr=full)[0], 2, row)
            self.assertEqual(self.ends(row, before=lambda: os.close(2))[0], 2, row)

    def test_all_closed(self):
        def close_all():
            for descriptor in range(3):
                os.close(descriptor)

        self.assertEqual(self.ends(["check", self.rows["check"][1]], before=close_all)[0], 2)
        # No file gets the number of a stream: nothing but the events is in it.
        out = self.folder / "events"
        self.assertEqual(self.ends(["convert", "-o", out, self.rows["check"][1], "missing"], before=close_all)[0], 2)
        self.assertEqual(self.ends(["convert", "-o", out, self.rows["check"][1]], before=close_all)[0], 0)
        for line in out.read_text().splitlines():
            json.loads(line)
        status, _, err = self.ends(["check", "-"], before=lambda: os.close(0))
        self.assertEqual((status, b"stdin: cannot read: Bad file descriptor" in err), (2, True), err)

    def limited(self, limit, *row):
        command = " ".join(map(str, [program.PATH, *row]))
        result = subprocess.run(["bash", "-c", f"ulimit {limit}; exec {command}"], capture_output=True, check=False)
        return result.returncode, result.stderr.decode()

    @unittest.skipUnless(program.MEASURES_MEMORY, "UndefinedBehaviorSanitizer needs descriptors of its own")
    def test_no_descriptors_left(self):
        # The program's libraries need one, for a moment.
        status, err = self.limited("-n 4", "convert", "-o", self.folder / "events", self.rows["check"][1])
        self.assertEqual((status, "cannot open: Too many open files" in err), (2, True), err)


class Files(program.Case):
    def setUp(self):
        super().setUp()
        self.trace = self.file(CONFORMS)
        self.out = self.folder / "events"

    def convert(self, status):
        return self.expect(status, "convert", "-o", self.out, self.trace)

    def test_the_mode_of_an_older_file_is_kept(self):
        for mode in (0o600, 0o640, 0o664):
            self.out.write_text("older")
            self.out.chmod(mode)
            self.convert(0)
            self.assertEqual(self.out.stat().st_mode & 0o7777, mode)

    def test_an_own_link_is_followed(self):
        self.out.symlink_to(self.file("older", "real"))
        self.convert(0)
        self.assertTrue(self.out.is_symlink())
        self.assertIn("lapicheck_events", (self.folder / "real").read_text())

    @program.unittest.skipIf(os.geteuid() != 0, "only root can make another's link")
    def test_another_s_link_is_refused(self):
        victim = self.file("precious", "victim")
        self.out.symlink_to(victim)
        os.lchown(self.out, 65534, 65534)
        self.assertIn("symbolic link of another user", self.convert(2).err)
        self.assertEqual(victim.read_text(), "precious")

    def test_names_that_somebody_has_already_are_left_alone(self):
        # Whatever the process's number will be.
        shell = (f'victim={self.folder}/victim; echo precious > $victim; ln -s $victim {self.out}.$$.0.part; '
                 f'exec {program.PATH} convert -o {self.out} {self.trace}')
        subprocess.run(["bash", "-c", shell], check=True)
        self.assertEqual((self.folder / "victim").read_text(), "precious\n")
        self.assertIn("lapicheck_events", self.out.read_text())


if __name__ == "__main__":
    program.main()
