#!/usr/bin/env python3
"""The jobs that train the shipped guard's encoder, for `plumb-lm train classifier`.

    python3 policies/guard/encoder_jobs.py FOLDER

FOLDER holds first.jsonl and last.jsonl (`sources.py --encoder`). Writes FOLDER/first.json, which learns from nothing in three rounds,
and FOLDER/1.json and FOLDER/2.json, which go on from it for one round with two seeds, to be averaged.
"""
import json
import pathlib
import sys

COMMON = {"model": "bge-small", "head_rate": 6, "lora_r": 16, "lora_dropout": 0.1, "per_device_train_batch_size": 32, "warmup_ratio": 0.05,
          "max_length": 256}


def main(folder):
    folder = pathlib.Path(folder)
    with open(folder / "first.jsonl", encoding="utf-8") as lines:
        heads = list(dict.fromkeys(head for line in lines for head in json.loads(line)["labels"]))
    first = {**COMMON, "data": [str(folder / "first.jsonl")], "out": str(folder / "first"), "heads": heads, "num_train_epochs": 3,
             "learning_rate": 5e-4, "seed": 1}
    jobs = {"first": first}
    for name, seed in (("1", 11), ("2", 12)):
        jobs[name] = {**COMMON, "data": [str(folder / "last.jsonl")], "out": str(folder / name), "adapter_in": str(folder / "first/adapter"),
                      "heads": heads, "num_train_epochs": 1, "learning_rate": 3e-4, "seed": seed, "threads": 1}
    for name, job in jobs.items():
        (folder / f"{name}.json").write_text(json.dumps(job, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
