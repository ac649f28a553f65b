#!/usr/bin/env bash
# Builds the fuzz targets and runs each.
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]
#                            each so long (default 60); seeds: recordings of this repository, cut to 64 KiB
#   tests/fuzz/run.sh -h     this text
#
# Exit status 2 if one crashed, hung (1 s an input), or broke a promise of its target; 77 if clang's libFuzzer is
# missing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
[[ ${1-} != -h && ${1-} != --help ]] || { help && exit 0; }
seconds=${1:-60}
shift || true
targets=("$@")
((${#targets[@]})) || targets=(ftrace perf pasted qemu events trace_dat state_dump archive)
skip() { complain "skipped: $*" && exit 77; }
command -v clang++ >/dev/null || skip "clang++ is missing; scripts/setup.sh --fuzz installs it"
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' >"$probe/probe.cpp"
clang++ -fsanitize=fuzzer,address "$probe/probe.cpp" -o "$probe/probe" 2>/dev/null ||
    skip "clang++ has no libFuzzer; scripts/setup.sh --fuzz installs it"

configure fuzz
cmake --build --preset fuzz -- "${targets[@]/%/_fuzz}"
scripts/unpack-corpus.sh build/corpus

# What each target begins with: a bit of every text, behind the eight bytes that choose the pieces.
seed() { printf '8 bytes.' && head -c "$1"; }
begin() {
    local to=build/fuzz/seeds/$1 file
    mkdir -p "$to"
    if [[ $1 == archive ]]; then
        for file in tests/traces/data/*; do
            head -c 8000 "$file" >"$to/text"
            (cd "$to" && tar cf 4.tar text && for pack in gzip xz zstd bzip2; do
                { printf 4 && "$pack" -c text; } >"$pack" && { printf 4 && "$pack" -c 4.tar; } >"tar.$pack"
            done)
        done
        return
    fi
    if [[ $1 == qemu ]]; then
        printf '8 bytes.%s\n' '7@1.000001:cpu_get_apic_base 0x00000000fee00900' '7@1.000002:apic_mem_readl 0x30 = 0x00050014' \
            "memory_region_ops_read cpu 0 mr 0x1 addr 0xfee00030 value 0x50014 size 4 name 'apic-msi'" \
            'apic_register_write register 0x0f = 0x1ff' 'kvm_vcpu_ioctl cpu_index 0, type 0xae80, arg (nil)' >"$to/log"
        return
    fi
    if [[ $1 == state_dump ]]; then
        printf 'dumping local APIC state for CPU 0\nSPIV 0x1ff\nISR 236\nIRR 37(level) 236\nAPR 0x00 TPR 0x10 PPR 0xe0\n' >"$to/qemu"
        head -c 1024 /dev/zero | xxd >"$to/xxd"
        printf 'Entry 9: type 6 instance 0, length 1024\n    LAPIC registers:\n          0x020: 0x0   0x030: 0x50014\n' >"$to/xen"
        return
    fi
    for file in build/corpus/*/*.txt tests/traces/data/*; do
        case $1 in
        trace_dat) break ;;
        events) build/release/lapicheck convert "$file" 2>/dev/null | seed 8000 >"$to/${file##*/}" || true ;;
        perf) sed -nE 's/^ *(.*)-([0-9]+) +(\[[0-9]+\]) \S+ +([0-9.]+:) (kvm_)/\1 \2 \3 \4 kvm:\5/p' "$file" | seed 8000 >"$to/${file##*/}" || true ;;
        pasted) sed 's/^/> /' "$file" | fold -s -w 72 | seed 8000 >"$to/${file##*/}" || true ;;
        *) seed 8000 <"$file" >"$to/${file##*/}" ;;
        esac
    done
    # Of a trace.dat the description stands at the end; without the symbols of the kernel it is small.
    if [[ $1 == trace_dat ]]; then cp build/corpus/*/*.dat "$to"; fi
}

failed=false
for target in "${targets[@]}"; do
    step "$target"
    begin "$target" 2>/dev/null
    most=65536
    [[ $target != trace_dat ]] || most=1500000
    (cd build/fuzz && "tests/fuzz/${target}_fuzz" -max_total_time="$seconds" -timeout=1 -max_len=$most -print_final_stats=1 \
        -artifact_prefix="$target-" "seeds/$target" >"$target.log" 2>&1) || failed=true
    grep -E '^(stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|SUMMARY|==.*ERROR)' "build/fuzz/$target.log" || true
    grep -E ' cov: ' "build/fuzz/$target.log" | tail -n 1 || true
done
! $failed || die "a target failed; see build/fuzz/*.log"
