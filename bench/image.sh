#!/usr/bin/env bash
# Measures the bootable image on a target: a start, steps a second, RESETs a second, and a whole audit.
#
#   bench/image.sh                   on image:qemu-tcg
#   bench/image.sh image:bochs       on another one ('lapicheck list targets')
#   bench/image.sh TARGET --runs N   N runs of each but the audit (default 5); the median is shown
#   bench/image.sh -h                this text
#
# Prints figures and judges nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"

target=image:qemu-tcg runs=5
while (($#)); do
    case $1 in
    --runs) runs=$2 && shift ;;
    -h | --help) help && exit 0 ;;
    -*) die "unknown option '$1' (-h for help)" ;;
    *) target=$1 ;;
    esac
    shift
done

configure release
cmake --build --preset release --target lapicheck >/dev/null
work=build/bench
mkdir -p "$work"
steps=50000 resets=200

# program COUNT STEP >FILE: one step, and COUNT times STEP.
program() {
    printf '{"schema_version":1,"machine":{"vcpus":[{"apic_id":0}]},"steps":[\n{"vcpu":0,"do":"rdmsr","msr":"0x1b"}'
    local i
    for ((i = 0; i < $1; ++i)); do printf ',\n%s' "$2"; done
    printf ']}\n'
}
read_svr='{"vcpu":0,"do":"mmio-read","address":"0xfee000f0","size":4}'
program 0 "" >"$work/start.json"
program $steps "$read_svr" >"$work/steps.json"
program $resets '{"vcpu":0,"do":"reset"},'"$read_svr" >"$work/resets.json"

# milliseconds FILE: the median.
milliseconds() {
    local i begin end
    for ((i = 0; i <= runs; ++i)); do
        begin=$EPOCHREALTIME
        build/release/lapicheck run "$1" --on "$target" --format json >/dev/null || true
        end=$EPOCHREALTIME
        ((i == 0)) || echo $(((${end/./} - ${begin/./}) / 1000))
    done | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}
rate() { awk -v n="$1" -v ms="$2" 'BEGIN {printf("%.0f", (ms > 0) ? 1000 * n / ms : 0)}'; }

start=$(milliseconds "$work/start.json")
printf '%-42s %8s ms (two starts: one asks for the CPUID)\n' "$target: a program of one step" "$start"
took=$(($(milliseconds "$work/steps.json") - start))
printf '%-42s %8s a second\n' "steps, judged and printed" "$(rate $steps $took)"
took=$(($(milliseconds "$work/resets.json") - start))
printf '%-42s %8s a second\n' "RESETs" "$(rate $resets $took)"
begin=$EPOCHREALTIME
build/release/lapicheck audit --on "$target" >"$work/audit.txt" || true
end=$EPOCHREALTIME
printf '%-42s %8s ms\n' "a whole audit, with shrinking" $(((${end/./} - ${begin/./}) / 1000))
grep -E 'programs;|departures from' "$work/audit.txt" | sed 's/^/    /'
