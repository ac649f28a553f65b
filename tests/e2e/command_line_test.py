"""The command line: sub-commands, options, exit status."""

import subprocess
import time

import program

CONFORMS = """\
 qemu-system-x86-44      [000] .....   100.000010: kvm_msr: msr_write 1b = 0xfee00d00
 qemu-system-x86-44      [000] .....   100.000020: kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff
"""
DIVERGES = """\
 qemu-system-x86-44      [000] .....   100.000010: kvm_msr: msr_write 1b = 0xfee00d00
 qemu-system-x86-44      [000] .....   100.000020: kvm_apic: apic_read APIC_LVR = 0x50014
 qemu-system-x86-44      [000] .....   100.000030: kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014
"""
# A known departure of KVM and nothing else.
DEPARTS = """\
 qemu-system-x86-44      [000] .....   100.000010: kvm_msr: msr_write 1b = 0xfee00d00
 qemu-system-x86-44      [000] .....   100.000020: kvm_apic: apic_write APIC_TASKPRI = 0x100
 qemu-system-x86-44      [000] .....   100.000030: kvm_msr: msr_write 808 = 0x100
"""
UNCHECKABLE = """\
 qemu-system-x86-44      [000] .....   100.000010: kvm_pio: pio_write at 0x80 size 1 count 1 val 0x1
"""


LISTS = (("rules", "id"), ("registers", "name"), ("properties", "id"), ("implementations", "name"),
         ("departures", "id"))


class ExitStatus(program.Case):
    def test_0_if_the_recording_conforms(self):
        out = self.expect(0, "check", self.file(CONFORMS)).out
        self.assertIn("trace.txt: conforms", out)

    def test_1_if_it_diverges(self):
        out = self.expect(1, "check", self.file(DIVERGES)).out
        self.assertIn("trace.txt: diverges, 1 divergence ", out)
        self.assertIn("M01", out)

    def test_2_if_it_cannot_be_read(self):
        result = self.expect(2, "check", self.folder / "missing.txt")
        self.assertIn("missing.txt: cannot open: No such file or directory", result.err)
        self.assertEqual(result.out, "")

    def test_4_if_nothing_could_be_checked(self):
        out = self.expect(4, "check", self.file(UNCHECKABLE)).out
        self.assertIn("trace.txt: inconclusive", out)
        self.assertIn("Nothing could be checked", out)

    def test_a_known_departure_counts_by_profile(self):
        path = self.file(DEPARTS)
        self.assertIn("X06", self.expect(1, "check", path).out)
        self.expect(1, "check", "--profile", "sdm", path)
        out = self.expect(0, "check", "--profile", "kvm", path).out
        self.assertIn("kvm-x2apic-reserved-low-bits-masked", out)

    def test_2_if_the_report_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run([program.PATH, "check", self.file(CONFORMS)], stdout=full, check=False)
        self.assertEqual(result.returncode, 2)

    def test_2_with_a_message_if_any_command_cannot_write(self):
        trace = self.file(CONFORMS)
        for command in (["check", trace], ["check", "--format", "json", trace], ["interrupts", trace],
                        ["list", "rules"], ["explain", "M01"], ["audit", "--on", "model:sdm"],
                        ["prove", "--impl", "sdm", "--property", "mmio-isolation"], ["--help"], ["--version"],
                        ["check", "--help"]):
            with open("/dev/full", "wb") as full:
                result = subprocess.run([program.PATH, *map(str, command)], stdout=full,
                                        stderr=subprocess.PIPE, check=False)
            self.assertEqual(result.returncode, 2, command)
            self.assertIn(b"lapicheck: cannot write the report to standard output: No space left", result.stderr)

    def test_a_reader_that_goes_away_is_no_news(self):
        arguments = f"{program.PATH} list rules --format json"
        shell = f"set -o pipefail; {arguments} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
        result = subprocess.run(["bash", "-c", shell], capture_output=True, check=False)
        self.assertIn(result.stdout, (b"0\n", b"141\n"))  # 141: SIGPIPE
        self.assertEqual(result.stderr, b"")

    def test_of_several_files_the_worst_counts(self):
        conforms = self.file(CONFORMS, "a.txt")
        diverges = self.file(DIVERGES, "b.txt")
        unchecked = self.file(UNCHECKABLE, "c.txt")
        missing = self.folder / "d.txt"
        self.expect(0, "check", conforms, conforms)
        self.expect(4, "check", conforms, unchecked)
        self.expect(1, "check", unchecked, diverges, conforms)
        result = self.expect(2, "check", conforms, missing, diverges)
        for name in ("a.txt: conforms", "b.txt: diverges"):
            self.assertIn(name, result.out)
        self.assertIn("d.txt", result.err)


