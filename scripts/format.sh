#!/usr/bin/env bash
# Lays out the project's C++ files as .clang-format says.
#
#   scripts/format.sh            rewrites the files
#   scripts/format.sh --check    changes nothing; shows what it would change, exit 1 if anything
#   scripts/format.sh -h         this text
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

check=false
case ${1-} in
'') ;;
--check) check=true ;;
-h | --help) help && exit 0 ;;
*) die "unknown option '$1' (-h for help)" ;;
esac
command -v clang-format >/dev/null || die "clang-format is missing; scripts/setup.sh installs it"

different=0 files=0
while IFS= read -r -d '' file; do
    [[ -f $file ]] || continue # git may still list what is gone from the tree
    files=$((files + 1))
    if ! $check; then
        clang-format --style=file -i "$file"
    elif ! clang-format --style=file "$file" | diff -u --label "$file" --label "$file, formatted" "$file" -; then
        different=$((different + 1))
    fi
done < <(cpp_files)
((files)) || die "no C++ files found below $root"

if ((different)); then
    complain "$different of $files files are not laid out as .clang-format says; scripts/format.sh puts that right"
    exit 1
fi
