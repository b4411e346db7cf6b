"""The machine under `plumb serve` misbehaves, as real processes: another process locks the ledger, the disk is full, a vendor
lies, and thousands of connections are open, of which some are slow.

    faults_test.py PLUMB
"""
import functools
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time

import service
from service import QUIET, SHOP, MockVendor, run, wait_for

plumb = os.path.abspath(sys.argv[1])
Served = functools.partial(service.Served, plumb)

# What is asked of "grave" is of high stakes: nothing of it goes unrecorded.
ROUTES = "routes: [{match: {model: grave}, stakes: high}, {match: {}}]\n"


def shop(vendor, more=""):
    gateway = Served(f'providers:\n  v: {{kind: openai, url: "{vendor.url}"}}\nmodels: {{m: "v:m", grave: "v:m"}}\nledger: ledger.db\n' + QUIET + more)
    (gateway.project / "policy.yaml").write_text(SHOP + ROUTES)
    return gateway


def policy_decides(gateway):
    """With a ledger that takes nothing: "m" is served, and says so; "grave" is not."""
    status, text, headers = gateway.ask()
    assert status == 200 and "You said: Hello" in text and headers["x-plumb-receipt"] == "unrecorded", (status, text, headers)
    status, text, _ = gateway.ask(stream=True)
    assert status == 200 and '"receipt":null' in text and text.rstrip().endswith("[DONE]"), (status, text)
    for stream in (False, True):
        status, text, _ = gateway.ask(stream=stream, model="grave")
        assert status == 503 and "could not be recorded" in text and "You said" not in text, (status, text)
    metrics = gateway.get("/metrics")
    assert 'plumb_unrecorded_exchanges_total{result="served"}' in metrics and 'result="refused"} 2' in metrics, metrics
    assert "the ledger refused an exchange" in gateway.said() and "recorded=false" in gateway.said(), gateway.said()


def recorded_again(gateway):
    def recorded(model):
        status, _, headers = gateway.ask(model=model)
        return status == 200 and ":" in headers["x-plumb-receipt"]

    wait_for(lambda: recorded("m") and recorded("grave"))
    done = run(plumb, "ledger", "verify", cwd=gateway.project)
    assert done.returncode == 0, done.stdout + done.stderr


LOCK = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); input()"


def another_process_locks_the_ledger():
    with shop(MockVendor()) as gateway:
        assert ":" in gateway.ask()[2]["x-plumb-receipt"]
        other = subprocess.Popen([sys.executable, "-c", LOCK, gateway.project / "ledger.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "locked\n"
        policy_decides(gateway)
        start = time.time()
        for _ in range(10):
            assert gateway.ask()[0] == 200
        assert time.time() - start < 3, "only the first waits for the lock"
        other.kill()
        other.wait()
        recorded_again(gateway)


def the_disk_is_full():
    with shop(MockVendor()) as gateway:
        assert ":" in gateway.ask()[2]["x-plumb-receipt"]
        whole = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (4096, whole[1]))
        policy_decides(gateway)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, whole)
        recorded_again(gateway)


class RawVendor:
    """MOCK: answers every request with the pieces of `answer`, and closes the connection."""

    def __init__(self):
        self.answer = [b""]
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            head, _, body = head.partition(b"\r\n\r\n")
            length = int([line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")][0].split(b":")[1])
            while len(body) < length:
                body += connection.recv(65536)
            try:
                for piece in self.answer:
                    connection.sendall(piece)
            except OSError:
                pass  # the gateway has had enough


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


def chunk(text, reason="null"):
    return b'data: {"model":"m","choices":[{"index":0,"delta":{"content":"' + text + b'"},"finish_reason":' + reason.encode() + b"}]}\n\n"


def a_vendor_lies():
    """A line of 100 MB, lengths that are not so, half a character: an error in the API's form, soon, and a gateway that goes on."""
    vendor = RawVendor()
    good = b'{"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"fine"}}]}'
    with shop(vendor) as gateway:
        vendor.answer = [WHOLE % len(good), good]
        assert gateway.ask()[0] == 200
        before = gateway.rss_mb()
        huge = b"a" * (1 << 20)
        faults = {
            "a line of 100 MB": (True, [STREAM, b"data: "] + [huge] * 100 + [b"\n\n"]),
            "more promised than sent": (False, [WHOLE % (len(good) + 100), good]),
            "less promised than sent": (False, [WHOLE % (len(good) - 20), good]),
            "a length beyond reason": (False, [WHOLE % (1 << 40), good]),
            "half a character": (True, [STREAM, chunk(b"caf\xc3"), chunk(b"", '"stop"'), b"data: [DONE]\n\n"]),
            "half a character, whole": (False, [WHOLE % (len(good) - 3), good.replace(b"fine", b"\xc3")]),
        }
        for name, (stream, answer) in faults.items():
            vendor.answer = answer
            start = time.time()
            status, text, _ = gateway.ask(stream=stream)
            assert status >= 500 and '"error"' in text and "[DONE]" not in text, (name, status, text[:300])
            assert time.time() - start < 15, name
            vendor.answer = [WHOLE % len(good), good]
            status, text, _ = gateway.ask()
            assert status == 200 and "fine" in text, (name, "then", status, text)
        grown = gateway.rss_mb() - before
        assert grown < 64, grown
        print(f"{len(faults)} lies: {grown:.1f} MB more")


def ten_thousand_connections_and_slow_ones():
    """As many as the limit on open files lets us have; the slow ones are shed, the others served."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count, slow_count = min(10_000, hard - 500), 200
    with shop(MockVendor(), "http: {header_s: 2}\n") as gateway:
        assert gateway.ask()[0] == 200
        before = gateway.rss_mb()
        idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(count)]
        for connection in idle:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
        slow = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(slow_count)]
        for connection in slow:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhos")
        for connection in idle:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200"), "asked before the slow ones, answered beside them"
        opened = int(float(gateway.get("/metrics").split("\nplumb_open_connections ")[1].split()[0]))
        assert opened >= count, opened
        start = time.time()
        assert gateway.ask()[0] == 200
        took, grown = time.time() - start, gateway.rss_mb() - before
        print(f"{count} idle and {slow_count} slow connections: a chat takes {1000 * took:.0f} ms; {grown:.1f} MB more, {before:.1f} MB before")
        assert grown < 64, grown
        for connection in slow:
            connection.settimeout(20)
            left = connection.recv(4096)
            assert left == b"" or left.startswith(b"HTTP/1.1 408"), left
        idle[0].sendall(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n")
        assert idle[0].recv(4096).startswith(b"HTTP/1.1 200"), "who is only idle stays"
        for connection in idle + slow:
            connection.close()


for test in (another_process_locks_the_ledger, the_disk_is_full, a_vendor_lies, ten_thousand_connections_and_slow_ones):
    start = time.time()
    test()
    print(f"ok {test.__name__} ({time.time() - start:.1f} s)", flush=True)
