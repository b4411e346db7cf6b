"""Keys, budgets and connections of `plumb serve`, as a process: SIGTERM during 100 streams, 10,000 idle connections, TLS,
`plumb keys`, configuration faults, and secrets that show nowhere.

    limits_test.py PLUMB
"""
import concurrent.futures
import http.server
import json
import os
import pathlib
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from service import MockVendor, run

plumb = os.path.abspath(sys.argv[1])
QUIET = "lm: {encoder: off}\n"


class PacedVendor:
    """MOCK: streams eighty words, one every 50 ms."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
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

    def __init__(self, config, environment=None):
        self.folder = tempfile.TemporaryDirectory(prefix="plumb-e2e-")
        self.project = pathlib.Path(self.folder.name) / "project"
        made = run(plumb, "init", str(self.project))
        assert made.returncode == 0, made.stderr
        self.config = config
        self.environment = environment

    def write(self, config):
        (self.project / "plumb.yaml").write_text(config)

    def __enter__(self):
        self.write(self.config)
        self.errors = open(self.project / "stderr.txt", "w+")
        self.process = subprocess.Popen([plumb, "serve", "--listen", "127.0.0.1:0"], cwd=self.project, text=True,
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

    def chat(self, key=None, stream=False, context=None):
        body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url + "/v1/chat/completions", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

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


def sigterm_cuts_no_stream():
    vendor = PacedVendor()
    with Served(upstream(vendor.url)) as gateway:
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            streams = [pool.submit(gateway.chat, None, True) for _ in range(100)]
            time.sleep(1.0)
            gateway.process.send_signal(signal.SIGTERM)
            wait_for(lambda: refused(gateway.port))
            assert not all(stream.done() for stream in streams), "they are still under way"
            for stream in streams:
                status, text = stream.result()
                assert status == 200 and text.rstrip().endswith("data: [DONE]") and "word79." in text, (status, text[-300:])
        assert gateway.process.wait(30) == 0


def ten_thousand_idle_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10_000, hard - 200)
    vendor = MockVendor()
    with Served(upstream(vendor.url)) as gateway:
        assert gateway.chat()[0] == 200
        before = gateway.rss_mb()
        idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(count)]
        for connection in idle:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
        for connection in idle:
            connection.recv(4096)
        assert gateway.chat()[0] == 200, "others are served as before"
        grown = gateway.rss_mb() - before
        print(f"{count} idle connections: {grown:.1f} MB more, {before:.1f} MB before")
        assert grown < 64, grown
        for connection in idle:
            connection.close()


def certificate(folder):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                           "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], capture_output=True)
    assert made.returncode == 0, made.stderr


def tls_is_served():
    vendor = MockVendor()
    gateway = Served(upstream(vendor.url) + "tls: {certificate: cert.pem, key: key.pem}\n")
    certificate(gateway.project)
    with gateway:
        assert gateway.url.startswith("https://127.0.0.1:"), gateway.url
        trusting = ssl.create_default_context(cafile=gateway.project / "cert.pem")
        assert gateway.chat(context=trusting)[0] == 200
        try:
            gateway.chat(context=ssl.create_default_context())
            raise AssertionError("a certificate nobody knows was accepted")
        except urllib.error.URLError as error:
            assert "CERTIFICATE_VERIFY_FAILED" in str(error), error


def keys_are_made_rotated_and_revoked():
    vendor = MockVendor()
    gateway = Served(upstream(vendor.url) + "keys_file: keys.yaml\nreload: on\n")
    gateway.write(gateway.config)

    def keys(*arguments):
        done = run(plumb, "keys", *arguments, cwd=gateway.project)
        assert done.returncode == 0, done.stderr
        return done.stdout

    old = keys("new", "shop", "--models", "m*").strip()
    assert old.startswith("plumb-") and old not in (gateway.project / "keys.yaml").read_text()
    with gateway:
        assert gateway.chat(old)[0] == 200
        assert gateway.chat()[0] == 401 and gateway.chat("plumb-x")[0] == 401
        new = keys("new", "shop", "--retire", "1d").strip()
        rows = json.loads(keys("list", "--json"))["keys"]
        assert [row["state"].split()[0] for row in rows] == ["valid", "until"], rows
        wait_for(lambda: gateway.chat(new)[0] == 200)
        assert gateway.chat(old)[0] == 200, "the old secret goes on for a day"
        keys("revoke", "shop", "--hash", rows[1]["hash"])
        wait_for(lambda: gateway.chat(old)[0] == 401)
        assert gateway.chat(new)[0] == 200
        gone = run(plumb, "keys", "revoke", "shopp", cwd=gateway.project)
        assert gone.returncode == 2 and "did you mean 'shop'?" in gone.stderr, gone.stderr


def wait_for(condition, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def all_faults_of_a_configuration_at_once():
    gateway = Served("")
    gateway.write('''tls: {certificate: c.pem}
cors: {origins: ["app.example.com"]}
http: {body_bytes: 5, hedder_s: 3}
teams: {web: {budget: {per: month}}}
keys:
  - {name: a, sha256: %s, team: wep, limits: {concurrent: 0}, budget: {tokens: 1, per: fortnight}}
  - {name: a, sha256: %s, expires: tomorrow, routes: [chat]}
providers:
  v: {url: "http://h/", key_env: A, key_file: b}
''' % ("0" * 64, "0" * 64))
    done = run(plumb, "serve", cwd=gateway.project)
    assert done.returncode == 2, done.stdout
    for part in ("plumb.yaml:1:6: tls needs a key", "plumb.yaml:2:17: 'app.example.com' is no origin",
                 "plumb.yaml:3:20: http.body_bytes must be a whole number from 1024", "plumb.yaml:3:23: unknown key 'hedder_s' in http, did you mean 'header_s'?",
                 "plumb.yaml:4:23: a budget needs money, tokens or requests", "concurrent must be a whole number from 1",
                 "per is 'fortnight'", "expires: ", "'chat' in routes must be a path", "two keys are called 'a'",
                 "the same sha256 stands twice", "no team 'wep', did you mean 'web'?", "a provider has one of key_env, key_file and key_command"):
        assert part in done.stderr, (part, done.stderr)
    gateway.folder.cleanup()


def secrets_show_nowhere():
    """A vendor's key from each source, and callers' keys, right and wrong: in no output, no log, no ledger."""
    class Refusing(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            seen.append(self.headers["authorization"])
            body = json.dumps({"error": {"message": f"wrong key {self.headers['authorization']}", "type": "invalid"}}).encode()
            self.send_response(401)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    secret = "sk-very-secret-4711"
    for source in ("key_env: VENDOR_KEY", "key_file: vendor.key", f"key_command: echo {secret[:8]}$REST"):
        config = f'providers:\n  v: {{kind: openai, url: "{url}", {source}}}\nmodels:\n  m: "v:m"\nledger: ledger.db\nkeys_file: keys.yaml\n' + QUIET
        gateway = Served(config, {"VENDOR_KEY": secret, "REST": secret[8:]})
        gateway.write(config)
        (gateway.project / "vendor.key").write_text(secret + "\n")
        made = subprocess.run([plumb, "keys", "new", "app"], cwd=gateway.project, capture_output=True, text=True,
                              env={**os.environ, "VENDOR_KEY": secret, "REST": secret[8:]})
        key = made.stdout.strip()
        assert key.startswith("plumb-"), made.stderr
        with gateway:
            texts = [made.stderr]
            status, text = gateway.chat(key)
            assert status == 502, (status, text)
            assert seen[-1] == f"Bearer {secret}", "the vendor got it"
            texts += [text, gateway.chat("plumb-wrong-4711")[1], gateway.chat(key, stream=True)[1]]
            gateway.process.terminate()
            gateway.process.wait(30)
            texts += [gateway.said(), gateway.process.stdout.read()]
            for file in gateway.project.rglob("*"):
                if file.is_file() and file.name != "vendor.key":
                    texts.append(file.read_bytes().decode("latin-1"))
            for text in texts:
                assert secret not in text and key not in text and "plumb-wrong-4711" not in text, (source, text[:500])


for test in (all_faults_of_a_configuration_at_once, keys_are_made_rotated_and_revoked, secrets_show_nowhere, tls_is_served,
             sigterm_cuts_no_stream, ten_thousand_idle_connections):
    start = time.time()
    test()
    print(f"ok {test.__name__} ({time.time() - start:.1f} s)", flush=True)
