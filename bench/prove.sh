#!/usr/bin/env bash
# Measures the proofs: the whole matrix of implementations and properties, and what each result costs.
#
#   bench/prove.sh                 wall and processor time, memory, and the most expensive results
#
#   --cores LIST   the cores it is pinned to, as taskset has them (default 0,1)
#   --runs N       measured runs of the matrix (default 3)
#   -h             this text
#
# Prints figures and judges nothing: those of a shared machine are no test.
set -euo pipefail
export LC_ALL=C

needs_value() {
    if (($# < 2)); then printf "prove.sh: %s needs a value\n" "$1" >&2 && exit 2; fi
}
cores=0,1 runs=3 want_help=false
while (($#)); do
    case $1 in
    --cores) needs_value "$@" && cores=$2 && shift ;;
    --runs) needs_value "$@" && runs=$2 && shift ;;
    -h | --help) want_help=true ;;
    *) printf "prove.sh: unknown option '%s' (-h for help)\n" "$1" >&2 && exit 2 ;;
    esac
    shift
done
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
if $want_help; then help && exit 0; fi
[[ $runs =~ ^[1-9][0-9]*$ ]] || die "--runs takes a number above 0"
taskset -c "$cores" true 2>/dev/null || die "cannot run on cores '$cores'"
command -v time >/dev/null || die "needs GNU time"

lapicheck=build/release/lapicheck
[[ -x $lapicheck ]] || die "$lapicheck is not there: cmake --preset release && cmake --build --preset release"
mkdir -p build/bench
report=build/bench/prove.txt

# 1 is "something is refuted", which is so in the whole matrix.
prove() { "$@" >"$report" || (($? == 1)); }

step "the whole matrix on cores $cores"
printf '%10s %12s %10s\n' 'wall s' 'processor s' 'max MiB'
for ((run = 0; run < runs; ++run)); do
    prove command time --quiet -o build/bench/time.txt -f '%e %U %S %M' taskset -c "$cores" "$lapicheck" prove
    mawk '{ printf "%10.2f %12.2f %10.1f\n", $1, $2 + $3, $4 / 1024 }' build/bench/time.txt
done
say
step "what each result costs, on one core: milliseconds of the processor, questions to the solver"
prove taskset -c "${cores%%[,-]*}" "$lapicheck" prove --timings --jobs 1
sed -n '/^ *milliseconds /,$p' "$report"
say
grep -m 1 '^model name' /proc/cpuinfo | sed 's/.*: /processor: /' || true
