"""The unpacked recordings, and one run of the program under test."""

import json
import pathlib
import subprocess


def all_of(corpus):
    found = sorted(pathlib.Path(corpus).rglob("*.txt"))
    assert found, f"no recordings below {corpus}"
    return found


def check_json(program, files, *options):
    """The parsed report of `check --format json`; fails on any exit status but those of a verdict."""
    command = [program, "check", "--format", "json", *options, *map(str, files)]
    run = subprocess.run(command, capture_output=True, check=False)
    assert run.returncode in (0, 1, 4), f"exit status {run.returncode}: {run.stderr.decode(errors='replace')}"
    return json.loads(run.stdout)
