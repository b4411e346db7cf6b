"""The leak bound through real sockets: violating answers, plain and disguised, cut into pieces by the vendor, on every API
and in every part of an answer. Nothing of what is redacted or blocked may reach the client; where a route only observes,
everything does (which also shows that this test would see a leak).

    leak_test.py PLUMB
"""
import base64
import collections
import http.client
import http.server
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

plumb = os.path.abspath(sys.argv[1])

POLICY = """policy: leaks
version: 1
owner: test@example.org
purpose: Keep numbers and keys in.
principles: [{id: kind, text: "Be kind."}]
categories:
  - id: secrets
    about: Numbers and keys that are nobody's business.
    detect: [payment-card, email, api-key]
    on: {output: redact, tool_call: redact}
    say: ["No."]
  - id: orders
    about: Order numbers.
    detect: [{name: order, regex: 'ACME-[0-9]{6}'}]
    on: {output: block, tool_call: block}
    say: ["Order numbers stay here."]
routes:
  - {match: {model: "watched"}, mode: observe}
  - {match: {}}
"""
GUARD = {"format": "plumb-guard/1", "policy": {"id": "leaks", "version": "1", "hash": ""}, "detectors": {},
         "windows": {"bytes": 1000, "overlap": 200}, "stacks": {}}

CARD = "4111 1111 1111 1111"
KEY = "ghp_q7Wz3Kd9Xb2Rt6Yh8Lm4Np1Vc5Js0FgAeUiO"
BEFORE, AFTER = "Here is what you asked for: ", " and that is all there is to say."
# name → what stands in the answer, and what of it must not be seen
SECRETS = {
    "card": (CARD, CARD),
    "key": (KEY, KEY),
    "order": ("ACME-123456", "ACME-123456"),
    "zero-width": ("\u200b".join(CARD), "1\u200b1\u200b1"),
    "full-width": (CARD.translate({i: i + 0xFEE0 for i in range(0x30, 0x3A)}), "\uff11\uff11\uff11"),
    "base64": (base64.b64encode(f"it is {CARD} ok?".encode()).decode(), base64.b64encode(f"it is {CARD} ok?".encode()).decode()[8:28]),
    "hex": (f"it is {CARD}".encode().hex(), CARD[5:].encode().hex()),
    "percent": ("".join(f"%{ord(c):02X}" for c in CARD), "%31%31%31"),
    "backslash-u": ("".join(f"\\u{ord(c):04x}" for c in CARD), "\\u0031\\u0031"),
}


class Vendor:
    """MOCK: streams exactly the deltas that were planned for a question."""

    def __init__(self):
        self.plans = {}
        plans = self.plans

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked = body["messages"][-1]["content"]
                asked = asked if isinstance(asked, str) else asked[0]["text"]
                choices = plans[asked]
                if not body.get("stream"):
                    return self.whole(choices)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for index, deltas in enumerate(choices):
                    for delta in deltas:
                        self.event({"index": index, "delta": delta, "finish_reason": None})
                        self.wfile.flush()
                for index, _ in enumerate(choices):
                    self.event({"index": index, "delta": {}, "finish_reason": "stop"})
                self.wfile.write(b"data: [DONE]\n\n")
                self.close_connection = True

            def event(self, choice):
                self.wfile.write(b"data: " + json.dumps({"id": "x", "model": "mock", "choices": [choice]}).encode() + b"\n\n")

            def whole(self, choices):
                out = []
                for index, deltas in enumerate(choices):
                    message = {"role": "assistant", "content": "".join(d.get("content", "") for d in deltas)}
                    arguments = "".join(c["function"].get("arguments", "") for d in deltas for c in d.get("tool_calls", []))
                    if arguments:
                        message["tool_calls"] = [{"id": "c1", "type": "function", "function": {"name": "note", "arguments": arguments}}]
                    out.append({"index": index, "message": message, "finish_reason": "stop"})
                data = json.dumps({"id": "x", "model": "mock", "choices": out, "usage": {"prompt_tokens": 1, "completion_tokens": 1}}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # the gateway hangs up on an answer that it blocks

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def question(surface, name, stream, n):
    """The same question in each API's words."""
    if surface == "chat/completions":
        return {"messages": [{"role": "user", "content": name}], "stream": stream, **({"n": n} if n > 1 else {})}
    if surface == "completions":
        return {"prompt": name, "stream": stream, "max_tokens": 200, **({"n": n} if n > 1 else {})}
    if surface == "responses":
        return {"input": name, "stream": stream}
    return {"messages": [{"role": "user", "content": name}], "max_tokens": 200, "stream": stream}


def strings(value, path, out):
    """Every string of an event, joined by where it stands: what a client puts together."""
    if isinstance(value, dict):
        for key, inner in value.items():
            strings(inner, f"{path}.{key}", out)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            index = inner.get("index", i) if isinstance(inner, dict) else i
            strings(inner, f"{path}[{index}]", out)
    elif isinstance(value, str):
        out[path] += value


class Client:
    def __init__(self, url, key):
        self.host, self.key = url.removeprefix("http://"), key
        self.connection = http.client.HTTPConnection(self.host, timeout=30)

    def ask(self, surface, body):
        self.connection.request("POST", f"/v1/{surface}", json.dumps(body),
                                {"content-type": "application/json", "authorization": f"Bearer {self.key}", "anthropic-version": "2023-06-01"})
        answer = self.connection.getresponse()
        raw = answer.read().decode()
        assert answer.status == 200, (surface, answer.status, raw)
        seen = collections.defaultdict(str)
        if body.get("stream"):
            for line in raw.splitlines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    event = json.loads(line[6:])
                    # Where a block is named by the event's own index, pieces of different blocks are different texts.
                    strings(event, f"{event.get('index', '')}{event.get('output_index', '')}{event.get('type', '')}", seen)
        else:
            strings(json.loads(raw), "", seen)
        return "\n".join(seen.values()), raw


def pieces(text, cuts):
    ends = [*cuts, len(text)]
    return [text[a:b] for a, b in zip([0, *ends], ends)]


def text_plan(cuts):
    return lambda text: [{"content": piece} for piece in pieces(text, cuts)]


def call_plan(escape, cuts):
    """A tool call whose arguments say the text, with \\u escapes or without, in pieces."""
    def plan(text):
        quoted = "".join(f"\\u{ord(c):04x}" for c in text) if escape else json.dumps(text)[1:-1]
        arguments = '{"note": "' + quoted + '", "n": 3}'
        first = {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "note", "arguments": ""}}]}
        return [first] + [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces(arguments, cuts)]
    return plan


