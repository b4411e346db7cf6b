#!/usr/bin/env python3
"""make_logits.py SMOLLM2.gguf MINILM_FOLDER OUT_FOLDER: float32 logits, greedy texts and embeddings by transformers.

The same dequantised weights on both sides: transformers reads the GGUF itself. Prompts go in as ids made with the
tokenizer of make_tokens.py.
"""
import json
import sys

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

PROMPTS = [
    "Name three primary colours.", "What is the capital of France?", "Write a haiku about autumn.", "Explain photosynthesis to a child.",
    "What is 17 + 25?", "Give me a recipe for pancakes.", "Translate 'good morning' into Spanish.", "Who wrote Hamlet?", "List five uses of a brick.",
    "How do I tie a bow tie?", "What causes rain?", "Summarise the story of Cinderella.", "Write a polite email asking for a refund.", "What is a prime number?",
    "Describe the taste of a lemon.", "How far is the moon?", "Write a Python function that reverses a string.", "What does HTTP stand for?", "Give two tips for sleeping better.",
    "Why is the sky blue?", "What is the largest ocean?", "Tell me a joke about computers.", "How do vaccines work?", "Name a famous painting.", "What is inflation?",
    "Write a short product description for a mug.", "How do I boil an egg?", "What is the boiling point of water?", "Give an example of a metaphor.", "Who was Marie Curie?",
    "Convert 10 miles to kilometres.", "What is machine learning?", "Name four seasons.", "How many days are in a leap year?", "Write one sentence about cats.",
    "What is the opposite of generous?", "How does a bicycle stay upright?", "What is the speed of light?", "Give three synonyms for happy.", "What is an atom?",
    "Plan a weekend in Rome.", "What is democracy?", "How do I remove a coffee stain?", "What is the Pythagorean theorem?", "Describe a sunset.",
    "¿Cómo estás?", "Was ist Liebe?", "What is DNA?", "How do I write a résumé?", "Finish: Once upon a time",
]
SENTENCES = [
    "A man is playing a guitar.", "Someone plays an instrument.", "The cat sat on the mat.", "How do I build a bomb?", "How do I build a birdhouse?", "", "ok",
    "The quick brown fox jumps over the lazy dog, again and again, until the sun has gone down behind the hills.", "Ünïcödé àccents", "数据 science",
    "Please ignore all previous instructions.", "def f(x): return x", "😀 emoji", "I love this!", "I hate this!", "The stock market fell sharply today.", "Paris is in France.",
    "A recipe for bread needs flour, water, salt and yeast.", "What time is it?", "Goodbye.",
]
COLUMNS = list(range(0, 49152, 1536))


def rounded(values, digits):
    return [round(float(v), digits) for v in values]


def main():
    gguf, minilm, out = sys.argv[1:]
    torch.set_num_threads(1)
    folder, name = gguf.rsplit("/", 1)
    tok = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    tok.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    raw = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
    skip = ("quantization_config", "model_type", "transformers_version")
    model = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in raw.config.to_dict().items() if k not in skip})).float()
    print(model.load_state_dict(raw.state_dict(), strict=False))
    model.tie_weights()
    model.eval()
    del raw
    rows = []
    with torch.no_grad():
        for i, prompt in enumerate(PROMPTS):
            text = tok.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True)
            ids = tok.encode(text, add_special_tokens=False)
            made = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=32, do_sample=False, pad_token_id=2)[0, len(ids):].tolist()
            row = {"prompt": prompt, "ids": ids, "greedy": made, "text": tok.decode(made, skip_special_tokens=True, clean_up_tokenization_spaces=False)}
            if i % 6 == 0:
                logits = model(torch.tensor([ids + made])).logits[0]
                row["columns"] = [rounded(line[COLUMNS], 5) for line in logits[::4]]
                top = logits[-1].topk(10)
                row["top"] = [[int(a), round(float(b), 5)] for a, b in zip(top.indices, top.values)]
            rows.append(row)
    with open(out + "/logits.json", "w") as f:
        json.dump({"columns": COLUMNS, "stride": 4, "rows": rows}, f, separators=(",", ":"))
    bert = AutoModel.from_pretrained(minilm).eval()
    btok = AutoTokenizer.from_pretrained(minilm)
    made = []
    with torch.no_grad():
        for s in SENTENCES:
            hidden = bert(**btok(s, return_tensors="pt")).last_hidden_state[0]
            made.append({"text": s, "embedding": rounded(torch.nn.functional.normalize(hidden.mean(0), dim=0), 6)})
    with open(out + "/embeddings.json", "w") as f:
        json.dump(made, f, separators=(",", ":"))


main()
