"""A machine that does not do its part: ledgers that are broken, disks that are full, ports that are taken.

    bad_machine_test.py PLUMB
"""
import contextlib
import json
import os
import shutil
import socket
import sqlite3

from bad_input import EVAL, GARBAGE, cut, finish, lm, plumb, project, refused, root, source, wrong
from service import cache_folder, run


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


finish(ledgers, full_disk, busy_ports)
