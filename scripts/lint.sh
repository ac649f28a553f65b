#!/usr/bin/env bash
# Checks the layout (clang-format) and the code (clang-tidy, every warning an error).
#
#   scripts/lint.sh             every source file of the build
#   scripts/lint.sh FILE...     clang-tidy on these .cpp files only
#   scripts/lint.sh -h          this text
#
# clang-tidy needs build/release/compile_commands.json, which is made if it is not there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

if [[ ${1-} == -h || ${1-} == --help ]]; then
    help
    exit 0
elif [[ ${1-} == -* ]]; then
    die "unknown option '$1' (-h for help)"
fi
command -v clang-tidy >/dev/null || die "clang-tidy is missing; scripts/setup.sh installs it"

failed=false
scripts/format.sh --check || failed=true

configure release
# Files of the compilation database, without those that the build writes itself.
compiled_files() {
    python3 - "$root" <<'PYTHON'
import json, os, sys
root = sys.argv[1]
with open(os.path.join(root, "build/release/compile_commands.json")) as commands:
    files = {os.path.relpath(entry["file"], root) for entry in json.load(commands)}
print("\n".join(sorted(name for name in files if not name.startswith(("build/", "..")))))
PYTHON
}
if (($#)); then files=("$@"); else mapfile -t files < <(compiled_files); fi

tidy() {
    local output
    if ! output=$(clang-tidy --quiet -p build/release "$1" 2>/dev/null); then
        printf '%s\n' "${output:-clang-tidy could not read $1}"
        return 1
    fi
}
export -f tidy
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(cores)" bash -c 'tidy "$1"' tidy || failed=true

if $failed; then
    complain "faults found, see above"
    exit 1
fi
say "lint: ${#files[@]} source files without a fault"
