"""Loads a run's Inspect logs with the real inspect_ai, and fails where they differ from run.json.

    pip install inspect_ai && python check_inspect.py RUN_FOLDER     (checked with inspect_ai 0.3.285)
"""
import json
import sys
from pathlib import Path

from inspect_ai.log import read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries

folder = Path(sys.argv[1])
run = json.loads((folder / "run.json").read_text())
ran = [s for s in run["samples"] if s["status"] != "not_run"]
for name in ("inspect.json", "inspect.eval"):
    path = str(folder / name)
    log = read_eval_log(path)
    assert log.version == 2 and log.status == "success", (name, log.version, log.status)
    assert log.eval.task == run["suite"]["name"] and log.eval.model == run["target"]["name"]
    assert {s.id for s in log.samples} == {s["id"] for s in ran}, name
    assert {s.id for s in read_eval_log_sample_summaries(path)} == {s["id"] for s in ran}, name
    assert log.results.completed_samples == sum(s["status"] == "ok" for s in ran)
    for ours in ran:
        theirs = read_eval_log_sample(path, id=ours["id"])
        if ours["status"] == "error":
            assert theirs.error.message == ours["error"]
            continue
        assert theirs.output.completion == ours["output"]
        assert theirs.scores["passed"].value == int(ours["passed"])
        assert theirs.scores["refusal"].value == ours["refusal"]
print(f"{len(ran)} samples agree in inspect.json and inspect.eval")
