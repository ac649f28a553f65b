"""No include runs upwards, and no files include each other in a circle.

    layers.py SOURCE_FOLDER LAYERS

LAYERS is written by CMake: `name folder linked...` a line, one for each library. A file may include what stands in
its own library's folder and in those that the library is linked with, directly or through others."""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def read_layers(path):
    folders, links = {}, {}
    for line in path.read_text().splitlines():
        name, folder, *linked = line.split()
        folders[name], links[name] = folder, linked
    return folders, links


def known_to(name, links, on_the_way=()):
    """The libraries that `name` is linked with, itself included."""
    if name in on_the_way:
        raise SystemExit(f"libraries are linked in a circle: {' -> '.join([*on_the_way, name])}")
    known = {name}
    for linked in links[name]:
        known |= known_to(linked, links, [*on_the_way, name])
    return known


def circle_from(file, includes, on_the_way, done):
    """A way from `file` back to itself, or nothing. A source file stands with its header."""
    if file in on_the_way:
        return [*on_the_way[on_the_way.index(file):], file]
    if file in done:
        return None
    for included in sorted(includes.get(file, ())):
        if circle := circle_from(included, includes, [*on_the_way, file], done):
            return circle
    done.add(file)
    return None


def main():
    source, layers = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folders, links = read_layers(layers)
    library_of = {folder: name for name, folder in folders.items()}
    allowed = {name: known_to(name, links) for name in links}
    faults, includes, files = [], {}, 0
    for name, folder in folders.items():
        for path in sorted((source / folder).glob("*.[ch]pp")):
            files += 1
            file = path.relative_to(source)
            unit = str(file.with_suffix(""))
            for included in INCLUDE.findall(path.read_text()):
                to = library_of.get(str(pathlib.Path(included).parent))
                if to is None:
                    faults.append(f"{file}: {included} is in no library's folder")
                elif to not in allowed[name]:
                    faults.append(f"{file}: includes {included}, but {folder} is not linked with {folders[to]}")
                target = str(pathlib.Path(included).with_suffix(""))
                if target != unit:
                    includes.setdefault(unit, set()).add(target)
    done = set()
    for unit in sorted(includes):
        if circle := circle_from(unit, includes, [], done):
            faults.append("files include each other: " + " -> ".join(circle))
            break
    for fault in faults:
        print(fault)
    if files < 150:
        faults.append("too few files")
        print(f"only {files} files were found below {source}: the layers were not checked")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
