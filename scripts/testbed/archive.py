"""archive.py pack INITRAMFS PATH=FILE...      an initramfs (cpio "newc", gzip) of these files; PATH= is a folder
archive.py unpack OUTPUT FOLDER             what testbed/init.c sent over the serial port

unpack ends with 1 if the end did not come."""

import gzip
import pathlib
import re
import stat
import sys

ALIGNMENT = 4


def padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


def entry(inode, path, mode, data):
    name = path.encode() + b"\0"
    fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    return padded(b"070701" + b"".join(b"%08x" % field for field in fields) + name) + padded(data)


def pack(initramfs, files):
    entries, folders = [], set()
    for file in files:
        path, _, source = file.partition("=")
        path = path.lstrip("/")
        parents = list(pathlib.PurePosixPath(path).parents)[:-1][::-1] + ([] if source else [pathlib.PurePosixPath(path)])
        for folder in parents:
            if folder not in folders:
                folders.add(folder)
                entries.append((str(folder), stat.S_IFDIR | 0o755, b""))
        if source:
            entries.append((path, stat.S_IFREG | 0o755, pathlib.Path(source).read_bytes()))
    entries.append(("TRAILER!!!", 0, b""))
    image = b"".join(entry(i + 1, *one) for i, one in enumerate(entries))
    pathlib.Path(initramfs).write_bytes(gzip.compress(image, 1))


def unpack(output, folder):
    data = pathlib.Path(output).read_bytes()
    at = 0
    while head := re.compile(rb"FILE /(\S+) (\d+)\n").match(data, at):
        size = int(head[2])
        (pathlib.Path(folder) / pathlib.PurePosixPath(head[1].decode()).name).write_bytes(data[head.end():head.end() + size])
        at = head.end() + size
    return data[at:] == b"END\n"


if __name__ == "__main__":
    if sys.argv[1] == "pack":
        pack(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(0 if unpack(*sys.argv[2:4]) else 1)
