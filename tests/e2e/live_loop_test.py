"""Random programs on this machine's KVM, recorded while they run: what check finds must be known of KVM."""

import pathlib
import unittest

import program
import run_test
import trace_and_run_test
import tracing

RECORDINGS = 200
STEPS = 400


@tracing.needs_tracing
@run_test.needs_kvm
class LiveLoop(program.Case):
    def test_no_recording_of_a_random_program_raises_an_alarm(self):
        vendor = trace_and_run_test.host_vendor()
        judged = 0
        with program.tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "random.txt"
            for seed in range(RECORDINGS):
                trace.unlink(missing_ok=True)
                recorded = program.run("record", "-o", trace, "--", program.PATH, "run", "--random", str(seed),
                                       "--steps", str(STEPS), "--on", "kvm", "--profile", "kvm")
                # 1: the run itself found what is not known of this KVM.
                self.assertIn(recorded.status, (0, 1), recorded.err)
                checked = program.run("check", "--profile", "kvm", "--cpu", vendor, trace)
                self.assertIn(checked.status, (recorded.status, 0, 4), f"seed {seed}:\n{checked.out}")
                judged += checked.status == 0
        self.assertGreater(judged, RECORDINGS // 2)


if __name__ == "__main__":
    program.main()
