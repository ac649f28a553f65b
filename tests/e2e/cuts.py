#!/usr/bin/env python3
"""Cuts recordings short and holds what is reported of the rest against what is reported of the whole.

A recording that begins late, ends early or lost events in its middle tells less. It must never make the
checker report what the whole recording does not show: that would be a false alarm.

    cuts.py [ROUNDS]     ROUNDS (default 40): cuts of each sort for each recording
"""

import pathlib
import random
import re
import sys
import tempfile

import program

RECORD = re.compile(rb"[^#].*? \[(\d{3,})\] .*\n")

def cut_behind(text, lines, rng):
    """Ends in the middle of a line, as a file that is still being written does."""
    return text[: rng.randrange(len(text))], range(1, len(lines) + 1)


def cut_before(text, lines, rng):
    first = rng.randrange(len(lines))
    return b"".join(lines[first:]), range(first + 1, len(lines) + 1)


def cpu_of(line):
    """The host CPU of a record: of b" qemu-1 [001] ..." it is 1; None for a comment or mark."""
    found = RECORD.match(line)
    return int(found[1]) if found else None


def cut_out(text, lines, rng):
    """One CPU's buffer overflowed: its lines of a stretch are missing, and its next line has a mark."""
    first = rng.randrange(len(lines))
    last = min(len(lines), first + rng.choice((1, 2, 5, 50, 1000)))
    cpu = cpu_of(lines[rng.randrange(first, last)])
    stays = [n for n in range(first, last) if cpu is None or cpu_of(lines[n]) != cpu]
    lost = last - first - len(stays)
    mark = last
    while mark < len(lines) and cpu_of(lines[mark]) != cpu:
        mark += 1
    marks = [b"CPU:%d [LOST %d EVENTS]\n" % (cpu, lost)] if lost and mark < len(lines) else []
    kept = [*lines[:first], *(lines[n] for n in stays), *lines[last:mark], *marks, *lines[mark:]]
    indices = [*range(first), *stays, *range(last, mark), *([mark] * len(marks)), *range(mark, len(lines))]
    return b"".join(kept), [index + 1 for index in indices]


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


def false_alarms(found, numbers, whole):
    for divergence in found:
        line = numbers[divergence["line"] - 1]
        if not is_known(divergence, line, whole):
            yield line, divergence


def divergences_of(files):
    result = program.run("check", "--format", "json", *files)
    assert result.status in (0, 1, 4), f"exit status {result.status}: {result.err}"
    traces = result.json()["traces"]
    assert len(traces) == len(files), f"{len(files)} files, {len(traces)} reports"
    return [trace["divergences"] for trace in traces]


def check_recording(path, rounds, folder):
    text = path.read_bytes()
    lines = text.splitlines(keepends=True)
    [whole] = divergences_of([path])
    bad = 0
    for sort, cut in SORTS.items():
        rng = random.Random(f"{path.name} {sort}")
        pieces, files = [], []
        for number in range(rounds):
            piece, numbers = cut(text, lines, rng)
            if not has_records(piece):
                continue
            file = folder / f"{number}.txt"
            file.write_bytes(piece)
            files.append(file)
            pieces.append(numbers)
        for file, found, numbers in zip(files, divergences_of(files), pieces):
            for line, divergence in false_alarms(found, numbers, whole):
                bad += 1
                saved = pathlib.Path(tempfile.gettempdir()) / f"lapicheck-cut-{path.stem}-{bad}.txt"
                saved.write_bytes(file.read_bytes())
                print(
                    f"{path.name}, {sort}: {divergence['rule']} {divergence['access']['register']} at line "
                    f"{divergence['line']} (of the whole: {line}) is not in the whole recording; cut kept in {saved}"
                )
    return bad


def has_records(piece):
    """Without one there is nothing to read, which is another error."""
    return any(RECORD.match(line) for line in piece.splitlines(keepends=True)[:100])


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    paths = program.recordings()
    with tempfile.TemporaryDirectory() as folder:
        bad = sum(check_recording(path, rounds, pathlib.Path(folder)) for path in paths)
    print(f"{len(paths)} recordings, {len(paths) * len(SORTS) * rounds} cuts, {bad} false alarms")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
