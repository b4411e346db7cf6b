#!/usr/bin/env python3
"""unique_names.py ROOT: refuses a name that a file keeps for itself and another of its room has too.

The files of a room are compiled several in one go (cmake/rooms.cmake), and so share one anonymous namespace: a second
definition breaks the build of whichever files happen to be joined, and a second overload may be the one that is called.
The same goes for what the room's headers and those of base/core declare.
"""
import collections
import pathlib
import re
import sys

TYPE = re.compile(r"(?:template\s*<.*?>\s*)?(?:struct|class|enum class|enum) (\w+)")
ALIAS = re.compile(r"using (\w+) =")
FUNCTION = re.compile(r"[\w:<>,&*\s\[\]]*?[\w>&*]\s+[*&]*(\w+)\(")
CONSTANT = re.compile(r"[^(=]*?(?<!::)\b(\w+)(?:\[\w*\])*\s*(?:=|\{|;)")
MACRO = re.compile(r"(?:TYPED_)?TEST(?:_[FP])?\(|INSTANTIATE_|TYPED_TEST|static_assert|PLUMB_|using [^=]*;|namespace |extern ")

ALONE = re.compile(r"_(bench|fuzz|amx|avx512|baseline)\.cc$|^kernels\.cc$")  # files compiled with options of their own


def names(text, inside):
    """What a file defines in its anonymous namespaces (a header, `inside` from its beginning: anywhere)."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("namespace {"):
            inside = True
        elif line == "}  // namespace":
            inside = False
        elif inside and line[:1].isalpha() and not MACRO.match(line):
            for pattern in (TYPE, ALIAS, FUNCTION, CONSTANT):
                if found := pattern.match(line):
                    yield found[1], number, line
                    break


def units(root):
    """The files of each room that are compiled together: those of the library, and the tests."""
    out = collections.defaultdict(list)
    for rules in sorted((root / "src").rglob("CMakeLists.txt")):
        room = rules.parent
        if room == root / "src":
            continue
        for file in sorted(room.rglob("*.cc")):
            if not ALONE.search(file.name):
                out[room, file.name.endswith("_test.cc")].append(file)
    return out


def main(root):
    faults = 0
    for (room, tests), files in units(root).items():
        seen = {}
        core = [] if room.name == "core" else sorted((root / "src/base/core").glob("*.h"))
        for file in core + sorted(room.glob("*.h")) + files:
            header = file.suffix == ".h"
            if header and file.name.endswith("_test.h") and not (tests and file.parent == room):
                continue
            for name, number, line in names(file.read_text(), inside=header):
                other, place, there = seen.setdefault(name, (file, number, line))
                if other == file or other.suffix == file.suffix == ".h" or (line == there and line.startswith("using ")):
                    continue
                print(f"{file.relative_to(root)}:{number}: {name} is also in {other.relative_to(root)}:{place}; "
                      f"give one another name, or declare it in a header of {room.relative_to(root)}")
                faults += 1
    return faults


if __name__ == "__main__":
    sys.exit(1 if main(pathlib.Path(sys.argv[1]).resolve()) else 0)
