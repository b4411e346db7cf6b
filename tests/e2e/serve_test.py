"""`plumb init` and `plumb serve` as processes: first key, bad configuration, busy port, crash of plumb-lm, SIGTERM.

    serve_test.py PLUMB
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from service import Gateway, MockVendor, Served, run, wait_for

plumb = os.path.abspath(sys.argv[1])


def refused(project, *arguments):
    done = run(plumb, "serve", *arguments, cwd=project)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    return done.stderr


def init_does_not_overwrite():
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder) / "p"
        first = run(plumb, "init", str(project))
        assert first.returncode == 0, first.stderr
        for name in ("policy.yaml", "plumb.yaml", "suites/example/cases.jsonl", ".github/workflows/alignment.yml"):
            assert (project / name).exists(), name
        key = first.stdout.splitlines()[0]
        assert key not in (project / "plumb.yaml").read_text()
        again = run(plumb, "init", str(project))
        assert again.returncode == 2 and "is there already" in again.stderr
        checked = run(plumb, "policy", "check", cwd=project)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def bad_configuration_is_named():
    with tempfile.TemporaryDirectory() as folder:
        project = pathlib.Path(folder) / "p"
        run(plumb, "init", str(project))
        config = project / "plumb.yaml"
        config.write_text('listn: 127.0.0.1:1\nmodels:\n  a: locl:smollm2\nkeys: [{name: x, sha256: 12}]\nproviders:\n'
                          '  v: {url: "ftp://x"}\nlm: {encoder: maybe}\n')
        said = refused(project)
        for part in ("plumb.yaml:1:1: unknown key 'listn' in plumb.yaml, did you mean 'listen'?",
                     "plumb.yaml:3:6: no provider 'locl', did you mean 'local'?",
                     "plumb.yaml:6:12: 'ftp://x' is not a URL", "64 hexadecimal digits", "lm.encoder must be on or off"):
            assert part in said, (part, said)
        config.write_text("models: [\n")
        assert "plumb.yaml:" in refused(project)
        config.write_text("listen: 0.0.0.0:0\n")
        assert "needs at least one key" in refused(project)
        config.write_text("models: {m: 'openai:gpt-5'}\nproviders: {openai: {key_env: NO_SUCH_KEY}}\n")
        assert "NO_SUCH_KEY" in refused(project)
        (project / "ledger.db").write_text("this is no ledger, whatever its name says" * 100)
        config.write_text("listen: 127.0.0.1:0\n")
        assert "ledger.db: " in refused(project)
        assert "nowhere.yaml: " in refused(project, "--policy", "nowhere.yaml")


def busy_port_is_named():
    vendor = MockVendor()
    with Gateway(plumb, ["--upstream", vendor.url]) as gateway:
        taken = gateway.url.rsplit(":", 1)[1]
        said = refused(gateway.project, "--listen", f"127.0.0.1:{taken}")
        assert f"port {taken} of 127.0.0.1 is already in use" in said and "choose another port" in said, said


def upstream_starts_by_observing():
    vendor = MockVendor(say="your card 4111 1111 1111 1111")
    with Gateway(plumb, ["--upstream", vendor.url]) as gateway:
        status, answer = gateway.post("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}]})
        assert status == 200 and "4111" in answer["choices"][0]["message"]["content"], answer
        row = gateway.get("/api/exchanges")["exchanges"][0]
        assert row["mode"] == "observe" and row["action"] != "allow", row


def term_lets_answers_finish():
    vendor = MockVendor()
    slow = vendor.server.RequestHandlerClass.do_POST

    def do_post(handler):
        time.sleep(1)
        slow(handler)

    vendor.server.RequestHandlerClass.do_POST = do_post
    with Gateway(plumb, ["--upstream", vendor.url]) as gateway:
        got = []
        call = threading.Thread(target=lambda: got.append(gateway.post(
            "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}]})))
        call.start()
        time.sleep(0.4)
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(20) == 0
        call.join(10)
        assert got and got[0][0] == 200, got
        verified = run(plumb, "ledger", "verify", cwd=gateway.project)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def runs(pid):
    """A process that ended and that nobody waited for is still listed, as a zombie."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def killed_in_the_middle_of_a_stream(gateway):
    """The caller is told that the answer broke off; the exchange is recorded; the next one is served."""
    body = {"model": "smollm2", "stream": True, "max_tokens": 2000, "messages": [{"role": "user", "content": "Tell me a long story about a river."}]}
    request = urllib.request.Request(gateway.url + "/v1/chat/completions", json.dumps(body).encode(),
                                     {"authorization": f"Bearer {gateway.key}", "content-type": "application/json"})
    text = b""
    with urllib.request.urlopen(request, timeout=120) as answer:
        while text.count(b'"content":') < 5:
            text += answer.readline()
        for child in subprocess.run(["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True).stdout.split():
            os.kill(int(child), signal.SIGKILL)
        try:
            text += answer.read()
        except (http.client.IncompleteRead, ConnectionError) as error:
            text += getattr(error, "partial", b"")
    assert b"[DONE]" not in text and b'"error"' in text, text[-600:]
    row = gateway.get("/api/exchanges?limit=1")["exchanges"][0]
    assert row["status"] == "error" and row["stream"], row
    assert gateway.wait_ready()


def local_model_survives_its_crash():
    if not (pathlib.Path(plumb).parent / "plumb-lm").exists():
        print("part skipped: plumb-lm is not built")
        return
    with Gateway(plumb) as gateway:
        question = {"model": "smollm2", "temperature": 0, "max_tokens": 8,
                    "messages": [{"role": "user", "content": "What is the capital of France?"}]}
        if not gateway.wait_ready():
            detail = gateway.get("/api/status")["lm"]["generator"]
            print("part skipped: the embedded model does not load here:", detail["detail"])
            return
        status, answer = gateway.post("/v1/chat/completions", question)
        assert status == 200 and "Paris" in answer["choices"][0]["message"]["content"], answer
        children = subprocess.run(["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True).stdout.split()
        assert children, "no plumb-lm runs"
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        assert gateway.get("/api/status")["version"]  # the gateway does not notice
        assert gateway.wait_ready()
        # Until the guard's encoder is back the policy's on_error speaks (block); then everything is as before.
        for _ in range(60):
            status, again = gateway.post("/v1/chat/completions", question)
            if status == 200 and again["choices"][0]["message"]["content"] == answer["choices"][0]["message"]["content"]:
                break
            assert status in (200, 502, 503), (status, again)
            time.sleep(1)
        else:
            raise AssertionError(f"not as before a minute after the crash: {again}")
        killed_in_the_middle_of_a_stream(gateway)
        children = subprocess.run(["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True).stdout.split()
        gateway.process.kill()
        gateway.process.wait()
        wait_for(lambda: not any(runs(child) for child in children), 15)  # plumb-lm does not outlive its parent


def a_shadow_asks_the_encoder_of_its_own_guard():
    if not (pathlib.Path(plumb).parent / "plumb-lm").exists():
        print("part skipped: plumb-lm is not built")
        return
    vendor = MockVendor()
    gateway = Served(plumb, f'providers: {{v: {{kind: openai, url: "{vendor.url}"}}}}\nmodels: {{m: "v:m"}}\nledger: ledger.db\n')
    shipped = next((folder / "policies" / "guard" for folder in pathlib.Path(plumb).resolve().parents if (folder / "policies" / "guard" / "guard.json").exists()), None)
    if not shipped or "encoder" not in json.loads((shipped / "guard.json").read_text())["detectors"]:
        print("part skipped: no guard with an encoder comes with this build")
        return
    shutil.copytree(shipped, gateway.project / "shadow-guard")
    other = gateway.project / "shadow-guard" / "guard.json"
    other.write_text(other.read_text() + "\n")  # another guard, as its hash says
    policy = (gateway.project / "policy.yaml").read_text()
    (gateway.project / "shadow.yaml").write_text(policy)
    (gateway.project / "policy.yaml").write_text(policy.replace("\nroutes:\n", "\nroutes:\n  - {match: {model: m}, shadow: [{policy: shadow.yaml, guard: shadow-guard}]}\n", 1))
    children = lambda: subprocess.run(["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True).stdout.split()
    with gateway:
        try:
            wait_for(lambda: json.loads(gateway.get("/api/status"))["lm"]["encoder"]["status"] == "ready", 60)
        except AssertionError:
            print("part skipped: the encoder does not load here:", json.loads(gateway.get("/api/status"))["lm"]["encoder"]["detail"])
            return
        assert len(children()) == 1, children()
        assert gateway.chat()[0] == 200
        wait_for(lambda: 'plumb_shadow_verdicts_total{policy="general-assistant"' in gateway.get("/metrics"), 60)
        assert len(children()) == 2, "the shadow's encoder is a process of its own"
        done = run(plumb, "ledger", "export", cwd=gateway.project)
        entries = [json.loads(json.loads(line)["entry"]) for line in done.stdout.splitlines()]
        shadow = [entry["body"] for entry in entries if entry["kind"] == "shadow"]
        assert len(shadow) == 1 and not shadow[0]["input"]["failed"] and not shadow[0]["output"]["failed"], shadow


for test in (init_does_not_overwrite, bad_configuration_is_named, busy_port_is_named, upstream_starts_by_observing,
             term_lets_answers_finish, a_shadow_asks_the_encoder_of_its_own_guard, local_model_survives_its_crash):
    start = time.time()
    test()
    print(f"{test.__name__}: ok ({time.time() - start:.1f} s)", flush=True)
