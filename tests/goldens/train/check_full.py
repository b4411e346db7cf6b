"""Checks that a model trained whole by plumb-lm loads in transformers and gives the same losses.

    pip install transformers safetensors
    python check_full.py PLUMB_LM

Trains eight steps on every weight (rows.jsonl, float32), asks plumb-lm for the loss of every row under the folder it left (a step
with learning rate 0), and compares with transformers, token by token averaged. Prints the largest difference.
"""
import json, os, subprocess, sys, tempfile
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

program = sys.argv[1]
here = os.path.dirname(os.path.abspath(__file__))
rows = [json.loads(line) for line in open(os.path.join(here, "rows.jsonl"))]


def train(work, name, **more):
    config = dict(model="smollm2", data=os.path.join(here, "rows.jsonl"), out=os.path.join(work, name), bf16=False, use_peft=False,
                  per_device_train_batch_size=4, max_steps=8, learning_rate=5e-5, save_steps=0, logging_steps=1, shuffle=False) | more
    path = os.path.join(work, name + ".json")
    json.dump(config, open(path, "w"))
    subprocess.run([program, "train", "sft", "--config", path], check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in open(os.path.join(config["out"], "metrics.jsonl"))]


with tempfile.TemporaryDirectory() as work:
    train(work, "taught")
    folder = os.path.join(work, "taught", "model")
    asked = dict(learning_rate=0.0, per_device_train_batch_size=1, max_steps=len(rows))
    mine = [row["loss"] for row in train(work, "asked", model=folder, **asked)]
    before = [row["loss"] for row in train(work, "before", **asked)]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    worst = 0.0
    for row, loss in zip(rows, mine):
        text = lambda messages, generate: tokenizer.apply_chat_template(messages, add_generation_prompt=generate, tokenize=False)
        prompt = tokenizer(text(row["prompt"], True), return_tensors="pt").input_ids
        whole = tokenizer(text(row["prompt"] + row["chosen"], False), return_tensors="pt").input_ids
        labels = whole.clone()
        labels[:, :prompt.shape[1]] = -100
        with torch.no_grad():
            worst = max(worst, abs(model(whole, labels=labels).loss.item() - loss))
    moved = max(abs(a - b) for a, b in zip(mine, before))
    print(f"largest difference of a row's loss: {worst:.2e} (training moved losses by up to {moved:.2f})")
    sys.exit(0 if worst < 1e-3 and moved > 0.1 else 1)
