#!/usr/bin/env python3
"""check_export.py EXPORTED_FOLDER SMOLLM2.gguf: the folder of `plumb-lm export` loads in transformers and is the model.

Prints the largest difference of any weight, of any logit on a few texts, and of the tokens of the golden strings.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    folder, gguf = sys.argv[1:]
    torch.set_num_threads(1)
    ours = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tok = AutoTokenizer.from_pretrained(folder)
    base, name = gguf.rsplit("/", 1)
    theirs = AutoModelForCausalLM.from_pretrained(base, gguf_file=name, dtype=torch.float32).eval()
    reference = theirs.state_dict()
    print("weights:", max(float((v - reference[k]).abs().max()) for k, v in ours.state_dict().items()))
    worst = 0.0
    for text in ("The capital of France is", "def f(x):"):
        ids = torch.tensor([tok.encode(text)])
        with torch.no_grad():
            worst = max(worst, float((ours(ids).logits - theirs(ids).logits).abs().max()))
    print("logits:", worst)
    rows = json.loads((pathlib.Path(__file__).parent / "tokens.json").read_text())["rows"]
    print("tokens that differ:", sum(tok.encode(r["text"], add_special_tokens=False) != r["smollm2"] for r in rows), "of", len(rows))
    print(repr(tok.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True)))


main()
