#!/usr/bin/env bash
# Builds and tests everything, from a bare Debian 12 on. The tests' own summary comes last.
#
#   scripts/test.sh               release build, tests under the sanitizers, tests of the release
#   scripts/test.sh --quick       release build and its tests only
#   scripts/test.sh --lint        with clang-format and clang-tidy before
#   scripts/test.sh -h            this text
#
# A fault in one part does not keep the others from running; the exit status is 0 only if all went well.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

lint=false sanitize=true
while (($#)); do
    case $1 in
    --quick) lint=false sanitize=false ;;
    --lint) lint=true ;;
    -h | --help) help && exit 0 ;;
    *) die "unknown option '$1' (-h for help)" ;;
    esac
    shift
done

build() { configure "$1" && cmake --build --preset "$1"; }
run_tests() { ctest --preset "$1" --parallel "$(cores)"; }
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
step "release build"
build release
if $lint; then attempt "lint" scripts/lint.sh; fi
if $sanitize; then attempt "tests with AddressSanitizer and UndefinedBehaviorSanitizer" sanitized_tests; fi
attempt "tests of the release build" run_tests release

if ((${#failed[@]})); then
    for what in "${failed[@]}"; do complain "FAILED: $what"; done
    exit 1
fi
