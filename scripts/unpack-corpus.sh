#!/usr/bin/env bash
# Unpacks the recordings of traces/corpus.
#
#   scripts/unpack-corpus.sh [FOLDER]    into FOLDER (default: build/corpus), same sub-folders
#   scripts/unpack-corpus.sh -h          this text
#
# A recording is unpacked only if the packed file is newer than what lies there.
set -euo pipefail

to=build/corpus
case ${1-} in
'') ;;
-h | --help) ;;
-*) printf "unpack-corpus.sh: unknown option '%s' (-h for help)\n" "$1" >&2 && exit 2 ;;
/*) to=$1 ;;
*) to=$PWD/$1 ;; # a relative folder is the caller's, not the project's
esac
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[[ ${1-} != -h && ${1-} != --help ]] || { help && exit 0; }
command -v zstd >/dev/null || die "zstd is missing; scripts/setup.sh installs it"

unpacked=0 present=0
while IFS= read -r -d '' packed; do
    name=${packed#traces/corpus/}
    file=$to/${name%.zst}
    if [[ -e $file && ! $packed -nt $file ]]; then
        present=$((present + 1))
        continue
    fi
    mkdir -p "${file%/*}"
    # Under another name first: nobody may find half a recording.
    zstd --decompress --quiet --force "$packed" -o "$file.$$.part"
    mv "$file.$$.part" "$file"
    unpacked=$((unpacked + 1))
done < <(find traces/corpus -name '*.zst' -print0)

((unpacked + present)) || die "no recordings found in traces/corpus"
say "corpus: $unpacked unpacked, $present up to date, in $to"
