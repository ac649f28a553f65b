#!/usr/bin/env bash
# Checks the layout (clang-format) and the code (clang-tidy, every warning an error).
#
#   scripts/lint.sh             every source file of the build
#   scripts/lint.sh FILE...     clang-tidy on these .cpp files only
#   scripts/lint.sh -h          this text
#
# clang-tidy reads a copy of the release build's compile_commands.json without the options that only GCC has.
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
mkdir -p build/lint
# Writes the copy and prints its files, without those that the build writes itself.
compiled_files() {
    python3 - "$root" <<'PYTHON'
import json, os, re, sys
root = sys.argv[1]
with open(os.path.join(root, "build/release/compile_commands.json")) as commands:
    entries = json.load(commands)
for entry in entries:
    entry["command"] = re.sub(r"-m(memcpy|memset)-strategy=\S+", "", entry["command"])
with open(os.path.join(root, "build/lint/compile_commands.json"), "w") as copy:
    json.dump(entries, copy)
files = {os.path.relpath(entry["file"], root) for entry in entries}
print("\n".join(sorted(name for name in files if not name.startswith(("build/", "..")))))
PYTHON
}
mapfile -t files < <(compiled_files)
if (($#)); then files=("$@"); fi

tidy() {
    local output
    if ! output=$(clang-tidy --quiet -p build/lint "$1" 2>/dev/null); then
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
