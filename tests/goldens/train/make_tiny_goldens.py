"""Writes tiny.json: what TRL's trainers log, step by step, on a model small enough to be built from a formula.

    pip install trl==1.16.0 peft==0.21.2 transformers tokenizers datasets accelerate
    python make_tiny_goldens.py

The model is that of src/model/train/tiny_model_test.h (Llama, 2 layers, 50 words), its weights from the same SplitMix64;
LoRA of rank 4 starts from the same generator, lora_B too, so that every gradient is alive. Words are t2 … t49, <pad> is 0
and <eos> 1; a row's words are random, of lengths that differ. No trainer shuffles.

dpo: every loss_type, and a weighted mix.  orpo, cpo (SimPO), kto, reward: the trainers of those names.
grpo, rloo: the completions are given, not sampled, and the reward is a function of their words.
"""
import contextlib, io, json, math, tempfile, warnings
import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast
import trl.trainer.grpo_trainer as grpo_module
import trl.trainer.rloo_trainer as rloo_module
from trl import (DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer,
                 RLOOConfig, RLOOTrainer)
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
VOCAB, HIDDEN, INNER, HEADS, KV, DIM, STEPS = 50, 32, 48, 4, 2, 8, 4
GOLDEN = 0x9E3779B97F4A7C15


class Random:  # src/model/train/random.h
    def __init__(self, seed): self.state = seed

    def uniform(self, n):
        with np.errstate(over="ignore"):
            x = np.uint64(self.state) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GOLDEN)
            self.state = int(x[-1])
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x = x ^ (x >> np.uint64(31))
        return (x >> np.uint64(11)).astype(np.float64) * 2.0 ** -53

    def tensor(self, shape, scale, centre=0.0):
        u = self.uniform(math.prod(shape))
        return torch.from_numpy((centre + (2 * u - 1) * scale).astype(np.float32)).reshape(shape)


def weights():
    r, t = Random(7), {}
    t["model.embed_tokens.weight"] = r.tensor((VOCAB, HIDDEN), 0.8)
    t["model.norm.weight"] = r.tensor((HIDDEN,), 0.3, 1)
    for layer in range(2):
        at = f"model.layers.{layer}."
        t[at + "input_layernorm.weight"] = r.tensor((HIDDEN,), 0.3, 1)
        t[at + "post_attention_layernorm.weight"] = r.tensor((HIDDEN,), 0.3, 1)
        for name, out, wide in (("self_attn.q_proj", HEADS * DIM, HIDDEN), ("self_attn.k_proj", KV * DIM, HIDDEN),
                                ("self_attn.v_proj", KV * DIM, HIDDEN), ("self_attn.o_proj", HIDDEN, HEADS * DIM),
                                ("mlp.gate_proj", INNER, HIDDEN), ("mlp.up_proj", INNER, HIDDEN),
                                ("mlp.down_proj", HIDDEN, INNER)):
            t[at + name + ".weight"] = r.tensor((out, wide), 0.3)
    return t


ORDER = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
         "mlp.down_proj"]


def model(cls=LlamaForCausalLM):
    config = LlamaConfig(vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=2,
                         num_attention_heads=HEADS, num_key_value_heads=KV, head_dim=DIM, max_position_embeddings=128,
                         rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True, bos_token_id=0,
                         eos_token_id=1, pad_token_id=0)
    if cls is LlamaForSequenceClassification:
        config.num_labels = 1
    m = cls(config).float()
    missing, unknown = m.load_state_dict(weights(), strict=False)
    assert not unknown and set(missing) <= {"lm_head.weight", "score.weight"}, (missing, unknown)
    reward = cls is LlamaForSequenceClassification
    if reward:
        m.score.weight.data = Random(13).tensor((1, HIDDEN), 0.1)
    m = get_peft_model(m, LoraConfig(r=4, lora_alpha=8, lora_dropout=0.0, target_modules=[o.split(".")[1] for o in ORDER],
                                     task_type="SEQ_CLS" if reward else "CAUSAL_LM"))
    a, b = Random(3), Random(11)
    named = dict(m.named_parameters())
    for layer in range(2):
        for name in ORDER:
            prefix = f"base_model.model.model.layers.{layer}.{name}."
            pa, pb = named[prefix + "lora_A.default.weight"], named[prefix + "lora_B.default.weight"]
            pa.data = a.tensor(tuple(pa.shape), 1 / math.sqrt(pa.shape[1]))
            pb.data = b.tensor(tuple(pb.shape), 0.2)
    return m