class Usage(program.Case):
    def wrong(self, *arguments):
        result = self.expect(2, *arguments)
        self.assertEqual(result.out, "")
        self.assertNotEqual(result.err, "")
        return result.err

    def test_without_a_sub_command(self):
        self.assertIn("--help", self.wrong())

    def test_unknown_things_are_refused(self):
        path = self.file(CONFORMS)
        self.wrong("frobnicate")
        self.assertIn("--frob", self.wrong("check", "--frob", path))
        self.assertIn("xml", self.wrong("check", "--format", "xml", path))
        self.assertIn("kvm", self.wrong("check", "--profile", "linux", path))
        self.assertIn("arm", self.wrong("check", "--cpu", "arm", path))
        self.assertIn("colours", self.wrong("list", "colours"))

    def test_an_unknown_sub_command_is_named(self):
        self.assertIn("frobnicate", self.wrong("frobnicate"))
        self.assertIn("unknown command 'chek'; did you mean 'check'?", self.wrong("chek", "trace.txt"))

    def test_what_is_missing_is_named(self):
        self.assertIn("TRACE", self.wrong("check"))
        self.assertIn("NAME", self.wrong("explain"))
        self.assertIn("WHAT", self.wrong("list"))
        self.assertIn("--format", self.wrong("check", "--format"))
        self.assertIn("no command; commands: check, ", self.wrong())
        self.assertIn("unknown option '--versio'", self.wrong("--versio"))

    def test_wrong_usage_names_the_command_and_its_help(self):
        self.assertIn("lapicheck: check: --cpu: 'arm' is not one of: amd, intel; see 'lapicheck check --help'",
                      self.wrong("check", "--cpu", "arm", "trace.txt"))

    def test_help_shows_examples_and_exit_status(self):
        for arguments in (["--help"], ["check", "--help"]):
            out = self.expect(0, *arguments).out
            self.assertIn("lapicheck check trace.txt", out)
            self.assertIn("Exit status: 0 conforms", out)
        out = self.expect(0, "check", "--help").out
        for option in ("--profile", "--cpu", "--format"):
            self.assertIn(option, out)

    def test_version(self):
        self.assertRegex(self.expect(0, "--version").out, r"^lapicheck \d+\.\d+\.\d+\n$")

    def test_every_sub_command_has_help(self):
        for name in ("check", "explain", "list", "run"):
            self.assertIn(f"lapicheck {name}", self.expect(0, name, "--help").out)


