#!/usr/bin/env bash
# Builds and tests lapicheck, from a bare Debian 12 on. The tests' own summary comes last.
#
#   scripts/test.sh               release build and its tests
#   scripts/test.sh --slow        the tests labelled slow too: every mutant, obligation and refinement
#   scripts/test.sh --sanitize    a second build with AddressSanitizer and UndefinedBehaviorSanitizer, and its tests
#   scripts/test.sh --lint        clang-format and clang-tidy before
#   scripts/test.sh --all         all of these
#   scripts/test.sh -h            this text
#
# A fault in one part does not keep the others from running; the exit status is 0 only if all went well.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

lint=false sanitize=false slow=false
while (($#)); do
    case $1 in
    --slow) slow=true ;;
    --sanitize) sanitize=true ;;
    --lint) lint=true ;;
    --all) lint=true sanitize=true slow=true ;;
    -h | --help) help && exit 0 ;;
    *) die "unknown option '$1' (-h for help)" ;;
    esac
    shift
done

build() { configure "$1" && cmake --build --preset "$1"; }
run_tests() {
    local labels=()
    $slow || labels=(--label-exclude '^slow$')
    ctest --preset "$1" --parallel "$(cores)" "${labels[@]}"
}
sanitized_tests() { build sanitize && run_tests sanitize; }

failed=()
attempt() {
    local what=$1
    shift
    step "$what"
    if ! "$@"; then
        complain "$what: FAILED"
        failed+=("$what")
    fi
}

scripts/setup.sh
not_asked=()
$slow || not_asked+=(--slow)
$sanitize || not_asked+=(--sanitize)
$lint || not_asked+=(--lint)
step "release build"
build release
if $lint; then attempt "lint" scripts/lint.sh; fi
if $sanitize; then attempt "tests with AddressSanitizer and UndefinedBehaviorSanitizer" sanitized_tests; fi
if ((${#not_asked[@]})); then say "not asked for: ${not_asked[*]}"; fi
attempt "tests of the release build" run_tests release

if ((${#failed[@]})); then
    for what in "${failed[@]}"; do complain "FAILED: $what"; done
    exit 1
fi