def tokenizer():
    words = {"<pad>": 0, "<eos>": 1} | {f"t{i}": i for i in range(2, VOCAB)}
    t = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=t, pad_token="<pad>", eos_token="<eos>")


def words(ids): return " ".join(f"t{i}" for i in ids)


def rows():
    r = np.random.RandomState(5)
    draw = lambda low, high: r.randint(2, VOCAB, r.randint(low, high)).tolist()
    return [{"prompt": draw(3, 9), "chosen": draw(2, 8), "rejected": draw(2, 8), "margin": round(float(r.rand()), 3)}
            for _ in range(4 * STEPS)]


ROWS = rows()


def pairs(margin=False):
    out = [{"prompt": words(r["prompt"]), "chosen": " " + words(r["chosen"]), "rejected": " " + words(r["rejected"])}
           for r in ROWS]
    return Dataset.from_list([o | ({"margin": r["margin"]} if margin else {}) for o, r in zip(out, ROWS)])


def settings(**more):
    return dict(learning_rate=5e-3, lr_scheduler_type="linear", max_grad_norm=1.0, weight_decay=0.0, logging_steps=1,
                save_strategy="no", report_to=[], use_cpu=True, bf16=False, fp16=False, gradient_checkpointing=False,
                seed=1, max_steps=STEPS, dataloader_pin_memory=False, disable_tqdm=True,
                per_device_train_batch_size=4) | more


def run(trainer_class, config_class, data, keep, the_model=None, **more):
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()):
        args = config_class(output_dir=out, **settings(**more))
        trainer = trainer_class(the_model or model(), args=args, train_dataset=data, processing_class=tokenizer())
        trainer.train()
    keep = ["loss", "grad_norm"] + keep
    return [{k: row[k] for k in keep if k in row} for row in trainer.state.log_history if "loss" in row]


PAIR = ["rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen", "logps/rejected"]
SEQUENTIAL = dict(train_sampling_strategy="sequential")


def dpo():
    out = {}
    for loss in ("sigmoid", "robust", "hinge", "ipo", "sigmoid_norm", "apo_zero", "apo_down", "exo_pair", "nca_pair",
                 "bco_pair", "sppo_hard", "discopop"):
        smooth = {"label_smoothing": 0.1} if loss in ("robust", "exo_pair") else {}
        out[loss] = run(DPOTrainer, DPOConfig, pairs(), PAIR + ["logits/chosen", "logits/rejected", "entropy", "mean_token_accuracy", "num_tokens"],
                        beta=0.3, loss_type=[loss], **SEQUENTIAL, **smooth)
    out["mix"] = run(DPOTrainer, DPOConfig, pairs(), PAIR, beta=0.3, loss_type=["sigmoid", "ipo", "sft"],
                     loss_weights=[0.7, 0.2, 0.5], **SEQUENTIAL)
    return out


def unpaired():
    out = []
    for i, r in enumerate(ROWS):
        good = i % 3 != 1
        out.append({"prompt": words(r["prompt"]), "completion": " " + words(r["chosen" if good else "rejected"]), "label": good})
    return Dataset.from_list(out)


def given(kind):
    """Completions by prompt, in the order asked for: fixed, some ended by <eos>, some cut off."""
    r = np.random.RandomState(kind)
    def generate(self, prompt_ids, *rest):
        out = []
        for _ in prompt_ids:
            ids = r.randint(2, VOCAB, r.randint(2, 7)).tolist()
            out.append(ids + [1] if r.rand() < 0.7 else ids)
        GIVEN.append(out)
        return out if isinstance(self, RLOOTrainer) else (out, None)
    return generate


GIVEN = []


