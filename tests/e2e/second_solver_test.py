"""Another solver answers each obligation as `prove` did.

    second_solver_test.py [N]    every N-th obligation only
"""

import collections
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import unittest

import program

EVERY = int(sys.argv[1]) if len(sys.argv) > 1 else 1
SECONDS_AT_MOST = 300


def cvc5(path):
    command = ["cvc5", f"--tlimit={1000 * SECONDS_AT_MOST}", str(path)]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def claimed(path):
    return re.search(r"\(set-info :status (\w+)\)", path.read_text()).group(1)


class SecondSolver(program.Case):
    def test_cvc5_agrees(self):
        if shutil.which("cvc5") is None:
            self.skipTest("cvc5 is not here; scripts/setup.sh installs it")
        self.expect(1, "prove", "--dump-smt2", self.folder)
        paths = sorted(self.folder.glob("*.smt2"))[::EVERY]
        kinds = collections.Counter(claimed(path) for path in paths)
        self.assertGreater(kinds["unsat"], 800 // EVERY)
        self.assertGreater(kinds["sat"], 80 // EVERY)
        self.assertEqual(kinds["unknown"], 0)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
            answers = dict(zip(paths, threads.map(cvc5, paths)))
        disagree = {path.name: answer for path, answer in answers.items() if answer != claimed(path)}
        self.assertEqual(disagree, {})
        print(f"{len(paths)} obligations, cvc5 agrees: {dict(kinds)}")

    def test_obligations_of_invariants_pairs_and_vcpus_are_told(self):
        self.expect(1, "prove", "--impl", "flexpriority", "--property", "mmio-isolation", "--property",
                    "closed-window-tells-nothing", "--dump-smt2", self.folder)
        names = [path.name for path in self.folder.glob("*.smt2")]
        for part in ("invariants.xapic.mmio-write.4", "mmio-isolation.", "closed-window-tells-nothing."):
            self.assertTrue(any(part in name for name in names), part)


if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    program.main()
