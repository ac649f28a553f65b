"""What a user may take for a recording: each ends in advice or a counted skip, never in a crash."""

import bz2
import gzip
import io
import lzma
import random
import re
import shutil
import subprocess
import tarfile

import program

RECORD = " qemu-system-x86-44      [000] .....   100.0000{:02}: {}\n"


def trace(*events):
    return "".join(RECORD.format(number, event) for number, event in enumerate(events, 10))


BAD = trace("kvm_msr: msr_write 1b = 0xfee00d00", "kvm_apic: apic_read APIC_LVR = 0x50014",
            "kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0x50014")
GOOD = trace("kvm_msr: msr_write 1b = 0xfee00d00", "kvm_mmio: mmio read len 4 gpa 0xfee00030 val 0xffffffff")


class Refused(program.Case):
    def refused(self, content, *parts, name="input"):
        result = self.expect(2, "check", self.file(content, name))
        self.assertEqual(result.out, "")
        self.assertTrue(result.err.startswith(f"lapicheck: {self.folder}/{name}:"), result.err)
        for part in parts:
            self.assertIn(part, result.err)
        return result.err

    def test_an_empty_file(self):
        self.refused(b"", "the file is empty")

    def test_a_directory(self):
        self.assertIn("is a directory", self.expect(2, "check", self.folder).err)

    def test_a_damaged_recording_of_trace_cmd(self):
        self.refused(b"\x17\x08\x44tracing6\0" + bytes(100), "damaged, not complete", "trace-cmd dump")

    def test_binary_data(self):
        self.refused(random.Random(1).randbytes(300_000))
        self.refused(bytes(100_000))

    def test_foreign_text_is_named_with_a_line(self):
        source = (program.SOURCE / "traces/access_assembler.cpp").read_text()
        err = self.refused(source, "not ftrace text")
        self.assertRegex(err, r":\d+: not ftrace text: ")
        self.refused("hello\nworld\n", ":1: not ftrace text: ", "trace-cmd report")

    def test_json(self):
        self.refused('{"traces": []}\n', "JSON")
        self.refused((program.SOURCE / "specs/rules.json").read_text(), "JSON")

    def test_its_own_reports(self):
        recording = program.recording("probe-smp2")
        for form in ("text", "json"):
            self.refused(program.run("check", "--format", form, recording).out)


