"""The commands of README.md, run as a reader would: in a fresh project, one after the other.

    readme_test.py PLUMB README.md
"""
import os
import pathlib
import shlex
import sys
import tempfile

from service import run

plumb = os.path.abspath(sys.argv[1])
readme = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
lm = pathlib.Path(plumb).with_name("plumb-lm")


def commands():
    for line in readme.splitlines():
        if line.startswith("    plumb "):
            yield shlex.split(line, comments=True)[1:]


found = list(commands())
assert len(found) >= 4, found
skipped = []
with tempfile.TemporaryDirectory() as folder:
    project = pathlib.Path(folder) / "project"
    done = run(plumb, "init", str(project))
    assert done.returncode == 0, done.stderr
    (project / "texts.jsonl").write_text('{"id": "1", "text": "How do I sharpen a kitchen knife?"}\n')
    for arguments in found:
        if "local:" in " ".join(arguments):
            if not lm.exists():
                skipped.append(" ".join(arguments))
                continue
            arguments += ["--limit", "4"]
        if arguments[:2] == ["ledger", "verify"]:  # a project has a ledger once something happened in it
            (project / "rows.jsonl").write_text('{"note": "first"}\n')
            assert run(plumb, "ledger", "append", "--kind", "note", "--in", "rows.jsonl", cwd=project).returncode == 0
        done = run(plumb, *arguments, cwd=project)
        assert done.returncode == 0, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        print("ok:", " ".join(arguments))
    assert (project / "verdicts.jsonl").exists()
for command in skipped:
    print("skipped, there is no plumb-lm:", command)