def leaks(secret, seen):
    """Any six characters of it, as they stand or as a JSON reader sees them."""
    size = min(6, len(secret))
    return any(secret[i:i + size] in seen for i in range(len(secret) - size + 1))


def serve():
    folder = tempfile.TemporaryDirectory(prefix="plumb-leak-")
    project = pathlib.Path(folder.name)
    vendor = Vendor()
    (project / "policy.yaml").write_text(POLICY)
    (project / "guard").mkdir()
    (project / "guard" / "guard.json").write_text(json.dumps(GUARD))
    (project / "plumb.yaml").write_text(f"listen: 127.0.0.1:0\nproviders:\n  vendor: {{kind: openai, url: '{vendor.url}'}}\n"
                                        "models: {guarded: 'vendor:m', watched: 'vendor:m'}\nlm: {encoder: off}\n")
    process = subprocess.Popen([plumb, "serve"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:"), process.stderr.read()
    return folder, vendor, process, url


folder, vendor, process, url = serve()
client = Client(url, "none")
rng = random.Random(3)
asked = cut_points = 0
SURFACES = ["chat/completions", "completions", "responses", "messages"]


def one(surface, model, name, text, plan, stream=True, n=1):
    global asked
    asked += 1
    name = f"{name} {asked}"
    vendor.plans[name] = [plan(text)] if n == 1 else [plan("Nothing to see here."), plan(text)]
    seen, raw = client.ask(surface, {"model": model, **question(surface, name, stream, n)})
    del vendor.plans[name]
    return seen, raw


def cut_sets(length, every):
    yield [*range(1, length)]
    for at in range(1 + rng.randrange(every), length, every):
        yield [at]
    for _ in range(3):
        yield sorted(rng.sample(range(1, length), min(length - 1, 7)))


try:
    start = time.time()
    for surface in SURFACES:
        for name, (written, secret) in SECRETS.items():
            text = BEFORE + written + AFTER
            for cuts in cut_sets(len(text), 15):
                cut_points += len(cuts)
                seen, raw = one(surface, "guarded", name, text, text_plan(cuts))
                assert not leaks(secret, seen) and not leaks(secret, raw), (surface, name, cuts, raw)
                if name == "order":
                    assert "content_filter" in raw or "refusal" in raw, (surface, name, raw)
                else:
                    assert "[redacted: secrets]" in seen, (surface, name, raw)
            seen, raw = one(surface, "guarded", name, text, text_plan([]), stream=False)
            assert not leaks(secret, seen), (surface, name, raw)
            seen, raw = one(surface, "watched", name, text, text_plan([*range(1, len(text), 5)]))
            assert leaks(secret, seen), ("observing shows everything", surface, name, raw)
        print(f"{surface}: text held at every cut ({time.time() - start:.1f} s)", flush=True)
        if surface == "completions":
            continue  # has no tools
        for name in ("card", "key", "order"):
            written, secret = SECRETS[name]
            for escape in (False, True):
                for cuts in cut_sets(len(BEFORE + written + AFTER) * (6 if escape else 1), 23):
                    cut_points += len(cuts)
                    seen, raw = one(surface, "guarded", name, BEFORE + written + AFTER, call_plan(escape, cuts))
                    shown = seen.encode().decode("unicode_escape", "replace") if "\\u0" in seen else seen
                    assert not leaks(secret, seen) and not leaks(secret, shown), (surface, name, escape, cuts, raw)
            seen, _ = one(surface, "watched", name, BEFORE + written + AFTER, call_plan(False, [40]))
            assert leaks(secret, seen), ("observing shows everything", surface, name)
        print(f"{surface}: tool arguments held at every cut ({time.time() - start:.1f} s)", flush=True)
    for name in ("card", "order", "zero-width"):
        written, secret = SECRETS[name]
        text = BEFORE + written + AFTER
        for cuts in cut_sets(len(text), 7):
            cut_points += len(cuts)
            seen, raw = one("chat/completions", "guarded", name, text, text_plan(cuts), n=2)
            assert not leaks(secret, seen), (name, cuts, raw)
            assert "Nothing to see here." in seen, raw
    print(f"{asked} answers, {cut_points} cut points: nothing past the bound ({time.time() - start:.1f} s)")
finally:
    process.terminate()
    process.wait(30)
    folder.cleanup()
