#!/usr/bin/env bash
# Installs the Debian packages that lapicheck is built and tested with.
#
#   scripts/setup.sh            compiler, CMake, libraries, clang-format, clang-tidy, ccache
#   scripts/setup.sh --bench    these and what bench/run.sh compares with
#   scripts/setup.sh --machines these and Bochs, another machine for the bootable image
#   scripts/setup.sh --cluster  these and Slurm, for the example of a job array
#   scripts/setup.sh --fuzz     these and clang with libFuzzer
#   scripts/setup.sh --check    installs nothing; exit 1 if something is missing
#   scripts/setup.sh -h         this text
#
# Written for Debian 12. Runs as root or through sudo; does nothing, and at once, if all is there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packages=(
    build-essential cmake ninja-build ccache
    libfmt-dev nlohmann-json3-dev libcli11-dev doctest-dev libz3-dev
    libtracefs-dev libtraceevent-dev pkg-config # record and watch
    libarchive-dev             # compressed recordings and archives
    libtracecmd-dev libzstd-dev # trace.dat
    linux-perf                 # perf.data
    cvc5                       # answers in a test what Z3 answered
    zstd                       # the recordings in traces/corpus
    python3 python3-jsonschema # tests hold the JSON output against its schema
    clang-format clang-tidy
    qemu-system-x86 ovmf             # tests start the bootable image on them
    grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools # emit --as iso
)
bench_packages=(trace-cmd mawk time)
machine_packages=(bochs vgabios)
cluster_packages=(munge slurmctld slurmd slurm-client)
fuzz_packages=(clang libclang-rt-14-dev)

check_only=false
while (($#)); do
    case $1 in
    --bench) packages+=("${bench_packages[@]}") ;;
    --machines) packages+=("${machine_packages[@]}") ;;
    --cluster) packages+=("${cluster_packages[@]}") ;;
    --fuzz) packages+=("${fuzz_packages[@]}") ;;
    --check) check_only=true ;;
    -h | --help) help && exit 0 ;;
    *) die "unknown option '$1' (-h for help)" ;;
    esac
    shift
done

is_installed() { dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed'; }

command -v dpkg >/dev/null ||
    die "this is no Debian (no dpkg); install by hand what corresponds to: ${packages[*]}"

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    say "setup: all ${#packages[@]} packages are installed"
    exit 0
fi
if $check_only; then
    say "setup: missing: ${missing[*]}"
    exit 1
fi

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || die "must be root, or have sudo, to install: ${missing[*]}"
    as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"; }

step "installing ${missing[*]}"
apt update
apt install -y --no-install-recommends "${missing[@]}"
say "setup: done"
