"""`run`: access programs on the KVM of this machine; what needs one is skipped where there is none."""

import json
import os
import signal
import subprocess
import time
import unittest

import jsonschema
import program

def schema(name):
    return json.loads((program.SOURCE / f"specs/schema/{name}.schema.json").read_text())


SCHEMA = schema("program")
HAS_KVM = os.access("/dev/kvm", os.R_OK | os.W_OK)
needs_kvm = unittest.skipUnless(HAS_KVM, "no KVM on this machine: /dev/kvm is missing or forbidden")


def access_program(*steps, vcpus=1, **machine):
    machine = {"vcpus": [{"apic_id": i} for i in range(vcpus)], **machine}
    return {"schema_version": 1, "machine": machine, "steps": [{"vcpu": 0, **step} for step in steps]}


def rdmsr(msr):
    return {"do": "rdmsr", "msr": msr}


def wrmsr(msr, value):
    return {"do": "wrmsr", "msr": msr, "value": value}


def mmio_read(address, size=4):
    return {"do": "mmio-read", "address": address, "size": size}


MODES = access_program(
    mmio_read("0xfee00030"),
    rdmsr("0x802"),
    wrmsr("0x1b", "0xfee00d00"),
    mmio_read("0xfee00030"),
    wrmsr("0x80f", "0x1ff"),
    wrmsr("0x83f", "0x31"),
    {"do": "open-interrupts"},
)


class RunCase(program.Case):
    def write(self, content, name="prog.json"):
        return self.file(content if isinstance(content, str) else json.dumps(content), name)

    def run_json(self, content, status=0):
        out = self.expect(status, "run", self.write(content), "--on", "kvm", "--format", "json").out
        report = json.loads(out)
        jsonschema.validate(report, SCHEMA, cls=jsonschema.Draft202012Validator)
        return report


