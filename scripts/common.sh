# What the scripts share; sourced, not run. Sets `root` and goes there, whatever the caller's folder.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

bold='' plain=''
if [[ -t 1 ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

say() { printf '%s\n' "$*"; }
step() { printf '%s== %s%s\n' "$bold" "$*" "$plain"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    complain "$*"
    exit 2
}

# The comment at the head of a script is its help text.
help() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }

cores() { nproc 2>/dev/null || echo 2; }

# CMake reads the launcher from the environment when a build folder is configured for the first time.
if command -v ccache >/dev/null && [[ -w ${CCACHE_DIR:-${HOME:-/nonexistent}} ]]; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
fi

# configure PRESET: makes the build folder ready; its chatter is shown only if it fails.
configure() {
    local log
    if ! log=$(cmake --preset "$1" -DBUILD_TESTING=ON 2>&1); then
        printf '%s\n' "$log" >&2
        complain "cmake --preset $1 failed"
        return 1
    fi
}

# The project's own C++ files. New ones count before they are committed; without git, look at the tree.
cpp_files() {
    git ls-files -z --cached --others --exclude-standard -- '*.hpp' '*.cpp' 2>/dev/null ||
        find . -path ./build -prune -o -type f \( -name '*.hpp' -o -name '*.cpp' \) -print0
}
