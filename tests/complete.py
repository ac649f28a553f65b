"""Nothing written is left out of the list that puts it to use, and the data files keep to their schemas.

    complete.py SOURCE_FOLDER"""

import json
import pathlib
import re
import sys

import jsonschema

PROPERTY = re.compile(r"^struct (\w+) : (?:StepProperty|StepWish|AnyProperty) \{", re.MULTILINE)
DATA = {"specs/rules.json": "rules", "specs/kvm-departures.json": "kvm-departures",
        "specs/departures/qemu-tcg-7.2.json": "known-departures",
        "specs/departures/bochs-2.7.json": "known-departures"}


def listed(text, list_name):
    """The names in `using LIST = std::tuple<...>;`."""
    body = re.search(rf"using {list_name} =\s*std::tuple<(.*?)>;", text, re.DOTALL)[1]
    return set(re.findall(r"\w+", re.sub(r"//.*", "", body)))


def unlisted_properties(folder):
    names = listed((folder / "all.hpp").read_text(), "Properties")
    texts = [path.read_text() for path in folder.glob("*.hpp") if path.name != "vocabulary.hpp"]
    written = {name for text in texts for name in PROPERTY.findall(text)}
    if len(written) < 100:
        yield f"{folder}: only {len(written)} properties were found: they were not held against the list"
    for name in sorted(written - names):
        yield f"specs/properties/all.hpp: {name} is missing"


def unlisted_implementations(folder):
    text = (folder / "all.hpp").read_text()
    included = set(re.findall(r'#include "model/implementations/(\w+)\.hpp"', text))
    models = {path.stem for path in folder.glob("*.hpp") if "ImplementationInfo info{" in path.read_text()}
    if not models:
        yield f"{folder}: no implementation was found"
    for name in sorted(models - included):
        yield f"model/implementations/all.hpp: {name}.hpp is missing"


def broken_data(source):
    for data, schema in DATA.items():
        schema_text = (source / f"specs/schema/{schema}.schema.json").read_text()
        validator = jsonschema.Draft202012Validator(json.loads(schema_text))
        for error in validator.iter_errors(json.loads((source / data).read_text())):
            yield f"{data}: {error.json_path}: {error.message}"


def main():
    source = pathlib.Path(sys.argv[1])
    faults = [*unlisted_properties(source / "specs/properties"),
              *unlisted_implementations(source / "model/implementations"), *broken_data(source)]
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
