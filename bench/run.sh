#!/usr/bin/env bash
# Measures lapicheck against other ways to read the same trace, on one core.
#
#   bench/run.sh                   makes two large traces from traces/corpus and measures with both
#   bench/run.sh TRACE...          measures with these ftrace texts instead
#
#   --events N     least number of events of the traces made (default 2500000)
#   --runs N       measured runs, after one that is not counted; the median is shown (default 5)
#   --core N       the core everything is pinned to (default: the last one)
#   --profile P    lapicheck's --profile (default kvm)
#   --dat FILE     a recording in trace-cmd's own format, for `trace-cmd report`
#   -h             this text
#
# Prints tables and judges nothing: figures of a shared machine are no test.
set -euo pipefail
export LC_ALL=C # grep and mawk are slower in others, and a comma in a number is none here

# TRACE and --dat are the caller's paths; from here on we are in the project's folder.
absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s' "$PWD/$1" ;; esac }
needs_value() {
    if (($# < 2)); then printf "run.sh: %s needs a value\n" "$1" >&2 && exit 2; fi
}
events=2500000 runs=5 core='' profile=kvm dat='' traces=() want_help=false
while (($#)); do
    case $1 in
    --events) needs_value "$@" && events=$2 && shift ;;
    --runs) needs_value "$@" && runs=$2 && shift ;;
    --core) needs_value "$@" && core=$2 && shift ;;
    --profile) needs_value "$@" && profile=$2 && shift ;;
    --dat) needs_value "$@" && dat=$(absolute "$2") && shift ;;
    -h | --help) want_help=true ;;
    -*) printf "run.sh: unknown option '%s' (-h for help)\n" "$1" >&2 && exit 2 ;;
    *) traces+=("$(absolute "$1")") ;;
    esac
    shift
done
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
if $want_help; then help && exit 0; fi
[[ $events =~ ^[1-9][0-9]*$ && $runs =~ ^[1-9][0-9]*$ ]] || die "--events and --runs take a number above 0"

scripts/setup.sh --check --bench || die "scripts/setup.sh --bench installs what is missing"
: "${core:=$(($(cores) - 1))}"
pair=$core,$(((core + 1) % $(cores)))
taskset -c "$core" true 2>/dev/null || die "cannot run on core '$core'"

lapicheck=build/release/lapicheck
work=build/bench
mkdir -p "$work"
if ! { configure release && cmake --build --preset release --target lapicheck; }; then
    [[ -x $lapicheck ]] || complain "lapicheck could not be built: its rows are left out"
fi

make_traces() {
    cmake --build --preset release --target make_large_trace
    scripts/unpack-corpus.sh build/corpus
    local make=build/release/bench/make_large_trace corpus=build/corpus
    # A guest's everyday work with entries and exits of the guest between the accesses ...
    "$make" "$events" "$work/large.txt" "$corpus"/kvm-6.1-svm/{fixed-smp1,x2apic-mmio-alive-smp1,probe-smp2}.txt \
        "$corpus/kvm-6.18-pvm/xapic-smp2.head.txt"
    # ... and hardly anything but accesses to the local APIC.
    "$make" "$events" "$work/dense.txt" "$corpus/kvm-6.1-svm/probe-smp2.txt" \
        "$corpus/kvm-6.18-pvm/vmexit-ipi.head.txt"
    traces=("$work/large.txt" "$work/dense.txt")
}

# run_once COMMAND: prints wall microseconds and the largest resident set of its processes in KiB.
# lapicheck's 1 (divergences found) and 4 (nothing to check) are no failures here.
run_once() {
    local status=0 begin end
    begin=$EPOCHREALTIME
    command time --quiet -f %M -o "$work/rss" taskset -c "$core" sh -c "$1" >/dev/null 2>"$work/errors" || status=$?
    end=$EPOCHREALTIME
    if ((status != 0 && status != 1 && status != 4)); then
        complain "'$1' failed with status $status: $(head -c 300 "$work/errors")"
        return 1
    fi
    printf '%s %s\n' "$((${end/[.,]/} - ${begin/[.,]/}))" "$(tail -n 1 "$work/rss")"
}

