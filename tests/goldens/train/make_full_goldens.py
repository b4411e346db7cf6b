"""Writes full.json: what TRL's trainers log, step by step, where every weight is trained (no peft config).

    pip install trl==1.16.0 peft==0.21.2 transformers tokenizers datasets accelerate
    python make_full_goldens.py

Model, words and rows are those of make_tiny_goldens.py, without adapters; DPO's reference is a copy of the model, as TRL
makes one of a named model. "weights" are a few numbers of every tensor after the last step. One run decays weights: transformers' trainer
leaves norms out.
"""
import contextlib, io, json, tempfile
import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer
import make_tiny_goldens as tiny


def model():
    config = LlamaConfig(vocab_size=tiny.VOCAB, hidden_size=tiny.HIDDEN, intermediate_size=tiny.INNER, num_hidden_layers=2,
                         num_attention_heads=tiny.HEADS, num_key_value_heads=tiny.KV, head_dim=tiny.DIM,
                         max_position_embeddings=128, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True,
                         bos_token_id=0, eos_token_id=1, pad_token_id=0)
    m = LlamaForCausalLM(config).float()
    m.load_state_dict(tiny.weights(), strict=False)
    m.tie_weights()
    return m


def rows():
    return Dataset.from_list([{"prompt": tiny.words(r["prompt"]), "completion": " " + tiny.words(r["chosen"])} for r in tiny.ROWS])


def run(trainer_class, config_class, data, keep, **more):
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()):
        args = config_class(output_dir=out, **tiny.settings(**tiny.SEQUENTIAL, **more))
        reference = {"ref_model": model()} if trainer_class is DPOTrainer else {}
        trainer = trainer_class(model(), args=args, **reference, train_dataset=data, processing_class=tiny.tokenizer())
        trainer.train()
    keep = ["loss", "grad_norm"] + keep
    after = {name: [t.float().sum().item(), t.float().norm().item(), t.flatten()[7].item()]
             for name, t in trainer.model.state_dict().items() if name != "lm_head.weight"}
    return {"log": [{k: row[k] for k in keep if k in row} for row in trainer.state.log_history if "loss" in row], "weights": after}


SFT = ["entropy", "mean_token_accuracy", "num_tokens"]
out = {"sft": run(SFTTrainer, SFTConfig, rows(), SFT),
       "sft decayed": run(SFTTrainer, SFTConfig, rows(), SFT, **{"weight_decay": 0.1}),
       "orpo": run(ORPOTrainer, ORPOConfig, tiny.pairs(), tiny.PAIR + ["nll_loss"], beta=0.3),
       "cpo": run(CPOTrainer, CPOConfig, tiny.pairs(), tiny.PAIR + ["nll_loss"], beta=2.0, loss_type="simpo", simpo_gamma=0.7, cpo_alpha=0.5)}
for loss in ("sigmoid", "ipo", "apo_zero"):
    out["dpo " + loss] = run(DPOTrainer, DPOConfig, tiny.pairs(), tiny.PAIR + ["entropy"], beta=0.3, loss_type=[loss])
out["dpo mix"] = run(DPOTrainer, DPOConfig, tiny.pairs(), tiny.PAIR, beta=0.3, loss_type=["sigmoid", "ipo", "sft"], loss_weights=[0.7, 0.2, 0.5])
with open("full.json", "w") as f:
    json.dump(json.loads(json.dumps(out), parse_float=lambda x: float(f"{float(x):.9g}")), f, separators=(",", ":"))
    f.write("\n")
