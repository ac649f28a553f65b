#!/usr/bin/env bash
# Runs lapicheck on a real kvm_amd without /dev/kvm: Debian's kernel in QEMU's TCG, whose CPU has SVM.
#
#   scripts/testbed.sh                    audit, record and check there; reports and recording into build/testbed/results
#   scripts/testbed.sh -o DIR             elsewhere
#   scripts/testbed.sh --seconds N        how long the machine may run; default: 240
#   scripts/testbed.sh --kernel FILE.deb  a linux-image package; default: apt-get download of the newest 6.1
#   scripts/testbed.sh -h                 this text
#
# A guest's MOV to CR8 aborts QEMU 7.2 and 10.0 under TCG ("audit --without cr8-write" leaves these programs out).
# Exit status: 0 the machine came to its end and sent everything, 1 it did not, 77 something needed is missing here.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

program=${LAPICHECK:-build/release/lapicheck}
work=build/testbed
results=$work/results
seconds=240
kernel=
while (($#)); do
    case $1 in
    -o) results=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --kernel) kernel=$2 && shift ;;
    -h | --help) help && exit 0 ;;
    *) die "unknown option '$1' (-h for help)" ;;
    esac
    shift
done

skip() {
    complain "$*"
    exit 77
}

for tool in qemu-system-x86_64 gcc python3 dpkg-deb; do
    command -v $tool >/dev/null || skip "no $tool here (apt install qemu-system-x86 gcc python3 dpkg)"
done
[[ -x $program ]] || die "no $program: build it first (cmake --build --preset release), or set LAPICHECK"
mkdir -p "$work" "$results"

# The package that linux-image-amd64 names, without a signature: it has the same modules.
fetch_kernel() {
    local name
    command -v apt-get >/dev/null || skip "no apt-get here: name a package with --kernel"
    name=$(apt-cache pkgnames linux-image-6.1.0- | grep -E '^linux-image-6\.1\.0-[0-9]+-amd64-unsigned$' | sort -V | tail -1)
    [[ $name ]] || skip "apt knows no linux-image-6.1.0-*-amd64-unsigned: name a package with --kernel"
    compgen -G "$work/${name}_*.deb" >/dev/null || (cd "$work" && apt-get -qq download "$name" >&2) ||
        skip "apt-get download $name failed"
    compgen -G "$work/${name}_*.deb" | head -1
}
[[ $kernel ]] || kernel=$(fetch_kernel)

step "kernel: ${kernel##*/}"
root_of_kernel=$work/kernel/$(basename "$kernel" .deb)
mkdir -p "$work/kernel"
[[ -d $root_of_kernel ]] || dpkg-deb -x "$kernel" "$root_of_kernel"
vmlinuz=$(compgen -G "$root_of_kernel/boot/vmlinuz-*") || skip "$kernel holds no kernel"

files=()
module_list=$work/modules.list
: >"$module_list"
# In the order of their dependencies.
for module in irqbypass ccp kvm kvm-amd; do
    path=$(find "$root_of_kernel" -name "$module.ko" | head -1)
    [[ $path ]] || skip "$kernel holds no $module.ko"
    files+=("/modules/$module.ko=$path")
    echo "/modules/$module.ko" >>"$module_list"
done

audit_seconds=$((seconds * 2 / 3))
cat >"$work/commands" <<EOF
60 /record.txt /lapicheck record -o /recording.txt -- /lapicheck run /guest.json --on kvm --format json
send /recording.txt
60 /check.txt /lapicheck check /recording.txt --profile kvm
$audit_seconds /audit.json /lapicheck audit --profile kvm --without cr8-write --format json
EOF
gcc -static -O1 -Wall -Wextra -Werror -o "$work/init" scripts/testbed/init.c
files+=("/init=$work/init" "/modules.list=$module_list" "/commands=$work/commands" "/guest.json=scripts/testbed/guest.json"
    "/lapicheck=$program" "/dev=" "/proc=" "/sys=" "/tmp=")
while read -r library; do files+=("$library=$library"); done < <(
    ldd "$program" | grep -oE '/[^ ]+' | sort -u)
python3 -B scripts/testbed/archive.py pack "$work/initramfs" "${files[@]}"

step "boot (at most $seconds s)"
rm -f "$work/console.txt" "$work/output"
timeout "$seconds" qemu-system-x86_64 -accel tcg -cpu max -m 1024 -nodefaults -no-reboot -display none \
    -kernel "$vmlinuz" -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1" \
    -serial "file:$work/console.txt" -serial "file:$work/output" </dev/null ||
    complain "QEMU ended with $?; what it said: $work/console.txt"

if ! python3 -B scripts/testbed/archive.py unpack "$work/output" "$results"; then
    tail -5 "$work/console.txt" >&2
    complain "the machine did not come to its end; what it sent: $results"
    exit 1
fi
step "results: $results"
grep -H . "$results"/*.status
