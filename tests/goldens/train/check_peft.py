"""Checks that an adapter trained by plumb-lm loads in peft unchanged and gives the same losses.

    pip install peft==0.21.2 transformers gguf
    python check_peft.py PLUMB_LM FOLDER_WITH_SmolLM2-135M-Instruct.Q4_1.gguf

Trains eight steps on rows.jsonl in float32, asks plumb-lm for the loss of every row under the adapter (a step with
learning rate 0), and compares with transformers + peft, token by token averaged. Prints the largest difference.
"""
import json, os, subprocess, sys, tempfile
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

program, folder = sys.argv[1:3]
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
here = os.path.dirname(os.path.abspath(__file__))
rows = [json.loads(line) for line in open(os.path.join(here, "rows.jsonl"))]


def train(work, name, **more):
    config = dict(model="smollm2", data=os.path.join(here, "rows.jsonl"), out=os.path.join(work, name), bf16=False,
                  per_device_train_batch_size=4, max_steps=8, learning_rate=2e-3, lora_r=8, lora_alpha=16,
                  save_steps=0, logging_steps=1, shuffle=False) | more
    path = os.path.join(work, name + ".json")
    json.dump(config, open(path, "w"))
    subprocess.run([program, "train", "sft", "--config", path], check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in open(os.path.join(config["out"], "metrics.jsonl"))]


with tempfile.TemporaryDirectory() as work:
    train(work, "taught")
    adapter = os.path.join(work, "taught", "adapter")
    mine = [row["loss"] for row in train(work, "asked", adapter_in=adapter, learning_rate=0.0,
                                         per_device_train_batch_size=1, max_steps=len(rows))]
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, adapter).eval()
    worst = base_gap = 0.0
    for row, loss in zip(rows, mine):
        text = lambda messages, generate: tokenizer.apply_chat_template(
            messages, add_generation_prompt=generate, tokenize=False)
        prompt = tokenizer(text(row["prompt"], True), return_tensors="pt").input_ids
        whole = tokenizer(text(row["prompt"] + row["chosen"], False), return_tensors="pt").input_ids
        labels = whole.clone()
        labels[:, :prompt.shape[1]] = -100
        with torch.no_grad():
            theirs = model(whole, labels=labels).loss.item()
            with model.disable_adapter():
                base_gap = max(base_gap, abs(model(whole, labels=labels).loss.item() - theirs))
        worst = max(worst, abs(theirs - loss))
    print(f"largest difference of a row's loss: {worst:.2e} (the adapter itself moves losses by up to {base_gap:.2f})")
    sys.exit(0 if worst < 1e-3 else 1)
