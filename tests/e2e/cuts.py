#!/usr/bin/env python3
"""Cuts recordings short and holds what is reported of the rest against what is reported of the whole.

A recording that begins late, ends early or lost events in its middle tells less. It must never make the
checker report what the whole recording does not show: that would be a false alarm.

    cuts.py PROGRAM CORPUS [ROUNDS]     ROUNDS (default 40): cuts of each sort for each recording
"""

import pathlib
import random
import sys
import tempfile

import recordings

def cut_behind(text, lines, rng):
    """Ends in the middle of a line, as a file that is still being written does."""
    return text[: rng.randrange(len(text))], None


def cut_before(text, lines, rng):
    first = rng.randrange(len(lines))
    return b"".join(lines[first:]), range(first + 1, len(lines) + 1)


def cpu_of(line):
    """The host CPU of a record: b" qemu-1 [001] ..." is 1; None for a comment or mark."""
    bracket = line.find(b" [")
    if line.startswith((b"#", b"CPU:")) or bracket < 0 or not line[bracket + 2 : bracket + 5].isdigit():
        return None
    return int(line[bracket + 2 : bracket + 5])


def cut_out(text, lines, rng):
    """One CPU's buffer overflowed: its lines of a stretch are missing, and its next line has a mark."""
    first = rng.randrange(len(lines))
    last = min(len(lines), first + rng.choice((1, 2, 5, 50, 1000)))
    cpu = cpu_of(lines[rng.randrange(first, last)])
    kept, numbers, lost = [], [], 0
    for number, line in enumerate(lines):
        here = cpu is not None and cpu_of(line) == cpu
        if here and first <= number < last:
            lost += 1
            continue
        if here and number >= last and lost:
            kept.append(b"CPU:%d [LOST %d EVENTS]\n" % (cpu, lost))
            numbers.append(None)
            lost = 0
        kept.append(line)
        numbers.append(number + 1)
    return b"".join(kept), numbers


SORTS = {"end cut off": cut_behind, "beginning cut off": cut_before, "lost in the middle": cut_out}


def kind(divergence):
    return divergence["rule"], divergence["access"]["register"], divergence["access"]["kind"], divergence["mode"]


def is_known(divergence, line, whole):
    """Whether the whole recording has it: at this line, or as one of the repeats that are not listed."""
    same = [d for d in whole if kind(d) == kind(divergence)]
    if any(d["line"] == line or (d["count"] > 1 and d["line"] < line) for d in same):
        return True
    # Where the mode is not known, an answer of the closed window looks like xAPIC mode: the fault shows
    # where the mode does.
    window = [d for d in whole if d["rule"] in ("M01", "M02", "M03", "M04") and d["line"] < line]
    return divergence["rule"] == "B08" and bool(window)


def false_alarms(report, numbers, whole):
    for divergence in report["divergences"]:
        line = divergence["line"] if numbers is None else numbers[divergence["line"] - 1]
        if not is_known(divergence, line, whole):
            yield line, divergence


def check_recording(program, path, rounds, folder):
    text = path.read_bytes()
    lines = text.splitlines(keepends=True)
    whole = recordings.check_json(program, [path])["traces"][0]["divergences"]
    bad = 0
    for sort, cut in SORTS.items():
        rng = random.Random(f"{path.name} {sort}")
        pieces, files = [], []
        for number in range(rounds):
            piece, numbers = cut(text, lines, rng)
            if not lines_in(piece):
                continue
            file = folder / f"{number}.txt"
            file.write_bytes(piece)
            files.append(file)
            pieces.append(numbers)
        reports = recordings.check_json(program, files)["traces"]
        assert len(reports) == len(files), f"{path.name}, {sort}: {len(files)} files, {len(reports)} reports"
        for file, report, numbers in zip(files, reports, pieces):
            for line, divergence in false_alarms(report, numbers, whole):
                bad += 1
                saved = pathlib.Path(tempfile.gettempdir()) / f"lapicheck-cut-{path.stem}-{bad}.txt"
                saved.write_bytes(file.read_bytes())
                print(
                    f"{path.name}, {sort}: {divergence['rule']} {divergence['access']['register']} at line "
                    f"{divergence['line']} (of the whole: {line}) is not in the whole recording; cut kept in {saved}"
                )
    return bad


def lines_in(piece):
    """Whether a record is left: without one there is nothing to read, which is another error."""
    return any(cpu_of(line) is not None for line in piece.splitlines(keepends=True) if line.endswith(b"\n"))


def main():
    program, corpus = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    paths = recordings.all_of(corpus)
    with tempfile.TemporaryDirectory() as folder:
        bad = sum(check_recording(program, path, rounds, pathlib.Path(folder)) for path in paths)
    print(f"{len(paths)} recordings, {len(paths) * len(SORTS) * rounds} cuts, {bad} false alarms")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
