#!/usr/bin/env bash
# Measures the audit of this machine's KVM: programs, judged accesses, and how many a second of the clock.
#
#   bench/audit.sh                 three runs, each from the first machine to the last program shortened
#
#   --core N       the core it is pinned to (default 0)
#   --runs N       measured runs (default 3)
#   -h             this text
#
# Prints figures and judges nothing: those of a shared machine are no test. Exit 4: no KVM here.
set -euo pipefail
export LC_ALL=C

needs_value() {
    if (($# < 2)); then printf "audit.sh: %s needs a value\n" "$1" >&2 && exit 2; fi
}
core=0 runs=3 want_help=false
while (($#)); do
    case $1 in
    --core) needs_value "$@" && core=$2 && shift ;;
    --runs) needs_value "$@" && runs=$2 && shift ;;
    -h | --help) want_help=true ;;
    *) printf "audit.sh: unknown option '%s' (-h for help)\n" "$1" >&2 && exit 2 ;;
    esac
    shift
done
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
if $want_help; then help && exit 0; fi
[[ $runs =~ ^[1-9][0-9]*$ ]] || die "--runs takes a number above 0"
taskset -c "$core" true 2>/dev/null || die "cannot run on core '$core'"
command -v time >/dev/null || die "needs GNU time"

lapicheck=build/release/lapicheck
[[ -x $lapicheck ]] || die "$lapicheck is not there: cmake --preset release && cmake --build --preset release"
mkdir -p build/bench
report=build/bench/audit.json

# 1 is "it departs from the manual", which every KVM does.
audit() {
    local code=0
    "$@" >"$report" || code=$?
    ((code <= 1)) || exit "$code"
}

step "the audit on core $core"
printf '%10s %10s %10s %12s %10s\n' programs accesses 'wall s' 'processor s' accesses/s
for ((run = 0; run < runs; ++run)); do
    audit command time --quiet -o build/bench/time.txt -f '%e %U %S' \
        taskset -c "$core" "$lapicheck" audit --format json
    python3 - "$report" build/bench/time.txt <<'PYTHON'
import json, sys
with open(sys.argv[1]) as report, open(sys.argv[2]) as times:
    audit = json.load(report)
    wall, user, system = map(float, times.read().split())
print(f"{audit['programs']:10} {audit['accesses']:10} {wall:10.2f} {user + system:12.2f}"
      f" {audit['accesses'] / wall:10.0f}")
PYTHON
done
say
grep -m 1 '^model name' /proc/cpuinfo | sed 's/.*: /processor: /' || true
