"""`record` and `watch`: what KVM does, in an ftrace instance of our own, which is gone afterwards however it ends.

What needs root, tracefs, a KVM, QEMU or kvm-unit-tests is skipped, with the reason, where there is none.
LAPICHECK_KVM_UNIT_TESTS names a folder with apic.flat."""

import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import time
import unittest

import jsonschema
import program
import run_test
import tracing

SCHEMA = json.loads((program.SOURCE / "specs/schema/check-report.schema.json").read_text())
# KVM masks off a reserved bit of TPR where #GP is due.
FAULT = run_test.access_program(
    run_test.wrmsr("0x1b", "0xfee00d00"), run_test.wrmsr("0x808", "0x100"), run_test.rdmsr("0x808"))
NO_FAULT = run_test.access_program(run_test.wrmsr("0x1b", "0xfee00d00"), run_test.rdmsr("0x803"))


def find_unit_test():
    folders = [os.environ.get("LAPICHECK_KVM_UNIT_TESTS", ""), "/usr/share/kvm-unit-tests", "/usr/lib/kvm-unit-tests"]
    places = [pathlib.Path(folder) / below for folder in folders if folder for below in ("", "x86")]
    return next((place / "apic.flat" for place in places if (place / "apic.flat").is_file()), None)


class RecordCase(program.Case):
    def setUp(self):
        super().setUp()
        self.trace = self.folder / "trace.txt"

    def file_of(self, content, name="prog.json"):
        return self.file(json.dumps(content), name)

    def run_on_kvm(self, content):
        return [program.PATH, "run", self.file_of(content), "--on", "kvm"]

    def left_behind(self):
        return sorted(path.name for path in self.folder.iterdir() if path.suffix == ".part" or path == self.trace)


