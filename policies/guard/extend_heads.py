#!/usr/bin/env python3
"""Gives a trained encoder the heads that more kinds of rows name, and writes the job that goes on training it.

    python3 policies/guard/extend_heads.py START ROWS OUT SEED…

START is an adapter folder with heads. A new head begins as the one it is nearest to, or from nothing with the log-odds of its
label as its bias. Writes OUT/start/ and for each seed OUT/SEED.json for `plumb-lm train classifier`, which writes
OUT/SEED/adapter. Standard library only.
"""
import json
import math
import pathlib
import struct
import sys

NEAREST = {"hate/threatening": "hate", "violence/graphic": "violence", "unsafe@output": "unsafe"}
HIDDEN = 384


def read_safetensors(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    head, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    head.pop("__metadata__", None)
    return {name: (one["dtype"], one["shape"], body[slice(*one["data_offsets"])]) for name, one in head.items()}


def write_safetensors(path, tensors):
    head, body = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def main(start, rows, out, *seeds):
    start, out = pathlib.Path(start), pathlib.Path(out)
    tensors = read_safetensors(start / "adapter_model.safetensors")
    config = json.loads((start / "adapter_config.json").read_text())
    mass = {}
    with open(rows, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            for head, label in row["labels"].items():
                mass.setdefault(head, [1e-9, 1e-9])[int(label)] += row["weight"]
    for head in mass:
        if f"classifier.{head}.weight" in tensors:
            continue
        config["heads"].append(head)
        if head in NEAREST:
            for part in ("weight", "bias"):
                tensors[f"classifier.{head}.{part}"] = tensors[f"classifier.{NEAREST[head]}.{part}"]
        else:
            tensors[f"classifier.{head}.weight"] = ("F32", [1, HIDDEN], struct.pack(f"<{HIDDEN}f", *[0.0] * HIDDEN))
            tensors[f"classifier.{head}.bias"] = ("F32", [1], struct.pack("<f", math.log(mass[head][1] / mass[head][0])))
    (out / "start").mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "start" / "adapter_model.safetensors", tensors)
    (out / "start" / "adapter_config.json").write_text(json.dumps(config, indent=1) + "\n")
    for seed in seeds:
        job = {"model": "minilm", "data": [str(rows)], "out": str(out / seed), "adapter_in": str(out / "start"),
               "heads": config["heads"], "num_train_epochs": 2, "learning_rate": 5e-4, "head_rate": 6, "lora_dropout": 0.1,
               "per_device_train_batch_size": 32, "warmup_ratio": 0.05, "max_length": 256, "seed": int(seed), "threads": 1}
        (out / f"{seed}.json").write_text(json.dumps(job, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
