"""What finished runs say beyond their rates, from the command line, on recorded answers: fairness, confidence, the alignment tax,
code that is run, canaries.

    analyses_test.py PLUMB
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

plumb = os.path.abspath(sys.argv[1])
source = pathlib.Path(__file__).resolve().parents[2]
folder = tempfile.TemporaryDirectory(prefix="plumb-analyses-")
root = pathlib.Path(folder.name)


def run(*arguments, code=0):
    done = subprocess.run([plumb, *map(str, arguments)], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == code, (arguments, done.returncode, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout + (done.stderr if code == 2 else "")


def rows(path):
    return [json.loads(line) for line in open(path)]


def answered(name, suite, answer, *flags):
    """A run of recorded answers: answer(case) for each case."""
    with open(root / f"{name}.jsonl", "w") as f:
        for case in rows(suite / "cases.jsonl"):
            f.write(json.dumps({"id": case["id"], "output": answer(case)}) + "\n")
    run("eval", "run", "--suite", suite, "--target", f"replay:{name}.jsonl", "--out", f"runs/{name}", *flags)


# --- decisions: everybody alike, and one group turned away ----------------------------------------------------------
decisions = source / "suites/fair-decisions"


def by_merit(case):
    return "A" if int(case["group"][-1]) % 2 else "B"


answered("alike", decisions, by_merit)
alike = json.loads(run("eval", "fairness", "runs/alike", "--json"))
assert all(one["changed"] == 0 for one in alike["swapped"]), alike["swapped"]
assert {one["attribute"] for one in alike["selections"]} == {"age", "gender", "origin"}, alike["selections"]
run("eval", "fairness", "runs/alike", "--four-fifths", code=2)  # twenty-two applications cannot show that nobody is below

answered("biased", decisions, lambda case: "B" if case["about"].get("origin") == "arab" else "A")
biased = json.loads(run("eval", "fairness", "runs/biased", "--json", "--four-fifths", code=1))
(origin,) = [one for one in biased["selections"] if one["attribute"] == "origin"]
assert [g["group"] for g in origin["groups"] if g["four_fifths"] == "below"] == ["arab"], origin
(swapped,) = [one for one in biased["swapped"] if one["attribute"] == "origin"]
assert swapped["changed"] == swapped["prompts"] == 32, swapped
assert "29 CFR 1607.4(D)" in run("eval", "fairness", "runs/biased")

# --- who was it: always the stereotype --------------------------------------------------------------------------------


def stereotyped(case):
    facts = case["about"]["ambiguity"]
    return "ABC"[facts["target"] if facts["polarity"] == "negative" else 3 - facts["target"] - facts["unknown"]]


answered("stereotyped", source / "suites/who-was-it", stereotyped)
score = json.loads(run("eval", "fairness", "runs/stereotyped", "--json"))["ambiguity"][-1]
assert score["ambiguous"]["bias"]["estimate"] == 1 and score["ambiguous"]["accuracy"]["estimate"] == 0, score
assert score["disambiguated"]["accuracy"]["estimate"] == 0.5, score
answered("careful", source / "suites/who-was-it", lambda case: "ABC"[case["answer"]])
careful = json.loads(run("eval", "fairness", "runs/careful", "--json"))["ambiguity"][-1]
assert "estimate" not in careful["ambiguous"]["bias"] and abs(careful["disambiguated"]["bias"]["estimate"]) < 1e-9, careful

# --- confidence, as it is stated ----------------------------------------------------------------------------------------
(root / "sure").mkdir()
with open(root / "sure/cases.jsonl", "w") as f:
    for i in range(60):
        f.write(json.dumps({"id": f"q{i}", "prompt": f"Question {i}?", "expect": "answer", "choices": ["yes", "no"], "answer": i % 2,
                            "scorer": {"type": "choice", "confidence": "stated"}}) + "\n")
answered("sure", root / "sure", lambda case: "A\nConfidence: 95 %")
sure = json.loads(run("eval", "confidence", "runs/sure", "--json", "--html", "sure.html"))
assert abs(sure["overconfidence"]["estimate"] - 0.45) < 1e-9 and sure["ece_if_calibrated"]["p"] < 0.01, sure
assert "<svg" in (root / "sure.html").read_text()
assert "no answer gives a confidence" in run("eval", "confidence", "runs/alike", code=2)

# --- the tax --------------------------------------------------------------------------------------------------------------
capability = source / "suites/capability"
answered("before", capability, lambda case: "ABCD"[case["answer"]])
answered("after", capability, lambda case: "ABCD"[case["answer"] if not case["id"].endswith("7") else (case["answer"] + 1) % 4])
tax = json.loads(run("eval", "tax", "runs/before", "runs/after", "--json", "--at-most", "0.015", code=1))
assert tax["lost"] > 20 and tax["gained"] == 0 and tax["alignment_tax"]["low"] > 0.015, tax
run("eval", "tax", "runs/before", "runs/before", "--at-most", "0.05")

# --- code -----------------------------------------------------------------------------------------------------------------
done = subprocess.run([plumb, "eval", "run", "--suite", source / "suites/code", "--target", "replay:/dev/null", "--out", root / "none"],
                      cwd=root, stderr=subprocess.PIPE, text=True)
if "no sandbox can be made" in done.stderr:
    print("code is left out:", done.stderr.strip())
else:
    answered("solved", source / "suites/code", lambda case: f"```python\n{case['solution']}```" if case["id"] != "code-roman" else "No.")
    shown = json.loads(run("eval", "show", "runs/solved", "--json"))["rates"][0]
    assert (shown["hits"], shown["n"]) == (15, 16), shown
run("eval", "run", "--suite", root / "sure", "--target", "replay:sure.jsonl", "--out", "x", "--tries", "3", code=2)

# --- canaries -------------------------------------------------------------------------------------------------------------
run("eval", "plant", "--forms", source / "suites/privacy/forms.jsonl", "--out", "canaries", "--count", "8", "--seed", "5")
planted = rows(root / "canaries/canaries.jsonl")
assert len(rows(root / "canaries/training.jsonl")) == 2 * (1 + 4 + 16), "each as often as it says"
with open(root / "said.jsonl", "w") as f:
    for one in planted:
        f.write(json.dumps({"id": one["id"], "output": f"It is {one['secret']}." if one["times"] == 16 else "I don't know."}) + "\n")
said = json.loads(run("eval", "exposure", "--canaries", "canaries/canaries.jsonl", "--target", "replay:said.jsonl", "--json", code=1))
assert said["memorised"] == 2 and said["controls_called_memorised"] == 0, said
folder.cleanup()
print("fairness, confidence, tax, code and canaries: as they should be")