class Packed(program.Case):
    """Compressed files and archives are read as what is in them."""

    def entries(self, status, *paths):
        result = self.expect(status, "check", "--format", "json", *paths)
        return result.json()["traces"]

    def test_each_compression(self):
        content = GOOD.encode()
        packers = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress}
        for ending, pack in packers.items():
            path = self.file(pack(content), f"trace.{ending}")
            self.assertIn(f"trace.{ending}: conforms", self.expect(0, "check", path).out)
            with open(path, "rb") as packed:
                self.assertIn("stdin: conforms", self.expect(0, "check", "-", stdin=packed).out)
        for tool in ("zstd", "lz4"):
            if shutil.which(tool) is None:
                print(f"{tool} is not installed: not tested")
                continue
            packed = subprocess.run([tool, "-qc"], input=content, capture_output=True, check=True).stdout
            path = self.file(packed, f"trace.{tool}")
            self.assertIn("conforms", self.expect(0, "check", path).out)

    def tar(self, mode, **members):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode=mode) as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(f"run/{name}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return data.getvalue()

    def test_each_member_of_an_archive_has_its_own_verdict(self):
        for mode in ("w", "w:gz", "w:xz"):
            path = self.file(self.tar(mode, a=GOOD.encode(), b=BAD.encode(), c=gzip.compress(GOOD.encode())), "all.tar")
            traces = self.entries(1, path)
            self.assertEqual([t["path"] for t in traces], [f"{path}:run/{name}" for name in "abc"])
            self.assertEqual([t["verdict"] for t in traces], ["conforms", "diverges", "conforms"])

    def test_a_member_that_is_no_recording_is_an_entry(self):
        traces = self.entries(2, self.file(self.tar("w", a=GOOD.encode(), readme=b"read me\n"), "all.tar"))
        self.assertEqual([t["verdict"] for t in traces], ["conforms", None])
        self.assertIn("not ftrace text", traces[1]["error"])

    def test_what_stands_before_a_damage_is_judged(self):
        content = "".join(trace(f"kvm_msr: msr_write 80b = 0x0 {n}") for n in range(20_000)).encode()
        packed = gzip.compress(BAD.encode() + content)
        for keep, verdict in ((len(packed) // 2, "diverges"), (12, None)):
            (entry,) = self.entries(2, self.file(packed[:keep], "cut.gz"))
            self.assertEqual(entry["verdict"], verdict)
            self.assertIn("damaged, or not complete", entry["error"])

    def test_the_corpus_as_it_is_kept(self):
        for packed in (program.SOURCE / "traces/corpus").rglob("smptest-2.txt.zst"):
            plain = self.entries(0, program.recording("smptest-2"))
            same = self.entries(0, packed)
            same[0]["path"] = plain[0]["path"]
            self.assertEqual(same, plain)

    def test_an_archive_without_a_file(self):
        self.assertIn("an archive without a file", self.entries(2, self.file(self.tar("w:gz"), "none.tar"))[0]["error"])


class Damaged(program.Case):
    def test_a_line_that_is_no_record_is_skipped_and_counted(self):
        path = self.file(GOOD + "what is this\n" + GOOD)
        out = self.expect(0, "check", path).out
        self.assertIn("1 line skipped", out)
        self.assertIn(f"skipped {path}:3: ", out)
        self.assertIn("what is this", out)

    def test_an_event_that_cannot_be_read_is_skipped_with_its_name(self):
        path = self.file(GOOD + trace("kvm_apic: apic_read APIC_NEW = 0x0"))
        self.assertIn("unknown register name", self.expect(0, "check", path).out)

    def test_only_the_first_skipped_lines_are_shown(self):
        out = self.expect(0, "check", self.file(GOOD + "nonsense\n" * 1000)).out
        self.assertIn("1000 lines skipped", out)
        self.assertEqual(out.count("nonsense"), 10)

    def test_a_recording_that_was_cut_in_a_line(self):
        cut = self.file(GOOD + GOOD[:-4])
        self.assertIn("Too little was checked", self.expect(4, "check", cut).out)
        out = self.expect(0, "check", "--min-checked", 0, cut).out
        self.assertIn("The last line is incomplete and was not used", out)

    def test_names_that_are_not_utf_8(self):
        content = GOOD.encode().replace(b"qemu-system-x86", b"\xff\xfe\x80\xe4emu-syst-\xc3x")
        for form in ("text", "json"):
            out = self.expect(0, "check", "--format", form, self.file(content)).out
            self.assertIn("conforms", out)

    def test_skipped_text_that_is_not_utf_8_is_made_printable(self):
        path = self.file(GOOD.encode() + b"\xff\xfe\x80 nonsense\x07\n")
        for form in ("text", "json"):
            self.assertIn("??? nonsense?", self.expect(0, "check", "--format", form, path).out)

    def test_a_path_that_is_not_plain(self):
        path = self.file(GOOD, "ä \x07\"'{}.txt")
        self.assertIn("conforms", self.expect(0, "check", path).out)
        self.assertEqual(
            self.expect(0, "check", "--format", "json", path).json()["traces"][0]["path"], str(path)
        )

    def test_shuffled_lines(self):
        for name in ("probe-smp2", "smptest-2", "reset-x2apic-ioctls"):
            lines = program.recording(name).read_bytes().splitlines(keepends=True)
            random.Random(1).shuffle(lines)
            result = program.run("check", self.file(b"".join(lines)))
            self.assertIn(result.status, (0, 1, 4), result.err)
            self.assertNotIn("Sanitizer", result.err)

    def test_bytes_changed_at_random(self):
        whole = program.recording("probe-smp2").read_bytes()[:200_000]
        rng = random.Random(2)
        for _ in range(20):
            content = bytearray(whole)
            for _ in range(rng.choice((1, 10, 1000))):
                content[rng.randrange(len(content))] = rng.randrange(256)
            result = program.run("check", "--format", "json", self.file(bytes(content)))
            self.assertIn(result.status, (0, 1, 4), result.err)
            self.assertNotIn("Sanitizer", result.err)
            result.json()

    def test_windows_line_ends(self):
        self.assertIn("conforms", self.expect(0, "check", self.file(GOOD.replace("\n", "\r\n"))).out)

    def test_numbers_beyond_64_bits(self):
        path = self.file(GOOD + trace("kvm_msr: msr_write 1b = 0x1fffffffffffffffff"))
        self.assertIn("1 line skipped", self.expect(0, "check", path).out)


class Large(program.Case):
    """What is read is not kept: memory has a bound, whatever the input."""

    most_kilobytes = 64 * 1024

    def bounded(self, status, path):
        result = self.expect(status, "check", path)
        if program.MEASURES_MEMORY:
            self.assertLess(result.kilobytes, self.most_kilobytes)
        return result.out

    def written(self, pieces):
        path = self.folder / "large.txt"
        with open(path, "wb") as file:
            for piece in pieces:
                file.write(piece)
        return path

    def test_a_line_of_50_megabytes_without_an_end(self):
        start = [GOOD.encode(), GOOD.encode()[:70]]
        out = self.bounded(0, self.written(start + [b"x" * 1_000_000] * 50))
        self.assertIn("The last line is incomplete and was not used", out)

    def test_a_line_of_50_megabytes_with_an_end(self):
        out = self.bounded(0, self.written([GOOD.encode()] + [b"x" * 1_000_000] * 50 + [b"\n", GOOD.encode()]))
        self.assertIn("1 line skipped", out)
        self.assertIn("line longer than 64 KiB", out)
        self.assertIn("4 events in 5 lines", out)

    def test_a_long_recording(self):
        whole = program.recording("smptest-2").read_bytes()
        out = self.bounded(0, self.written([whole] * 100))
        events = int(re.search(r"(\d+) events in", out)[1])
        self.assertEqual(events, 100 * 3973)

    def test_a_hundred_thousand_threads(self):
        def line(thread, event):
            return f"{'qemu':>16}-{thread:<7} [000] .....   100.000010: {event}\n"

        def block(first):
            return "".join(
                line(thread, "kvm_mmio: mmio write len 4 gpa 0xfee000f0 val 0x1ff")
                + line(thread, "kvm_msr: msr_read 1b = 0xfee00900")
                for thread in range(first, first + 1000)
            ).encode()

        out = self.bounded(0, self.written(block(first) for first in range(1, 100_001, 1000)))
        self.assertIn("200000 accesses", out)

    def test_a_hundred_thousand_divergences(self):
        start = trace("kvm_msr: msr_write 1b = 0xfee00d00")

        def block(first):
            return "".join(trace(f"kvm_msr: msr_write 838 = {value << 32:#x}") for value in range(first, first + 1000))

        blocks = (block(first).encode() for first in range(1, 100_001, 1000))
        out = self.bounded(1, self.written([start.encode(), *blocks]))
        self.assertIn("100000 divergences", out)


if __name__ == "__main__":
    program.main()
