"""What the end-to-end tests share: a fresh project, a running `plumb serve`, a mock vendor on a real socket."""
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SKIP = 77  # ctest's SKIP_RETURN_CODE


def skip(reason):
    print("SKIPPED:", reason)
    sys.exit(SKIP)


class MockVendor:
    """MOCK: speaks OpenAI's chat protocol and says what it is told to."""

    def __init__(self, say="You said: {}"):
        self.say = say
        self.requests = []
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                vendor.requests.append(body)
                text = vendor.say.format(body["messages"][-1]["content"])
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
                          "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
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

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
