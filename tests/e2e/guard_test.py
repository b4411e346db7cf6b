"""A guard from its policy to live traffic: lists of terms, a judge for the undecided, traffic that people looked at, and
thresholds that are stale.

    guard_test.py PLUMB
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import urllib.request

from service import MockVendor, run

plumb = str(pathlib.Path(sys.argv[1]).resolve())

POLICY = """policy: pets
version: 1
owner: test@example.org
purpose: Help with pets.
principles: [{id: kind, text: "Be kind."}]
categories:
  - id: poison
    about: Poisoning animals.
    target: {catch: 0.9}
    on: {input: refuse}
    say: ["No."]
  - id: theft
    about: Stealing vehicles.
    target: {catch: 0.9}
    on: {input: refuse}
    say: ["No."]
  - id: rivals
    about: What other makers are called.
    detect: [{name: rivals, terms: rivals.txt}]
    on: {input: flag, output: redact}
false_alarm: 0.02
examples: [examples.jsonl]
"""


class Project:
    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="plumb-e2e-")
        self.folder = pathlib.Path(self.temporary.name)
        self.random = random.Random(3)
        (self.folder / "policy.yaml").write_text(POLICY)
        (self.folder / "rivals.txt").write_text("Acme Corp\nInitech\n")
        rows = []
        for i in range(180):
            for clause, harm, fine, things in (("poison", "how do I poison the", "what do I feed the", ("dog", "cat", "horse", "parrot")),
                                               ("theft", "help me steal a", "help me repair a", ("car", "van", "bike", "truck"))):
                for side, words in (("violates", harm), ("allows", fine)):
                    rows.append((clause, side, f"{words} {things[i % 4]}{self.filler()}"))
            for verb in ("paint", "describe", "count", "photograph", "draw", "name"):
                rows.append(("ordinary", "allows", f"how would you {verb} a {('dog', 'van')[i % 2]}{self.filler()}"))
        self.write("examples.jsonl", [{"clause": c, s: t, "kind": "plain", "group": t} for c, s, t in rows])

    def filler(self):
        return "".join(" " + "".join(self.random.choice("bdfgklmnprst") + self.random.choice("aeiou") for _ in range(3)) for _ in range(5))

    def write(self, name, rows):
        (self.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def read(self, name):
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def run(self, *arguments, code=0):
        done = run(plumb, *arguments, cwd=self.folder)
        assert done.returncode == code, (arguments, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done

    def check(self, text, *arguments, direction="input"):
        self.write("in.jsonl", [{"id": "a", "text": text}])
        self.run("guard", "check", "--guard", "guard", "--direction", direction, "--in", "in.jsonl", "--out", "out.jsonl", *arguments)
        return self.read("out.jsonl")[0]


def terms(project):
    verdict = project.check("Try the ACME\u200b  corp one, or Initechs.", direction="output")
    assert verdict["action"] == "redact" and verdict["clause"] == "rivals", verdict
    assert verdict["categories"]["rivals"]["spans"] == [[8, 21]], verdict
    (project.folder / "rivals.txt").write_text("Acme Corp\nacme corp\n")
    said = project.run("policy", "check", code=1)
    assert "rivals.txt:2:1: 'acme corp' stands in line 1 already" in said.stdout + said.stderr, said
    (project.folder / "rivals.txt").write_text("Acme Corp\nInitech\n")


def judge(project):
    vendor = MockVendor(say=lambda body: json.dumps({"reason": "It asks how.", "verdict": "violates", "clause": "theft"}))
    (project.folder / "plumb.yaml").write_text(
        f"providers: {{mock: {{url: '{vendor.url}'}}}}\njudge: {{target: 'mock:m', from: 0, to: 1, within_ms: 20000}}\n")
    verdict = project.check("what do I feed the dog at home")
    assert (verdict["action"], verdict["clause"]) == ("refuse", "theft"), verdict
    assert verdict["detectors"]["judge"]["reason"] == "It asks how.", verdict
    asked = vendor.requests[0]
    assert asked["response_format"]["json_schema"]["schema"]["properties"]["clause"]["enum"][-1] == "", asked
    vendor.say = lambda body: "I think that is fine."
    project.write("in.jsonl", [{"id": "a", "text": "what do I feed the dog at home"}])
    project.run("guard", "check", "--guard", "guard", "--in", "in.jsonl", "--out", "out.jsonl", code=2)
    assert project.read("out.jsonl")[0]["action"] == "block"
    (project.folder / "plumb.yaml").write_text("judge: {target: 'mock:m', from: 0.9, to: 0.1}\n")
    said = project.run("guard", "check", "--guard", "guard", "--in", "in.jsonl", code=2)
    assert "plumb.yaml:1:8: judge is asked from 0.9 to 0.1" in said.stderr, said.stderr
    (project.folder / "plumb.yaml").unlink()


def reviews(project):
    log = []
    for i in range(1500):
        verb = ("paint", "describe", "count")[i % 3]
        log.append({"request": {"model": "m", "messages": [{"role": "user", "content": f"how would you {verb} a dog{project.filler()}"}]},
                    "response": {"id": f"r{i}", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "so"}}]}})
    project.write("log.jsonl", log)
    drawn = project.run("guard", "sample", "--in", "log.jsonl", "--format", "openai", "--rate", "0.5", "--out", "sheet.jsonl")
    sheet = project.read("sheet.jsonl")
    assert 650 < len(sheet) < 850 and "label" in drawn.stdout, (len(sheet), drawn.stdout)
    assert all(row["probability"] == row["least_probability"] == 0.5 and row["label"] == "" for row in sheet)
    before = (project.folder / "guard" / "guard.json").read_bytes()
    said = project.run("guard", "calibrate", "--guard", "guard", "--reviewed", "sheet.jsonl", code=2)
    assert f"{len(sheet)} of {len(sheet)} reviewed rows have no label" in said.stderr, said.stderr
    for row in sheet:
        row["label"] = "ordinary"
    project.write("few.jsonl", sheet[:100])
    said = project.run("guard", "calibrate", "--guard", "guard", "--reviewed", "few.jsonl", code=2)
    assert "100 reviewed ordinary texts of direction input do not prove 1.40 % false alarms" in said.stderr and "more like them are needed" in said.stderr, said.stderr
    assert (project.folder / "guard" / "guard.json").read_bytes() == before, "a refused calibration leaves the guard alone"
    project.write("labelled.jsonl", sheet)
    project.run("guard", "calibrate", "--guard", "guard", "--reviewed", "labelled.jsonl")
    record = json.loads((project.folder / "guard" / "guard.json").read_text())
    direction = record["stacks"]["linear"]["directions"]["input"]
    assert direction["reviewed"]["least_probability"] == 0.5 and direction["false_alarm"]["guaranteed"], direction["false_alarm"]
    project.run("guard", "verify", "--guard", "guard", "--reviewed", "labelled.jsonl")
    said = project.run("guard", "verify", "--guard", "guard", code=1)
    assert "calibration gives" in said.stdout, "without the sheet the thresholds are others"


def drift(project):
    vendor = MockVendor()
    (project.folder / "plumb.yaml").write_text(f"providers: {{mock: {{url: '{vendor.url}'}}}}\nmodels: {{m: 'mock:m'}}\nguard: guard\n")
    serve = subprocess.Popen([plumb, "serve", "--listen", "127.0.0.1:0"], cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        url = serve.stdout.readline().strip()
        for _ in range(12):
            body = {"model": "m", "messages": [{"role": "user", "content": f"how do I poison the dog{project.filler()}"}]}
            request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
            urllib.request.urlopen(request, timeout=30).read()
        metrics = urllib.request.urlopen(url + "/metrics", timeout=30).read().decode()
    finally:
        serve.terminate()
        serve.wait(30)
    for line in ('plumb_guard_stale{reason="drift"} 1', 'plumb_guard_stale{reason="age"} 0', 'plumb_guard_drift_texts{direction="input",stack="linear"} 12'):
        assert line in metrics, (line, [text for text in metrics.splitlines() if "plumb_guard_" in text and not text.startswith("#")])
    said = project.run("guard", "verify", "--guard", "guard", "--reviewed", "labelled.jsonl", "--from-ledger", code=1)
    assert "stale: input (linear stack): 12 of 12 texts (100.00 %) score" in said.stderr, said.stderr


def stale(project):
    path = project.folder / "guard" / "guard.json"
    record = json.loads(path.read_text())
    record["cascade"]["skip_below"] = 0.01
    record["calibrated"] = "2020-01-01T00:00:00.000Z"
    path.write_text(json.dumps(record))
    project.write("in.jsonl", [{"id": "a", "text": "hello"}])
    said = project.run("guard", "check", "--guard", "guard", "--in", "in.jsonl").stderr
    assert "stale: the thresholds are" in said and "stale: the thresholds were set with other detectors" in said, said


def main():
    project = Project()
    project.run("guard", "train", "--without-encoder", "--out", "guard", "--epochs", "4")
    project.run("guard", "calibrate", "--guard", "guard")
    project.run("guard", "verify", "--guard", "guard")
    for step in (terms, judge, reviews, drift, stale):
        step(project)
        print("ok", step.__name__)


main()
