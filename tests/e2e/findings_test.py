"""docs/findings.md: every entry is whole, its program is one, and where the party that it accuses is here, in the version
that was tried, the program still shows the fault."""

import os
import re
import shutil
import subprocess
import unittest

import program

DOCS = program.SOURCE / "docs"
PAGE = DOCS / "findings.md"
FIELDS = ["Program", "Observed", "Manual", "Source", "Versions", "Severity", "To send"]
SEVERITIES = {"high", "medium", "low"}
ROW = re.compile(r"^\| (\w+) \| \[(.+)\]\(#(\S+)\) \| (.+) \| (\w+) \| (\w+) \|$", re.MULTILINE)


class Entry:
    def __init__(self, text):
        heading, _, body = text.partition("\n")
        self.number, self.title = heading.split(". ", 1)
        self.fields = dict(re.findall(r"^- \*\*(.+?):\*\* (.+?)(?=\n- \*\*|\n*\Z)", body.split("\n## ")[0],
                                      re.MULTILINE | re.DOTALL))
        found = re.search(r"\]\((findings/\S+\.json)\),\s+on\s+`(\S+?)`", self.fields.get("Program", ""))
        self.path, self.target = (DOCS / found[1], found[2]) if found else (None, None)
        self.rule = self.fields.get("Manual", "").split(" ")[0]

    def anchor(self):
        return re.sub(r"[^a-z0-9 -]", "", f"{self.number}. {self.title}".lower()).replace(" ", "-")


def entries():
    return [Entry(text) for text in re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]]


def reproducible():
    return [entry for entry in entries() if not entry.number.startswith("R")]


def why_not_here(target):
    """Why nothing can be said on this machine; None: the party is here in the version that was tried."""
    if target == "image:qemu-tcg":
        qemu = shutil.which("qemu-system-x86_64")
        version = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False).stdout if qemu else ""
        return None if "version 7.2." in version else "no QEMU 7.2 here (apt install qemu-system-x86)"
    if target == "image:bochs":
        here = shutil.which("bochs") and os.path.exists("/usr/share/bochs/VGABIOS-lgpl-latest")
        return None if here else "no Bochs here (apt install bochs vgabios)"
    here = os.access("/dev/kvm", os.R_OK | os.W_OK) and os.uname().release.startswith("6.18.")
    return None if here else "no KVM of Linux 6.18 here"


class Findings(program.Case):
    def test_each_entry_is_whole(self):
        self.assertGreaterEqual(len(entries()), 25)
        for entry in entries():
            with self.subTest(entry.number):
                self.assertEqual(list(entry.fields), FIELDS)
                self.assertIn(entry.fields["Severity"].strip(), SEVERITIES)
                self.assertIn("325384-", entry.fields["Manual"])
                self.assertRegex(entry.fields["Source"], r"`\S+\.(c|cc)`: `?\w+")

    def test_the_table_names_them_all(self):
        rows = {number: (title, anchor, rule, severity)
                for number, title, anchor, _, rule, severity in ROW.findall(PAGE.read_text())}
        self.assertEqual(rows, {entry.number: (entry.title, entry.anchor(), entry.rule, entry.fields["Severity"].strip())
                                for entry in reproducible()})

    def test_each_program_is_one_and_is_named(self):
        named = {entry.path for entry in reproducible()}
        self.assertEqual(named, set((DOCS / "findings").glob("*.json")))
        self.assertEqual(len(named), len(reproducible()))
        for path in named:
            self.expect(0, "emit", path, "--as", "blob", "-o", self.folder / "blob")
            self.assertIn(program.run("run", path, "--on", "model:sdm").status, (0, 4), path)  # the manual's APIC obeys

    def check(self, target):
        if why := why_not_here(target):
            self.skipTest(why)
        for entry in reproducible():
            if entry.target != target:
                continue
            with self.subTest(entry.number):
                judged = self.expect(1, "run", entry.path, "--on", target, "--format", "json").json()
                broken = {d["rule"] for step in judged["steps"] for d in step["judgement"].get("divergences", [])}
                self.assertIn(entry.rule, broken)

    def test_qemu(self):
        self.check("image:qemu-tcg")

    def test_bochs(self):
        self.check("image:bochs")

    def test_kvm(self):
        self.check("kvm")


if __name__ == "__main__":
    program.main()
