"""Recordings as people paste them: each damage is made here, from real recordings, and the verdict stays."""

import quopri
import re
import textwrap

import program

NAMES = ("x2apic-mmio-alive-smp1", "probe-smp2", "smptest-2", "reset-x2apic")
HEAD = re.compile(r"^ *(?P<name>.{1,16})-(?P<pid>\d+) +\[(?P<cpu>\d+)\] (?P<flags>\S+) +(?P<time>[\d.]+): (?P<event>.*)$")
MOST_LINES = 40_000


def kept(name):
    lines = program.recording(name).read_text(errors="replace").splitlines()[:MOST_LINES]
    return [line for line in lines if HEAD.match(line) or line.startswith("#")]


def records(lines):
    return [match for line in lines if (match := HEAD.match(line))]


def wrapped(line):
    return "\n".join(textwrap.wrap(line, 72, drop_whitespace=False, break_long_words=False, break_on_hyphens=False))


def latency(match):
    cpu, flags = int(match["cpu"]), match["flags"]
    microseconds = int(float(match["time"]) * 1_000_000 + 0.5)
    return f"{match['name'][:8]:>8}-{match['pid']:<7} {cpu:3}{flags} {microseconds:4}us : {match['event']}"


class Pasted(program.Case):
    def judged(self, text, name="trace.txt", status=(0, 1, 4)):
        result = program.run("check", "--format", "json", self.file(text, name))
        self.assertIn(result.status, status, result.err)
        self.assertNotIn("Sanitizer", result.err)
        return result.json()["traces"][0]

    @staticmethod
    def kinds(report):
        return sorted((d["rule"], d["access"]["register"], d["count"]) for d in report["divergences"])

    def same(self, damage, repaired=None, lines_stay=True):
        """`damage` changes the lines of a recording, and nothing else than the count of repairs follows."""
        for name in NAMES:
            lines = kept(name)
            plain = self.judged("\n".join(lines) + "\n")
            damaged = self.judged(damage(lines))
            self.assertEqual(self.kinds(damaged), self.kinds(plain), name)
            for key in ("verdict", "accesses", "checked"):
                self.assertEqual(damaged[key], plain[key], f"{name}: {key}")
            if lines_stay:
                place = [[(d["rule"], d["line"]) for d in r["divergences"]] for r in (damaged, plain)]
                self.assertEqual(*place, name)
            whats = [repair["what"] for repair in damaged["repaired"]]
            if repaired is not None:
                self.assertTrue(any(repaired in what for what in whats), f"{name}: {whats}")

    def test_quoted(self):
        self.same(lambda lines: "".join(f"> {line}\n" for line in lines), "quoted")
        self.same(lambda lines: "".join(f">> > {line}\n" for line in lines), "quoted")

    def test_with_the_numbers_of_grep(self):
        def numbered(lines, form):
            return "".join(form.format(n, line) for n, line in enumerate(lines, 1))

        self.same(lambda lines: numbered(lines, "{0}:{1}\n"), "grep")
        self.same(lambda lines: numbered(lines, "logs/boot.txt:{0}:{1}\n"), "grep")

    def test_wrapped_by_a_mail_program(self):
        self.same(lambda lines: "\n".join(map(wrapped, lines)) + "\n", "wrapped", lines_stay=False)

    def test_wrapped_and_quoted(self):
        def damage(lines):
            return "".join(f"> {line}\n" for record in lines for line in wrapped(record).split("\n"))

        self.same(damage, "wrapped", lines_stay=False)

    def test_quoted_printable(self):
        def damage(lines):
            return quopri.encodestring(("\n".join(lines) + "\n").encode()).decode()

        self.same(damage, "quoted-printable", lines_stay=False)

    def test_in_colours(self):
        coloured = "\x1b[32m{}\x1b[0m\x1b[K\n"
        self.same(lambda lines: "".join(map(coloured.format, lines)), "colours")

    def test_indentation_lost(self):
        self.same(lambda lines: "".join(line.lstrip() + "\n" for line in lines))

    def test_windows_lines_without_the_last_end(self):
        self.same(lambda lines: "\r\n".join(f"> {line}" for line in lines))

    def test_a_dump_of_the_buffer_in_dmesg(self):
        def damage(lines):
            dumped = [latency(match) for match in records(lines)]
            return "".join(f"[  412.3000{n % 100:02}] {line}\n" for n, line in enumerate(dumped))

        for name in NAMES[:2]:
            lines = kept(name)
            plain = self.judged("".join(m.string + "\n" for m in records(lines)))
            self.assertEqual(self.kinds(self.judged(damage(lines))), self.kinds(plain), name)

    def test_as_perf_script(self):
        def perf(match):
            event = re.sub(r"^(kvm_\w+)", r"kvm:\1", match["event"])
            event = re.sub(r"^sys_ioctl\((.*)\)$", r"syscalls:sys_enter_ioctl: \1", event)
            return f"{match['name']:>16} {match['pid']} [{match['cpu']}] {match['time']}: {event:>40}\n"

        for name in NAMES:
            lines = records(kept(name))
            plain = self.judged("".join(m.string + "\n" for m in lines))
            damaged = self.judged("".join(map(perf, lines)))
            self.assertEqual(damaged["format"], "perf script")
            self.assertEqual(self.kinds(damaged), self.kinds(plain), name)
            self.assertEqual(damaged["checked"], plain["checked"], name)

    def test_what_a_missing_column_leaves_open_is_no_divergence(self):
        shapes = {
            "TASK-PID": "[{cpu}] {flags} {time}: {event}\n",
            "TASK-PID ": "{time}: {event}\n",
            "no time": "{name}-{pid} [{cpu}] {flags} {event}\n",
            "TASK-PID  ": "{event}\n",
        }
        for name in NAMES:
            lines = records(kept(name))
            plain = {kind[:2] for kind in self.kinds(self.judged("".join(m.string + "\n" for m in lines)))}
            for missing, shape in shapes.items():
                damaged = self.judged("".join(shape.format(**m.groupdict()) for m in lines), status=(0, 1, 2, 4))
                self.assertLessEqual({kind[:2] for kind in self.kinds(damaged)}, plain, f"{name}: {missing}")
                if missing != "no time":
                    self.assertIn(missing.strip(), " ".join(damaged["notes"]))

    def test_prose_around_it_is_counted_and_not_read(self):
        prose = "Hi all,\n\nour guest hangs. The kvm_apic: events look odd, see below:\n\n"
        lines = records(kept("x2apic-mmio-alive-smp1"))
        quoted = "".join(f"> {m.string}\n" for m in lines)
        report = self.judged(prose + quoted + "\nAny idea?\n")
        self.assertEqual(report["skipped_lines"], 3)
        self.assertIn("M01", [d["rule"] for d in report["divergences"]])

    def test_the_ledger_says_what_was_repaired(self):
        lines = kept("smptest-2")
        path = self.file("".join(f"> {line}\n" for line in lines))
        self.assertIn("quoted with >", self.expect(0, "interrupts", path).out)

    def test_an_interrupted_value_is_not_read_as_a_whole_one(self):
        text = ("> qemu-44 [000] ..... 100.000010: kvm_msr: msr_write 1b =\n> 0xfee00d00\n"
                "> qemu-44 [000] ..... 100.000020: kvm_msr: msr_write 808 = 0x100\n> (#GP)\n")
        report = self.judged(text)
        self.assertEqual((report["events"], report["divergences"], report["skipped_lines"]), (2, [], 0))
        self.assertEqual(report["accesses"], 2)


if __name__ == "__main__":
    program.main()
