#!/usr/bin/env bash
# Measures many small recordings: how long until the first report, until the last, and in how much memory.
#
#   bench/many.sh            10,000 files, on all cores and on one
#   bench/many.sh FILES      so many
#   bench/many.sh -h         this text
#
# Prints figures and judges nothing: those of a shared machine are no test.
set -euo pipefail
export LC_ALL=C
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
[[ ${1-} != -h && ${1-} != --help ]] || { help && exit 0; }
files=${1:-10000}
[[ $files =~ ^[1-9][0-9]*$ ]] || die "how many files?"
command -v time >/dev/null || die "time is missing; scripts/setup.sh --bench installs it"
lapicheck=build/release/lapicheck
[[ -x $lapicheck ]] || die "$lapicheck is not built; scripts/test.sh builds it"

scripts/unpack-corpus.sh build/corpus
work=build/bench/many
rm -rf "$work"
mkdir -p "$work/runs"
# Their first 20 kB each, in turn: some 150 events.
sources=(build/corpus/*/*.txt)
for source in "${sources[@]}"; do head -c 20000 "$source" | head -n -1 >"$work/${source##*/}"; done
pieces=("$work"/*.txt)
for ((i = 0; i < files; ++i)); do
    piece=${pieces[i % ${#pieces[@]}]}
    folder=$work/runs/$((i / 1000))
    ((i % 1000)) || mkdir -p "$folder"
    ln "$piece" "$folder/$i.txt"
done

say "$files files of at most 20 kB"
for jobs in "$(cores)" 1; do
    begin=$EPOCHREALTIME first=
    while IFS= read -r _; do : "${first:=$EPOCHREALTIME}"; done < <(
        command time --quiet -f %M -o "$work/rss" "$lapicheck" check --format jsonl --jobs "$jobs" -r "$work/runs" 2>/dev/null
    )
    end=$EPOCHREALTIME
    mawk -v jobs="$jobs" -v files="$files" -v begin="$begin" -v first="$first" -v end="$end" -v rss="$(tail -n 1 "$work/rss")" '
        BEGIN { printf "--jobs %-3d first report after %.3f s, the last after %.2f s, %.0f files/s, max RSS %.1f MiB\n",
                jobs, first - begin, end - begin, files / (end - begin), rss / 1024 }'
done
