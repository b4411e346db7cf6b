#!/usr/bin/env python3
"""Public rows the shipped guard is trained and calibrated with, beside the policy's own examples.

    python3 policies/guard/sources.py DATA_DIR OUT_DIR

DATA_DIR holds prompts.jsonl and sft.jsonl (fields prompt, harmful, source; messages, source). Writes train.jsonl (rows
for `plumb guard train --data`), ordinary.jsonl (rows for `plumb guard calibrate --ordinary`) and provenance.json. Only
sources under MIT, Apache-2.0 or CC-BY are read. The choice of rows is by SHA-256 of the text, so it does not depend on
their order.
"""
import hashlib
import json
import pathlib
import re
import sys

# source: (licence, most rows, weight of a row)
HARMFUL = {
    # All count half: nearly every row is an imperative, and at full weight the imperative itself becomes evidence.
    "harmfulqa": ("Apache-2.0", 450, 0.25),  # machine-written, and mild in places
    "catqa": ("Apache-2.0", 543, 0.5),
    "dangerousqa": ("Apache-2.0", 184, 0.5),
    "advbench": ("MIT", 493, 0.5),
    "malicious-instruct": ("MIT", 88, 0.5),
    "multijail-en": ("MIT", 310, 0.5),
    "tdc2023": ("MIT", 57, 0.5),
    "harmbench-advtrain": ("MIT", 100, 0.5),
    "harmbench-standard": ("MIT", 95, 0.5),
}
SAFE = {
    "cyberseceval-frr": ("MIT", 150, 1),
}
ORDINARY = {
    "certified-safety-safe": ("MIT", 511, 1),
    "self-instruct-seed": ("Apache-2.0", 163, 1),
    "self-instruct-user": ("Apache-2.0", 173, 1),
    "gsm8k-train": ("MIT", 150, 1),
    "authored-patterns": ("Apache-2.0", 900, 1),
}
# Of these, four in ten calibrate and the rest train.
CALIBRATING = {"self-instruct-seed", "self-instruct-user", "certified-safety-safe"}

# Plain instructions in the voice that public harmful sets share ("Name…", "Create…", "Generate…"): without them the
# voice itself would count as evidence. Each pattern meets every second subject.
PATTERNS = [
    "Name three {}.", "Describe {} in two sentences.", "Generate a list of {}.", "Give an example of {}.",
    "Create a short text about {}.", "Suggest a creative idea for {}.", "Explain why people care about {}.",
    "Come up with a slogan for {}.", "Write a short story about {}.", "Write a persuasive speech about {}.",
    "Imagine a conversation about {} and write it down.", "Identify two problems with {}.",
    "Compare {} with something similar.", "Rewrite this as a question: we talked about {}.",
    "Construct a headline about {}.", "Design a poster for {}.", "Provide instructions for {}.",
    "How can a company benefit from {}?", "What strategies work best for {}?", "Develop a plan for {}.",
    "Summarise the history of {}.", "Find a metaphor for {}.", "Draft an email about {}.", "Classify {} by type.",
    "What are the effects of {} on society?", "Predict the future of {}.", "Give me a step-by-step guide to {}.",
    "Tell me a joke about {}.", "Write a script for a video about {}.", "Provide advice to someone new to {}.",
]
SUBJECTS = [
    "gardening tools", "artificial intelligence in schools", "remote work", "customer complaints", "online shops",
    "teenage friendships", "villains in children's books", "horror films", "user names", "office meetings",
    "machine learning in shops", "renewable energy", "equal pay", "social media habits", "public libraries",
    "kitchen knives", "password managers", "chemistry lessons", "budget travel", "learning a language",
    "security at airports", "the human heart", "medieval castles", "vaccines", "electric cars", "tax returns",
    "data analysis", "chess openings", "old maps", "wild mushrooms", "stage magic", "boxing matches", "job interviews",
    "database queries", "voice assistants", "immigrant families", "women in science", "religious festivals",
    "elderly neighbours", "stereotypes in advertising", "wedding speeches", "negotiation", "fundraising",
    "product launches", "detective novels", "computer networks", "water quality", "first aid", "hunting laws",
    "stock markets", "poetry and music", "school uniforms", "pet care", "time management", "software testing",
    "train journeys", "coffee farming", "photo editing", "marketing to parents", "science fiction",
]

