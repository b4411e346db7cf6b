"""Checks that a reward model trained by plumb-lm loads in transformers and peft unchanged and gives the same scores.

    pip install peft==0.21.2 transformers gguf
    python check_reward.py PLUMB_LM FOLDER_WITH_SmolLM2-135M-Instruct.Q4_1.gguf

Trains eight steps on rows.jsonl in float32, scores every answer with `plumb-lm rewards`, and compares with
AutoModelForSequenceClassification under the same folder. Prints the largest difference.
"""
import json, os, subprocess, sys, tempfile
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

program, folder = sys.argv[1:3]
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
here = os.path.dirname(os.path.abspath(__file__))
rows = [json.loads(line) for line in open(os.path.join(here, "rows.jsonl"))]

with tempfile.TemporaryDirectory() as work:
    out = os.path.join(work, "rm")
    config = dict(model="smollm2", data=os.path.join(here, "rows.jsonl"), out=out, bf16=False, max_steps=8,
                  per_device_train_batch_size=4, learning_rate=1e-3, save_steps=0, logging_steps=1)
    json.dump(config, open(os.path.join(work, "config.json"), "w"))
    subprocess.run([program, "train", "reward", "--config", os.path.join(work, "config.json")], check=True,
                   stdout=subprocess.DEVNULL)
    adapter = os.path.join(out, "adapter")
    asked = [{"prompt": r["prompt"], "completion": r[side]} for r in rows for side in ("chosen", "rejected")]
    with open(os.path.join(work, "asked.jsonl"), "w") as f:
        f.writelines(json.dumps(a) + "\n" for a in asked)
    answer = subprocess.run([program, "rewards", "--precision", "f32", "--model", "smollm2+" + adapter, "--in",
                             os.path.join(work, "asked.jsonl")], check=True, capture_output=True, text=True).stdout
    mine = [json.loads(line)["reward"] for line in answer.splitlines()]

    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    base = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32)
    base.config.num_labels = 1
    base.config.pad_token_id = tokenizer.eos_token_id
    for key in ("quantization_config",):
        if hasattr(base.config, key):
            delattr(base.config, key)
    judge = AutoModelForSequenceClassification.from_config(base.config).float()
    judge.model.load_state_dict(base.model.state_dict())
    judge = PeftModel.from_pretrained(judge, adapter).eval()
    theirs = []
    for a in asked:
        text = tokenizer.apply_chat_template(a["prompt"] + a["completion"], tokenize=False)
        with torch.no_grad():
            theirs.append(judge(tokenizer(text, return_tensors="pt").input_ids).logits.item())
    worst = max(abs(a - b) for a, b in zip(mine, theirs))
    right = sum(mine[i] > mine[i + 1] for i in range(0, len(mine), 2))
    print(f"largest difference of a score: {worst:.2e} (scores from {min(mine):.2f} to {max(mine):.2f}, "
          f"{right} of {len(mine) // 2} pairs in order)")
    sys.exit(0 if worst < 1e-3 else 1)
