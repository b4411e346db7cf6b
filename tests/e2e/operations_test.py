"""Running it: reload by SIGHUP and by file, the log, traces to a collector, and `plumb replay` of what went through.

    operations_test.py PLUMB
"""
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from service import Gateway, MockVendor, run

plumb = os.path.abspath(sys.argv[1])

POLICY = """policy: shop
version: {version}
owner: o@example.org
purpose: Help.
principles: [{{id: honest, text: Be honest.}}]
categories:
  - id: keys
    about: Secret keys.
    detect: [{{name: secret, regex: '{pattern}-[0-9]{{4}}'}}]
    on: {{input: block, output: block}}
    say: That stays here.
"""


class Collector:
    """Takes OTLP/HTTP requests and keeps them."""

    def __init__(self):
        self.requests = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                collector.requests.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def write_policy(project, version, pattern):
    (project / "policy.yaml").write_text(POLICY.format(version=version, pattern=pattern))


def text_of(gateway, path):
    with urllib.request.urlopen(gateway.url + path, timeout=30) as answer:
        return answer.read().decode()


def until(what, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return
        time.sleep(0.05)
    raise AssertionError(f"it did not happen within {seconds} s: {what}")


def ask(gateway, text):
    status, answer = gateway.post("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": text}]})
    assert status == 200, answer
    return answer["choices"][0]["finish_reason"]


def replay(gateway, *arguments):
    done = run(plumb, "replay", "--without-encoder", "--json", *arguments, cwd=gateway.project)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def edit(collector):
    def change(project):
        write_policy(project, 1, "SECRET")
        config = project / "plumb.yaml"
        config.write_text(re.sub(r"(?m)^(telemetry|lm|log|reload):.*\n", "", config.read_text()) +
                          "\nlm: {encoder: off}\nreload: on\nlog: {format: json, level: info}\n"
                          f"telemetry: {{otlp: {{endpoint: '{collector.url}', headers_env: COLLECTOR, interval_s: 0.2}}}}\n")
    return change


def reload_log_and_traces():
    vendor, collector = MockVendor(), Collector()
    os.environ["COLLECTOR"] = "x-team=plumb"
    with Gateway(plumb, ["--upstream", vendor.url], edit(collector)) as gateway:
        version = lambda: gateway.get("/api/status")["policy"]["version"]
        assert ask(gateway, "SECRET-1234") == "content_filter"
        assert ask(gateway, "WORD-1234") == "stop"
        # A changed file is found by itself …
        write_policy(gateway.project, 2, "WORD")
        until(lambda: version() == "2")
        assert ask(gateway, "WORD-1234") == "content_filter"
        assert ask(gateway, "SECRET-1234") == "stop"
        # … a bad one is refused and seen …
        (gateway.project / "policy.yaml").write_text("policy: [\n")
        until(lambda: "refused" in text_of(gateway, "/readyz"))
        assert version() == "2" and ask(gateway, "WORD-1234") == "content_filter"
        assert "plumb_last_reload_successful 0" in text_of(gateway, "/metrics")
        # … and SIGHUP does not wait for anybody to look.
        write_policy(gateway.project, 3, "SECRET")
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: version() == "3", 5)
        assert text_of(gateway, "/readyz") == "ready\n"
        until(lambda: any(path == "/v1/traces" for path, _, _ in collector.requests))
        assert all(headers.get("x-team") == "plumb" for _, headers, _ in collector.requests)
        gateway.process.send_signal(signal.SIGTERM)
        _, log = gateway.process.communicate(timeout=30)
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        exchanges = [line for line in lines if line["message"] == "exchange"]
        assert len(exchanges) == 5, log
        assert exchanges[0]["action"] == "block" and "SECRET-1234" not in log and gateway.key not in log, log
        assert any(line["message"] == "reloaded" and line["by"] == "SIGHUP" for line in lines), log
        done = run(plumb, "ledger", "export", cwd=gateway.project)
        reloads = [json.loads(json.loads(line)["entry"]) for line in done.stdout.splitlines()]
        reloads = [entry["body"] for entry in reloads if entry["kind"] == "reload"]
        assert [entry["result"] for entry in reloads][:2] == ["ok", "refused"] and reloads[-1]["result"] == "ok", reloads
        assert reloads[0]["old"]["policy"]["version"] == "1" and reloads[0]["new"]["policy"]["version"] == "2", reloads

        replay_of_what_went_through(gateway, done.stdout)


def replay_of_what_went_through(gateway, export):
    # Under the policy that is there now (SECRET), of five: SECRET passed once, WORD was blocked twice.
    code, report, said = replay(gateway, "--since", "1h", "--out", "out")
    assert code == 0, said
    outcomes = report["outcomes"]
    assert report["exchanges"]["seen"] == 5, report
    assert outcomes["newly_stopped"]["count"] == 1 and outcomes["newly_asked"] == 2, report
    clause = [row for row in report["clauses"] if row["direction"] == "input"][0]
    assert clause["clause"] == "keys" and clause["paired"]["newly"] == 1 and clause["paired"]["no_longer"] == 2, report
    assert report["examples"]["newly_stopped"][0]["asked"] == "SECRET-1234", report
    kept = (gateway.project / "out" / "replay.jsonl").read_text() + (gateway.project / "out" / "replay.json").read_text()
    assert "SECRET-1234" not in kept and kept.count("newly_stopped") >= 1
    code, again, said = replay(gateway, "--since", "1h", "--out", "out")
    assert code == 0 and again["outcomes"] == outcomes, said
    # The same from a file, and as a check.
    (gateway.project / "export.jsonl").write_text(export)
    code, filed, said = replay(gateway, "--in", "export.jsonl", "--format", "plumb", "--fail-on-change", "0.1")
    assert code == 1 and filed["outcomes"] == outcomes, said
    # Another gateway's log, with a row that cannot be read.
    log = gateway.project / "litellm.jsonl"
    row = {"id": "a", "call_type": "acompletion", "model": "m", "messages": [{"role": "user", "content": "SECRET-1234"}],
           "response": {"choices": [{"message": {"content": "ok"}}]}}
    log.write_text(json.dumps(row) + "\n" + json.dumps({**row, "id": "b", "messages": "{}"}) + "\n{broken\n")
    code, _, said = replay(gateway, "--in", "litellm.jsonl", "--format", "litellm")
    assert code == 2 and "litellm.jsonl:3:" in said, said
    code, report, said = replay(gateway, "--in", "litellm.jsonl", "--format", "litellm", "--lenient")
    assert code == 0 and report["exchanges"]["unreadable"] == 1 and report["outcomes"]["newly_stopped"]["count"] == 1, said
    assert report["exchanges"]["missing"] == {"request: not kept": 1}, report
    code, _, said = replay(gateway, "--in", "litellm.jsonl", "--format", "litelm")
    assert code == 2 and "did you mean 'litellm'" in said, said


reload_log_and_traces()
print("operations_test: all passed")
