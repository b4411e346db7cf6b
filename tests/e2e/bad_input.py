"""What the tests of bad input share: a small project, verbs that are to be refused, and the list of what was not as it should be.

Each kind of bad input, on each verb where it applies, gives one line that says what and where, exit code 2 (1 where a policy or a
ledger is judged), and leaves nothing half-written.
"""
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

from service import run

plumb = os.path.abspath(sys.argv[1])
lm = os.path.join(os.path.dirname(plumb), "plumb-lm")
source = pathlib.Path(__file__).resolve().parents[2]
folder = tempfile.TemporaryDirectory(prefix="plumb-bad-input-")
root = pathlib.Path(folder.name)
project, wrong = root / "project", root / "wrong"
wrong.mkdir()
failures, count = [], 0
GARBAGE = bytes(range(256)) * 40


def files(where):
    # What SQLite makes to read a database, and leaves empty, is no content of ours.
    return {str(p.relative_to(where)): p.read_bytes() for p in where.rglob("*")
            if p.is_file() and not p.name.endswith("-shm") and not (p.name.endswith("-wal") and p.stat().st_size == 0)}


def refused(name, *arguments, says=(), code=2, program=plumb, cwd=None, limit=None, stdout=subprocess.PIPE, may_leave=(), lines=1,
            env=None, seconds=60):
    """Runs it; notes what is not as it should be. `limit`: no file grows beyond so many bytes, as on a full disk."""
    global count
    count += 1
    cwd = cwd or project
    before = files(cwd)
    full = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit is not None else None
    try:
        done = subprocess.run([program, *map(str, arguments)], cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, text=True,
                              errors="replace", timeout=seconds, preexec_fn=full, env={**os.environ, **(env or {})})
    except subprocess.TimeoutExpired:
        failures.append(f"{name}: nothing after {seconds} s")
        return
    said = done.stderr.strip()
    # What is loaded, with what warning, and how far it got is not the error.
    beside = (" loading ", "tier 2 (the encoder)", "the guard was made for", " s left")
    error = [line for line in said.split("\n") if line and not any(text in line for text in beside) and not line.startswith(("step ", "{"))]
    after = files(cwd)
    changed = sorted(k for k in {*before, *after} if before.get(k) != after.get(k) and not k.startswith(tuple(may_leave) or ("\0",)))
    problems = []
    if done.returncode != code:
        problems.append(f"exit code {done.returncode}, not {code}")
    if lines and len(error) != lines:
        problems.append(f"{len(error)} lines")
    if changed:
        problems.append(f"left or changed {changed[:5]}")
    problems += [f"does not say {text!r}" for text in says if text not in said + (done.stdout or "")]
    if problems:
        failures.append(f"{name}: {'; '.join(problems)}\n    {' '.join(map(str, arguments))}\n    {said[:500]}")


def copy(of, to, change):
    shutil.copytree(of, to)
    change(to)
    return to


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


POLICY = """policy: shop
version: 1
owner: o@example.org
purpose: Help.
principles: [{id: honest, text: Be honest.}]
categories:
  - id: keys
    about: Secret keys.
    detect: [{name: secret, regex: 'SECRET-[0-9]{4}'}]
    on: {input: block, output: block}
    violates: [SECRET-1234]
    allows: [a secret]
"""
CASES = "".join(json.dumps({"id": f"c{i}", "prompt": "Hello", "expect": "comply"}) + "\n" for i in range(40))
ANSWERS = "".join(json.dumps({"id": f"c{i}", "output": "Hello. How can I help?"}) + "\n" for i in range(40))


def make_project():
    project.mkdir()
    (project / "policy.yaml").write_text(POLICY)
    (project / "cases.jsonl").write_text(CASES)
    (project / "answers.jsonl").write_text(ANSWERS)
    (project / "texts.jsonl").write_text('{"id": "1", "text": "hello"}\n')
    (project / "sft.jsonl").write_text('{"prompt": "Hi", "completion": " there"}\n' * 4)


EVAL = ("eval", "run", "--suite", "cases.jsonl", "--target", "replay:answers.jsonl")


def make_run():
    made = run(plumb, *EVAL, "--out", "run", cwd=project)
    assert made.returncode == 0, made.stderr


def finish(*parts):
    """Runs the parts, of which further arguments of the command line may name some, and exits."""
    (wrong / "none.yaml").write_text("ledger: none/ledger.db\n")
    make_project()
    make_run()
    for part in parts:
        if len(sys.argv) < 3 or part.__name__ in sys.argv[2:]:
            part()
    folder.cleanup()
    print("\n".join(failures))
    print(f"{count} kinds of bad input, {len(failures)} not as they should be")
    sys.exit(1 if failures else 0)