def low(completion_ids, **kwargs): return [sum(i < 20 for i in ids) / len(ids) for ids in completion_ids]
def ends(completion_ids, **kwargs): return [float(ids[-1] == 1) for ids in completion_ids]


def online(trainer, config, seed, keep, **more):
    GIVEN.clear()
    module = grpo_module if trainer is GRPOTrainer else rloo_module
    module.shuffle_sequence_dict = lambda d: d
    trainer = type(trainer.__name__, (trainer,), {"_generate_single_turn": given(seed)})
    data = Dataset.from_list([{"prompt": words(r["prompt"])} for r in ROWS])
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(io.StringIO()):
        t = trainer(model(), reward_funcs=[low, ends], processing_class=tokenizer(), train_dataset=data,
                    args=config(output_dir=out, **settings(per_device_train_batch_size=8, num_generations=4,
                                                           max_completion_length=8, shuffle_dataset=False,
                                                           reward_weights=[1.0, 0.5], **more)))
        t.train()
    names = ["loss", "grad_norm", "reward", "reward_std", "frac_reward_zero_std", "kl", "entropy", "rewards/low/mean",
             "rewards/low/std", "completions/mean_length", "completions/min_length", "completions/max_length",
             "completions/clipped_ratio", "completions/mean_terminated_length", "clip_ratio/region_mean",
             "clip_ratio/low_mean", "clip_ratio/low_min", "clip_ratio/high_mean", "clip_ratio/high_max"] + keep
    return {"settings": more, "completions": list(GIVEN),
            "log": [{k: row[k] for k in names if k in row} for row in t.state.log_history if "loss" in row]}


def main():
    out = {"rows": ROWS, "dpo": dpo()}
    out["orpo"] = run(ORPOTrainer, ORPOConfig, pairs(), PAIR + ["nll_loss", "log_odds_ratio", "log_odds_chosen"], beta=0.3, **SEQUENTIAL)
    out["cpo"] = {loss: run(CPOTrainer, CPOConfig, pairs(), PAIR + ["nll_loss"], beta=2.0, loss_type=loss, simpo_gamma=0.7,
                            cpo_alpha=0.5, **SEQUENTIAL) for loss in ("simpo", "sigmoid", "ipo", "hinge")}
    for loss in ("kto", "apo_zero_unpaired"):
        out[loss] = run(KTOTrainer, KTOConfig, unpaired(), PAIR + ["kl", "entropy", "logits/chosen", "logits/rejected"], beta=0.3,
                        loss_type=loss, desirable_weight=1.2, undesirable_weight=0.8)
    keep = ["accuracy", "margin", "min_reward", "mean_reward", "max_reward"]
    reward = lambda **more: run(RewardTrainer, RewardConfig, pairs(margin="margin" in more.pop("name")), keep,
                                model(LlamaForSequenceClassification), **SEQUENTIAL, **more)
    out["reward"] = {"plain": reward(name="plain"), "margin": reward(name="margin"),
                     "centred": reward(name="margin and centred", center_rewards_coefficient=0.05)}
    out["grpo"] = [online(GRPOTrainer, GRPOConfig, 17, [], **more) for more in (
        {}, {"loss_type": "grpo", "beta": 0.1}, {"loss_type": "dr_grpo", "scale_rewards": "none"},
        {"loss_type": "bnpo", "scale_rewards": "batch"}, {"loss_type": "dapo", "num_iterations": 2, "beta": 0.1, "epsilon": 0.02},
        {"loss_type": "cispo", "num_iterations": 2, "epsilon_high": 1.01},
        {"importance_sampling_level": "sequence", "num_iterations": 2, "epsilon": 0.02, "epsilon_high": 0.03},
        {"steps_per_generation": 2, "mask_truncated_completions": True})]
    out["rloo"] = [online(RLOOTrainer, RLOOConfig, 19, [], **more) for more in (
        {}, {"beta": 0.0, "normalize_advantages": True}, {"num_iterations": 2, "epsilon": 0.02, "reward_clip_range": [0.1, 0.9]})]
    with open("tiny.json", "w") as f:
        json.dump(json.loads(json.dumps(out), parse_float=lambda x: float(f"{float(x):.9g}")), f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
