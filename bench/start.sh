#!/usr/bin/env bash
# Measures what a start of lapicheck costs: without work, on a recording of 200 lines, and where the prover is loaded.
#
#   bench/start.sh               50 runs of each; median, fastest and slowest in milliseconds
#   bench/start.sh --runs N      N runs
#   bench/start.sh --vs BINARY   another lapicheck beside it, run by run in turn
#   bench/start.sh -h            this text
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"

runs=50 other=
while (($#)); do
    case $1 in
    --runs) runs=$2 && shift ;;
    --vs) other=$(realpath "$2") && shift ;;
    -h | --help) help && exit 0 ;;
    *) die "unknown option '$1' (-h for help)" ;;
    esac
    shift
done

configure release
cmake --build --preset release --target lapicheck >/dev/null
scripts/unpack-corpus.sh build/corpus >/dev/null
work=build/bench
mkdir -p "$work"
head -n 200 build/corpus/kvm-6.18-pvm/x2apic-smp1.txt >"$work/small.txt"

# microseconds COMMAND...
microseconds() {
    local begin=$EPOCHREALTIME
    "$@" >/dev/null 2>&1 || true
    local end=$EPOCHREALTIME
    echo $((${end/./} - ${begin/./}))
}
summary() { sort -n | awk '{v[NR]=$1} END {printf "%8.2f %8.2f %8.2f", v[int((NR+1)/2)]/1000, v[1]/1000, v[NR]/1000}'; }

measure() {
    local what=$1 binary i
    shift
    local binaries=(build/release/lapicheck)
    [[ -z $other ]] || binaries+=("$other")
    declare -A times
    for ((i = 0; i <= runs; ++i)); do
        for binary in "${binaries[@]}"; do
            local one
            one=$(microseconds "$binary" "$@")
            ((i == 0)) || times[$binary]+="$one"$'\n'
        done
    done
    for binary in "${binaries[@]}"; do
        printf '%-34s %s  %s\n' "$what" "$(printf '%s' "${times[$binary]}" | summary)" "$binary"
    done
}

printf '%-34s %8s %8s %8s\n' "milliseconds" median fastest slowest
measure "--version" --version
measure "check, 200 lines" check "$work/small.txt"
measure "explain M01" explain M01
measure "prove, one property (loads Z3)" prove --impl sdm --property mmio-isolation