class StandardInput(program.Case):
    def test_a_pipe_gives_what_the_file_gives(self):
        path = program.recording("probe-smp2")
        with open(path, "rb") as file:
            piped = self.expect(1, "check", "-", stdin=file)
        whole = self.expect(1, "check", path)
        self.assertEqual(piped.out, whole.out.replace(str(path), "stdin"))

    def test_a_pipe_that_is_still_written(self):
        """A live trace_pipe: bytes come late and in any pieces, the end comes last."""
        pieces = [DIVERGES[:50], DIVERGES[50:200], DIVERGES[200:-1], "\n"]
        command = [program.PATH, "check", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            for piece in pieces:
                child.stdin.write(piece.encode())
                child.stdin.flush()
                time.sleep(0.05)
            out, _ = child.communicate(timeout=program.HANGS_AFTER_SECONDS)
        self.assertEqual(child.returncode, 1)
        self.assertIn("stdin:2-3", out.decode())

    def test_a_reader_that_goes_away_is_no_crash(self):
        command = f"'{program.PATH}' check '{program.recording('probe-smp2')}' | head -n 1"
        result = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
        self.assertIn(b"diverges", result.stdout)
        self.assertNotIn(b"Sanitizer", result.stderr)

    def test_empty(self):
        self.assertIn("stdin: the file is empty", self.expect(2, "check", "-").err)


class Explain(program.Case):
    def test_a_rule_by_id_and_by_name(self):
        by_id = self.expect(0, "explain", "M01").out
        self.assertIn("no-mmio-read-in-x2apic", by_id)
        self.assertIn("Intel SDM", by_id)
        self.assertIn("AMD64 APM", by_id)
        # A property is called as the rule is.
        by_slug = self.expect(0, "explain", "no-mmio-read-in-x2apic").out
        self.assertTrue(by_slug.startswith(by_id + "\nproperty no-mmio-read-in-x2apic\n"))
        self.assertEqual(by_id, self.expect(0, "explain", "m01").out)

    def test_the_departures_of_kvm_stand_with_the_rule(self):
        out = self.expect(0, "explain", "X07").out
        self.assertIn("kvm-x2apic-eoi-nonzero-accepted", out)
        self.assertIn("arch/x86/kvm/lapic.c kvm_lapic_reg_write", out)

    def test_a_register(self):
        out = self.expect(0, "explain", "svr").out
        for part in ("Spurious Interrupt Vector", "0F0H", "80FH", "000000FFH", "V06"):
            self.assertIn(part, out)

    def test_every_rule_and_register_that_is_listed_can_be_explained(self):
        for what, key in LISTS:
            names = {entry[key] for entry in self.expect(0, "list", what, "--format", "json").json()}
            self.assertGreater(len(names), 9)
            for name in sorted(names):
                self.assertIn(name, self.expect(0, "explain", name).out)
                entries = self.expect(0, "explain", name, "--format", "json").json()
                self.assertIn(name, [entry[key] for entry in entries if key in entry])

    def test_the_registers_outside_the_window(self):
        parts = {"apic_base": ("IA32_APIC_BASE", "1BH", "FEE00900H", "bit 11", "B01"),
                 "tsc_deadline": ("IA32_TSC_DEADLINE", "6E0H", "T14"),
                 "cr8": ("MOV CR8", "TPR[7:4]", "P08"),
                 "xapic_disable_status": ("BDH", "B16")}
        for name, texts in parts.items():
            out = self.expect(0, "explain", name).out
            for text in texts:
                self.assertIn(text, out)
            entry, = self.expect(0, "explain", name, "--format", "json").json()
            self.assertEqual((entry["what"], entry["name"], entry["offset"]), ("register", name, None))
        self.expect(0, "explain", "IA32_APIC_BASE")

    def test_a_register_as_the_manual_writes_it(self):
        self.assertEqual(self.expect(0, "explain", "tpr").out, self.expect(0, "explain", "TPR").out)
        self.assertEqual(self.expect(0, "explain", "cr8").out, self.expect(0, "explain", "CR8").out)

    def test_reset_does_not_clear_what_hardware_fixes(self):
        self.assertIn("after RESET  as assigned by hardware", self.expect(0, "explain", "id").out)
        self.assertIn("after RESET  fixed", self.expect(0, "explain", "version").out)
        self.assertNotIn("after RESET", self.expect(0, "explain", "eoi").out)

    def test_a_departure_of_kvm(self):
        out = self.expect(0, "explain", "kvm-svm-tpr-subclass-lost").out
        for part in ("departure kvm-svm-tpr-subclass-lost", "kvm_amd", "kernels", "reason", "arch/x86/kvm/"):
            self.assertIn(part, out)
        entry, = self.expect(0, "explain", "kvm-svm-tpr-subclass-lost", "--format", "json").json()
        self.assertEqual((entry["what"], entry["module"]), ("departure", "kvm_amd"))
        self.assertTrue(entry["rules"] and entry["kernels"] and entry["reason"] and entry["sources"])

    def test_an_unknown_name_has_advice(self):
        self.assertIn("B10", self.expect(2, "explain", "B30").err)
        self.assertIn("mmio-isolation", self.expect(2, "explain", "mmio-isolatoin").err)
        self.assertIn("kvm-2018", self.expect(2, "explain", "kvm-2019").err)
        self.assertIn("list rules", self.expect(2, "explain", "zzzz").err)


class List(program.Case):
    def test_text_and_json_list_the_same(self):
        for what, key in LISTS:
            text = self.expect(0, "list", what).out
            entries = self.expect(0, "list", what, "--format", "json").json()
            for entry in entries:
                self.assertIn(entry[key], text)
            # IRR, ISR and TMR are one line of text each; in JSON, one entry for each word.
            self.assertLessEqual(len({entry[key] for entry in entries}), text.count("\n"))

    def test_the_rules_have_ids_levels_and_statements(self):
        rules = self.expect(0, "list", "rules", "--format", "json").json()
        self.assertEqual(len(rules), len({rule["id"] for rule in rules}))
        for rule in rules:
            self.assertIn(rule["level"], ("M", "I", "U"))
            self.assertTrue(rule["statement"].endswith("."))


if __name__ == "__main__":
    program.main()
