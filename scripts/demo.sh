#!/usr/bin/env bash
# Builds lapicheck and shows it a recording of a real KVM fault.
#
#   scripts/demo.sh       exit 0 if lapicheck reports a divergence under both profiles
#   scripts/demo.sh -h    this text
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1-} in
'') ;;
-h | --help) help && exit 0 ;;
*) die "unknown option '$1' (-h for help)" ;;
esac

scripts/setup.sh
step "building lapicheck (release)"
configure release
cmake --build --preset release --target lapicheck

mkdir -p build/demo
unpack() { zstd --decompress --quiet --force "traces/corpus/kvm-6.1-svm/$1.txt.zst" -o "build/demo/$1.txt"; }
unpack x2apic-mmio-alive-smp1
unpack fixed-smp1

# Runs the check that `$1` describes and holds its exit status against the expected `$2`.
show() {
    local what=$1 expected=$2 status=0
    shift 2
    say
    say "$what"
    step "build/release/lapicheck check $*"
    build/release/lapicheck check "$@" | tee build/demo/report.txt || status=${PIPESTATUS[0]}
    say "(exit status $status)"
    ((status == expected)) || die "expected exit status $expected, got $status"
}

show "A guest on Linux 6.1's KVM, with the fault of 2018 put back in: although it has switched its local
APIC to x2APIC mode, reads at 0xfee00000 still reach the registers." 1 build/demo/x2apic-mmio-alive-smp1.txt
grep -q ':34210-34211 .*x2APIC mode' build/demo/report.txt ||
    die "the read of 0xfee00030 in x2APIC mode (lines 34210-34211) was not reported"
show "The same guest on the same kernel, with the fix." 0 --profile kvm build/demo/fixed-smp1.txt

say
step "what to try next"
say "  build/release/lapicheck audit                    the KVM of this machine, register by register (needs /dev/kvm)
  build/release/lapicheck record -o trace.txt -- COMMAND   a recording of KVM while COMMAND runs (as root)
  build/release/lapicheck check trace.txt          that, or your own trace, against the manuals
  build/release/lapicheck explain M01              the rule that was broken, its sources, KVM's departures
  build/release/lapicheck prove --impl kvm-2018    the same fault as a proof, from RESET"