# Two rows of self-instruct ask to complete or discuss this stereotype: the policy's `hate` may stop them, so they are
# no sample of ordinary traffic.
IN_DOUBT = "All Asians are"


def authored():
    return [p.format(s) for i, p in enumerate(PATTERNS) for j, s in enumerate(SUBJECTS) if (j + i) % 2 == 0]


def key(text):
    return hashlib.sha256(re.sub(r"[^a-z0-9]+", " ", text.lower()).strip().encode()).hexdigest()


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def pick(found, most):
    """Distinct texts, at most `most`, in an order that only depends on the texts."""
    distinct = {key(text): text for text in sorted(found) if 8 <= len(text) <= 2000 and IN_DOUBT not in text}
    return [distinct[k] for k in sorted(distinct)[:most]]


def main(data, out):
    data, out = pathlib.Path(data), pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    by_source = {}
    for row in rows(data / "prompts.jsonl"):
        by_source.setdefault(row["source"], []).append(row["prompt"])
    for row in rows(data / "sft.jsonl"):
        if row["source"] in ORDINARY:
            by_source.setdefault(row["source"], []).append(row["messages"][0]["content"])
    by_source["authored-patterns"] = authored()

    train, ordinary, provenance = [], [], []
    for kind, sources in (("harmful", HARMFUL), ("look-alike", SAFE), ("ordinary", ORDINARY)):
        for source, (licence, most, weight) in sources.items():
            chosen = pick(by_source.get(source, []), most)
            kept = [t for t in chosen if source in CALIBRATING and int(key(t)[-2:], 16) < 0.4 * 256]
            ordinary += [{"text": text, "source": source} for text in kept]
            taught = [text for text in chosen if text not in kept]
            for text in taught:
                labels = {"unsafe": 1} if kind == "harmful" else dict.fromkeys(["unsafe", *CATEGORIES], 0)
                train.append({"text": text, "labels": labels, "weight": weight, "source": source})
            digest = hashlib.sha256("\n".join(chosen).encode()).hexdigest()
            provenance.append({"source": source, "licence": licence, "kind": kind, "taught": len(taught),
                               "calibrating": len(kept), "weight": weight, "sha256": digest})
    for name, content in (("train", train), ("ordinary", ordinary)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        (out / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (out / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")


CATEGORIES = ["violence", "weapons", "illegal-drugs", "fraud-and-theft", "cyber", "self-harm", "hate", "harassment",
              "privacy", "sexual", "child-safety", "misinformation", "unsafe-advice", "confidential-data",
              "prompt-injection"]

def card(provenance, rendered):
    """The tool's own card and where the rows came from."""
    print(pathlib.Path(rendered).read_text(encoding="utf-8").rstrip())
    print("\n## Where the rows came from\n\nThe training split of the policy's own examples (Apache-2.0), and:\n")
    print("| source | licence | kind | taught | calibrating | weight | SHA-256 of the texts |\n|---|---|---|---|---|---|---|")
    for row in json.loads(pathlib.Path(provenance).read_text(encoding="utf-8")):
        print("| {source} | {licence} | {kind} | {taught} | {calibrating} | {weight} | `{sha256}` |".format(**row))
    print("\nAnswers (direction output) are the policy's: forms of compliance, some written one by one, and what SmolLM2-135M-Instruct "
          "(Apache-2.0) answered to everyday prompts. They count half where they teach.")
    print("\nThe base model is all-MiniLM-L6-v2 (Apache-2.0). `reproduce.sh` makes this folder again.")


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--card":
        card(*sys.argv[2:])
        sys.exit()
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
