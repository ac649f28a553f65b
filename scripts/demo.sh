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
recording=build/demo/x2apic-mmio-alive-smp1.txt
zstd --decompress --quiet --force traces/corpus/kvm-6.1-svm/x2apic-mmio-alive-smp1.txt.zst -o "$recording"

say
say "The recording is ftrace text of a guest on Linux 6.1's KVM, with an old fault put back in: although"
say "the guest has switched its local APIC to x2APIC mode, reads and writes at 0xfee00000 still reach the"
say "registers. We hold it against the manual (sdm), then against what KVM documents of itself (kvm)."

missed=()
for profile in sdm kvm; do
    say
    step "build/release/lapicheck check --profile $profile $recording"
    status=0
    build/release/lapicheck check --profile "$profile" "$recording" || status=$?
    say "(exit status $status)"
    ((status == 1)) || missed+=("$profile: exit status $status")
done

say
if ((${#missed[@]})); then
    complain "lapicheck should report a divergence (exit status 1) under both profiles; ${missed[*]}"
    exit 1
fi
say "lapicheck found that the recording departs from the rules, under both profiles."
