"""TRL's GRPOTrainer on the rows of make_rows.py, sampling included: `bench/training/run --cpu --trl PYTHON grpo` runs it.

    plumb-lm export --model smollm2 --out HF_FOLDER
    python make_rows.py ROWS_FOLDER && python grpo_trl.py HF_FOLDER ROWS_FOLDER [steps]

The same job as bench/training/run's grpo: LoRA r 16 on all linear layers, 32 completions a step in groups of 8, at
most 32 tokens each, bfloat16, one thread. The last line is JSON: processor seconds a step, tokens of all sequences, the
completions' mean length.
"""
import json, resource, sys, tempfile
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

torch.set_num_threads(1)
model, rows, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 4
data = Dataset.from_list([json.loads(line) for line in open(rows + "/grpo.jsonl")][:64])


def brief(completion_ids, **kwargs): return [-max(0, len(ids) - 20) / 20 for ids in completion_ids]
def spent(): return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


class Clock(TrainerCallback):
    marks = []
    def on_step_begin(self, *a, **k): self.marks.append(spent())


with tempfile.TemporaryDirectory() as out:
    trainer = GRPOTrainer(
        AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16), reward_funcs=brief, train_dataset=data,
        processing_class=AutoTokenizer.from_pretrained(model), callbacks=[Clock()],
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
        args=GRPOConfig(output_dir=out, per_device_train_batch_size=32, num_generations=8, max_completion_length=32,
                        max_steps=steps, learning_rate=1e-4, logging_steps=1, report_to=[], use_cpu=True, bf16=True,
                        save_strategy="no", gradient_checkpointing=False))
    trainer.train()
    end = spent()
lengths = [r["completions/mean_length"] for r in trainer.state.log_history if "completions/mean_length" in r]
print(json.dumps({"cpu_s_a_step": (end - Clock.marks[0]) / steps, "num_tokens": trainer.state.num_input_tokens_seen,
                  "mean_length": sum(lengths) / len(lengths)}))
