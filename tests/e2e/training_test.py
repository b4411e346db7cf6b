"""plumb train's edges: the engine that is the user's own TRL, and the card.

    training_test.py PLUMB

Where $PLUMB_TRL_PYTHON names a Python with TRL, jobs run in it too, one of them in two processes; else only what is said
without one is tested. Exit code 77: no plumb-lm beside PLUMB, or no embedded model.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from service import cache_folder

plumb = os.path.abspath(sys.argv[1])
lm = os.path.join(os.path.dirname(plumb), "plumb-lm")
trl = os.environ.get("PLUMB_TRL_PYTHON")
if not os.path.exists(lm) or not (pathlib.Path(cache_folder()) / "models" / "smollm2").exists():
    print("skipped: no plumb-lm, or no embedded model")
    sys.exit(77)
folder = tempfile.TemporaryDirectory(prefix="plumb-training-")
root = pathlib.Path(folder.name)
failures = []


def run(*arguments, code, says="", env=None):
    done = subprocess.run([plumb, *map(str, arguments)], cwd=root, capture_output=True, text=True, timeout=900,
                          env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})})
    if done.returncode != code or says not in done.stderr + done.stdout:
        failures.append(f"plumb {' '.join(map(str, arguments))}\n  exit code {done.returncode}, not {code}, or nothing of "
                        f"{says!r} in\n  {(done.stderr + done.stdout).strip()[-600:]}")
    return done


def turn(role, text): return [{"role": role, "content": text}]


rows, pairs = root / "rows.jsonl", root / "pairs.jsonl"
rows.write_text("".join(json.dumps({"prompt": turn("user", f"Say {w}."), "completion": turn("assistant", w)}) + "\n"
                        for w in ("tea", "boat", "lamp", "river", "stone", "bread", "wheel", "cloud")))
pairs.write_text("".join(json.dumps({"prompt": turn("user", f"Say {w}."), "chosen": turn("assistant", w),
                                     "rejected": turn("assistant", "No, not " + w + ".")}) + "\n" for w in ("tea", "boat", "lamp", "river")))
job = ["--model", "smollm2", "--data", rows, "--out", "run"]

# A Python without TRL, whatever this machine's own has.
bare = root / "bare"
bare.write_text(f"#!/bin/sh\nexec {sys.executable} -I -S \"$@\"\n")
bare.chmod(0o755)
run("train", "sft", *job, "--engine", "trl", "--python", bare, code=2, says="trl, peft, transformers, accelerate, datasets not installed")
run("train", "sft", *job, "--engine", "trl", "--python", "no-such-python", code=2, says="no program no-such-python")
run("train", "sft", *job, "--engine", "trl", "--preserve", "held.jsonl", code=2, says="--engine trl has no preserve")
run("train", "sft", *job, "--engine", "trl", "--learning_rat", "1", code=2, says="did you mean 'learning_rate'?")
run("train", "grpo", *job, "--engine", "trl", code=2, says="--engine trl runs sft, dpo")
run("train", "sft", *job, "--engine", "verl", code=2, says="no engine 'verl'")
run("train", "sft", *job, "--python", "python3", code=2, says="are of --engine trl")
run("train", "reward", *job, "--card", code=2, says="--card is of a model that answers")
run("train", "card", "--adapter", "nowhere", code=2, says="adapter_config.json")



def divergence(adapter, baseline=None):
    config = root / "divergence.json"
    config.write_text(json.dumps({"model": "smollm2", "adapter": str(adapter), "data": str(rows), "bf16": False} |
                                 ({"baseline": str(baseline)} if baseline else {})))
    said = subprocess.run([lm, "train", "divergence", "--config", config], capture_output=True, text=True, timeout=600)
    if said.returncode:
        failures.append(f"divergence of {adapter}: {said.stderr}")
        return None
    return json.loads(said.stdout)["kl"]


# A short run that packs and preserves: how far it went from its base is known, and from itself it is nowhere.
held = root / "held.jsonl"
held.write_text("".join(json.dumps({"prompt": turn("user", f"What is a {w}?")}) + "\n" for w in
                        ("tea", "boat", "lamp", "river", "stone", "bread", "wheel", "cloud", "road", "door")))
small = ["--max_steps", "2", "--save_steps", "0", "--logging_steps", "1", "--lora_r", "4", "--learning_rate", "1e-3"]
done = run("train", "sft", *job, *small, "--packing", "true", "--max_length", "64", "--per_device_train_batch_size", "2", "--preserve", held,
           "--json", code=0, says='"event":"preserve"')
if done.returncode == 0:
    seen = json.loads((root / "run" / "preserve.json").read_text())
    if not (seen["rows"] == 8 and seen["held_out"] == 2 and seen["kl_low"] <= seen["kl"] <= seen["kl_high"] and seen["kl"] > 0):
        failures.append(f"preserve.json: {seen}")
    adapter = root / "run" / "adapter"
    if (kl := divergence(adapter)) is not None and not 1e-6 < kl < 10:
        failures.append(f"KL from its base: {kl}")
    if (kl := divergence(adapter, adapter)) is not None and abs(kl) > 1e-6:
        failures.append(f"KL from itself: {kl}")

# How much memory was foreseen, and how much it then was; a job that needs more than there may be is refused before it begins.
def foreseen(name, job_name, *more, data):
    done = run("train", job_name, "--model", "smollm2", "--data", data, "--out", name, *small[:-2], "--max_memory_gb", "64", "--json", *more, code=0)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode == 0:
        told = next(e for e in events if e["event"] == "start")["memory_foreseen"]
        if not 0.75 < told / events[-1]["peak_memory"] < 1.25:
            failures.append(f"{name}: {told} bytes were foreseen, {events[-1]['peak_memory']} were taken")
    return events


long_rows = root / "long.jsonl"
long_rows.write_text("".join(json.dumps({"prompt": turn("user", f"Say it {n}."), "completion": turn("assistant", f"word{n} " * 200)}) + "\n" for n in range(16)))
foreseen("foreseen", "sft", "--max_length", "512", data=long_rows)
run("train", "sft", "--model", "smollm2", "--data", long_rows, "--out", "refused", "--max_length", "512", "--micro_batch_tokens", "8192", "--max_memory_gb", "1.5",
    code=2, says="use --micro_batch_tokens")
run("train", "sft", "--model", "smollm2", "--data", rows, "--out", "refused", "--max_memory_gb", "0.3", code=2, says="a smaller model, or more memory")

# Every weight is trained: a whole model is left, which is not its base and which our own programs take.
whole = ["--max_steps", "2", "--save_steps", "0", "--logging_steps", "1", "--use_peft", "false", "--learning_rate", "1e-4"]
done = run("train", "sft", "--model", "smollm2", "--data", rows, "--out", "whole", *whole, "--json", code=0)
if done.returncode == 0:
    model = root / "whole" / "model"
    made = json.loads(done.stdout.splitlines()[-1])
    if made.get("model") != "whole/model" or "adapter" in made or not (model / "config.json").exists():
        failures.append(f"a whole model: {made}")
    elif not 0.75 < json.loads(done.stdout.splitlines()[0])["memory_foreseen"] / made["peak_memory"] < 1.25:
        failures.append(f"a whole model: foreseen and taken: {done.stdout}")
    again = run("train", "sft", "--model", model, "--data", rows, "--out", "again", *small, "--json", code=0)
    first, then = (json.loads((root / name / "metrics.jsonl").read_text().splitlines()[0])["loss"] for name in ("whole", "again"))
    if not then < first:
        failures.append(f"a whole model: its loss was {first} before and is {then} after training")

# A reward that one step suffices to game, as far as its budget goes: the run says so and fails.
(root / "rewards.json").write_text('{"rewards": [{"type": "format", "contains": " the"}]}')
(root / "gold.json").write_text('{"rewards": [{"type": "repetition"}]}')
done = run("train", "grpo", "--model", "smollm2", "--data", held, "--out", "gamed", "--rewards", "rewards.json", "--gold_rewards", "gold.json",
           "--kl_budget", "1e-4", "--on_goodhart", "fail", "--monitor_every", "1", "--monitor_prompts", "10", "--num_generations", "4",
           "--per_device_train_batch_size", "8", "--max_completion_length", "8", *small, "--learning_rate", "1e-2", code=1, says="passed kl_budget")

# Completions from our own server, which is given the adapter anew: it samples what the trainer trains, whatever else is asked of it.
prompts, rewards, socket_path = root / "prompts.jsonl", root / "rewards.json", root / "lm.sock"
prompts.write_text("".join(json.dumps({"prompt": turn("user", f"Tell me about a {w}.")}) + "\n" for w in ("tea", "boat", "lamp", "river")))
rewards.write_text(json.dumps({"rewards": [{"type": "format", "starts_with": "The"}, {"type": "repetition"}]}))
online = ["--model", "smollm2", "--data", prompts, "--rewards", rewards, "--num_generations", "4", "--per_device_train_batch_size", "16",
          "--max_completion_length", "8", "--max_steps", "2", "--logging_steps", "1", "--save_steps", "0", "--lora_r", "4", "--learning_rate", "3e-3"]
run("train", "grpo", *online, "--out", "nowhere", "--vllm_server_base_url", f"unix:{root}/no.sock", code=2, says="no.sock")
server = subprocess.Popen([lm, "serve", "--socket", socket_path, "--model", "smollm2", "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
try:
    if b'"ready"' not in server.stdout.readline():
        failures.append("plumb-lm serve does not get ready")
    for sync in ("auto", "none"):
        run("train", "grpo", *online, "--out", f"rolled-{sync}", "--vllm_server_base_url", f"unix:{socket_path}", "--rollout_sync", sync, "--json", code=0,
            says='"sync":"' + ("plumb" if sync == "auto" else "none"))
finally:
    server.terminate()
    server.wait()
seen = {sync: [json.loads(line) for line in (root / f"rolled-{sync}" / "metrics.jsonl").read_text().splitlines()] for sync in ("auto", "none")}
apart = {sync: [row["sampling/sampling_logp_difference/mean"] for row in rows] for sync, rows in seen.items()}
if not (len(apart["auto"]) == 2 and max(apart["auto"]) < 0.1 and apart["none"][1] > 2 * apart["auto"][1]):
    failures.append(f"sampler and trainer are apart by {apart}: handed over, they are one model; kept, the server's is another after a step")
if [p.name for p in (root / "rolled-auto" / "rollouts").iterdir()] != ["adapter-2"]:
    failures.append("only the last adapter that was handed over is kept")

if trl:
    short = ["--max_steps", "2", "--per_device_train_batch_size", "2", "--save_steps", "0", "--logging_steps", "1", "--lora_r", "4", "--json"]
    conversations = root / "conversations.jsonl"
    conversations.write_text("".join(json.dumps({"messages": turn("user", "Hello.") + turn("assistant", "Hello.") + turn("user", f"Say {w}.") + turn("assistant", w)}) + "\n"
                                     for w in ("tea", "boat", "lamp", "river")))
    for name, data, more in (("sft", conversations, []), ("dpo", pairs, ["--processes", "2"])):
        done = run("train", name, "--model", "smollm2", "--data", data, "--out", name, "--engine", "trl", "--python", trl, *more, *short, code=0)
        if done.returncode:
            continue
        events = [json.loads(line) for line in done.stdout.splitlines()]
        start = next(e for e in events if e["event"] == "start")
        if start["processes"] != (2 if more else 1) or events[-1]["event"] != "done" or events[-1]["steps"] != 2:
            failures.append(f"{name}: {events}")
        # The adapter comes back: our own program puts it on the model, and it is not its base any more.
        if (kl := divergence(root / name / "adapter")) is not None and not kl > 0:
            failures.append(f"{name}: its adapter says nothing: {kl}")
    # And into the same gate and ledger, by its card.
    if (root / "dpo" / "adapter").exists():
        entry = root / "entry.jsonl"
        entry.write_text('{"run": "dpo"}\n')
        run("ledger", "append", "--kind", "training", "--in", entry, code=0)
        run("train", "card", "--model", "smollm2", "--adapter", "dpo/adapter", "--cases", "30", "--max-tokens", "8", code=0)
        done = run("gate", "--card", "dpo/card.json", "--json", code=0, says="card.unsafe_refused")
        run("ledger", "export", code=0, says='kind\\":\\"gate')
        weights = root / "dpo" / "adapter" / "adapter_model.safetensors"
        weights.write_bytes((root / "sft" / "adapter" / "adapter_model.safetensors").read_bytes())
        run("gate", "--card", "dpo/card.json", code=1, says="other weights were measured")

print("\n".join(failures) or f"training: all as it should be{'' if trl else ' (without TRL: $PLUMB_TRL_PYTHON is not set)'}")
sys.exit(1 if failures else 0)
