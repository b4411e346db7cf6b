"""Keys, budgets and connections of `plumb serve`, as a process: SIGTERM during 100 streams, TLS,
`plumb keys`, configuration faults, and secrets that show nowhere.

    limits_test.py PLUMB
"""
import concurrent.futures
import functools
import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error

import service
from service import QUIET, MockVendor, PacedVendor, refused, run, upstream, wait_for

plumb = os.path.abspath(sys.argv[1])
Served = functools.partial(service.Served, plumb)


def sigterm_cuts_no_stream():
    vendor = PacedVendor()
    with Served(upstream(vendor.url)) as gateway:
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            streams = [pool.submit(gateway.chat, None, True) for _ in range(100)]
            wait_for(lambda: vendor.asked == 100)
            gateway.process.send_signal(signal.SIGTERM)
            wait_for(lambda: refused(gateway.port))
            assert not all(stream.done() for stream in streams), "they are still under way"
            for stream in streams:
                status, text = stream.result()
                assert status == 200 and text.rstrip().endswith("data: [DONE]") and "word79." in text, (status, text[-300:])
        assert gateway.process.wait(30) == 0


def certificate(folder):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                           "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], capture_output=True)
    assert made.returncode == 0, made.stderr


def a_changed_key_file_is_taken_up():
    """A vendor's key that is rotated in its file reaches the vendor without a restart or a reload."""
    vendor = MockVendor()
    seen = []
    answer = vendor.server.RequestHandlerClass.do_POST

    def do_post(handler):
        seen.append(handler.headers["authorization"])
        answer(handler)

    vendor.server.RequestHandlerClass.do_POST = do_post
    gateway = Served(upstream(vendor.url).replace('v1"}', 'v1", key_file: vendor.key}'))
    (gateway.project / "vendor.key").write_text("first-key-4711\n")
    with gateway:
        assert gateway.chat()[0] == 200 and seen[-1] == "Bearer first-key-4711", seen
        (gateway.project / "vendor.key").unlink()
        assert gateway.chat()[0] == 200 and seen[-1] == "Bearer first-key-4711", "a file that is being replaced changes nothing"
        (gateway.project / "vendor.key").write_text("second-key-4712\n")
        wait_for(lambda: gateway.chat()[0] == 200 and seen[-1] == "Bearer second-key-4712", 5)


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


def all_faults_of_providers_models_and_prices_at_once():
    gateway = Served("")
    gateway.write('''providers:
  a: {kind: openapi, url: "http://h/"}
  b: {preset: vlm}
  c: {url: "gopher://h"}
  d: {url: "http://h/", key_env: sk-1234567890, attempts: 0}
  e: {url: "http://h/", connect_s: soon, retries: 3}
  f: [1]
models:
  one: nowhere
  two: openai
  three: {targets: []}
  four: {target: "openai:x", targets: ["openai:y"]}
  five: {prompt: polcy, target: "opnai:x"}
  six: {targets: [{weight: 1}, {target: "openai:x", weight: -1, context: 0, idle_s: 0}], cache: {ttl: long, max_mb: 0}}
  seven: {cache: perhaps, target: "local:smollm2"}
prices:
  gpt: {input: 1}
  gpt-5: {input: -1, output: 2}
  gpt-6: {inptu: 1, input: 1, output: 2}
''')
    done = run(plumb, "serve", cwd=gateway.project)
    assert done.returncode == 2, done.stdout
    for part in ("plumb.yaml:2:13: kind is 'openapi', did you mean 'openai'?",
                 "plumb.yaml:3:15: preset is 'vlm', did you mean 'vllm'?",
                 "plumb.yaml:4:12: 'gopher://h' is not a URL",
                 "plumb.yaml:5:34: key_env is the name of an environment variable, never the key itself",
                 "plumb.yaml:5:59: attempts must be a whole number from 1",
                 "plumb.yaml:6:36: connect_s must be a number from",
                 "plumb.yaml:6:42: unknown key 'retries' in provider 'e'",
                 "plumb.yaml:7:6: provider 'f' must be a map",
                 "plumb.yaml:9:8: target 'nowhere' must be PROVIDER:MODEL",
                 "plumb.yaml:10:8: target 'openai' must be PROVIDER:MODEL",
                 "plumb.yaml:11:20: targets must name at least one",
                 "plumb.yaml:12:18: a model has target or targets, not both",
                 "plumb.yaml:13:18: prompt is 'polcy', did you mean 'policy'?",
                 "plumb.yaml:13:33: no provider 'opnai', did you mean 'openai'?",
                 "plumb.yaml:14:19: a target needs its name",
                 "plumb.yaml:14:61: weight must be a number from 0",
                 "plumb.yaml:14:74: context must be a whole number from 1",
                 "plumb.yaml:14:85: idle_s must be a number from 0.001",
                 "plumb.yaml:14:103: cache.ttl: ",
                 "plumb.yaml:14:117: cache.max_mb must be a whole number from 1",
                 "plumb.yaml:15:18: cache must be on or off",
                 "plumb.yaml:17:8: the price of 'gpt' needs input and output",
                 "plumb.yaml:18:18: input must be a number from 0",
                 "plumb.yaml:19:11: unknown key 'inptu' in the price of 'gpt-6' (known: input, output"):
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


for test in (all_faults_of_a_configuration_at_once, all_faults_of_providers_models_and_prices_at_once, a_changed_key_file_is_taken_up, keys_are_made_rotated_and_revoked, secrets_show_nowhere, tls_is_served,
             sigterm_cuts_no_stream):
    start = time.time()
    test()
    print(f"ok {test.__name__} ({time.time() - start:.1f} s)", flush=True)
