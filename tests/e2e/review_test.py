"""`plumb review` as its user has it: what waits is listed, shown, released, edited and refused; a second decision, a wrong id
and an edit without words say what would be right; the gateway gives what was decided.

    review_test.py PLUMB
"""
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import service
from service import SHOP, MockVendor, run

plumb = os.path.abspath(sys.argv[1])

MORE = """  - {id: contact, about: Addresses of people., detect: [email], on: {input: redact}, restore: true, say: No addresses.}
  - {id: advice, about: Advice., detect: [{name: advice, regex: 'ADVICE'}], on: {output: hold}, say: A person has to look at this.}
"""


def ask(gateway, text):
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    request = urllib.request.Request(gateway.url + "/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.status, json.load(answer)


def given(gateway, exchange):
    with urllib.request.urlopen(f"{gateway.url}/v1/exchanges/{exchange}", timeout=30) as answer:
        return answer.status, json.load(answer)


vendor = MockVendor(say="ADVICE: {}")
gateway = service.Served(plumb, service.upstream(vendor.url))
(gateway.project / "policy.yaml").write_text(SHOP + MORE)
with gateway:
    def review(*arguments, words=None, code=0):
        done = subprocess.run([plumb, "review", *arguments], cwd=gateway.project, capture_output=True, text=True, timeout=60, input=words)
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    assert "nothing waits" in review("held") and review("held", "--json") == ""
    ids = []
    for text in ("write to jane@example.org", "sell the house", "take two", "a fourth thing"):
        status, answer = ask(gateway, text)
        assert status == 202 and answer["status"] == "held", answer
        ids.append(answer["id"])
    first, second, third, fourth = ids

    listed = review("held")
    assert all(one in listed for one in ids) and "advice" in listed and "sell the house" in listed and "jane" not in listed, listed
    rows = [json.loads(line) for line in review("held", "--json").splitlines()]
    assert [row["exchange"] for row in rows] == ids[::-1] and rows[3]["answer"]["choices"][0]["text"] == "ADVICE: write to [email 1]", rows
    shown = review("held", first)
    assert "asked:\nwrite to [email 1]" in shown and "answer:\nADVICE: write to [email 1]" in shown, shown

    assert f"released {first}" in review("release", first, "--note", "sound")
    status, told = given(gateway, first)
    assert status == 200 and told["answer"]["choices"][0]["message"]["content"] == "ADVICE: write to jane@example.org", told

    assert "--text" in review("edit", second, words="", code=2)
    assert f"edited {second}" in review("edit", second, words="Ask a notary.\n")
    assert given(gateway, second)[1]["answer"]["choices"][0]["message"]["content"] == "Ask a notary."

    receipt = json.loads(review("refuse", third, "--text", "Ask a doctor.", "--json"))
    assert receipt["exchange"] == third and receipt["decision"] == "refuse", receipt
    message = given(gateway, third)[1]["answer"]["choices"][0]
    assert message["message"]["refusal"] == "Ask a doctor." and message["finish_reason"] == "content_filter", message

    said = review("release", third, code=2)
    assert "was refused by local:" in said, said
    assert "nothing is held for 'exc_nothing'" in review("release", "exc_nothing", code=2)
    assert fourth in review("held") and first not in review("held")
    everything = review("held", "--all")
    assert all(one in everything for one in ids) and "released" in everything and "refused" in everything, everything

    # Ctrl-C while another process has the ledger locked: nothing is decided, and nobody waits for the lock.
    lock = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", lock, gateway.project / "ledger.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "locked\n"
    waiting = subprocess.Popen([plumb, "review", "release", fourth], cwd=gateway.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    assert waiting.poll() is None, "it waits for the lock"
    start = time.time()
    waiting.send_signal(signal.SIGINT)
    waiting.wait(5)
    assert time.time() - start < 2 and waiting.returncode != 0, waiting.returncode
    other.kill()
    other.wait()
    assert fourth in review("held"), "it still waits for somebody"
    assert given(gateway, fourth)[0] == 202

    assert run(plumb, "ledger", "verify", cwd=gateway.project).returncode == 0
print("review_test: all passed")
