"""Bad input in what people write: policies, configurations, suites, runs, targets and guards.

    bad_input_test.py PLUMB
"""
import contextlib
import shutil
import socket

from bad_input import CASES, EVAL, GARBAGE, POLICY, copy, cut, finish, project, refused, source, wrong


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


finish(policies, suites_and_runs, targets, guards)