# measure LABEL EVENTS COMMAND: adds a row; the table's first row is what the others are compared with.
reference=''
measure() {
    local label=$1 count=$2 command=$3 run figures=''
    run_once "$command" >/dev/null || return 0
    for ((run = 0; run < runs; ++run)); do figures+="$(run_once "$command")"$'\n'; done
    figures=$(printf '%s' "$figures" | sort -n)
    local row
    row=$(printf '%s\n' "$figures" | mawk -v label="$label" -v count="$count" -v reference="$reference" '
        { wall[NR] = $1; if ($2 > rss) rss = $2 }
        END {
            median = (wall[int((NR + 1) / 2)] + wall[int(NR / 2) + 1]) / 2 / 1e6
            each = median / count * 1e9
            ratio = reference == "" ? 1 : each / reference
            printf "%.3f\t%-18s %8.3f %8.3f %8.3f %9.1f %10.2f %8.1f %9.2f", each, label, median,
                wall[1] / 1e6, wall[NR] / 1e6, each, 1e3 / each, rss / 1024, ratio
        }')
    : "${reference:=${row%%$'\t'*}}"
    printf '%s\n' "${row#*$'\t'}"
    commands+=("$(printf '%-18s %s' "$label" "$command")")
}

table_head() {
    printf '%-18s %8s %8s %8s %9s %10s %8s %9s\n' '' median fastest slowest 'ns' 'million' 'max RSS' 'times the'
    printf '%-18s %8s %8s %8s %9s %10s %8s %9s\n' '' s s s '/event' 'events/s' MiB 'first row'
}

measure_trace() {
    local trace=$1 count quoted
    count=$(grep -vc '^#' "$trace" || true)
    ((count)) || die "$trace: no events in it"
    quoted=$(printf %q "$trace")
    reference=''
    say
    step "${trace#"$root"/}: $count events, $(($(stat -c %s "$trace") / 1000000)) MB"
    table_head
    if [[ -x $lapicheck ]]; then
        measure "lapicheck" "$count" "exec $lapicheck check --jobs 1 --profile $profile $quoted"
        # Its own core and another: one reads, the other judges.
        if (($(cores) > 1)); then
            measure "lapicheck, 2 cores" "$count" "taskset -cp $pair \$\$ >/dev/null; exec $lapicheck check --jobs 2 --profile $profile $quoted"
        fi
    fi
    # Through a pipe: with /dev/null as its output, grep stops at the first match.
    measure "grep -c" "$count" "grep -c kvm_apic $quoted | cat"
    measure "mawk" "$count" \
        "mawk '\$5 == \"kvm_apic:\" || \$5 == \"kvm_msr:\" || \$5 == \"kvm_mmio:\" { n++ } END { print n }' $quoted"
    measure "wc -l" "$count" "wc -l $quoted"
}

# trace-cmd reads its own binary format only: another file, hence compared by the event.
measure_dat() {
    local count quoted text=$work/report.txt
    quoted=$(printf %q "$dat")
    trace-cmd report -i "$dat" 2>/dev/null >"$text" || die "trace-cmd cannot read $dat"
    count=$(grep -vc '^cpus=' "$text" || true)
    ((count)) || die "$dat: no events in it"
    reference=''
    say
    step "${dat#"$root"/}: $count events, $(($(stat -c %s "$dat") / 1000)) kB"
    table_head
    if [[ -x $lapicheck ]]; then
        measure "lapicheck (text)" "$count" "exec $lapicheck check --profile $profile $text"
        measure "lapicheck (.dat)" "$count" "exec $lapicheck check --profile $profile $quoted"
    fi
    measure "trace-cmd report" "$count" "trace-cmd report -i $quoted"
}

if ((${#traces[@]} == 0)); then make_traces; fi
for trace in "${traces[@]}"; do
    [[ -r $trace ]] || die "$trace: cannot be read"
done

commands=()
for trace in "${traces[@]}"; do measure_trace "$trace"; done
if [[ -n $dat ]]; then
    [[ -r $dat ]] || die "$dat: cannot be read"
    measure_dat
fi

say
step "command lines, each pinned with: taskset -c $core; median of $runs runs after one warm-up"
printf '%s\n' "${commands[@]}"
say
grep -m 1 '^model name' /proc/cpuinfo | sed 's/.*: /processor: /' || true