class Usage(RecordCase):
    def test_help_shows_examples(self):
        for name in ("record", "watch"):
            out = self.expect(0, name, "--help").out
            self.assertIn(f"lapicheck {name}", out)
            self.assertIn("-- COMMAND", out)
            self.assertIn("Exit status", out)

    def test_wrong_usage_is_2(self):
        self.assertIn("--bufer", self.expect(2, "record", "--bufer", "1", "--", "true").err)
        self.assertIn("--buffer", self.expect(2, "record", "--buffer", "0", "--", "true").err)
        self.assertIn("-- true", self.expect(2, "record", "true").err)
        self.assertIn("profile", self.expect(2, "watch", "--profile", "xen", "--", "true").err)

    def test_a_file_that_cannot_be_written_is_2_before_anything_is_run(self):
        ran = self.folder / "ran"
        for name in (self.folder / "missing/trace.txt", self.folder, "/dev/null"):
            err = self.expect(2, "record", "-o", name, "--", "touch", ran).err
            self.assertIn(f"{name}: ", err)
        self.assertFalse(ran.exists())
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())

    def test_4_and_what_to_do_without_root(self):
        if os.geteuid() != 0 or not tracing.INSTANCES.is_dir():
            self.skipTest("only root can become a user who may not trace")
        self.folder.chmod(0o777)
        try:
            result = subprocess.run([program.PATH, "record", "-o", self.trace, "--", "touch", self.folder / "ran"],
                                    capture_output=True, user=65534, group=65534, extra_groups=[], text=True,
                                    check=False)
        except PermissionError:
            self.skipTest("the program lies where another user may not execute it")
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertIn("tracing needs root", result.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_4_and_the_reason_without_tracefs(self):
        hide = ["unshare", "--mount", "sh", "-c",
                'mount -t tmpfs -o ro none /sys/kernel && exec "$@"', "sh"]
        if subprocess.run([*hide, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("/sys/kernel cannot be hidden here")
        result = subprocess.run([*hide, program.PATH, "watch", "--", "true"], capture_output=True, text=True,
                                check=False)
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertIn("tracefs", result.stderr)


class RecordingCase(RecordCase):
    """No instance is left, and nobody's tracing was touched, whatever a test did."""

    def setUp(self):
        super().setUp()
        self.instances = tracing.instances()
        self.others = tracing.state_of_others()
        self.addCleanup(self.nothing_is_left)

    def nothing_is_left(self):
        self.assertEqual({name for name in tracing.instances() - self.instances if name.startswith("lapicheck-")},
                         set())
        self.assertEqual(tracing.state_of_others(), self.others)

    @staticmethod
    def is_on(instance, switch):
        try:
            return (tracing.INSTANCES / instance / switch).read_text() == "1\n"
        except OSError:  # its folder is there before its files are
            return False

    def start(self, *arguments, name="record", **options):
        """In the background; returns when it records."""
        child = subprocess.Popen([program.PATH, name, *map(str, arguments)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, **options)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.stderr.close)
        mine = f"lapicheck-{child.pid}-"
        for _ in range(1000):
            found = [i for i in tracing.instances() if i.startswith(mine)]
            if found and self.is_on(found[0], "tracing_on") and self.is_on(found[0], "events/kvm/kvm_msr/enable"):
                return child
            time.sleep(0.01)
        child.kill()
        self.fail(f"it does not record: {child.poll()}")
        return None


@tracing.needs_tracing
class Recording(RecordingCase):
    def test_how_the_command_ended_is_told(self):
        for script, told in (("exit 3", "exit status 3"), ("kill -9 $$", "killed by SIGKILL")):
            err = self.expect(0, "record", "-o", self.trace, "--", "sh", "-c", script).err
            self.assertIn(f"the command ended: {told}", err)
        self.assertIn("# tracer: nop", self.trace.read_text())

    def test_a_command_that_is_none_is_2_and_leaves_no_file(self):
        self.assertIn("cannot run ./nothing: No such file",
                      self.expect(2, "record", "-o", self.trace, "--", "./nothing").err)
        self.assertEqual(self.left_behind(), [])

    def test_the_command_has_its_own_streams_and_words(self):
        with open(self.file("in"), "rb") as stdin:
            result = self.expect(0, "record", "-o", self.trace, "--", "sh", "-c", 'cat; echo "$*"', "sh", "-o", "--",
                                 "check", stdin=stdin)
        self.assertEqual(result.out, "in-o -- check\n")

    def test_the_file_replaces_an_older_one_only_when_it_is_whole(self):
        self.trace.write_text("older")
        self.expect(2, "record", "-o", self.trace, "--", "./nothing")
        self.assertEqual(self.trace.read_text(), "older")
        self.expect(0, "record", "-o", self.trace, "--", "true")
        self.assertIn("# tracer: nop", self.trace.read_text())

    def test_signals_end_it_and_what_was_recorded_stays(self):
        others = {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT,
                  signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGPIPE}
        for number in sorted(signal.valid_signals() - others):
            child = self.start("-o", self.trace)
            child.send_signal(number)
            self.assertEqual(child.wait(timeout=30), 0, number)
            self.assertIn("# tracer: nop", self.trace.read_text())
            self.trace.unlink()

    def test_a_signal_is_passed_on_to_the_command(self):
        ready, got = self.folder / "ready", self.folder / "got"
        script = f'trap "echo INT > {got}; exit 7" INT; touch {ready}; while :; do sleep 0.05; done'
        child = self.start("-o", self.trace, "--", "sh", "-c", script)
        while not ready.exists():
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 0)
        self.assertEqual(got.read_text(), "INT\n")
        self.assertIn("exit status 7", err)

    def test_kill_9_leaves_no_file_and_the_next_start_removes_the_instance(self):
        child = self.start("-o", self.trace)
        child.kill()
        child.wait()
        left = [name for name in tracing.instances() if name.startswith(f"lapicheck-{child.pid}-")]
        self.assertEqual(len(left), 1)
        self.assertEqual(self.left_behind(), [])
        self.expect(0, "record", "-o", self.trace, "--", "true")
        self.assertNotIn(left[0], tracing.instances())

    def test_one_that_is_alive_is_left_alone(self):
        first = self.start("-o", self.folder / "first.txt")
        before = tracing.instances()
        self.expect(0, "record", "-o", self.trace, "--", "true")
        self.assertEqual(tracing.instances() & before, before)
        first.send_signal(signal.SIGINT)
        self.assertEqual(first.wait(timeout=30), 0)

    def test_an_instance_of_somebody_else_is_left_alone(self):
        others = [tracing.INSTANCES / name for name in ("lapicheck", "lapicheck-x", "other-1-1")]
        for folder in others:
            folder.mkdir()
            self.addCleanup(folder.rmdir)
        self.expect(0, "record", "-o", self.trace, "--", "true")
        self.assertTrue(all(folder.is_dir() for folder in others))

    def test_a_full_disk_is_2_and_leaves_nothing(self):
        small = self.folder / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", small], check=False).returncode != 0:
            self.skipTest("no small file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        (small / "filler").write_bytes(b"x" * 4096)
        self.assertIn("No space left", self.expect(2, "record", "-o", small / "trace.txt", "--", "true").err)
        self.assertEqual([path.name for path in small.iterdir()], ["filler"])

    def test_progress_on_a_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        child = subprocess.Popen([program.PATH, "record", "-o", self.trace, "--", "sleep", "2"], stderr=slave)
        os.close(slave)
        child.wait(timeout=60)
        shown = os.read(master, 65536).decode()
        self.assertRegex(shown, r"\r\x1b\[K\d+ events, ")

    def test_watch_without_a_reader_ends(self):
        result = subprocess.run(["sh", "-c", '"$@" | true', "sh", program.PATH, "watch", "--", "true"],
                                capture_output=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 0)


@tracing.needs_tracing
@run_test.needs_kvm
class OfARun(RecordingCase):
    def test_a_fault_is_in_the_recording(self):
        self.expect(0, "record", "-o", self.trace, "--", *self.run_on_kvm(NO_FAULT))
        clean = self.expect(0, "check", "--format", "json", self.trace).json()["traces"][0]
        self.assertGreaterEqual(clean["checked"], 1)
        self.expect(0, "record", "-o", self.trace, "--", *self.run_on_kvm(FAULT))
        report = self.expect(1, "check", "--format", "json", self.trace).json()["traces"][0]
        self.assertIn("X06", {d["rule"] for d in report["divergences"]})
        self.assertEqual(report["skipped_lines"], 0)
        self.assertIn("cmd: 0xae80", self.trace.read_text())

    def test_lost_events_are_told_and_the_file_is_read(self):
        steps = [run_test.wrmsr("0x1b", "0xfee00d00")] + [run_test.rdmsr("0x803")] * 60000
        err = self.expect(0, "record", "--buffer", 16, "-o", self.trace, "--", "sh", "-c", '"$@" > /dev/null', "sh",
                          *self.run_on_kvm(run_test.access_program(*steps))).err
        if "none lost" in err:
            self.skipTest("this machine reads faster than KVM writes")
        self.assertRegex(err, r"\d+ events were lost.*--buffer 64")
        report = self.expect(0, "check", "--format", "json", self.trace).json()["traces"][0]
        self.assertGreater(report["lost_events"], 0)

    def test_watch_says_each_kind_as_it_comes_and_reports_like_check(self):
        command = self.run_on_kvm(FAULT)
        result = self.expect(1, "watch", "-o", self.trace, "--", "sh", "-c", '"$@" > /dev/null', "sh", *command)
        first, _, report = result.out.partition("\n")
        self.assertRegex(first, r"^\d+\.\d+  .*X06 .*WRMSR 808H \(tpr\) = 0x100 in x2APIC mode set reserved bit 8 but "
                                r"raised no #GP; allowed: #GP")
        self.assertEqual(report, self.expect(1, "check", self.trace).out)

    def test_watch_as_json_keeps_lines_off_the_report(self):
        command = ["sh", "-c", '"$@" > /dev/null', "sh", *self.run_on_kvm(FAULT)]
        result = self.expect(1, "watch", "--format", "json", "--", *command)
        jsonschema.validate(result.json(), SCHEMA, cls=jsonschema.Draft202012Validator)
        self.assertIn("X06", result.err)
        known = self.expect(0, "watch", "--profile", "kvm", "--format", "json", "--", *command)
        self.assertNotIn("X06", known.err)
        self.assertEqual(known.json()["profile"], "kvm")

    def test_watch_exits_as_check_does(self):
        child = self.start(name="watch")
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
        verdict = {0: "conforms", 1: "diverges", 4: "inconclusive"}[child.returncode] # other guests may run here
        self.assertIn(f"watch: {verdict}", out)

    def test_watch_until_interrupted_while_a_guest_runs(self):
        child = self.start(name="watch")
        subprocess.run(self.run_on_kvm(FAULT), stdout=subprocess.DEVNULL, check=False)
        self.assertIn("X06", child.stdout.readline())
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
        self.assertEqual(child.returncode, 1)
        self.assertIn("watch: diverges", out)


QEMU = shutil.which("qemu-system-x86_64")
UNIT_TEST = find_unit_test()


@tracing.needs_tracing
@run_test.needs_kvm
@unittest.skipIf(QEMU is None, "no qemu-system-x86_64 in PATH")
@unittest.skipIf(UNIT_TEST is None, "no apic.flat of kvm-unit-tests: LAPICHECK_KVM_UNIT_TESTS names its folder")
class OfQemu(RecordingCase):
    def qemu(self):
        return [QEMU, "-nodefaults", "-device", "pc-testdev", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4",
                "-display", "none", "-serial", "stdio", "-accel", "kvm", "-cpu", "qemu64,+x2apic,+tsc-deadline",
                "-smp", "2", "-kernel", str(UNIT_TEST)]

    def test_the_apic_test_of_kvm_unit_tests(self):
        self.expect(0, "record", "-o", self.trace, "--", "timeout", "10", *self.qemu())
        report = program.run("check", "--profile", "kvm", "--format", "json", self.trace).json()["traces"][0]
        self.assertGreater(report["checked"], 500)
        self.assertEqual(report["skipped_lines"], 0)

    def test_killed_at_any_moment(self):
        for seconds in (0.1, 0.7, 1.9):
            child = self.start("-o", self.trace, "--", *self.qemu())
            time.sleep(seconds)
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(timeout=60), 0)
            self.assertIn(program.run("check", self.trace).status, (0, 1, 4))
            self.trace.unlink()


if __name__ == "__main__":
    program.main()
