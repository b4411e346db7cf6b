#!/usr/bin/env python3
"""What makes the shipped guard (policies/guard) does what it says: averaging, the encoder's jobs, and rows that do not contradict
each other."""
import collections
import contextlib
import io
import json
import pathlib
import struct
import sys
import tempfile

guard = pathlib.Path(__file__).resolve().parents[1] / "policies" / "guard"
sys.dont_write_bytecode = True
sys.path[:0] = [str(guard), str(guard / "rows")]
import average  # noqa: E402
import contrast  # noqa: E402
import encoder_jobs  # noqa: E402
import everyday  # noqa: E402
import forms  # noqa: E402
import safetensors  # noqa: E402


def bf16(*values):
    return b"".join(struct.pack("<f", v)[2:] for v in values)


with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    for name, (a, b) in {"one": ((1, 3), 2.0), "two": ((2, 5), 4.0), "odd": ((2, 5), None)}.items():
        (scratch / name).mkdir()
        tensors = {"a": ("BF16", [2], bf16(*a))}
        if b is not None:
            tensors["b"] = ("F32", [1], struct.pack("<f", b))
        safetensors.write(scratch / name / "adapter_model.safetensors", tensors)
        (scratch / name / "adapter_config.json").write_text('{"heads": ["unsafe"]}')
    average.main(scratch / "mean", scratch / "one", scratch / "two")
    mean = safetensors.read(scratch / "mean" / "adapter_model.safetensors")
    assert mean == {"a": ("BF16", [2], bf16(1.5, 4)), "b": ("F32", [1], struct.pack("<f", 3))}, mean
    assert (scratch / "mean" / "adapter_config.json").read_text() == '{"heads": ["unsafe"]}'
    try:
        average.main(scratch / "no", scratch / "one", scratch / "odd")
    except SystemExit as refused:
        assert "has other tensors" in str(refused), refused
    else:
        raise AssertionError("adapters with other tensors were averaged")
    assert not (scratch / "no").exists()

    for name in ("first", "last"):
        (scratch / f"{name}.jsonl").write_text('{"text": "x", "labels": {"unsafe": 1, "hate": 0}}\n{"text": "y", "labels": {"toxic": 1}}\n')
    with contextlib.redirect_stdout(io.StringIO()):
        encoder_jobs.main(scratch)
    jobs = {name: json.loads((scratch / f"{name}.json").read_text()) for name in ("first", "1", "2")}
    assert all(job["heads"] == ["unsafe", "hate", "toxic"] for job in jobs.values())
    assert jobs["1"]["adapter_in"] == jobs["2"]["adapter_in"] == jobs["first"]["out"] + "/adapter"
    assert jobs["1"]["seed"] != jobs["2"]["seed"] and jobs["1"]["out"] != jobs["2"]["out"]

counts = []
for source in (forms, contrast):
    sides = collections.defaultdict(set)
    for _, _, text, violates, _ in source.rows():
        sides[text.lower()].add(bool(violates))
    both = [text for text, seen in sides.items() if len(seen) > 1]
    assert not both, f"{source.__name__}: on both sides: {both[:3]}"
    assert {side for seen in sides.values() for side in seen} == {True, False}, source.__name__
    counts.append(len(sides))
texts = everyday.texts()
assert len(set(texts)) == len(texts) > 1000, "everyday texts repeat"
print(f"{counts[0]} forms, {counts[1]} contrasts, {len(texts)} everyday texts")
