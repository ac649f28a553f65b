"""Runs the program under test.

Where it is, and the unpacked recordings, say LAPICHECK and LAPICHECK_CORPUS; without them the release build.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
RELEASE = SOURCE / "build/release"
PATH = os.environ.get("LAPICHECK", str(RELEASE / "lapicheck"))
CORPUS = pathlib.Path(os.environ.get("LAPICHECK_CORPUS", RELEASE / "corpus"))
# Sanitizers keep freed memory and shadows of all of it.
MEASURES_MEMORY = os.environ.get("LAPICHECK_SANITIZED", "") != "1"
# Not a speed that is asked for: what has not ended by then never does.
HANGS_AFTER_SECONDS = 120


class Run:
    def __init__(self, status, out, err, kilobytes):
        self.status = status
        self.out = out
        self.err = err
        self.kilobytes = kilobytes

    def json(self):
        return json.loads(self.out)


def run(*arguments, stdin=subprocess.DEVNULL, cwd=None, hangs_after=HANGS_AFTER_SECONDS):
    """Ends with a sanitizer's report or a crash as any other failure does: see Case.expect."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        command = ["timeout", str(hangs_after), PATH, *map(str, arguments)]
        child = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=err, cwd=cwd)
        _, wait_status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(wait_status)
        out.seek(0)
        err.seek(0)
        text = [file.read().decode("utf-8") for file in (out, err)]  # what is printed is UTF-8, always
        return Run(child.returncode, *text, usage.ru_maxrss)


def recordings():
    found = sorted(CORPUS.rglob("*.txt"))
    assert found, f"no recordings below {CORPUS}"
    return found


def recording(name):
    found = [path for path in recordings() if path.stem == name]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, content, name="trace.txt"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def expect(self, status, *arguments, **options):
        """Runs the program; it must end so and print no sanitizer's report."""
        result = run(*arguments, **options)
        self.assertEqual(result.status, status, f"{arguments}\n{result.out[-2000:]}\n{result.err[-2000:]}")
        self.assertNotIn("Sanitizer", result.err)
        self.assertNotIn("runtime error", result.err)
        return result


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