class Input(RunCase):
    """What is wrong with a program is said before any KVM is asked."""

    def refused(self, content):
        result = self.expect(2, "run", self.write(content), "--on", "kvm")
        self.assertEqual(result.out, "")
        return result.err

    def test_an_error_has_place_reason_and_advice(self):
        err = self.refused(access_program(rdmsr("0x1b"), wrmsr("0x1b", "0xfg")))
        self.assertIn('prog.json: /steps/1/value: "0xfg" is no hexadecimal number; write it as "0x1f"', err)

    def test_unknown_actions_name_the_near_ones(self):
        self.assertIn('did you mean "rdmsr"', self.refused(access_program({"do": "rdmrs", "msr": "0x1b"})))

    def test_keys_without_end_are_refused_in_few_words(self):
        keys = ",".join(f'"k{i}":1' for i in range(40_000))
        step = '{"schema_version":1,"machine":{"vcpus":[{"apic_id":0}]},"steps":[{"vcpu":0,"do":"rdmsr",%s}]}'
        self.assertIn("more than 1000 keys", self.refused(step % keys))
        long = '{"schema_version":1,"machine":{"vcpus":[{"apic_id":0}],"%s":1},"steps":[]}' % ("x" * 5_000_000)
        self.assertLess(len(self.refused(long)), 1000)

    def test_hostile_texts(self):
        for text in ("", "[" * 100000, '{"a":' * 100000, "\0" * 1000, "1e999", '"' + "\\ud800" * 10 + '"'):
            self.assertIn("prog.json: ", self.refused(text))

    def test_files_that_are_none(self):
        self.assertIn("cannot open", self.expect(2, "run", self.folder / "missing", "--on", "kvm").err)
        self.assertIn("directory", self.expect(2, "run", self.folder, "--on", "kvm").err)

    def test_usage(self):
        path = self.write(MODES)
        self.assertIn("--on", self.expect(2, "run", path).err)
        self.assertIn("xen", self.expect(2, "run", path, "--on", "xen").err)
        self.assertIn("PROGRAM", self.expect(2, "run", "--on", "kvm").err)

    def test_the_schema_is_one(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.validate(MODES, SCHEMA, cls=jsonschema.Draft202012Validator)


class OnModels(RunCase):
    """What runs on an implementation needs no KVM."""

    def validated(self, status, name, *arguments):
        report = self.expect(status, *arguments, "--format", "json").json()
        jsonschema.validate(report, schema(name), cls=jsonschema.Draft202012Validator)
        return report

    def test_the_reference_conforms(self):
        out = self.expect(0, "run", self.write(MODES), "--on", "model:sdm").out
        self.assertIn("conforms: 7 steps conform, 0 diverge", out)

    def test_a_fault_is_told_with_rule_and_reason(self):
        out = self.expect(1, "run", self.write(MODES), "--on", "model:kvm-2018").out
        self.assertIn("M01 no-mmio-read-in-x2apic (M)", out)
        self.assertIn("because of step 2: WRMSR 1BH (apic_base) = 0xfee00d00: x2APIC mode", out)

    def test_json_judges_each_step_and_can_be_run_again(self):
        path = self.write(MODES)
        report = self.validated(1, "program", "run", path, "--on", "model:kvm-2018")
        self.assertEqual(report["party"], "model:kvm-2018")
        self.assertEqual(report["judgement"]["diverge"], 1)
        self.assertEqual(report["steps"][0]["judgement"], {"verdict": "ok"})
        divergence, = report["steps"][3]["judgement"]["divergences"]
        self.assertEqual((divergence["rule"], divergence["register"], divergence["known"]), ("M01", "version", None))
        again = self.validated(1, "program", "run", self.write(report, "again.json"), "--on", "model:kvm-2018")
        self.assertEqual(again, report)

    def test_the_profile_kvm_knows_departures(self):
        path = self.write(access_program(wrmsr("0x1b", "0xfee00d00"), wrmsr("0x808", "0x100")))
        self.expect(1, "run", path, "--on", "model:kvm-6.18")
        out = self.expect(0, "run", path, "--on", "model:kvm-6.18", "--profile", "kvm").out
        self.assertIn("known departure of KVM: kvm-x2apic-reserved-low-bits-masked", out)

    def test_two_parties_compared(self):
        path = self.write(MODES)
        self.assertIn("agree", self.expect(0, "run", path, "--compare", "model:sdm", "model:kvm-rfc").out)
        report = self.validated(1, "compare-report", "run", path, "--compare", "model:sdm", "model:kvm-2018")
        self.assertEqual([d["step"] for d in report["differences"]], [3])
        self.assertEqual(report["differences"][0]["second"]["value"], "0x50014")

    def test_random_programs_find_no_fault_in_the_reference(self):
        for seed in (2, 4):
            self.expect(0, "run", "--random", seed, "--steps", 100000, "--on", "model:sdm")

    def test_random_programs_find_only_what_kvm_is_known_to_do_in_its_model(self):
        for seed in (1, 2, 4, 5, 11):
            report = self.expect(0, "run", "--random", seed, "--steps", 100000, "--on", "model:kvm-6.18",
                                 "--profile", "kvm").out
            self.assertRegex(report, r" 0 diverge, \d{3,} show known departures of KVM")

    def test_random_programs_find_a_fault_and_shrink_it(self):
        report = self.validated(1, "random-report", "run", "--random", 1, "--steps", 5000, "--on", "model:kvm-2018")
        rules = {divergence["rule"]: divergence for divergence in report["divergences"]}
        self.assertIn("M01", rules)
        self.assertLessEqual(len(rules["M01"]["program"]["steps"]), 3)
        report = self.validated(1, "compare-report", "run", "--random", 1, "--compare", "model:kvm-rfc",
                                "model:kvm-2018")
        self.assertLessEqual(len(report["program"]["steps"]), 4)

    def test_the_same_seed_is_the_same_run(self):
        command = ("run", "--random", 9, "--steps", 3000, "--on", "model:kvm-6.18")
        self.assertEqual(program.run(*command).out, program.run(*command).out)

    def test_a_counterexample_is_run_and_confirmed(self):
        self.expect(1, "prove", "--impl", "kvm-2018", "--property", "no-mmio-read-in-x2apic", "--export", self.folder)
        path = self.folder / "kvm-2018.no-mmio-read-in-x2apic.json"
        self.expect(1, "run", path, "--on", "model:kvm-2018")
        self.expect(0, "run", path, "--on", "model:kvm-rfc")
        self.assertIn("shows it", self.expect(1, "replay", path, "--on", "model:kvm-2018").out)
        report = self.validated(0, "confirm-report", "replay", path, "--on", "model:kvm-rfc")
        self.assertEqual(report["confirmations"][0]["answer"], "does-not")

    def test_usage(self):
        path = self.write(MODES)
        self.assertIn("near: kvm-2018", self.expect(2, "run", path, "--on", "model:kvm-2017").err)
        self.assertIn("unknown target 'xen'; targets: kvm, model:NAME, image:NAME",
                      self.expect(2, "run", path, "--compare", "kvm", "xen").err)
        self.assertIn("PROGRAM", self.expect(2, "run", "--on", "model:sdm").err)
        self.expect(2, "run", path, "--on", "model:sdm", "--compare", "model:sdm", "kvm")
        self.expect(2, "run", path, "--random", 1, "--on", "model:sdm")


class WithoutKvm(RunCase):
    def test_4_and_the_reason_if_it_is_forbidden(self):
        if os.geteuid() != 0 or not os.path.exists("/dev/kvm") or os.stat("/dev/kvm").st_mode & 0o006:
            self.skipTest("only root can become a user whom /dev/kvm is forbidden")
        with open(self.write(MODES), "rb") as text:
            try:
                result = subprocess.run(
                    [program.PATH, "run", "-", "--on", "kvm"], stdin=text, capture_output=True, user=65534,
                    group=65534, extra_groups=[], check=False)
            except PermissionError:
                self.skipTest("the program lies where another user may not execute it")
        self.assertEqual(result.returncode, 4)
        self.assertIn(b"cannot open /dev/kvm: Permission denied", result.stderr)
        self.assertEqual(result.stdout, b"")

    def test_4_and_the_reason_if_it_is_missing(self):
        hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev && exec "$@"', "sh"]
        if subprocess.run([*hide, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("/dev cannot be hidden here")
        command = [*hide, program.PATH, "run", self.write(MODES), "--on", "kvm"]
        result = subprocess.run(command, capture_output=True, check=False)
        self.assertEqual(result.returncode, 4)
        self.assertIn(b"cannot open /dev/kvm: No such file or directory", result.stderr)


@needs_kvm
class OnKvm(RunCase):
    def test_text_shows_each_step_with_its_outcome(self):
        out = self.expect(0, "run", self.write(MODES), "--on", "kvm").out
        for line in (
            r"0  vCPU 0  MMIO read, 4 bytes at 0xfee00030 \(version\) +-> 0x50014\n",
            r"1  vCPU 0  RDMSR 802H \(id\) +-> #GP\n",
            r"2  vCPU 0  WRMSR 1BH \(apic_base\) = 0xfee00d00 +-> ok\n",
            r"3  vCPU 0  MMIO read, 4 bytes at 0xfee00030 \(version\) +-> 0xffffffff\n",
            r"6  vCPU 0  STI +-> ok; vCPU 0 takes vector 31H\n",
        ):
            self.assertRegex(out, line)

    def test_json_has_outcomes_and_can_be_run_again(self):
        report = self.run_json({**MODES, "property": "kept", "found_by": {"engine": "by hand"}})
        self.assertEqual(report["party"], "kvm")
        self.assertEqual(report["host"]["kernel"], os.uname().release)
        self.assertEqual(report["property"], "kept")
        outcomes = [step["outcome"] for step in report["steps"]]
        self.assertEqual(outcomes[0], {"value": "0x50014", "gp": False, "taken": []})
        self.assertEqual(outcomes[1], {"gp": True, "taken": []})
        self.assertEqual(outcomes[6]["taken"], [{"vcpu": 0, "vector": 0x31}])
        self.assertEqual(self.run_json(report), report)

    def test_standard_input(self):
        path = self.write(MODES)
        with open(path, "rb") as text:
            piped = self.expect(0, "run", "-", "--on", "kvm", stdin=text)
        self.assertEqual(piped.out, self.expect(0, "run", path, "--on", "kvm").out)

    def test_the_same_in_every_run(self):
        steps = [{"do": "init"}, {"do": "reset"}, {"do": "save-load"}, *MODES["steps"], {"do": "halt"}]
        steps += [{"vcpu": 1, **step} for step in MODES["steps"]]
        content = self.write(access_program(*steps, vcpus=2))
        runs = {program.run("run", content, "--on", "kvm").out for _ in range(5)}
        self.assertEqual(len(runs), 1)

    def test_the_quirk_off_leaves_by_userspace(self):
        report = self.run_json(access_program(*MODES["steps"], disabled_quirks=["LAPIC_MMIO_HOLE"]))
        self.assertEqual(report["steps"][3]["outcome"],
                         {"value": "0xffffffff", "gp": False, "exit": "mmio", "taken": []})

    def test_4_if_this_kvm_cannot_be_the_machine(self):
        content = access_program(rdmsr("0x1b"))
        content["machine"]["vcpus"] = [{"apic_id": 4294967294}]
        self.assertIn("4294967294", self.expect(4, "run", self.write(content), "--on", "kvm").err)

    def test_endless_waits_end(self):
        begin = time.monotonic()
        report = self.run_json(access_program({"do": "halt"}, rdmsr("0x1b"), {"do": "timer-expires"}), status=4)
        self.assertLess(time.monotonic() - begin, 10)
        outcomes = [step["outcome"] for step in report["steps"]]
        self.assertTrue(outcomes[0]["halted"])
        self.assertIn("not run", outcomes[1]["error"])
        self.assertIn("does not run", outcomes[2]["error"])

    def test_signals_end_it_at_once(self):
        content = self.write(access_program(*[{"do": "open-interrupts"}, {"do": "wait", "microseconds": 10_000_000},
                                              {"do": "halt"}]))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            child = subprocess.Popen([program.PATH, "run", content, "--on", "kvm"], stdout=subprocess.PIPE)
            time.sleep(0.3)
            child.send_signal(number)
            self.assertEqual(child.wait(timeout=5), -number)
            child.stdout.close()

    def test_kvm_is_what_its_model_says(self):
        out = self.expect(0, "run", "--random", 2026, "--steps", 20000, "--compare", "kvm", "model:kvm-6.18").out \
            if os.uname().release.startswith("6.18.") else self.skipTest("kvm-6.18 describes another KVM")
        self.assertIn("agree: seed 2026, 20000 steps", out)

    def test_the_counterexample_of_2018_is_not_shown_here(self):
        self.expect(1, "prove", "--impl", "kvm-2018", "--property", "no-mmio-read-in-x2apic", "--export", self.folder)
        path = self.folder / "kvm-2018.no-mmio-read-in-x2apic.json"
        self.assertIn("kvm does not", self.expect(0, "replay", path, "--on", "kvm").out)

    def test_a_departure_of_kvm_is_shown_here(self):
        out = self.expect(1, "prove", "--impl", "kvm-6.18", "--property", "eoi-nonzero-faults", "--confirm", "kvm").out
        self.assertIn("kvm-6.18 eoi-nonzero-faults: kvm shows it", out)

    def test_many_steps(self):
        steps = [wrmsr("0x1b", "0xfee00d00")]
        for i in range(20000):
            steps += [wrmsr("0x833", hex(0x10000 | i & 0xFF)), rdmsr("0x833")]
        content = self.write(access_program(*steps))
        report = self.expect(0, "run", content, "--on", "kvm", "--format", "json").json()
        for i in range(20000):
            self.assertEqual(report["steps"][2 * i + 2]["outcome"]["value"], hex(0x10000 | i & 0xFF))


if __name__ == "__main__":
    program.main()
