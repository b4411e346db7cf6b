"""Writes synthetic rows of everyday length for measuring speed: sft.jsonl, dpo.jsonl, grpo.jsonl with rewards.json,
classifier.jsonl.

    python3 bench/training/make_rows.py FOLDER [rows]

The words mean nothing; only their number does: with SmolLM2's template about 75 tokens a row for sft, of which 22 are
learned, and about 25 for the classifier.
"""
import json, random, sys

folder, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
random.seed(1)
THINGS = ["a bicycle", "a garden", "a letter", "the moon", "a small boat", "an old house", "the market", "a library"]
ASKS = ["Explain", "Describe", "Summarise", "Tell me about", "Write about", "Help me with"]
HOW = ["quickly", "carefully", "in two sentences", "for a child", "with an example", "politely"]
WORDS = """the of and to in is that it was for on are with as his they at be this from have or by one had not but what
all were when we there can an your which their said if do will each about how up out them then she many some so these
would other into has more her two like him see time could no make than first been its who now people my made over did
down only way find use may water long little very after words called just where most know""".split()


def answer(): return " ".join(random.choices(WORDS, k=random.randint(12, 26))).capitalize() + "."
def ask(i): return f"{random.choice(ASKS)} {random.choice(THINGS)} {random.choice(HOW)}, number {i}?"
def turn(role, text): return [{"role": role, "content": text}]
def write(name, rows):
    with open(f"{folder}/{name}.jsonl", "w") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows)


write("sft", [{"prompt": turn("user", ask(i)), "completion": turn("assistant", answer())} for i in range(count)])
write("dpo", [{"prompt": turn("user", ask(i)), "chosen": turn("assistant", answer()),
               "rejected": turn("assistant", answer())} for i in range(count)])
write("grpo", [{"prompt": turn("user", ask(i))} for i in range(count)])
with open(f"{folder}/rewards.json", "w") as f:
    json.dump({"rewards": [{"type": "length", "max": 20, "scale": 20}, {"type": "repetition"}]}, f)
write("classifier", [{"text": answer(), "labels": {h: random.randint(0, 1) for h in ("a", "b", "c", "d")}}
                     for i in range(count)])
