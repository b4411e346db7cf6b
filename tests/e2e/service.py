"""What the end-to-end tests share: a fresh project, a running `plumb serve`, a mock vendor on a real socket."""
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SKIP = 77  # ctest's SKIP_RETURN_CODE
# Patterns alone, so that every verdict is certain: cards are refused and redacted, secrets blocked.
SHOP = (pathlib.Path(__file__).resolve().parents[1] / "policies" / "shop.yaml").read_text()


def skip(reason):
    print("SKIPPED:", reason)
    sys.exit(SKIP)


class MockVendor:
    """MOCK: speaks OpenAI's chat protocol and says what it is told to: a text with a place for the last message, or what a
    function makes of the request."""

    def __init__(self, say="You said: {}", usage=(3, 4)):
        self.say = say if callable(say) else lambda body: say.format(body["messages"][-1]["content"])
        self.requests = []
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                vendor.requests.append(body)
                text = vendor.say(body)
                if body.get("stream"):
                    self.send_response(200)
                    self.send_header("content-type", "text/event-stream")
                    self.send_header("connection", "close")
                    self.end_headers()
                    for piece in re.findall(r"\S+\s*", text):
                        self.event({"delta": {"content": piece}, "finish_reason": None})
                    self.event({"delta": {}, "finish_reason": "stop"})
                    self.wfile.write(b"data: [DONE]\n\n")
                    self.close_connection = True
                    return
                answer = {"model": "mock-1", "choices": [{"index": 0, "finish_reason": "stop",
                                                          "message": {"role": "assistant", "content": text}}],
                          "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]}}
                data = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def event(self, choice):
                chunk = {"model": "mock-1", "choices": [{"index": 0, **choice}]}
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
                self.wfile.flush()

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128  # of five, callers who come at once wait a second to knock again

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def run(plumb, *arguments, cwd=None):
    return subprocess.run([plumb, *arguments], cwd=cwd, capture_output=True, text=True, timeout=240)


class Gateway:
    """A project made by `plumb init` and served until the end of the with block."""

    def __init__(self, plumb, init_flags=(), edit=None):
        self.folder = tempfile.TemporaryDirectory(prefix="plumb-e2e-")
        self.project = pathlib.Path(self.folder.name) / "project"
        made = run(plumb, "init", str(self.project), *init_flags)
        assert made.returncode == 0, made.stderr
        self.key = made.stdout.splitlines()[0]
        assert self.key.startswith("plumb-"), made.stdout
        if edit:
            edit(self.project)
        self.process = subprocess.Popen([plumb, "serve", "--listen", "127.0.0.1:0"], cwd=self.project,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.folder.cleanup()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def post(self, path, body, key=None):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                         {"authorization": f"Bearer {key or self.key}", "content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def wait_ready(self, seconds=120):
        end = time.time() + seconds
        while time.time() < end:
            try:
                urllib.request.urlopen(self.url + "/readyz", timeout=5).read()
                return True
            except urllib.error.HTTPError:
                time.sleep(0.2)
        return False


def cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(os.environ.get("PLUMB_CACHE") or os.path.join(home, "plumb"))


QUIET = "lm: {encoder: off}\nguard: off\n"  # patterns alone


class PacedVendor:
    """MOCK: streams eighty words, one every 50 ms."""

    def __init__(self):
        self.asked = 0
        vendor, lock = self, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    vendor.asked += 1
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for i in range(80):
                    chunk = {"model": "m", "choices": [{"index": 0, "delta": {"content": f"word{i}. "}, "finish_reason": None}]}
                    self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
                    self.wfile.flush()
                    time.sleep(0.05)
                end = {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
                self.wfile.write(b"data: " + json.dumps(end).encode() + b"\n\ndata: [DONE]\n\n")
                self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Served:
    """A project whose plumb.yaml is `config`, served until the end of the with block."""

    def __init__(self, plumb, config, environment=None):
        self.folder = tempfile.TemporaryDirectory(prefix="plumb-e2e-")
        self.project = pathlib.Path(self.folder.name) / "project"
        made = run(plumb, "init", str(self.project))
        assert made.returncode == 0, made.stderr
        self.plumb = plumb
        self.config = config
        self.environment = environment

    def write(self, config):
        (self.project / "plumb.yaml").write_text(config)

    def __enter__(self):
        self.write(self.config)
        self.errors = open(self.project / "stderr.txt", "w+")
        self.process = subprocess.Popen([self.plumb, "serve", "--listen", "127.0.0.1:0"], cwd=self.project, text=True,
                                        stdout=subprocess.PIPE, stderr=self.errors, env={**os.environ, **(self.environment or {})})
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.said()
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.errors.close()
        self.folder.cleanup()

    def said(self):
        return (self.project / "stderr.txt").read_text()

    def chat(self, key=None, stream=False, context=None, model="m"):
        return self.ask(key, stream, context, model)[:2]

    def ask(self, key=None, stream=False, context=None, model="m"):
        """Status, text and headers of a chat."""
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url + "/v1/chat/completions", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return False
    except ConnectionRefusedError:
        return True


def upstream(url):
    return f'providers:\n  v: {{kind: openai, url: "{url}"}}\nmodels:\n  m: "v:m"\nledger: ledger.db\n' + QUIET


def wait_for(condition, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError("it did not happen")
