"""Writes sft.json and dpo.json: what TRL's SFTTrainer and DPOTrainer log, step by step, on the rows of rows.py.

    pip install trl==1.16.0 peft==0.21.2 transformers gguf datasets accelerate
    python make_trl_goldens.py FOLDER_WITH_SmolLM2-135M-Instruct.Q4_1.gguf

The model is the GGUF dequantised to float32. The adapter begins at lora_A[k] = sin(0.37 k + layer) / sqrt(in), k counting
row-major, and lora_B = 0, so that no file of initial weights is needed. Rows come in order, not shuffled.
"""
import json, math, sys, tempfile
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from rows import ROWS

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
torch.set_num_threads(1)


def user(text): return [{"role": "user", "content": text}]
def assistant(text): return [{"role": "assistant", "content": text}]


def model_and_tokenizer(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    with tempfile.TemporaryDirectory() as plain:  # the trainer refuses a model that remembers being a GGUF
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32)
        model.is_quantized = False
        model.hf_quantizer = None
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(plain)
        model = AutoModelForCausalLM.from_pretrained(plain, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear",
                                             task_type="CAUSAL_LM"))
    for name, p in model.named_parameters():
        if "lora_A" in name:
            layer = int(name.split(".layers.")[1].split(".")[0])
            k = torch.arange(p.numel(), dtype=torch.float64).reshape(p.shape)
            p.data.copy_(torch.sin(0.37 * k + layer) / math.sqrt(p.shape[1]))
    return model, tokenizer


def settings(out, **more):
    return dict(output_dir=out, learning_rate=5e-4, lr_scheduler_type="cosine", warmup_steps=2, max_grad_norm=1.0,
                weight_decay=0.01, logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, bf16=False,
                fp16=False, gradient_checkpointing=False, seed=1, max_steps=12,
                train_sampling_strategy="sequential", dataloader_pin_memory=False, disable_tqdm=True) | more


def logged(trainer, names):
    return [{k: row[k] for k in names if k in row} for row in trainer.state.log_history if "loss" in row]


def sft(folder):
    model, tokenizer = model_and_tokenizer(folder)
    data = Dataset.from_list([{"prompt": user(p), "completion": assistant(c)} for p, c, _ in ROWS])
    with tempfile.TemporaryDirectory() as out:
        trainer = SFTTrainer(model, SFTConfig(**settings(out, per_device_train_batch_size=2,
                                                         gradient_accumulation_steps=2)),
                             train_dataset=data, processing_class=tokenizer)
        rows = [{"input_ids": r["input_ids"], "labels": r["labels"]} for r in trainer.train_dataset]
        trainer.train()
    names = ["loss", "grad_norm", "learning_rate", "entropy", "num_tokens", "mean_token_accuracy", "epoch"]
    return {"rows": rows, "log": logged(trainer, names)}


def dpo(folder):
    model, tokenizer = model_and_tokenizer(folder)
    data = Dataset.from_list([{"prompt": user(p), "chosen": assistant(c), "rejected": assistant(r)}
                              for p, c, r in ROWS])
    with tempfile.TemporaryDirectory() as out:
        trainer = DPOTrainer(model, args=DPOConfig(**settings(out, beta=0.1, per_device_train_batch_size=2)),
                             train_dataset=data, processing_class=tokenizer)
        first = {k: v for k, v in trainer.train_dataset[0].items() if k.endswith("ids")}
        trainer.train()
    names = ["loss", "grad_norm", "learning_rate", "entropy", "num_tokens", "mean_token_accuracy", "epoch",
             "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen",
             "logps/rejected", "logits/chosen", "logits/rejected"]
    return {"first": first, "log": logged(trainer, names)}


if __name__ == "__main__":
    for name, run in (("sft", sft), ("dpo", dpo)):
        with open(name + ".json", "w") as f:
            json.dump(run(sys.argv[1]), f)
            f.write("\n")
